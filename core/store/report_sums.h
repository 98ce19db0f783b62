/* report_sums: calls that clients reported, added up on their way to provider_reports: by stretches of five minutes,
 * provider, key, model and outcome.
 *
 * A row grows by each commit, so its numbers are sums, counts and maxima, which add up. While the database is away they
 * wait here; past REPORT_SUMS_MAX of them a call is counted under the model "*", so that a client that invents models
 * fills no memory.
 *
 * Thread: the store's mutex guards a set; one that was taken belongs to who took it. Internal to store/.
 */
#ifndef PROVIDERD_STORE_REPORT_SUMS_H
#define PROVIDERD_STORE_REPORT_SUMS_H

#include "store/store.h"

#include <sqlite3.h>

enum { REPORT_STRETCH_S = 300, REPORT_SUMS_MAX = 20000 };

struct report_sum;

struct report_sums {
    struct report_sum **table; /* owned; hash table with chains; NULL while empty */
    size_t count;
};

/* False when memory ran out: the call is not counted. */
bool report_sums_add(struct report_sums *sums, const struct reported_call *call);

/* Moves all of `from` into `into`. What memory does not suffice for is lost. */
void report_sums_move(struct report_sums *into, struct report_sums *from);
void report_sums_dispose(struct report_sums *sums); /* it is empty and usable again */

int report_sums_prepare(sqlite3 *handle, sqlite3_stmt **upsert); /* an SQLite result */

/* Adds every one to its row, within the transaction of the caller. Returns an SQLite result. */
int report_sums_write(const struct report_sums *sums, sqlite3_stmt *upsert);

#endif
