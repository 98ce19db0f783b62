/* What follows from reports over time: ejections, a look every second while there is traffic, and the views. How a
 * report is taken in is report_intake.c. */
#include "health/reported.h"

#include "base/clock.h"
#include "base/log.h"
#include "health/tracker_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS_PERCENT_FINE = 90 }; /* of the clients' calls: then it is not down, whatever our checks say */

static const uint64_t TICK_US = 1000000;
static const uint64_t REFRESH_AFTER_US = 10000;             /* many batches, one view */
static const uint64_t ASK_EVERY_US = 5 * UINT64_C(1000000); /* checks for the sake of reports */

void reported_free(struct reported *reported)
{
    if (reported == NULL)
        return;
    coolings_dispose(&reported->coolings);
    free(reported);
}

const struct report_rules *reported_rules(const struct tracker *tracker)
{
    return &tracker->generation->config->reports;
}

/* The provider's; made at its first report. NULL when memory ran out. */
struct reported *reported_of(struct provider *provider, int64_t now_us)
{
    if (provider->reported != NULL)
        return provider->reported;
    struct reported *reported = calloc(1, sizeof(*reported));
    if (reported == NULL) {
        log_error("reports", "%s: out of memory for its traffic", provider->name);
        return NULL;
    }
    traffic_begin(&reported->traffic, now_us);
    reported->first_token_ms = reported->tokens_per_second = -1;
    return provider->reported = reported;
}

/* -- checks that reports ask for -- */

void reported_ask_for_check(struct provider *provider, struct target *target)
{
    uint64_t now_us = loop_now_us(provider->tracker->loop);
    struct reported *reported = provider->reported;
    if (!provider->tracker->started || (reported->asked_us != 0 && now_us - reported->asked_us < ASK_EVERY_US))
        return;
    reported->asked_us = now_us;
    intake_start_check(target != NULL ? target : provider->lead);
}

static void check_all_keys(struct provider *provider)
{
    for (size_t i = 0; i < provider->target_count && provider->tracker->started; ++i)
        intake_start_check(provider->targets[i]);
}

/* -- ejections -- */

/* How many providers had traffic within the last minutes, and how many of them are ejected. */
static void count_ejected(const struct tracker *tracker, int64_t now_us, size_t *with_traffic, size_t *ejected)
{
    *with_traffic = *ejected = 0;
    for (size_t i = 0; i < tracker->count; ++i) {
        const struct reported *reported = tracker->providers[i]->reported;
        struct traffic_count sum;
        if (reported == NULL)
            continue;
        bool is_ejected = reported->ejection.since_us != 0;
        traffic_sum(&reported->traffic, TRAFFIC_SLOTS, false, now_us, &sum);
        *with_traffic += is_ejected || traffic_telling(&sum) != 0;
        *ejected += is_ejected;
    }
}

void reported_eject(struct provider *provider, const char *why, int64_t now_us)
{
    struct tracker *tracker = provider->tracker;
    struct reported *reported = provider->reported;
    size_t with_traffic, ejected;
    if (reported->ejection.since_us != 0)
        return;
    reported->changed = true;
    count_ejected(tracker, now_us, &with_traffic, &ejected);
    if (!outlier_may_eject(reported_rules(tracker), with_traffic, ejected)) {
        if (reported->outlier[0] == '\0')
            log_warning("reports", "%s: %s; not ejected, since %zu of %zu providers are", provider->name, why, ejected,
                        with_traffic);
        snprintf(reported->outlier, sizeof(reported->outlier), "%s", why);
        return;
    }
    reported->outlier[0] = '\0';
    ejection_begin(&reported->ejection, reported_rules(tracker), why, now_us);
    check_all_keys(provider); /* what do we see? */
}

void reports_note_check(struct target *target)
{
    struct provider *provider = target->provider;
    struct reported *reported = provider->reported;
    if (reported == NULL || !reported->ejection.half_open)
        return;
    int64_t now_us = clock_wall_us();
    if (!target_is_up(target)) {
        ejection_prolong(&reported->ejection, reported_rules(provider->tracker), now_us);
        return;
    }
    ejection_end(&reported->ejection, now_us);
    reported->readmitted_us = now_us;
    traffic_judge_anew(&reported->traffic, now_us);
    log_info("reports", "%s: its check went well, it may be called again", provider->name);
}

/* -- views -- */

/* Puts what reports told of limits into the views of keys. */
static void show_limits(struct provider *provider, int64_t now_us)
{
    for (size_t i = 0; i < provider->target_count; ++i) {
        struct target *target = provider->targets[i];
        struct key_view *view = target->limits_reported ? key_view_copy(target->view) : NULL;
        if (view == NULL)
            continue;
        double percent = limits_used_percent(&target->limits, now_us);
        limit_list_release(view->limits);
        view->limits = limit_list_new(&target->limits, now_us);
        view->rate_limit_percent = percent > 0 ? percent : 0;
        key_view_release(target->view);
        target->view = view;
        target->limits_reported = false;
        news_of_limits(target);
    }
}

static void refresh(struct provider *provider, int64_t now_us)
{
    show_limits(provider, now_us);
    provider->reported->changed = false;
    if (!provider_refresh(provider))
        log_error("reports", "%s: out of memory for what was reported", provider->name);
    tracker_changed(provider->tracker);
}

static bool is_cooling(const struct cooling *cooling, int64_t now_us)
{
    return cooling->until_us > now_us;
}

static struct traffic_view *make_view(const struct reported *reported, int64_t now_us)
{
    const struct traffic *traffic = &reported->traffic;
    const struct coolings *coolings = &reported->coolings;
    struct traffic_view *view = calloc(1, sizeof(*view) + coolings->count * sizeof(view->coolings[0]));
    struct traffic_count sum;
    if (view == NULL)
        return NULL;
    traffic_sum(traffic, TRAFFIC_SLOTS, false, now_us, &sum);
    view->ok = sum.calls[TRAFFIC_OK];
    view->failed = sum.calls[TRAFFIC_FAILED];
    view->limited = sum.calls[TRAFFIC_LIMITED];
    view->aborted = sum.calls[TRAFFIC_ABORTED];
    view->excused = sum.calls[TRAFFIC_EXCUSED];
    view->last_us = traffic->last_us;
    view->failures_in_row = traffic->failures_in_row;
    view->failing_since_us = traffic->failing_since_us;
    memcpy(view->kind, traffic->kind, sizeof(view->kind));
    view->ejected_since_us = reported->ejection.since_us;
    view->ejected_until_us = reported->ejection.until_us;
    view->ejections = reported->ejection.times;
    view->readmitted_us = reported->readmitted_us;
    for (size_t i = 0; i < coolings->count; ++i) {
        if (is_cooling(&coolings->list[i], now_us))
            view->coolings[view->cooling_count++] = coolings->list[i];
    }
    return view;
}

static void set_state(struct provider_view *view, enum health_status status, double score, const char *reason,
                      const char *kind)
{
    view->status = status;
    view->score = fmin(view->score, score);
    snprintf(view->reason, sizeof(view->reason), "%s", reason);
    snprintf(view->error_kind, sizeof(view->error_kind), "%s", kind);
}

static void judge_view(const struct provider *provider, struct provider_view *view, int64_t now_us)
{
    const struct reported *reported = provider->reported;
    struct traffic_count minute;
    char until[CLOCK_ISO_MAX], before[HEALTH_MESSAGE_MAX];
    traffic_sum(&reported->traffic, TRAFFIC_MINUTE, false, now_us, &minute);
    uint32_t telling = traffic_telling(&minute), well = telling - minute.calls[TRAFFIC_FAILED];
    memcpy(before, view->error_message, sizeof(before));
    if (reported->ejection.since_us != 0) {
        if (view->status == HEALTH_DOWN)
            return; /* our checks say why */
        clock_format_rfc3339(reported->ejection.until_us, until);
        set_state(view, HEALTH_DOWN, 0, "ejected", reported->traffic.kind);
        snprintf(view->error_message, sizeof(view->error_message), "%s; kept out until %s", reported->ejection.why,
                 until);
    } else if (view->status == HEALTH_HEALTHY && reported->outlier[0] != '\0') {
        set_state(view, HEALTH_DEGRADED, 10, "reported_errors", reported->traffic.kind);
        snprintf(view->error_message, sizeof(view->error_message), "%s", reported->outlier);
    } else if (view->status == HEALTH_DOWN && telling >= reported_rules(provider->tracker)->min_requests &&
               well * UINT64_C(100) >= telling * (uint64_t)SUCCESS_PERCENT_FINE) {
        char kind[HEALTH_KIND_MAX];
        memcpy(kind, view->error_kind, sizeof(kind));
        view->score = 10;
        set_state(view, HEALTH_DEGRADED, 10, "disputed", kind);
        snprintf(view->error_message, sizeof(view->error_message),
                 "our check fails, but %u of %u reported calls of a minute went well: %.380s", well, telling, before);
    }
}

bool reported_show(const struct provider *provider, struct provider_view *view)
{
    int64_t now_us = clock_wall_us();
    if (provider->reported == NULL)
        return true;
    view->traffic = make_view(provider->reported, now_us);
    judge_view(provider, view, now_us);
    return view->traffic != NULL;
}

/* -- every second -- */

/* Counts what the slots that have ended are worth. Whether any has. */
static bool fold(struct provider *provider, int64_t now_us)
{
    struct tracker *tracker = provider->tracker;
    struct reported *reported = provider->reported;
    struct traffic *traffic = &reported->traffic;
    int64_t folded = traffic->folded;
    struct traffic_checks checks = traffic_fold(traffic, (double)reported_rules(tracker)->weight_percent / 100, now_us);
    if (traffic->folded == folded)
        return false;
    if (checks.up + checks.down != 0) {
        window_add(&provider->window, window_now_us(), checks.up, checks.up + checks.down);
        provider_count_reported(provider, now_us, checks.up, checks.down, traffic->kind);
        tracker->sinks.counted(tracker->sinks.user, provider->name, checks.up, checks.down, traffic->kind, now_us);
        reported->changed = true;
    }
    if (reported->first_token_ms >= 0 || reported->tokens_per_second >= 0)
        provider_count_reported_times(provider, now_us, reported->timed_model, reported->first_token_ms,
                                      reported->tokens_per_second);
    reported->first_token_ms = reported->tokens_per_second = -1;
    return true;
}

static void judge_shares(struct tracker *tracker, int64_t now_us)
{
    struct outlier_host *hosts = calloc(tracker->count, sizeof(*hosts));
    for (size_t i = 0; hosts != NULL && i < tracker->count; ++i) {
        const struct reported *reported = tracker->providers[i]->reported;
        struct traffic_count minute;
        if (reported == NULL)
            continue;
        traffic_sum(&reported->traffic, TRAFFIC_MINUTE, true, now_us, &minute);
        hosts[i].calls = traffic_telling(&minute);
        hosts[i].failed = minute.calls[TRAFFIC_FAILED];
        hosts[i].ejected = reported->ejection.since_us != 0;
    }
    if (hosts != NULL)
        outlier_judge(reported_rules(tracker), hosts, tracker->count);
    for (size_t i = 0; hosts != NULL && i < tracker->count; ++i) {
        struct reported *reported = tracker->providers[i]->reported;
        if (reported == NULL)
            continue;
        if (hosts[i].why[0] != '\0') {
            reported_eject(tracker->providers[i], hosts[i].why, now_us);
        } else if (reported->outlier[0] != '\0' &&
                   !outlier_in_row(reported_rules(tracker), reported->traffic.failures_in_row, "", hosts[i].why)) {
            reported->outlier[0] = '\0';
            reported->changed = true;
        }
    }
    free(hosts);
}

static bool shows_calls(const struct provider *provider)
{
    const struct traffic_view *view = provider->view->traffic;
    return view != NULL && (view->ok | view->failed | view->limited | view->aborted | view->excused) != 0;
}

/* Whether there is anything left that time will change. */
static bool look_at(struct provider *provider, int64_t now_us)
{
    struct reported *reported = provider->reported;
    struct ejection *ejection = &reported->ejection;
    int64_t before_us = provider->view->traffic != NULL ? provider->view->traffic->last_us : 0;
    bool slot_ended = fold(provider, now_us);
    coolings_age(&reported->coolings, now_us);
    ejection_age(ejection, reported_rules(provider->tracker), now_us);
    if (ejection->since_us != 0 && !ejection->half_open && now_us >= ejection->until_us) {
        ejection->half_open = true;
        check_all_keys(provider);
    }
    if (reported->changed || reported->traffic.last_us != before_us || (slot_ended && shows_calls(provider)))
        refresh(provider, now_us);
    return ejection->since_us != 0 || reported->coolings.count != 0 || shows_calls(provider);
}

static void on_tick(struct timer *timer, void *user)
{
    struct tracker *tracker = user;
    int64_t now_us = clock_wall_us();
    bool is_busy = false;
    judge_shares(tracker, now_us);
    for (size_t i = 0; i < tracker->count; ++i) {
        struct provider *provider = tracker->providers[i];
        if (provider->reported != NULL && look_at(provider, now_us))
            is_busy = true;
    }
    if (is_busy)
        timer_start(tracker->loop, timer, loop_now_us(tracker->loop) + TICK_US);
}

static void on_refresh(struct timer *timer, void *user)
{
    (void)timer;
    const struct tracker *tracker = user;
    for (size_t i = 0; i < tracker->count; ++i) {
        struct provider *provider = tracker->providers[i];
        if (provider->reported != NULL && provider->reported->changed)
            refresh(provider, clock_wall_us());
    }
}

void reports_begin(struct tracker *tracker)
{
    timer_init(&tracker->reports_refresh, on_refresh, tracker);
    timer_init(&tracker->reports_tick, on_tick, tracker);
}

void reports_end(struct tracker *tracker)
{
    timer_stop(tracker->loop, &tracker->reports_tick);
    timer_stop(tracker->loop, &tracker->reports_refresh);
}

void reports_look_soon(struct tracker *tracker)
{
    uint64_t now_us = loop_now_us(tracker->loop);
    if (!timer_armed(&tracker->reports_refresh))
        timer_start(tracker->loop, &tracker->reports_refresh, now_us + REFRESH_AFTER_US);
    if (!timer_armed(&tracker->reports_tick))
        timer_start(tracker->loop, &tracker->reports_tick, now_us + TICK_US);
}
