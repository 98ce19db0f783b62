#include "health/tracker.h"

#include "base/clock.h"
#include "base/log.h"
#include "health/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { PUBLISH_GAP_US_PER_TARGET = 2 }; /* 10,000 providers: at most 50 snapshots a second */

struct tracker {
    struct loop *loop;
    struct tracker_sinks sinks;
    struct generation *generation; /* NULL before the first */
    struct target **targets;       /* owned; ascending by name */
    size_t count;
    bool started;
    uint64_t version;
    uint64_t boot_id;
    uint64_t reloads;
    int64_t last_reload_us;
    char *last_reload_error;
    struct timer publish_timer;
    uint64_t published_us; /* monotonic */
    uint32_t random;       /* xorshift state; never 0 */
};

/* Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8 (2003): enough for jitter. */
static uint32_t next_random(struct tracker *tracker)
{
    uint32_t x = tracker->random;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return tracker->random = x;
}

/* -- snapshots -- */

static struct snapshot *build_snapshot(struct tracker *tracker)
{
    const struct generation *generation = tracker->generation;
    struct snapshot *snapshot = snapshot_new(tracker->count);
    if (snapshot == NULL)
        return NULL;
    for (size_t i = 0; i < tracker->count; ++i)
        snapshot->providers[i] = provider_view_retain(tracker->targets[i]->view);
    snapshot->version = ++tracker->version;
    snapshot->boot_id = tracker->boot_id;
    snapshot->published_us = clock_wall_us();
    snapshot->reloads = tracker->reloads;
    snapshot->last_reload_us = tracker->last_reload_us;
    if (tracker->last_reload_error != NULL)
        snapshot->last_reload_error = strdup(tracker->last_reload_error);
    if (generation != NULL) {
        snapshot->check_interval_ms = generation->config->interval_ms;
        snapshot->policy = strdup(generation->config->policy);
        if (generation->absence_count != 0)
            snapshot->absences = calloc(generation->absence_count, sizeof(*snapshot->absences));
        if (snapshot->absences != NULL) {
            snapshot->absence_count = generation->absence_count;
            memcpy(snapshot->absences, generation->absences, generation->absence_count * sizeof(*snapshot->absences));
        }
    }
    return snapshot;
}

static void publish(struct timer *timer, void *user)
{
    (void)timer;
    struct tracker *tracker = user;
    struct snapshot *snapshot = build_snapshot(tracker);
    tracker->published_us = loop_now_us(tracker->loop);
    if (snapshot == NULL) {
        log_error("health", "out of memory for a snapshot; the last one stays");
        return;
    }
    tracker->sinks.publish(tracker->sinks.user, snapshot);
    snapshot_release(snapshot);
}

/* Asks for a snapshot: at the end of this turn, or when the last one is old enough. */
static void changed(struct tracker *tracker)
{
    if (timer_armed(&tracker->publish_timer))
        return;
    uint64_t earliest = tracker->published_us + tracker->count * PUBLISH_GAP_US_PER_TARGET;
    uint64_t now_us = loop_now_us(tracker->loop);
    timer_start(tracker->loop, &tracker->publish_timer, earliest > now_us ? earliest : now_us);
}

/* -- checks -- */

static void arm(struct target *target, uint64_t due_us)
{
    if (!timer_start(target->tracker->loop, &target->timer, due_us))
        log_error("health", "%s: out of memory for a timer; it is not checked until the next reload", target->name);
}

static uint64_t schedule_following(struct target *target)
{
    struct tracker *tracker = target->tracker;
    uint64_t now_us = loop_now_us(tracker->loop);
    uint64_t due_us = schedule_next(&target->schedule, now_us, next_random(tracker));
    arm(target, due_us);
    return due_us - now_us;
}

static void on_verdict(const struct verdict *verdict, void *user)
{
    struct target *target = user;
    struct tracker *tracker = target->tracker;

    target->check = NULL;
    uint64_t wait_us = schedule_following(target);
    if (!target_take_verdict(target, verdict, clock_wall_us() + (int64_t)wait_us)) {
        log_error("health", "%s: out of memory for the result of a check", target->name);
        return;
    }
    struct check_outcome outcome = {.view = target->view, .ok = target->consecutive_failures == 0};
    tracker->sinks.checked(tracker->sinks.user, &outcome);
    changed(tracker);
}

static void start_check(struct target *target)
{
    if (target->check != NULL)
        return; /* never two of one provider in flight */
    timer_stop(target->tracker->loop, &target->timer);
    struct judge_state state = {
        .status = health_status_name(target->status),
        .consecutive_failures = target->consecutive_failures,
        .degraded_latency_ms = (double)target->settings.degraded_latency_ms,
        .max_consecutive_failures = target->settings.max_consecutive_failures,
    };
    target->check = check_start(target->settings.script, target->settings.index, target->settings.timeout_ms, &state,
                                on_verdict, target);
    if (target->check == NULL) {
        log_error("health", "%s: out of memory for a check; skipped", target->name);
        schedule_following(target);
    }
}

static void on_due(struct timer *timer, void *user)
{
    (void)timer;
    start_check(user);
}

/* -- targets -- */

static void free_target(struct target *target)
{
    if (target == NULL)
        return;
    if (target->check != NULL)
        check_cancel(target->check);
    timer_stop(target->tracker->loop, &target->timer);
    provider_view_release(target->view);
    free(target);
}

static struct target *new_target(struct tracker *tracker, const struct watched *settings)
{
    struct target *target = calloc(1, sizeof(*target));
    if (target == NULL)
        return NULL;
    target->tracker = tracker;
    snprintf(target->name, sizeof(target->name), "%s", settings->name);
    timer_init(&target->timer, on_due, target);
    target->view = provider_view_new(settings->name);
    if (target->view == NULL) {
        free(target);
        return NULL;
    }
    snprintf(target->view->title, sizeof(target->view->title), "%s",
             script_provider(settings->script, settings->index)->title);
    return target;
}

static size_t find_target(const struct tracker *tracker, const char *name)
{
    size_t low = 0, high = tracker->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(tracker->targets[middle]->name, name);
        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return SIZE_MAX;
}

/* Lets a target run by the settings of the generation now in service. */
static void put_in_service(struct target *target, const struct watched *settings, bool is_new)
{
    struct tracker *tracker = target->tracker;
    unsigned jitter_percent = (unsigned)tracker->generation->config->jitter_percent;
    uint64_t now_us = loop_now_us(tracker->loop), interval_us = (uint64_t)settings->interval_ms * 1000;
    bool same_interval = !is_new && interval_us == target->schedule.interval_us;

    target->settings = *settings;
    if (is_new)
        schedule_begin(&target->schedule, target->name, now_us, interval_us, jitter_percent);
    else
        schedule_change(&target->schedule, target->name, now_us, interval_us, jitter_percent);
    if (!tracker->started || target->check != NULL)
        return; /* tracker_start, or the check's end, arms the timer */
    if (is_new)
        start_check(target);
    else if (!same_interval)
        schedule_following(target);
}

/* Both lists ascend by name: walks them together. Fills `fresh` with old targets where they exist, new ones where not;
 * marks in `is_new`. -1 when memory ran out, the new ones freed. */
static int match_targets(struct tracker *tracker, const struct generation *generation, struct target **fresh,
                         bool *is_new)
{
    size_t old = 0;
    for (size_t i = 0; i < generation->watched_count; ++i) {
        const struct watched *settings = &generation->watched[i];
        while (old < tracker->count && strcmp(tracker->targets[old]->name, settings->name) < 0)
            ++old;
        bool known = old < tracker->count && strcmp(tracker->targets[old]->name, settings->name) == 0;
        is_new[i] = !known;
        fresh[i] = known ? tracker->targets[old] : new_target(tracker, settings);
        if (fresh[i] == NULL) {
            for (size_t j = 0; j < i; ++j) {
                if (is_new[j])
                    free_target(fresh[j]);
            }
            return -1;
        }
    }
    return 0;
}

static void free_targets_not_in(struct tracker *tracker, struct target *const *fresh, size_t fresh_count)
{
    size_t j = 0;
    for (size_t i = 0; i < tracker->count; ++i) {
        while (j < fresh_count && strcmp(fresh[j]->name, tracker->targets[i]->name) < 0)
            ++j;
        if (j == fresh_count || fresh[j] != tracker->targets[i])
            free_target(tracker->targets[i]);
    }
}

int tracker_apply(struct tracker *tracker, struct generation *generation)
{
    size_t count = generation->watched_count;
    struct target **fresh = calloc(count + 1, sizeof(*fresh));
    bool *is_new = calloc(count + 1, sizeof(*is_new));

    if (fresh == NULL || is_new == NULL || match_targets(tracker, generation, fresh, is_new) != 0) {
        free(fresh);
        free(is_new);
        return -1;
    }
    free_targets_not_in(tracker, fresh, count);
    free(tracker->targets);
    tracker->targets = fresh;
    tracker->count = count;
    struct generation *before = tracker->generation;
    tracker->generation = generation_retain(generation);
    for (size_t i = 0; i < count; ++i)
        put_in_service(fresh[i], &generation->watched[i], is_new[i]);
    generation_release(before);
    free(is_new);
    changed(tracker);
    return 0;
}

/* -- public -- */

struct tracker *tracker_new(struct loop *loop, const struct tracker_sinks *sinks)
{
    struct tracker *tracker = calloc(1, sizeof(*tracker));
    if (tracker == NULL)
        return NULL;
    tracker->loop = loop;
    tracker->sinks = *sinks;
    timer_init(&tracker->publish_timer, publish, tracker);
    if (getrandom(&tracker->boot_id, sizeof(tracker->boot_id), 0) != (ssize_t)sizeof(tracker->boot_id))
        tracker->boot_id = (uint64_t)clock_wall_us();
    tracker->random = (uint32_t)tracker->boot_id | 1;
    return tracker;
}

void tracker_free(struct tracker *tracker)
{
    if (tracker == NULL)
        return;
    for (size_t i = 0; i < tracker->count; ++i)
        free_target(tracker->targets[i]);
    free(tracker->targets);
    timer_stop(tracker->loop, &tracker->publish_timer);
    generation_release(tracker->generation);
    free(tracker->last_reload_error);
    free(tracker);
}

void tracker_restore(struct tracker *tracker, const char *name, const struct tracker_past *past)
{
    size_t i = find_target(tracker, name);
    if (i == SIZE_MAX)
        return;
    struct target *target = tracker->targets[i];
    struct provider_view *view = target->view; /* not yet published: may still change */
    target->status = view->status = past->status;
    target->consecutive_failures = view->consecutive_failures = past->consecutive_failures;
    view->response_time_ms = past->response_time_ms;
    view->rate_limit_percent = past->rate_limit_percent;
    view->last_check_us = past->last_check_us;
    view->http_status = past->http_status;
    snprintf(view->reason, sizeof(view->reason), "%s", past->reason);
    snprintf(view->error_message, sizeof(view->error_message), "%s", past->error_message);
}

void tracker_restore_counts(struct tracker *tracker, const char *name, uint64_t age_us, unsigned ok, unsigned total)
{
    size_t i = find_target(tracker, name);
    uint64_t now_us = window_now_us();
    if (i == SIZE_MAX)
        return;
    struct target *target = tracker->targets[i];
    if (age_us < now_us)
        window_add(&target->window, now_us - age_us, ok, total);
    target->view->uptime_percent = window_uptime_percent(&target->window, now_us);
}

void tracker_start(struct tracker *tracker)
{
    tracker->started = true;
    for (size_t i = 0; i < tracker->count; ++i)
        start_check(tracker->targets[i]);
}

void tracker_publish(struct tracker *tracker)
{
    publish(&tracker->publish_timer, tracker);
}

void tracker_check_now(struct tracker *tracker, const char *name)
{
    if (name != NULL) {
        size_t i = find_target(tracker, name);
        if (i != SIZE_MAX)
            start_check(tracker->targets[i]);
        return;
    }
    for (size_t i = 0; i < tracker->count; ++i)
        start_check(tracker->targets[i]);
}

void tracker_note_reload(struct tracker *tracker, const char *error)
{
    tracker->last_reload_us = clock_wall_us();
    free(tracker->last_reload_error);
    tracker->last_reload_error = error != NULL ? strdup(error) : NULL;
    if (error == NULL)
        ++tracker->reloads;
    changed(tracker);
}

size_t tracker_count(const struct tracker *tracker)
{
    return tracker->count;
}
