/* reader: read-only jobs on the store's pool of threads.
 *
 * A job is a function that runs on a reader thread with a connection of its own; it must be short (one page of rows)
 * and must not keep statements open when it returns. Long answers are made of many jobs, each going on where the last
 * one stopped, so that a slow client occupies no thread and holds back no WAL checkpoint.
 */
#ifndef PROVIDERD_STORE_READER_H
#define PROVIDERD_STORE_READER_H

#include "store/store.h"

struct store_reader; /* a connection, lent to a job */

/* Runs on a reader thread. `reader` is NULL when no connection could be opened: `error` then says why ("" otherwise).
 */
typedef void (*store_job_fn)(struct store_reader *reader, const char *error, void *user);

/* Queues a job. False when the pool is stopping or memory ran out: then `job` is not called. Any thread. */
bool store_submit(struct store *store, store_job_fn job, void *user);

/* A row as /history shows it. Strings are valid during the callback only. */
struct history_row {
    int64_t id;
    const char *provider;
    const char *status;
    double response_time_ms;
    double rate_limit_percent;
    int64_t checked_us;
    int ok;             /* 1 it counted as up, 0 as down, -1 as neither, or the original wrote it */
    const char *reason; /* this and the rest: NULL = none, or not known */
    const char *error_kind;
    const char *rate_limit; /* a valid JSON array, as limits_write_json() writes it */
};

/* Where a paged reading stands: zero it before the first page. */
struct history_cursor {
    char after_time[32]; /* last_check_timestamp of the last row delivered, as stored; "" = from the start */
    int64_t after_id;
};

/* Return false to stop early. */
typedef bool (*history_row_fn)(const struct history_row *row, void *user);

/* At most `limit` rows of one provider with checked time >= from_us, ascending by (time, id), starting after the
 * cursor, which is moved along. Returns the number of rows delivered (less than `limit`: the end was reached), -1 on
 * error with the reason in `error`. Uses idx_provider_timestamp. */
int store_history_page(struct store_reader *reader, const char *provider, int64_t from_us,
                       struct history_cursor *cursor, int limit, history_row_fn row_fn, void *user, char *error,
                       size_t error_size);

/* The names of all providers that have rows, ascending, with a skip scan over the index (one seek per name).
 * -1 on error. */
typedef void (*provider_name_fn)(const char *name, void *user);
int store_provider_names(struct store_reader *reader, provider_name_fn name_fn, void *user, char *error,
                         size_t error_size);

/* The nearest-rank percentile (0-100) of the latencies that a provider's good checks had since `from_us`, or of the
 * newest STORE_LATENCIES_MAX of them: `ms`, and in `count` how many those were; both 0 when there are none. -1 on
 * error.
 */
enum { STORE_LATENCIES_MAX = 100000 };
int store_latency_percentile(struct store_reader *reader, const char *provider, double percent, int64_t from_us,
                             double *ms, int64_t *count, char *error, size_t error_size);

#endif
