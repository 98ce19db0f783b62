/* life: a short life of a store with everything in it that touches the disk: opening, commits of all tables,
 * checkpoints, retention, closing. For the tests that let parts of it fail. */
#ifndef PROVIDERD_TESTS_STORE_LIFE_H
#define PROVIDERD_TESTS_STORE_LIFE_H

#include "fixture.h"

enum {
    LIFE_OLD_CHECKS = 6, /* of provider "old", for the retention to delete; counted as appended, too */
    LIFE_ROUNDS = 4,
    LIFE_ROUND_CHECKS = 4,
    LIFE_CHECKS = LIFE_ROUNDS * LIFE_ROUND_CHECKS, /* of provider "new" in provider_health_checks, numbered from 0 */
};

/* What it came to. */
struct life {
    struct store *store;
    uint64_t acknowledged; /* checks that were told as written, old ones first */
    bool failed;           /* it was once told as not writable */
    char error[256];       /* and why */
    size_t unwritten;      /* as store_close() said */
};

/* Small pages in the log before a checkpoint, so that there are some. For every connection opened from now on. */
void life_checkpoints_are_frequent(bool frequent);

/* Opens, and does all but the closing. Goes on without waiting when the store cannot write. */
void life_begin(struct fixture *f, struct life *life);

/* Waits until all is written or the store says that it cannot. */
void life_settle(struct life *life);

void life_end(struct life *life, int64_t timeout_ms);

/* The file is sound and holds the first checks of the life without a gap and each once, as rows and in the rollups; how
 * many rows. With the fault VFS removed. `whole`: all of them. */
unsigned life_check_file(const struct fixture *f, bool whole);

#endif
