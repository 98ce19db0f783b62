#include "health/target.h"

#include "base/clock.h"
#include "health/provider.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool target_counted(const struct target *target)
{
    return !target->local && (!target->has_kind || target->kind.effect != EFFECT_NONE);
}

bool target_is_up(const struct target *target)
{
    return !target->local &&
           (!target->has_kind || target->kind.effect == EFFECT_LIMITED || target->kind.effect == EFFECT_DEGRADED);
}

bool target_in_doubt(const struct target *target)
{
    unsigned most = (unsigned)target->provider->settings.tuning.max_consecutive_failures;
    return target->local || (target->was_down && target->successes > 0) ||
           (target->consecutive_failures > 0 && target->consecutive_failures < most);
}

void target_judge_state(const struct target *target, struct judge_state *state)
{
    const struct tuning *tuning = &target->provider->settings.tuning;
    *state = (struct judge_state){
        .status = health_status_name(target->status),
        .consecutive_failures = target->consecutive_failures,
        .degraded_latency_ms = provider_degraded_latency_ms(target->provider),
        .max_consecutive_failures = (unsigned)tuning->max_consecutive_failures,
        .uptime_percent = target->provider->view->uptime_percent,
        .rate_limit_percent = limits_used_percent(&target->limits, clock_wall_us()),
        .weights = tuning->weights,
    };
}

/* -- the state -- */

/* Failures and successes in a row, by the kind's effect. */
static void count(struct target *target, const struct verdict *verdict)
{
    bool same = target->has_kind && verdict->effects != NULL && strcmp(target->kind.name, verdict->kind) == 0;
    bool failed = verdict->effects != NULL && verdict->effects->effect == EFFECT_FAILURE;

    target->repeats = same && !target_in_doubt(target) ? target->repeats + 1 : 0;
    target->has_kind = verdict->effects != NULL;
    if (target->has_kind)
        target->kind = *verdict->effects;
    if (failed) {
        ++target->consecutive_failures;
        target->successes = 0;
        if (target->failing_since_us == 0)
            target->failing_since_us = clock_monotonic_us();
    } else if (!target->has_kind || target->kind.effect != EFFECT_NONE) {
        target->consecutive_failures = 0;
        target->failing_since_us = 0;
        ++target->successes;
    }
}

/* The judge's word; when the script failed, the default rule; unknown when nothing was learned. */
static enum health_status judged(const struct target *target, const struct verdict *verdict)
{
    enum health_status status = HEALTH_UNKNOWN;
    if (target->has_kind && target->kind.effect == EFFECT_NONE)
        return HEALTH_UNKNOWN;
    if (verdict->judged && health_status_parse(verdict->status, &status))
        return status;
    return target->consecutive_failures >= target->provider->settings.tuning.max_consecutive_failures ? HEALTH_DOWN
                                                                                                      : HEALTH_DEGRADED;
}

/* What was down comes back after so many successes, and meanwhile falls at the first failure. Returns a reason that
 * goes before the judge's, or NULL. */
static const char *recover(struct target *target)
{
    if (target->status == HEALTH_DOWN) {
        target->was_down = true;
        return NULL;
    }
    if (!target->was_down || target->status == HEALTH_UNKNOWN)
        return NULL;
    if (target->consecutive_failures > 0) {
        target->status = HEALTH_DOWN;
        target->score = 0;
        return NULL;
    }
    if (target->successes >= (uint64_t)target->provider->settings.tuning.successes_to_recover) {
        target->was_down = false;
        return NULL;
    }
    target->status = HEALTH_DEGRADED;
    return "recovering";
}

/* -- its limits -- */

/* When an exhausted window resets: for who is refused without being told until when. */
static int64_t exhausted_until_us(const struct verdict *verdict)
{
    int64_t latest_us = 0;
    for (size_t i = 0; i < verdict->window_count; ++i) {
        const struct limit_window *window = &verdict->windows[i];
        if (window->remaining == 0 && window->limit != 0 && window->reset_at_us > latest_us)
            latest_us = window->reset_at_us;
    }
    return latest_us;
}

static void take_limits(struct target *target, const struct verdict *verdict, int64_t now_us)
{
    if (verdict->ok)
        limits_overrule(&target->limits);
    limits_take(&target->limits, verdict->windows, verdict->window_count, now_us);
    limits_spend(&target->limits, verdict->requests, 0, now_us);
    target->retry_at_us = verdict->ok ? 0 : verdict->retry_at_us;
    if (target->retry_at_us == 0 && target->has_kind && target->kind.effect == EFFECT_LIMITED)
        target->retry_at_us = exhausted_until_us(verdict);
}

/* -- the view -- */

static struct key_view *blank_view(const struct target *target)
{
    struct key_view *view = key_view_new();
    if (view == NULL)
        return NULL;
    view->number = target->key != CHECK_NO_KEY ? (unsigned)target->key + 1 : 0;
    memcpy(view->hint, target->hint, sizeof(view->hint));
    return view;
}

static void fill_view(struct key_view *view, const struct target *target, const struct verdict *verdict, int64_t now_us,
                      const char *reason)
{
    double percent = fmax(limits_used_percent(&target->limits, now_us), verdict->rate_limit_percent);

    if (reason == NULL)
        reason = verdict->judged && verdict->reason[0] != '\0' ? verdict->reason : verdict->kind;
    view->status = target->status;
    view->response_time_ms = verdict->latency_ms;
    view->rate_limit_percent = percent > 0 ? percent : 0;
    view->last_check_us = now_us;
    view->retry_at_us = target->retry_at_us;
    view->consecutive_failures = target->consecutive_failures;
    view->score = target->score;
    view->http_status = verdict->http_status;
    view->phases = verdict->phases;
    snprintf(view->reason, sizeof(view->reason), "%s", reason);
    snprintf(view->error_kind, sizeof(view->error_kind), "%s", verdict->kind);
    snprintf(view->error_message, sizeof(view->error_message), "%s", verdict->message);
    view->limits = limit_list_new(&target->limits, now_us);
    if (target->last_failure != NULL)
        view->last_failure = shared_text_retain(target->last_failure);
    view->last_failure_us = target->last_failure_us;
    memcpy(view->last_failure_kind, target->last_failure_kind, sizeof(view->last_failure_kind));
}

static void replace_view(struct target *target, struct key_view *view)
{
    key_view_release(target->view);
    target->view = view;
}

/* The state stays as it was but for the status: what failed was ours. */
static bool take_local(struct target *target, const struct verdict *verdict, int64_t now_us, const char *why)
{
    struct key_view *view = blank_view(target);
    target->local = true;
    target->status = HEALTH_UNKNOWN;
    target->score = 0;
    if (view == NULL)
        return false;
    fill_view(view, target, verdict, now_us, "local");
    strcpy(view->error_kind, "local");
    provider_count_key(target, view);
    int written = snprintf(view->error_message, sizeof(view->error_message), "%s: ", why);
    if (written > 0 && (size_t)written < sizeof(view->error_message))
        snprintf(view->error_message + written, sizeof(view->error_message) - (size_t)written, "%.300s",
                 verdict->message);
    replace_view(target, view);
    return true;
}

bool target_take_verdict(struct target *target, const struct verdict *verdict, const char *local)
{
    int64_t now_us = clock_wall_us();
    if (verdict->exchange.len != 0 && buf_ok(&verdict->exchange)) {
        shared_text_release(target->last_failure);
        target->last_failure = shared_text_new(verdict->exchange.bytes, verdict->exchange.len);
        target->last_failure_us = now_us;
        memcpy(target->last_failure_kind, verdict->kind, sizeof(target->last_failure_kind));
    }
    if (local != NULL)
        return take_local(target, verdict, now_us, local);

    target->local = false;
    count(target, verdict);
    take_limits(target, verdict, now_us);
    target->status = judged(target, verdict);
    target->score = verdict->score;
    const char *reason = recover(target);
    struct key_view *view = blank_view(target);
    if (view == NULL)
        return false;
    fill_view(view, target, verdict, now_us, reason);
    provider_count_key(target, view);
    replace_view(target, view);
    return true;
}

void target_note_next(struct target *target, int64_t next_check_us)
{
    /* Not yet published: the provider's view takes it right afterwards. */
    target->view->next_check_us = next_check_us;
}
