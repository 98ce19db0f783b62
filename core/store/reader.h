/* reader: read-only jobs on the store's pool of threads.
 *
 * A job is a function that runs on a reader thread with a connection of its own; it must be short (one page of rows)
 * and must not keep statements open when it returns. Long answers are made of many jobs, each going on where the last
 * one stopped, so that a slow client occupies no thread and holds back no WAL checkpoint.
 */
#ifndef PROVIDERD_STORE_READER_H
#define PROVIDERD_STORE_READER_H

#include "store/store.h"

struct sqlite3_stmt;
struct store_reader; /* a connection, lent to a job */

/* Runs on a reader thread. `reader` is NULL when no connection could be opened: `error` then says why ("" otherwise).
 */
typedef void (*store_job_fn)(struct store_reader *reader, const char *error, void *user);

/* Queues a job. False when the pool is stopping or memory ran out: then `job` is not called. Any thread. */
bool store_submit(struct store *store, store_job_fn job, void *user);

/* Which checks: those of a provider, of one of its keys, or its deep probes of one model. */
struct history_series {
    enum record_table table;
    const char *provider;
    unsigned key;      /* of RECORD_KEY_CHECK */
    const char *model; /* of RECORD_DEEP_CHECK: the one that was asked */
};

/* From `from_us` on, before `to_us`; INT64_MAX = without an end. */
struct history_range {
    int64_t from_us;
    int64_t to_us;
};

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

    /* Of deep probes. */
    const char *model; /* that answered */
    const char *rung;
    double first_token_ms; /* this and the next: -1 = not measured */
    double tokens_per_second;
    int64_t tokens;
};

/* Where a paged reading stands: zero it before the first page. */
struct history_cursor {
    char after_time[32]; /* last_check_timestamp of the last row delivered, as stored; "" = from the start */
    int64_t after_id;
};

/* Return false to stop early. */
typedef bool (*history_row_fn)(const struct history_row *row, void *user);

/* At most `limit` rows of a series within the range, ascending by (time, id), starting after the cursor, which is moved
 * along. Returns the number of rows delivered (less than `limit`: the end was reached), -1 on error with the reason in
 * `error`. Uses the tables' indices. */
int store_history_page(struct store_reader *reader, const struct history_series *series,
                       const struct history_range *range, struct history_cursor *cursor, int limit,
                       history_row_fn row_fn, void *user, char *error, size_t error_size);

/* The names of all providers that have rows, ascending, with a skip scan over the index (one seek per name).
 * -1 on error. */
typedef void (*provider_name_fn)(const char *name, void *user);
int store_provider_names(struct store_reader *reader, provider_name_fn name_fn, void *user, char *error,
                         size_t error_size);

/* The rows of provider_health_checks by id, behind `after_id`, at most `limit`: `row_fn` reads the columns itself,
 * which are STORE_EXPORT_COLUMNS, NULL where an older file has none. `row` is an sqlite3_stmt. Returns how many there
 * were, -1 on error. */
#define STORE_EXPORT_COLUMNS                                                                                           \
    "id, provider_name, status, response_time_ms, uptime_percent, rate_limit_percent, last_check_timestamp,"           \
    " error_message, consecutive_failures, created_at, ok, reason, http_status, dns_ms, connect_ms, tls_ms,"           \
    " first_byte_ms, error_kind, key, rate_limit"
typedef void (*export_row_fn)(struct sqlite3_stmt *row, void *user);
int store_export_page(struct store_reader *reader, int64_t *after_id, int limit, export_row_fn row_fn, void *user,
                      char *error, size_t error_size);

/* An outage as /incidents shows it. */
struct incident_row {
    int64_t id;
    const char *provider;
    unsigned key; /* 0 = the provider itself */
    int64_t started_us;
    int64_t ended_us; /* 0 = it lasts */
    const char *kind; /* this and the next may be NULL */
    const char *error;
    int64_t checks_lost;
};

/* At most `limit` outages that touch the range, newest first, behind the cursor. Returns how many rows were read: less
 * than `limit`: the end was reached. Those outside the range are read but not delivered. -1 on error. */
typedef bool (*incident_row_fn)(const struct incident_row *row, void *user);
int store_incidents_page(struct store_reader *reader, const struct history_range *range, struct history_cursor *cursor,
                         int limit, incident_row_fn row_fn, void *user, char *error, size_t error_size);

/* Which events: those behind `after_id` and before `before_id`. */
struct event_range {
    int64_t after_id;
    int64_t before_id;
    bool newest_first;
};

/* At most `limit` events of the range by id; each is made anew, and the callee's. Those that a newer version of this
 * program wrote, of kinds that this one does not know, are left out. Returns how many rows were read: less than
 * `limit`: the end was reached; `last_id` is the last one's, as it was when there is none. -1 on error. */
typedef void (*event_row_fn)(struct event *event, void *user);
int store_events_page(struct store_reader *reader, const struct event_range *range, int limit, event_row_fn row_fn,
                      void *user, int64_t *last_id, char *error, size_t error_size);

/* The hours of a provider that are rolled up, ascending: those that begin at or after `from_s` and before `to_s` (UNIX
 * times). What is not rolled up yet is left out: at most what was checked since the last full hour. Returns how many
 * there were, -1 on error. */
typedef void (*rolled_hour_fn)(int64_t start_s, int64_t checks, int64_t up, void *user);
int store_rolled_hours(struct store_reader *reader, const char *provider, int64_t from_s, int64_t to_s,
                       rolled_hour_fn hour_fn, void *user, char *error, size_t error_size);

/* The nearest-rank percentile (0-100) of the latencies that a provider's good checks had since `from_us`, or of the
 * newest STORE_LATENCIES_MAX of them: `ms`, and in `count` how many those were; both 0 when there are none. -1 on
 * error.
 */
enum { STORE_LATENCIES_MAX = 100000 };
int store_latency_percentile(struct store_reader *reader, const char *provider, double percent, int64_t from_us,
                             double *ms, int64_t *count, char *error, size_t error_size);

#endif
