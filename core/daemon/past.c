#include "daemon/past.h"

#include "base/clock.h"
#include "base/log.h"
#include "health/window.h"
#include "store/restore.h"

#include <string.h>

static const int64_t DAY_MS = INT64_C(24) * 3600 * 1000;

struct restoring {
    struct tracker *tracker;
    struct store_restore *store;
    const char *provider;
    int64_t now_us;
    char error[256];
};

/* -- states -- */

static void restore_state(struct restoring *restoring, size_t key, const struct store_last_state *last)
{
    struct tracker_past past = {
        .status = last->status,
        .response_time_ms = last->response_time_ms,
        .rate_limit_percent = last->rate_limit_percent,
        .last_check_us = last->checked_us,
        .consecutive_failures = last->consecutive_failures,
        .http_status = last->http_status,
        .window_count = last->window_count,
    };
    memcpy(past.reason, last->reason, sizeof(past.reason));
    memcpy(past.error_kind, last->error_kind, sizeof(past.error_kind));
    memcpy(past.error_message, last->error_message, sizeof(past.error_message));
    memcpy(past.windows, last->windows, sizeof(past.windows));
    tracker_restore(restoring->tracker, restoring->provider, key, &past);
}

/* Each of several keys has a past of its own; where none has (there was but one, or an older version wrote), the
 * provider's is the first key's. */
static int restore_states(struct restoring *restoring, const struct store_last_state *provider)
{
    size_t keys = tracker_key_count(restoring->tracker, restoring->provider), found = 0;
    for (size_t key = 1; keys > 1 && key <= keys; ++key) {
        struct store_last_state last;
        if (store_restore_state(restoring->store, restoring->provider, (unsigned)key, &last, restoring->error,
                                sizeof(restoring->error)) != 0)
            return -1;
        if (last.found)
            restore_state(restoring, key, &last);
        found += last.found;
    }
    if (found == 0)
        restore_state(restoring, 0, provider);
    return 0;
}

/* -- uptime -- */

static void count_bucket(int64_t bucket_start_us, unsigned ok, unsigned total, void *user)
{
    const struct restoring *restoring = user;
    int64_t age_us = restoring->now_us - bucket_start_us;
    if (age_us < 0)
        age_us = 0; /* written under a clock that was ahead */
    tracker_restore_counts(restoring->tracker, restoring->provider, (uint64_t)age_us, ok, total);
}

/* -- deep probes -- */

static int restore_deep(struct restoring *restoring)
{
    struct store_deep_state deep;
    if (store_restore_deep(restoring->store, restoring->provider, &deep, restoring->error, sizeof(restoring->error)) !=
        0)
        return -1;
    if (!deep.found)
        return 0;
    struct tracker_deep_past past = {
        .checked_us = deep.checked_us,
        .timed_us = deep.timed_us,
        .ok = deep.ok,
        .first_token_ms = deep.first_token_ms,
        .tokens_per_second = deep.tokens_per_second,
        .tokens_today = deep.tokens_today,
        .requests_today = deep.probes_today,
    };
    memcpy(past.rung, deep.rung, sizeof(past.rung));
    memcpy(past.error_kind, deep.error_kind, sizeof(past.error_kind));
    memcpy(past.error_message, deep.error_message, sizeof(past.error_message));
    memcpy(past.model_asked, deep.model_asked, sizeof(past.model_asked));
    memcpy(past.model, deep.model, sizeof(past.model));
    tracker_restore_deep(restoring->tracker, restoring->provider, &past);
    return 0;
}

/* 1 when it has a past, 0 when it has none, -1 with the reason in restoring->error. */
static int restore_provider(struct restoring *restoring)
{
    struct store_last_state last;
    restoring->now_us = clock_wall_us();
    if (store_restore_state(restoring->store, restoring->provider, 0, &last, restoring->error,
                            sizeof(restoring->error)) != 0)
        return -1;
    if (!last.found)
        return 0;
    if (restore_states(restoring, &last) != 0 ||
        store_restore_counts(restoring->store, restoring->provider, count_bucket, restoring, restoring->error,
                             sizeof(restoring->error)) != 0 ||
        restore_deep(restoring) != 0)
        return -1;
    return 1;
}

void past_restore(struct tracker *tracker, const struct generation *generation, struct store *store)
{
    struct restoring restoring = {.tracker = tracker};
    size_t restored = 0;
    int result = 0;
    uint64_t began_us = clock_monotonic_us();

    restoring.store =
        store_restore_open(store, DAY_MS, (int64_t)WINDOW_BUCKET_S * 1000, restoring.error, sizeof(restoring.error));
    for (size_t i = 0; i < generation->watched_count && restoring.store != NULL && result >= 0; ++i) {
        restoring.provider = generation->watched[i].name;
        result = restore_provider(&restoring);
        restored += result > 0;
    }
    if (restoring.store == NULL || result < 0)
        log_warning("daemon", "the past of the providers cannot be read: %s", restoring.error);
    store_restore_close(restoring.store);
    if (restored != 0)
        log_info("daemon", "restored the last state of %zu providers in %.1f ms", restored,
                 (double)(clock_monotonic_us() - began_us) / 1000);
}
