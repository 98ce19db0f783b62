#include "health/pace.h"

#include <math.h>

#define SECOND_US UINT64_C(1000000)

static const uint64_t LONG_DOWN_US = 600 * SECOND_US;         /* from here on a failure is asked after more seldom */
static const int64_t RESET_MAX_US = INT64_C(86400) * 1000000; /* a time that was told is believed for a day at most */
static const uint64_t AFTER_RESET_US = SECOND_US / 2;         /* the other clock may be a little behind */
static const double SLOWEST = 2, QUICKEST = 0.5;              /* by worth, as shares of the interval */

double pace_worth(double score)
{
    double share = fmin(1, fmax(0, score / 100));
    return 0.5 + 1.5 * share * share;
}

static uint64_t at_least(uint64_t value, uint64_t least)
{
    return value > least ? value : least;
}

static uint64_t at_most(uint64_t value, uint64_t most)
{
    return value < most ? value : most;
}

/* The interval, doubled with each repeat, up to `most_us`. */
static uint64_t backoff_us(const struct pace_intervals *intervals, unsigned repeats)
{
    uint64_t most_us = at_least(intervals->down_us, intervals->interval_us), wait_us = intervals->interval_us;
    for (unsigned i = 0; i < repeats && wait_us < most_us; ++i)
        wait_us *= 2;
    return at_most(wait_us, most_us);
}

static uint64_t after_reset_us(const struct pace_intervals *intervals, const struct pace_state *state)
{
    if (state->retry_in_us < 0)
        return state->kind->effect == EFFECT_LIMITED && state->repeats == 0 ? intervals->interval_us
                                                                            : backoff_us(intervals, state->repeats);
    int64_t wait_us = state->retry_in_us < RESET_MAX_US ? state->retry_in_us : RESET_MAX_US;
    /* A reset within moments would let a provider that always says "1 s" be asked all the time. */
    return at_least((uint64_t)wait_us + AFTER_RESET_US, at_most(intervals->quick_us, intervals->interval_us));
}

double pace_stretch(double relative_worth)
{
    return relative_worth > 0 ? fmin(SLOWEST, fmax(QUICKEST, 1 / relative_worth)) : 1;
}

uint64_t pace_wait_us(const struct pace_intervals *intervals, const struct pace_state *state)
{
    const struct error_kind *kind = state->kind;
    uint64_t quick_us = at_most(intervals->quick_us, intervals->interval_us);

    if (kind != NULL && kind->ask == ASK_RESET && (state->retry_in_us >= 0 || !state->doubtful))
        return after_reset_us(intervals, state);
    if (state->doubtful)
        return quick_us < intervals->interval_us ? quick_us : 0;
    if (kind == NULL)
        return 0;
    switch (kind->ask) {
    case ASK_AFTER:
        return at_least((uint64_t)kind->ask_ms * 1000, quick_us);
    case ASK_BACKOFF:
        return backoff_us(intervals, state->repeats);
    case ASK_INTERVAL:
    case ASK_RESET:
        break;
    }
    if (state->failing_for_us > LONG_DOWN_US)
        return backoff_us(intervals, 1 + (unsigned)(state->failing_for_us / LONG_DOWN_US) / 2);
    return 0;
}
