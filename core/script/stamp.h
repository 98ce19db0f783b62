/* stamp: tells whether files are what they were, without reading them: a hash of their identity, size and times.
 *
 * A file that was changed within the last moments has no stamp: the clock of a file system moves in steps, so that it
 * could change once more and keep its times (what Git calls racily clean: gitformat-index and its racy-git note).
 *
 * Thread: any.
 */
#ifndef PROVIDERD_SCRIPT_STAMP_H
#define PROVIDERD_SCRIPT_STAMP_H

#include <stddef.h>
#include <stdint.h>

/* 0 = it cannot be told. */
uint64_t stamp_of_file(const char *path);

/* Of the *.lua files of all these folders together; one that is missing is empty. 0 = it cannot be told. */
uint64_t stamp_of_folders(const char *const *folders, size_t count);

#endif
