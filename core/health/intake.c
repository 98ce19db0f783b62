/* intake: checks of targets, and what becomes of their verdicts. */
#include "base/clock.h"
#include "base/log.h"
#include "health/news.h"
#include "health/tracker_internal.h"

#include <string.h>

/* -- when -- */

static void arm(struct target *target, uint64_t due_us)
{
    if (!timer_start(target->provider->tracker->loop, &target->timer, due_us))
        log_error("health", "%s: out of memory for a timer; it is not checked until the next reload",
                  target->provider->name);
}

static void pace_state_of(const struct target *target, struct pace_state *state)
{
    int64_t now_us = clock_wall_us(), retry_us = target->retry_at_us;
    *state = (struct pace_state){
        .doubtful = target_in_doubt(target),
        .kind = target->has_kind && !target->local ? &target->kind : NULL,
        .retry_in_us = retry_us == 0       ? -1
                       : retry_us > now_us ? retry_us - now_us
                                           : 0,
        .failing_for_us = target->failing_since_us != 0 ? clock_monotonic_us() - target->failing_since_us : 0,
        .repeats = target->repeats,
    };
}

/* The next point of the grid, stretched by the target's worth: the grid moves along, so that starts which were spread
 * stay spread. */
static uint64_t ordinary_due_us(struct target *target, uint64_t now_us)
{
    struct tracker *tracker = target->provider->tracker;
    struct schedule *schedule = &target->schedule;
    double mean = tracker->target_count != 0 ? tracker->worth_sum / (double)tracker->target_count : 0;
    uint64_t due_us = schedule_next(schedule, now_us, tracker_random(tracker));
    if (!tracker->generation->config->adaptive || mean <= 0)
        return due_us;
    double stretch = pace_stretch(target->worth / mean);
    if (stretch > 0.98 && stretch < 1.02)
        return due_us;
    due_us = now_us + (uint64_t)((double)(due_us - now_us) * stretch);
    schedule->grid_us = due_us;
    return due_us;
}

uint64_t intake_schedule_following(struct target *target)
{
    struct tracker *tracker = target->provider->tracker;
    const struct tuning *tuning = &target->provider->settings.tuning;
    uint64_t now_us = loop_now_us(tracker->loop);
    struct pace_intervals intervals = {
        .interval_us = (uint64_t)tuning->interval_ms * 1000,
        .quick_us = (uint64_t)tuning->quick_interval_ms * 1000,
        .down_us = (uint64_t)tuning->down_interval_ms * 1000,
    };
    struct pace_state state;
    pace_state_of(target, &state);
    uint64_t wait_us = pace_wait_us(&intervals, &state);
    uint64_t jitter_us = wait_us / 100 * target->schedule.jitter_percent;
    uint64_t due_us =
        wait_us != 0 ? tracker_soon(tracker, wait_us, wait_us + jitter_us) : ordinary_due_us(target, now_us);
    arm(target, due_us);
    return due_us > now_us ? due_us - now_us : 0;
}

/* -- what came of a check -- */

static void update_worth(struct target *target)
{
    struct tracker *tracker = target->provider->tracker;
    double worth = pace_worth(target->score);
    tracker->worth_sum += worth - target->worth;
    target->worth = worth;
}

/* Rows for the store: the key's, when there are several, and the provider's, when the best key was checked or the
 * provider's state has changed. */
static void tell_outcome(struct target *target, enum health_status lead_before)
{
    struct provider *provider = target->provider;
    struct tracker_sinks *sinks = &provider->tracker->sinks;
    struct target *lead = provider->lead;
    struct check_outcome outcome = {
        .view = provider->view,
        .key = target->view,
        .counted = target_counted(target),
        .ok = target_is_up(target),
    };
    if (provider->target_count > 1)
        sinks->key_checked(sinks->user, &outcome);
    if (lead != target && lead->status == lead_before)
        return;
    outcome.key = lead->view;
    outcome.counted = target_counted(lead);
    outcome.ok = target_is_up(lead);
    sinks->checked(sinks->user, &outcome);
}

void intake_settle(struct target *target, const struct verdict *verdict, const char *local)
{
    struct provider *provider = target->provider;
    struct tracker *tracker = provider->tracker;
    enum health_status before = target->status;
    enum health_status lead_before = provider->lead != NULL ? provider->lead->status : HEALTH_UNKNOWN;

    if (provider->lead == target)
        lead_before = before;
    if (!target_take_verdict(target, verdict, local))
        log_error("health", "%s: out of memory for the result of a check", provider->name);
    update_worth(target);
    uint64_t wait_us = intake_schedule_following(target);
    target_note_next(target, clock_wall_us() + (int64_t)wait_us);
    provider_choose_lead(provider);
    reports_note_check(target);
    if (provider->lead == target || provider->lead->status != lead_before) {
        if (target_counted(provider->lead))
            window_add(&provider->window, window_now_us(), target_is_up(provider->lead), 1);
        provider_count(provider, provider->lead->view->last_check_us);
        provider_foresee(provider, clock_wall_us());
    }
    if (!provider_refresh(provider))
        log_error("health", "%s: out of memory for the result of a check", provider->name);
    news_of_key(target, before);
    news_of_limits(target);
    tell_outcome(target, lead_before);
    if (verdict->ok)
        errands_arm(provider);
    tracker_changed(tracker);
}

/* -- checks -- */

/* First come, first served: else some keys would never be asked where there is more to do than time. */
static void start_waiting(struct provider *provider)
{
    struct target *first = NULL;
    for (size_t i = 0; i < provider->target_count; ++i) {
        struct target *target = provider->targets[i];
        if (target->turn != 0 && (first == NULL || target->turn < first->turn))
            first = target;
    }
    if (first != NULL)
        intake_start_check(first);
}

static void on_verdict(const struct verdict *verdict, void *user)
{
    struct target *target = user;
    struct provider *provider = target->provider;
    struct tracker *tracker = provider->tracker;
    enum layer layer;
    char why[128];

    target->check = NULL;
    --provider->in_flight;
    switch (doubt_weigh(target, verdict, &layer, why, sizeof(why))) {
    case DOUBT_HOLD:
        if (doubt_hold(target, verdict, layer))
            break;
        /* fall through */
    case DOUBT_NONE:
        intake_settle(target, verdict, NULL);
        break;
    case DOUBT_LOCAL:
        intake_settle(target, verdict, why);
        break;
    }
    doubt_review(tracker);
    start_waiting(provider);
}

void intake_start_check(struct target *target)
{
    struct provider *provider = target->provider;
    struct tracker *tracker = provider->tracker;
    const struct watched *settings = &provider->settings;

    if (target->check != NULL || target->held != NULL)
        return; /* never two of one target in flight */
    timer_stop(tracker->loop, &target->timer);
    if (provider->in_flight >= (size_t)settings->tuning.max_in_flight) {
        if (target->turn == 0)
            target->turn = ++provider->turns;
        return;
    }
    target->turn = 0;
    struct check_order order = {
        .purpose = CHECK_PROBE,
        .key = target->key,
        .timeout_ms = settings->tuning.timeout_ms,
        .kinds = settings->kinds,
    };
    target_judge_state(target, &order.state);
    target->asked = false;
    target->began_us = loop_now_us(tracker->loop);
    target->check = check_start(settings->script, settings->index, &order, on_verdict, target);
    if (target->check == NULL) {
        log_error("health", "%s: out of memory for a check; skipped", provider->name);
        intake_schedule_following(target);
        return;
    }
    ++provider->in_flight;
}

void intake_on_due(struct timer *timer, void *user)
{
    (void)timer;
    intake_start_check(user);
}
