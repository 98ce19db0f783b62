/* restore: what a restart reads back: the last states, the counts of the trailing window, the last deep checks.
 *
 * For start-up, before the loop runs: it reads on the calling thread, all providers over one connection. A file that
 * could not be extended yet (read-only, locked) gives what it has.
 */
#ifndef PROVIDERD_STORE_RESTORE_H
#define PROVIDERD_STORE_RESTORE_H

#include "script/limit_window.h"
#include "store/reader.h"
#include "store/store.h"

struct store_restore;

/* What a restart needs to know about one provider, or one key of it. */
struct store_last_state {
    bool found;
    enum health_status status;
    double response_time_ms;
    double uptime_percent; /* of the provider; 0.0 for a key */
    double rate_limit_percent;
    int64_t checked_us;
    unsigned consecutive_failures;
    int http_status;
    char reason[HEALTH_KIND_MAX];
    char error_kind[HEALTH_KIND_MAX];
    char error_message[HEALTH_MESSAGE_MAX];
    size_t window_count; /* those that answers told; what we counted ourselves is left out */
    struct limit_window windows[LIMIT_WINDOWS_MAX];
};

/* The same of its deep checks. */
struct store_deep_state {
    bool found;
    int64_t checked_us;
    bool ok;
    char rung[8];
    char error_kind[HEALTH_KIND_MAX];
    char error_message[HEALTH_MESSAGE_MAX];
    char model_asked[MODEL_ID_MAX];
    char model[MODEL_ID_MAX];
    int64_t timed_us;      /* of the last good timed one; 0 = none */
    double first_token_ms; /* likewise; -1 = not measured */
    double tokens_per_second;
    int64_t tokens_today; /* spent since midnight, UTC */
    int64_t probes_today; /* likewise */
};

/* `window_ms` back from now are to be counted, in buckets of `bucket_ms` of wall time.
 * NULL with the reason in `error`. The connection is held until the end: be quick. */
struct store_restore *store_restore_open(struct store *store, int64_t window_ms, int64_t bucket_ms, char *error,
                                         size_t error_size);
void store_restore_close(struct store_restore *restore); /* NULL is allowed */

/* The last row of a provider (key 0), or of one of several keys. 0, or -1 with the reason in `error`. */
int store_restore_state(struct store_restore *restore, const char *provider, unsigned key,
                        struct store_last_state *last, char *error, size_t error_size);

/* The checks of the trailing window summed per bucket; bucket_start_us is a multiple of its length. Rows of the
 * original, which have no `ok` column, count as up when healthy, or degraded with no failure in a row; rows from which
 * nothing was learned do not count. */
typedef void (*bucket_count_fn)(int64_t bucket_start_us, unsigned ok, unsigned total, void *user);
int store_restore_counts(struct store_restore *restore, const char *provider, bucket_count_fn count_fn, void *user,
                         char *error, size_t error_size);

int store_restore_deep(struct store_restore *restore, const char *provider, struct store_deep_state *deep, char *error,
                       size_t error_size);

/* Events of a range, at most `limit`; as store_events_page(). How many, or -1 with the reason. */
int store_restore_events(struct store_restore *restore, const struct event_range *range, int limit, event_row_fn row_fn,
                         void *user, char *error, size_t error_size);

/* What an alert must remember, as it was written last. 0, or -1 with the reason. */
typedef void (*alert_mark_fn)(const struct alert_mark *mark, void *user);
int store_restore_alert_marks(struct store_restore *restore, const char *alert, alert_mark_fn mark_fn, void *user,
                              char *error, size_t error_size);

#endif
