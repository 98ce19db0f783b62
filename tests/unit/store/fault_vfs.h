/* fault_vfs: a file system for SQLite that fails, stops, or loses power at a chosen operation.
 *
 * A shim over the default VFS. While it is installed it is itself the default, so that whatever is opened goes through
 * it. It numbers the operations that a plan names; at the chosen one it fails it, once or from then on, or ends the
 * life of the program that uses it: from then on every operation fails and nothing reaches the disk.
 *
 * After a kill the files are what was written. After a power cut only what was synced is certain: of each file the
 * state at its last sync is kept beside the list of what was written to it since, and fault_vfs_lose_power() makes of
 * each such write, by the dice, a whole one, a lost one, a torn one (the first sectors only) or one of garbage. A
 * deletion is certain once the directory was synced. After https://www.sqlite.org/testing.html, "I/O Error Testing" and
 * "Crash Testing", and src/test6.c of SQLite (read 2026-11-23).
 *
 * Not simulated: the mapped file "-shm", which no crash needs (SQLite rebuilds it from the log); files that are created
 * but whose name is lost; a failed sync after which the system forgets what was to be written.
 *
 * Thread: any; a lock orders the operations.
 */
#ifndef PROVIDERD_TESTS_FAULT_VFS_H
#define PROVIDERD_TESTS_FAULT_VFS_H

#include <stdbool.h>

enum fault_operation {
    FAULT_OPEN,
    FAULT_READ,
    FAULT_WRITE,
    FAULT_SYNC,
    FAULT_TRUNCATE,
    FAULT_DELETE,
    FAULT_SHM_MAP,
    FAULT_LOCK,
    FAULT_OPERATIONS,
};

enum {
    FAULT_CHANGES = 1 << FAULT_WRITE | 1 << FAULT_SYNC | 1 << FAULT_TRUNCATE | 1 << FAULT_DELETE,
    FAULT_ALL = (1 << FAULT_OPERATIONS) - 1,
};

enum fault_effect { FAULT_FAILS, FAULT_KILLS, FAULT_CUTS_POWER };

struct fault_plan {
    unsigned operations; /* a bit for each that counts */
    unsigned at;         /* which of those, from 1 on; 0 = none */
    enum fault_effect effect;
    int result;   /* of what fails; 0 = the usual of the operation, SQLITE_IOERR_WRITE and its like */
    bool lasting; /* from then on, until fault_vfs_heal() */
};

const char *fault_operation_name(enum fault_operation operation);

/* Installs it with nothing planned and nothing known of any file. Remove it after all files are closed. */
void fault_vfs_install(void);
void fault_vfs_remove(void);

/* Takes the plan over and counts from 0. */
void fault_vfs_plan(const struct fault_plan *plan);

unsigned fault_vfs_count(void);                         /* operations so far that counted */
bool fault_vfs_struck(enum fault_operation *operation); /* whether the chosen one came; which it was */
void fault_vfs_heal(void);                              /* nothing fails any more */

/* After a power cut, with all files closed: makes of the files what the disk holds. `dice` 0: everything that was not
 * synced is lost; other values: chance, the same for the same value. */
void fault_vfs_lose_power(unsigned dice);

#endif
