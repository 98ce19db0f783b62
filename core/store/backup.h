/* backup: a whole, compact copy of the database in one file, while the daemon writes to it or not.
 *
 * It is made with VACUUM INTO (https://www.sqlite.org/lang_vacuum.html, read 2026-11-23): one read transaction sees the
 * database as it was when the copy began, the writer goes on beside it (WAL), and the copy holds no free pages and
 * needs no "-wal". The online backup API (https://www.sqlite.org/backup.html, read 2026-11-23) copies pages, free ones
 * too, and begins again each time another process has written to its source; the daemon does so every second.
 *
 * VACUUM INTO does not sync what it wrote, and leaves a part of it when it fails. So the copy is written under a name
 * of its own beside the target, synced, and given its name when it is whole. An existing file is never replaced.
 */
#ifndef PROVIDERD_STORE_BACKUP_H
#define PROVIDERD_STORE_BACKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum backup_status {
    BACKUP_DONE,
    BACKUP_FAILED,  /* not now: locked, no space, an I/O error, stopped */
    BACKUP_REFUSED, /* as asked for never: no such database, not ours, the target exists */
};

struct backup_result {
    int64_t bytes;  /* of the copy */
    int64_t checks; /* rows of provider_health_checks in it */
};

/* Copies the database at `source` to `target`. `stop` is asked every so often whether to give up. `result` is filled in
 * when done, `error` otherwise. Nothing is left of a copy that failed. Any thread; takes as long as it takes. */
enum backup_status store_backup(const char *source, const char *target, bool (*stop)(void),
                                struct backup_result *result, char *error, size_t error_size);

#endif
