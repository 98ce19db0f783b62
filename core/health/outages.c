#include "health/outages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- what is remembered -- */

static void remember_span(struct outages *outages, int64_t started_us, int64_t ended_us)
{
    if (outages->count == OUTAGES_KEPT) {
        memmove(outages->past, outages->past + 1, (OUTAGES_KEPT - 1) * sizeof(*outages->past));
        --outages->count;
    }
    if (outages->count == outages->capacity) {
        size_t capacity = outages->capacity != 0 ? outages->capacity * 2 : 4;
        struct outage_span *grown = realloc(outages->past, capacity * sizeof(*grown));
        if (grown == NULL)
            return;
        outages->past = grown;
        outages->capacity = capacity;
    }
    outages->past[outages->count++] = (struct outage_span){started_us, ended_us};
}

static void hold_back(struct outages *outages, const struct outage *outage)
{
    struct outage *grown = realloc(outages->untold, (outages->untold_count + 1) * sizeof(*grown));
    if (grown == NULL)
        return;
    outages->untold = grown;
    grown[outages->untold_count++] = *outage;
}

/* The current outage is over. One that the clock was set back in has no length. */
static void end_current(struct outages *outages, int64_t ended_us)
{
    struct outage *current = &outages->current;
    current->ended_us = ended_us > current->started_us ? ended_us : current->started_us;
    outages->lasting = false;
    remember_span(outages, current->started_us, current->ended_us);
}

/* -- checks -- */

static void tell_of(struct outage *outage, outage_fn tell, void *user)
{
    tell(outage, user);
    outage->told = true;
}

static void begin_current(struct outages *outages, const struct outage_check *check)
{
    outages->current = (struct outage){.started_us = check->checked_us};
    snprintf(outages->current.kind, sizeof(outages->current.kind), "%s", check->kind);
    snprintf(outages->current.first_error, sizeof(outages->current.first_error), "%s", check->message);
}

static void count_streak(struct outages *outages, const struct outage_check *check)
{
    struct streak *streak = &outages->streak;
    if (streak->checks == 0 || streak->up != check->up) {
        if (streak->checks != 0 && outages->first_over_us == 0)
            outages->first_over_us = check->checked_us;
        *streak = (struct streak){.up = check->up, .since_us = check->checked_us};
    }
    ++streak->checks;
    if (!outages->past_known && outages->first_over_us == 0)
        outages->first = *streak;
}

void outages_take(struct outages *outages, const struct outage_check *check, outage_fn tell, void *user)
{
    count_streak(outages, check);
    if (!check->up) {
        if (outages->streak.checks == 1)
            begin_current(outages, check);
        ++outages->current.checks_lost;
        outages->lasting = outages->lasting || check->down;
        if (outages->lasting && outages->past_known)
            tell_of(&outages->current, tell, user);
        return;
    }
    if (!outages->lasting)
        return;
    end_current(outages, check->checked_us);
    if (outages->past_known)
        tell_of(&outages->current, tell, user);
    else
        hold_back(outages, &outages->current);
}

/* -- the past -- */

void outages_add_past(struct outages *outages, const struct outage *outage)
{
    if (outages->lasting) /* its end was never told: it was over when the next one began, at the latest */
        end_current(outages, outage->started_us);
    if (outage->ended_us != 0) {
        remember_span(outages, outage->started_us, outage->ended_us);
        return;
    }
    outages->current = *outage;
    outages->current.told = true;
    outages->lasting = true;
}

void outages_set_streak(struct outages *outages, const struct streak *streak, const struct outage_check *first_failure)
{
    outages->streak = *streak;
    if (streak->checks == 0 || streak->up || outages->lasting)
        return;
    begin_current(outages, first_failure);
    outages->current.checks_lost = streak->checks;
}

static void end_past(struct outages *past, int64_t ended_us, outage_fn tell, void *user)
{
    end_current(past, ended_us);
    tell_of(&past->current, tell, user);
}

/* What began before goes on: its begin is theirs. */
static void join(struct outage *outage, const struct outage *before)
{
    uint32_t lost = outage->checks_lost;
    int64_t ended_us = outage->ended_us;
    *outage = *before;
    outage->checks_lost += lost;
    outage->ended_us = ended_us;
}

/* The past ended with failures, and what was seen began with some. */
static void join_first(struct outages *outages, struct outages *past, outage_fn tell, void *user)
{
    if (outages->first_over_us == 0) {
        join(&outages->current, &past->current);
        outages->lasting = outages->lasting || past->lasting;
    } else if (outages->untold_count != 0 && outages->untold[0].started_us == outages->first.since_us) {
        join(&outages->untold[0], &past->current);
        if (outages->count != 0)
            outages->past[0].started_us = past->current.started_us;
    } else if (past->lasting) {
        past->current.checks_lost += outages->first.checks;
        end_past(past, outages->first_over_us, tell, user);
    }
}

static void join_streaks(struct outages *outages, const struct outages *past)
{
    struct streak *streak = &outages->streak;
    if (streak->checks == 0) {
        *streak = past->streak;
    } else if (outages->first_over_us == 0 && past->streak.checks != 0 && past->streak.up == streak->up) {
        streak->checks += past->streak.checks;
        streak->since_us = past->streak.since_us;
    }
}

void outages_absorb(struct outages *outages, struct outages *past, outage_fn tell, void *user)
{
    bool seen = outages->first.checks != 0;
    if (past->lasting && past->streak.checks != 0 && past->streak.up)
        end_past(past, past->streak.since_us, tell, user);
    bool failing = past->lasting || (past->streak.checks != 0 && !past->streak.up);
    if (!seen) {
        outages->current = past->current;
        outages->lasting = past->lasting;
    } else if (failing && !outages->first.up) {
        join_first(outages, past, tell, user);
    } else if (past->lasting) {
        end_past(past, outages->first.since_us, tell, user);
    }
    join_streaks(outages, past);

    struct outage_span *since = outages->past;
    size_t since_count = outages->count;
    outages->past = past->past;
    outages->count = past->count;
    outages->capacity = past->capacity;
    *past = OUTAGES_EMPTY;
    for (size_t i = 0; i < since_count; ++i)
        remember_span(outages, since[i].started_us, since[i].ended_us);
    free(since);

    outages->past_known = true;
    for (size_t i = 0; i < outages->untold_count; ++i)
        tell_of(&outages->untold[i], tell, user);
    free(outages->untold);
    outages->untold = NULL;
    outages->untold_count = 0;
    if (outages->lasting && seen)
        tell_of(&outages->current, tell, user);
}

/* -- summing up -- */

struct sum {
    int64_t from_us;
    int64_t to_us;
    unsigned began;
    unsigned ended;
    int64_t ended_length_us;
};

static void add_span(struct sum *sum, struct outage_summary *summary, int64_t started_us, int64_t ended_us, bool over)
{
    if (ended_us < sum->from_us || started_us > sum->to_us)
        return;
    int64_t from_us = started_us > sum->from_us ? started_us : sum->from_us;
    int64_t to_us = ended_us < sum->to_us ? ended_us : sum->to_us;
    ++summary->count;
    summary->down_us += to_us > from_us ? to_us - from_us : 0;
    sum->began += started_us >= sum->from_us;
    sum->ended += over;
    sum->ended_length_us += over ? ended_us - started_us : 0;
}

void outages_summarize(const struct outages *outages, int64_t from_us, int64_t to_us, struct outage_summary *summary)
{
    struct sum sum = {.from_us = from_us, .to_us = to_us};
    *summary = (struct outage_summary){.count = 0};
    for (size_t i = outages->count; i-- > 0 && outages->past[i].ended_us >= from_us;)
        add_span(&sum, summary, outages->past[i].started_us, outages->past[i].ended_us, true);
    if (outages->lasting)
        add_span(&sum, summary, outages->current.started_us, to_us, false);
    int64_t up_us = to_us - from_us - summary->down_us;
    if (sum.began != 0 && up_us > 0)
        summary->mtbf_us = up_us / sum.began;
    if (sum.ended != 0)
        summary->mttr_us = sum.ended_length_us / sum.ended;
}

void outages_dispose(struct outages *outages)
{
    free(outages->past);
    free(outages->untold);
    *outages = OUTAGES_EMPTY;
}
