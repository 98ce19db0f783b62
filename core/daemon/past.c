#include "daemon/past.h"

#include "base/clock.h"
#include "base/log.h"
#include "health/window.h"
#include "store/reader.h"

#include <stdio.h>
#include <string.h>

static const int64_t DAY_MS = INT64_C(24) * 3600 * 1000;

struct counting {
    struct tracker *tracker;
    const char *provider;
    int64_t now_us;
};

static void count_bucket(int64_t bucket_start_us, unsigned ok, unsigned total, void *user)
{
    const struct counting *counting = user;
    int64_t age_us = counting->now_us - bucket_start_us;
    if (age_us < 0)
        age_us = 0; /* written under a clock that was ahead */
    tracker_restore_counts(counting->tracker, counting->provider, (uint64_t)age_us, ok, total);
}

static void restore_provider(struct tracker *tracker, const char *name, const struct store_last_state *last)
{
    struct tracker_past past = {
        .status = last->status,
        .response_time_ms = last->response_time_ms,
        .rate_limit_percent = last->rate_limit_percent,
        .last_check_us = last->checked_us,
        .consecutive_failures = last->consecutive_failures,
        .http_status = last->http_status,
    };
    memcpy(past.reason, last->reason, sizeof(past.reason));
    memcpy(past.error_message, last->error_message, sizeof(past.error_message));
    tracker_restore(tracker, name, 0, &past);
}

void past_restore(struct tracker *tracker, const struct generation *generation, struct store *store)
{
    char error[256];
    size_t restored = 0;
    uint64_t began_us = clock_monotonic_us();

    for (size_t i = 0; i < generation->watched_count; ++i) {
        const char *name = generation->watched[i].name;
        struct store_last_state last;
        struct counting counting = {tracker, name, clock_wall_us()};
        if (store_restore(store, name, DAY_MS, (int64_t)WINDOW_BUCKET_S * 1000, &last, count_bucket, &counting, error,
                          sizeof(error)) != 0) {
            log_warning("daemon", "the past of the providers cannot be read: %s", error);
            return;
        }
        if (last.found) {
            restore_provider(tracker, name, &last);
            ++restored;
        }
    }
    if (restored != 0)
        log_info("daemon", "restored the last state of %zu providers in %.1f ms", restored,
                 (double)(clock_monotonic_us() - began_us) / 1000);
}
