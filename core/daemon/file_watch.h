/* file_watch: notices that files which a generation was made of have changed, by inotify(7).
 *
 * Folders are watched, not files: editors write in many ways (anew under another name and renamed over it, truncated
 * and written, with backups beside it). What counts is a name that ends in ".lua", or the very file where one is named.
 * Changes are told FILE_WATCH_SETTLE_MS after the last of them, all at once. A folder that goes away is looked for
 * again every second, and its return is a change. When the kernel has lost events, or has no more watches to give, that
 * is logged; the first counts as a change, of the second the rest is watched.
 *
 * Thread: the loop's.
 */
#ifndef PROVIDERD_DAEMON_FILE_WATCH_H
#define PROVIDERD_DAEMON_FILE_WATCH_H

#include "event/loop.h"

enum { FILE_WATCH_SETTLE_MS = 200 };

struct file_watch;

/* `changed`: `name` is the last file or folder that did. NULL with errno. */
struct file_watch *file_watch_new(struct loop *loop, void (*changed)(const char *name, void *user), void *user);
void file_watch_free(struct file_watch *watch); /* NULL is allowed */

/* Forgets all that is watched, without a word; then a folder with its Lua files, or one file. Paths are copied. */
void file_watch_clear(struct file_watch *watch);
void file_watch_folder(struct file_watch *watch, const char *folder);
void file_watch_file(struct file_watch *watch, const char *path);

#endif
