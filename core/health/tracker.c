#include "health/tracker.h"

#include "base/clock.h"
#include "base/log.h"
#include "health/news.h"
#include "health/tracker_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { PUBLISH_GAP_US_PER_PROVIDER = 2 }; /* 10,000 providers: at most 50 snapshots a second */

/* Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8 (2003): enough for jitter. */
uint32_t tracker_random(struct tracker *tracker)
{
    uint32_t x = tracker->random;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return tracker->random = x;
}

uint64_t tracker_soon(struct tracker *tracker, uint64_t from_us, uint64_t to_us)
{
    double share = tracker_random(tracker) / 4294967296.0;
    return loop_now_us(tracker->loop) + from_us + (uint64_t)((double)(to_us - from_us) * share);
}

/* -- snapshots -- */

static struct provider_view *view_at(void *user, size_t i)
{
    return ((struct tracker *)user)->providers[i]->view;
}

static struct snapshot *build_snapshot(struct tracker *tracker)
{
    const struct generation *generation = tracker->generation;
    struct snapshot *snapshot = snapshot_new(tracker->count);
    if (snapshot == NULL)
        return NULL;
    if (!view_chunks_fill(&tracker->views, view_at, tracker, snapshot)) {
        snapshot->count = 0; /* it has no views yet */
        snapshot_release(snapshot);
        return NULL;
    }
    snapshot->version = ++tracker->version;
    snapshot->boot_id = tracker->boot_id;
    snapshot->published_us = clock_wall_us();
    snapshot->loop_lag_us = loop_lag_us(tracker->loop);
    snapshot->probes_in_flight = prober_in_flight(tracker->prober);
    snapshot->probes_waiting = prober_waiting(tracker->prober);
    snapshot->probe_lag_us = snapshot->loop_lag_us + prober_wait_us(tracker->prober);
    snapshot->reloads = tracker->reloads;
    snapshot->last_reload_us = tracker->last_reload_us;
    if (tracker->last_reload_error != NULL)
        snapshot->last_reload_error = strdup(tracker->last_reload_error);
    if (generation != NULL) {
        snapshot->check_interval_ms = generation->config->tuning.interval_ms;
        snapshot->policy = strdup(generation->config->policy);
        snapshot->kinds = kind_table_retain(generation->kinds);
        snapshot->aliases = alias_list_retain(generation->aliases);
        snapshot->meters = lua_meters_retain(generation->meters);
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

void tracker_changed(struct tracker *tracker)
{
    if (timer_armed(&tracker->publish_timer))
        return;
    uint64_t earliest = tracker->published_us + tracker->count * PUBLISH_GAP_US_PER_PROVIDER;
    uint64_t now_us = loop_now_us(tracker->loop);
    timer_start(tracker->loop, &tracker->publish_timer, earliest > now_us ? earliest : now_us);
}

/* -- providers and their targets -- */

static void stop_target(struct target *target)
{
    struct provider *provider = target->provider;
    doubt_drop(target);
    if (target->check != NULL) {
        check_cancel(target->check);
        target->check = NULL;
        --provider->in_flight;
    }
    timer_stop(provider->tracker->loop, &target->timer);
    provider->tracker->worth_sum -= target->worth;
    --provider->tracker->target_count;
}

static void stop_provider(struct provider *provider)
{
    errands_stop(provider);
    for (size_t i = 0; i < provider->target_count; ++i)
        stop_target(provider->targets[i]);
}

static size_t find_provider(const struct tracker *tracker, const char *name)
{
    size_t low = 0, high = tracker->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(tracker->providers[middle]->name, name);
        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return SIZE_MAX;
}

struct provider *tracker_find(const struct tracker *tracker, const char *name)
{
    size_t i = find_provider(tracker, name);
    return i != SIZE_MAX ? tracker->providers[i] : NULL;
}

/* -- another generation -- */

/* What is to become of one provider; made for all before anything is changed. */
struct staged {
    struct provider *provider;
    bool is_new;
    struct target **targets;
    bool *target_is_new;
    size_t target_count;
};

static bool stage(struct tracker *tracker, const struct watched *settings, struct provider *known,
                  struct staged *staged)
{
    size_t wanted = provider_targets_wanted(settings);
    staged->is_new = known == NULL;
    staged->provider = known != NULL
                           ? known
                           : provider_new(tracker, settings->name, errands_on_models, errands_on_deep, errands_on_page);
    staged->targets = calloc(wanted, sizeof(struct target *));
    staged->target_is_new = calloc(wanted, sizeof(bool));
    if (staged->provider == NULL || staged->targets == NULL || staged->target_is_new == NULL ||
        !provider_match_targets(staged->provider, settings, staged->targets, staged->target_is_new, intake_on_due))
        return false;
    staged->target_count = wanted;
    return true;
}

/* Takes a stage down again, unless it went into service. */
static void unstage(struct staged *staged, bool in_service)
{
    for (size_t i = 0; i < staged->target_count && !in_service; ++i) {
        if (staged->target_is_new[i])
            target_free(staged->targets[i]);
    }
    if (!in_service) {
        free(staged->targets);
        if (staged->is_new)
            provider_free(staged->provider);
    }
    free(staged->target_is_new);
}

/* Both lists ascend by name: walks them together. */
static bool stage_all(struct tracker *tracker, const struct generation *generation, struct staged *staged)
{
    size_t old = 0;
    for (size_t i = 0; i < generation->watched_count; ++i) {
        const struct watched *settings = &generation->watched[i];
        while (old < tracker->count && strcmp(tracker->providers[old]->name, settings->name) < 0)
            ++old;
        bool known = old < tracker->count && strcmp(tracker->providers[old]->name, settings->name) == 0;
        if (!stage(tracker, settings, known ? tracker->providers[old] : NULL, &staged[i]))
            return false;
    }
    return true;
}

static void free_providers_not_in(struct tracker *tracker, const struct staged *staged, size_t count)
{
    size_t j = 0;
    for (size_t i = 0; i < tracker->count; ++i) {
        struct provider *provider = tracker->providers[i];
        while (j < count && strcmp(staged[j].provider->name, provider->name) < 0)
            ++j;
        if (j == count || staged[j].provider != provider) {
            news_of_going(provider);
            stop_provider(provider);
            provider_free(provider);
        }
    }
}

/* Replaces the targets by the staged ones; those of keys that are gone end. */
static void take_targets(struct provider *provider, const struct staged *staged)
{
    struct tracker *tracker = provider->tracker;
    for (size_t i = 0; i < provider->target_count; ++i) {
        struct target *target = provider->targets[i];
        bool stays = false;
        for (size_t j = 0; j < staged->target_count && !stays; ++j)
            stays = staged->targets[j] == target;
        if (stays)
            continue;
        if (provider->lead == target)
            provider->lead = NULL;
        stop_target(target);
        target_free(target);
    }
    free(provider->targets);
    provider->targets = staged->targets;
    provider->target_count = staged->target_count;
    for (size_t i = 0; i < staged->target_count; ++i) {
        if (!staged->target_is_new[i])
            continue;
        struct target *target = provider->targets[i];
        target->worth = pace_worth(100);
        tracker->worth_sum += target->worth;
        ++tracker->target_count;
    }
}

/* The key's place among the declared ones may be another now. */
static void take_key(struct target *target, const struct script_provider *declared, size_t i)
{
    bool has_key = declared->key_count != 0;
    target->key = has_key ? i : CHECK_NO_KEY;
    target->fingerprint = has_key ? declared->keys[i].fingerprint : 0;
    if (has_key)
        memcpy(target->hint, declared->keys[i].hint, sizeof(target->hint));
    unsigned number = has_key ? (unsigned)i + 1 : 0;
    if (target->view->number == number && strcmp(target->view->hint, target->hint) == 0)
        return;
    struct key_view *view = key_view_copy(target->view); /* those that were published do not change */
    if (view == NULL)
        return; /* it shows its new number from its next check on */
    view->number = number;
    memcpy(view->hint, target->hint, sizeof(target->hint));
    key_view_release(target->view);
    target->view = view;
}

/* Lets a provider run by the settings of the generation now in service. */
static void put_in_service(struct staged *staged, const struct watched *settings)
{
    struct provider *provider = staged->provider;
    struct tracker *tracker = provider->tracker;
    const struct script_provider *declared = watched_provider(settings);
    unsigned jitter_percent = (unsigned)tracker->generation->config->jitter_percent;
    uint64_t now_us = loop_now_us(tracker->loop), interval_us = (uint64_t)settings->tuning.interval_ms * 1000;

    provider->settings = *settings;
    provider->host = local_host_of(declared->base_url, &provider->loopback);
    take_targets(provider, staged);
    for (size_t i = 0; i < provider->target_count; ++i) {
        struct target *target = provider->targets[i];
        bool is_new = staged->target_is_new[i], same_interval = interval_us == target->schedule.interval_us;
        char label[PROVIDER_NAME_MAX + 24]; /* keys of one provider are spread as well */
        snprintf(label, sizeof(label), i != 0 ? "%s/%zu" : "%s", provider->name, i);
        take_key(target, declared, i);
        limits_declare(&target->limits, settings->tuning.limits, settings->tuning.limit_count, clock_wall_us());
        if (is_new)
            schedule_begin(&target->schedule, label, now_us, interval_us, jitter_percent);
        else
            schedule_change(&target->schedule, label, now_us, interval_us, jitter_percent);
        if (!tracker->started || target->check != NULL || target->held != NULL)
            continue; /* tracker_start, or the check's end, arms the timer */
        if (is_new)
            intake_start_check(target);
        else if (!same_interval)
            intake_schedule_following(target);
    }
    provider_remember_keys(provider, clock_wall_us());
    if (staged->is_new && tracker->started)
        news_of_coming(provider);
    provider_refresh(provider);
    errands_arm(provider);
}

/* Of those that are new. */
static void ask_pasts(struct tracker *tracker)
{
    for (size_t i = 0; i < tracker->count; ++i) {
        struct provider *provider = tracker->providers[i];
        if (!provider->past_asked)
            tracker->sinks.ask_past(tracker->sinks.user, provider->name);
        provider->past_asked = true;
    }
}

int tracker_apply(struct tracker *tracker, struct generation *generation)
{
    size_t count = generation->watched_count;
    struct provider **fresh = calloc(count + 1, sizeof(struct provider *));
    struct staged *staged = calloc(count + 1, sizeof(*staged));

    if (fresh == NULL || staged == NULL || !stage_all(tracker, generation, staged) ||
        !view_chunks_resize(&tracker->views, count)) {
        for (size_t i = 0; staged != NULL && i < count; ++i)
            unstage(&staged[i], false);
        free(fresh);
        free(staged);
        return -1;
    }
    free_providers_not_in(tracker, staged, count);
    free(tracker->providers);
    for (size_t i = 0; i < count; ++i) {
        fresh[i] = staged[i].provider;
        fresh[i]->place = i;
    }
    tracker->providers = fresh;
    tracker->count = count;
    struct generation *before = tracker->generation;
    tracker->generation = generation_retain(generation);
    /* First all settings, then the checks: a check may ask other providers. */
    for (size_t i = 0; i < count; ++i)
        put_in_service(&staged[i], &generation->watched[i]);
    for (size_t i = 0; i < count; ++i)
        unstage(&staged[i], true);
    generation_release(before);
    free(staged);
    tracker->learned_us = 0;
    if (tracker->started)
        ask_pasts(tracker);
    tracker_changed(tracker);
    return 0;
}

/* -- public -- */

struct tracker *tracker_new(struct loop *loop, struct prober *prober, const struct tracker_sinks *sinks)
{
    struct tracker *tracker = calloc(1, sizeof(*tracker));
    if (tracker == NULL)
        return NULL;
    tracker->loop = loop;
    tracker->prober = prober;
    tracker->sinks = *sinks;
    timer_init(&tracker->publish_timer, publish, tracker);
    if (getrandom(&tracker->boot_id, sizeof(tracker->boot_id), 0) != (ssize_t)sizeof(tracker->boot_id))
        tracker->boot_id = (uint64_t)clock_wall_us();
    tracker->random = (uint32_t)tracker->boot_id | 1;
    doubt_begin(tracker);
    reports_begin(tracker);
    return tracker;
}

void tracker_free(struct tracker *tracker)
{
    if (tracker == NULL)
        return;
    for (size_t i = 0; i < tracker->count; ++i) {
        stop_provider(tracker->providers[i]);
        provider_free(tracker->providers[i]);
    }
    free(tracker->providers);
    view_chunks_dispose(&tracker->views);
    doubt_end(tracker);
    reports_end(tracker);
    timer_stop(tracker->loop, &tracker->publish_timer);
    generation_release(tracker->generation);
    free(tracker->last_reload_error);
    free(tracker);
}

size_t tracker_key_count(const struct tracker *tracker, const char *name)
{
    size_t i = find_provider(tracker, name);
    return i == SIZE_MAX || tracker->providers[i]->targets[0]->key == CHECK_NO_KEY
               ? 0
               : tracker->providers[i]->target_count;
}

void tracker_restore(struct tracker *tracker, const char *name, size_t key, const struct tracker_past *past)
{
    size_t i = find_provider(tracker, name);
    size_t place = key != 0 ? key - 1 : 0;
    if (i == SIZE_MAX || place >= tracker->providers[i]->target_count)
        return;
    struct provider *provider = tracker->providers[i];
    struct target *target = provider->targets[place];
    struct key_view *view = target->view; /* not yet published: may still change */
    target->status = view->status = past->status;
    target->consecutive_failures = view->consecutive_failures = past->consecutive_failures;
    target->was_down = past->status == HEALTH_DOWN;
    view->response_time_ms = past->response_time_ms;
    view->rate_limit_percent = past->rate_limit_percent;
    view->last_check_us = past->last_check_us;
    view->http_status = past->http_status;
    snprintf(view->reason, sizeof(view->reason), "%s", past->reason);
    snprintf(view->error_kind, sizeof(view->error_kind), "%s", past->error_kind);
    snprintf(view->error_message, sizeof(view->error_message), "%s", past->error_message);
    limits_take(&target->limits, past->windows, past->window_count, past->last_check_us);
    limit_list_release(view->limits);
    view->limits = limit_list_new(&target->limits, clock_wall_us());
    provider_refresh(provider);
}

void tracker_restore_counts(struct tracker *tracker, const char *name, uint64_t age_us, unsigned ok, unsigned total)
{
    size_t i = find_provider(tracker, name);
    uint64_t now_us = window_now_us();
    if (i == SIZE_MAX)
        return;
    struct provider *provider = tracker->providers[i];
    if (age_us < now_us)
        window_add(&provider->window, now_us - age_us, ok, total);
    provider->view->uptime_percent = window_uptime_percent(&provider->window, now_us);
}

void tracker_restore_deep(struct tracker *tracker, const char *name, const struct tracker_deep_past *past)
{
    size_t i = find_provider(tracker, name);
    if (i == SIZE_MAX)
        return;
    struct deep_memory *deep = &tracker->providers[i]->deep;
    struct deep_view *view = &deep->view;
    view->checked_us = past->checked_us;
    view->ok = past->ok;
    memcpy(view->rung, past->rung, sizeof(view->rung));
    memcpy(view->error_kind, past->error_kind, sizeof(view->error_kind));
    memcpy(view->error_message, past->error_message, sizeof(view->error_message));
    memcpy(view->model_asked, past->model_asked, sizeof(view->model_asked));
    memcpy(view->model, past->model, sizeof(view->model));
    view->first_token_ms = past->first_token_ms;
    view->tokens_per_second = past->tokens_per_second;
    view->timed_us = deep->timed_ok_us = past->timed_us;
    view->tokens_today = past->tokens_today;
    deep->requests_today = past->requests_today;
    deep->day = clock_wall_us() / (INT64_C(86400) * 1000000);
    if (past->ok)
        memcpy(deep->model, past->model_asked, sizeof(deep->model));
    provider_refresh(tracker->providers[i]);
}

void tracker_learned(struct tracker *tracker, const char *name, double ms, int64_t count)
{
    enum { CHECKS_TO_LEARN = 20 };
    size_t i = find_provider(tracker, name);
    if (i == SIZE_MAX || count < CHECKS_TO_LEARN)
        return;
    tracker->providers[i]->learned_latency_ms = ms;
    provider_refresh(tracker->providers[i]);
    tracker_changed(tracker);
}

void tracker_remember(struct tracker *tracker, const char *name, struct provider_past *past)
{
    size_t i = find_provider(tracker, name);
    if (i == SIZE_MAX) {
        provider_past_free(past);
        return;
    }
    struct provider *provider = tracker->providers[i];
    provider_remember(provider, clock_wall_us(), past);
    provider_prime(provider, past != NULL ? past->hours : NULL, past != NULL ? past->hour_count : 0);
    provider_past_free(past);
    if (!provider_refresh(provider))
        log_error("health", "%s: out of memory for its past", provider->name);
    tracker_changed(tracker);
}

void tracker_start(struct tracker *tracker)
{
    tracker->started = true;
    ask_pasts(tracker);
    for (size_t i = 0; i < tracker->count; ++i) {
        for (size_t j = 0; j < tracker->providers[i]->target_count; ++j)
            intake_start_check(tracker->providers[i]->targets[j]);
        errands_arm(tracker->providers[i]);
    }
}

void tracker_publish(struct tracker *tracker)
{
    publish(&tracker->publish_timer, tracker);
}

static void check_all_keys(struct provider *provider)
{
    for (size_t i = 0; i < provider->target_count; ++i)
        intake_start_check(provider->targets[i]);
}

void tracker_check_now(struct tracker *tracker, const char *name)
{
    if (name != NULL) {
        size_t i = find_provider(tracker, name);
        if (i != SIZE_MAX)
            check_all_keys(tracker->providers[i]);
        return;
    }
    for (size_t i = 0; i < tracker->count; ++i)
        check_all_keys(tracker->providers[i]);
}

void tracker_note_reload(struct tracker *tracker, const char *error)
{
    tracker->last_reload_us = clock_wall_us();
    free(tracker->last_reload_error);
    tracker->last_reload_error = error != NULL ? strdup(error) : NULL;
    if (error == NULL)
        ++tracker->reloads;
    tracker_changed(tracker);
}

size_t tracker_count(const struct tracker *tracker)
{
    return tracker->count;
}
