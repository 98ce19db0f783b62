#include "health/deep.h"

#include <stdio.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)
#define DAY_US (INT64_C(86400) * SECOND_US)

static const double ODD_RATIO = 2; /* twice as slow, or half as fast, as the time before: look closer */
static const uint64_t FAILING_SHARE = 10;

static void turn_day(struct deep_memory *memory, int64_t now_us)
{
    int64_t day = now_us / DAY_US;
    if (memory->day != day) {
        memory->day = day;
        memory->view.tokens_today = 0;
        memory->requests_today = 0;
    }
}

const char *deep_rung(const struct deep_memory *memory, const struct deep_tuning *tuning, int64_t now_us)
{
    bool old = memory->timed_ok_us == 0 || now_us - memory->timed_ok_us >= tuning->timed_interval_ms * 1000;
    return old || memory->odd ? "timed" : "tiny";
}

uint64_t deep_wait_us(const struct deep_memory *memory, const struct tuning *tuning, int64_t now_us)
{
    uint64_t interval_us = (uint64_t)tuning->deep.interval_ms * 1000;
    if (memory->failures == 0 && memory->odd)
        return interval_us / FAILING_SHARE;
    if (!memory->has_kind)
        return interval_us;
    const struct error_kind *kind = &memory->kind;
    if (kind->ask == ASK_AFTER && (uint64_t)kind->ask_ms * 1000 > interval_us)
        return (uint64_t)kind->ask_ms * 1000;
    if (kind->ask == ASK_RESET && memory->retry_at_us > now_us) {
        int64_t wait_us = memory->retry_at_us - now_us;
        return (uint64_t)(wait_us < DAY_US ? wait_us : DAY_US) + (uint64_t)SECOND_US;
    }
    /* In doubt more often, but each try costs tokens. */
    if (memory->failures >= tuning->max_consecutive_failures)
        return interval_us;
    uint64_t quick_us = (uint64_t)tuning->quick_interval_ms * 1000, wait_us = interval_us / FAILING_SHARE;
    wait_us = wait_us > quick_us ? wait_us : quick_us;
    return wait_us < interval_us ? wait_us : interval_us;
}

static int64_t share_left(double daily, double share_percent, int64_t spent)
{
    double left = daily * share_percent / 100 - (double)spent;
    return left > 0 ? (int64_t)left : 0;
}

int64_t deep_tokens_left(struct deep_memory *memory, const struct deep_tuning *tuning, const struct limits *limits,
                         int64_t now_us)
{
    turn_day(memory, now_us);
    int64_t left = tuning->daily_tokens - memory->view.tokens_today;
    double tokens = limits_daily(limits, true), requests = limits_daily(limits, false);
    if (tokens > 0) {
        int64_t share = share_left(tokens, tuning->share_percent, memory->view.tokens_today);
        left = share < left ? share : left;
    }
    if (requests > 0 && share_left(requests, tuning->share_percent, memory->requests_today) < 1)
        left = 0;
    return left > 0 ? left : 0;
}

void deep_spend(struct deep_memory *memory, int64_t tokens, unsigned requests, int64_t now_us)
{
    turn_day(memory, now_us);
    memory->view.tokens_today += tokens;
    memory->requests_today += requests;
}

/* Whether two measurements differ by more than noise does. */
static bool differs(double a, double b)
{
    return a > 0 && b > 0 && (a > b * ODD_RATIO || b > a * ODD_RATIO);
}

static bool take_good(struct deep_memory *memory, const struct deep_finding *found, int64_t now_us)
{
    struct deep_view *view = &memory->view;
    bool was_failing = memory->failures != 0, timed = strcmp(found->rung, "timed") == 0;
    bool changed = view->model[0] != '\0' && found->model[0] != '\0' && strcmp(view->model, found->model) != 0 &&
                   strcmp(view->model_asked, found->model_asked) == 0;

    memory->failures = 0;
    memory->has_kind = false;
    memory->retry_at_us = 0;
    memory->odd = was_failing || changed;
    if (timed) {
        memory->odd = differs(view->first_token_ms, found->first_token_ms) ||
                      differs(view->tokens_per_second, found->tokens_per_second);
        view->first_token_ms = found->first_token_ms;
        view->tokens_per_second = found->tokens_per_second;
        view->timed_us = memory->timed_ok_us = now_us;
    }
    memcpy(memory->model, found->model_asked, sizeof(memory->model));
    memcpy(view->model_asked, found->model_asked, sizeof(view->model_asked));
    memcpy(view->model, found->model, sizeof(view->model));
    view->model_mismatch = found->model_mismatch;
    return changed;
}

bool deep_take(struct deep_memory *memory, const struct verdict *verdict, int64_t now_us)
{
    struct deep_view *view = &memory->view;
    const struct deep_finding *found = &verdict->deep;
    bool changed = false;

    if (found->skipped[0] != '\0') {
        snprintf(view->error_message, sizeof(view->error_message), "skipped: %s", found->skipped);
        return false;
    }
    view->checked_us = now_us;
    view->ok = verdict->ok;
    memcpy(view->rung, found->rung, sizeof(view->rung));
    snprintf(view->error_kind, sizeof(view->error_kind), "%s", verdict->kind);
    snprintf(view->error_message, sizeof(view->error_message), "%s", verdict->message);
    if (verdict->ok) {
        changed = take_good(memory, found, now_us);
    } else {
        memory->has_kind = verdict->effects != NULL;
        if (memory->has_kind)
            memory->kind = *verdict->effects;
        memory->retry_at_us = verdict->retry_at_us;
        memory->failures += memory->has_kind && memory->kind.effect == EFFECT_FAILURE;
        memory->odd = false;
        if (found->model_asked[0] != '\0')
            memcpy(view->model_asked, found->model_asked, sizeof(view->model_asked));
    }
    return changed;
}
