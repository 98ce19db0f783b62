/* sums: checks added up by series and stretch of time, on their way into provider_rollups.
 *
 * A series is a provider, one of its keys, or one of the models that its deep probes asked; "*" is all providers
 * together. Checks of a series in one UTC hour make one sum; those of all providers also one of ten minutes each.
 *
 * Thread: a set has no lock of its own. Internal to store/.
 */
#ifndef PROVIDERD_STORE_SUMS_H
#define PROVIDERD_STORE_SUMS_H

#include "health/tally.h"
#include "store/store.h"

#include <sqlite3.h>

enum {
    ROLLUP_FINE_S = 600, /* of all providers together; kept as long as the checks themselves */
    ROLLUP_HOUR_S = 3600,
    ROLLUP_DAY_S = 86400,
    SUMS_MAX = 40000, /* sums in one set, of some 600 bytes: 10,000 providers have as many in two hours */
};

#define ROLLUP_EVERYONE "*"

struct sum;

struct sums {
    struct sum **table; /* owned; hash table with chains */
    size_t size;        /* of the table, a power of two */
    size_t count;
    size_t checks; /* that went in */
};

/* One check to add: a row of its table, or one that never became a row. */
struct summand {
    enum record_table table;
    const char *provider; /* this and model need not end with NUL */
    size_t provider_len;
    const char *model; /* asked by a deep probe */
    size_t model_len;
    unsigned key; /* of a check of one of several keys, else 0 */
    int64_t checked_us;
    struct tally_check check;
};

/* False when memory ran out or the set is full: then nothing was added. */
bool sums_add(struct sums *sums, const struct summand *summand);

/* Adds all of `from`. False when memory ran out, or not all had room: `from` keeps what is left. */
bool sums_move(struct sums *into, struct sums *from);

void sums_clear(struct sums *sums); /* gives all memory back */

/* The statements that merging takes; prepared on the writer's connection. */
struct rollup_statements {
    sqlite3_stmt *read;
    sqlite3_stmt *write;
};
int rollup_prepare(sqlite3 *handle, struct rollup_statements *statements); /* an SQLite result */
void rollup_finalize(struct rollup_statements *statements);

/* Merges every sum into its row of provider_rollups, within the transaction of the caller; the set stays as it is.
 * Returns an SQLite result. */
int sums_write(const struct sums *sums, const struct rollup_statements *statements);

/* Merges one tally into a row. Returns an SQLite result. */
struct rollup_key {
    int64_t span_s;
    const char *provider;
    unsigned key;
    const char *model;
    int64_t start_s;
};
int rollup_merge(const struct rollup_statements *statements, const struct rollup_key *key, const struct tally *tally);

#endif
