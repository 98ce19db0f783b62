#include "health/traffic.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static int64_t slot_of(int64_t wall_us)
{
    return wall_us / 1000000 / TRAFFIC_SLOT_S;
}

static const struct traffic_count *slot_at(const struct traffic *traffic, int64_t number)
{
    return &traffic->slots[number % TRAFFIC_SLOTS];
}

void traffic_begin(struct traffic *traffic, int64_t now_us)
{
    int64_t slot = slot_of(now_us);
    *traffic = (struct traffic){.newest = slot, .folded = slot - 1, .judged_from = slot};
}

/* Clears the slots between the one that was filling and the one of now. */
static void advance(struct traffic *traffic, int64_t now_us)
{
    int64_t slot = slot_of(now_us);
    if (slot - traffic->newest >= TRAFFIC_SLOTS) {
        memset(traffic->slots, 0, sizeof(traffic->slots));
        traffic->newest = slot;
    }
    while (traffic->newest < slot) {
        ++traffic->newest;
        traffic->slots[traffic->newest % TRAFFIC_SLOTS] = (struct traffic_count){{0}};
    }
}

void traffic_take(struct traffic *traffic, enum traffic_sort sort, const char *kind, int64_t now_us)
{
    advance(traffic, now_us);
    ++traffic->slots[traffic->newest % TRAFFIC_SLOTS].calls[sort];
    traffic->last_us = now_us;
    if (sort == TRAFFIC_OK) {
        traffic->failures_in_row = 0;
        traffic->failing_since_us = 0;
    } else if (sort == TRAFFIC_FAILED) {
        if (traffic->failures_in_row++ == 0)
            traffic->failing_since_us = now_us;
        snprintf(traffic->kind, sizeof(traffic->kind), "%s", kind != NULL ? kind : "");
    }
}

void traffic_sum(const struct traffic *traffic, unsigned slots, bool judged, int64_t now_us, struct traffic_count *sum)
{
    int64_t now = slot_of(now_us), latest = now > traffic->newest ? now : traffic->newest;
    int64_t oldest = latest - (int64_t)slots + 1;
    *sum = (struct traffic_count){{0}};
    if (oldest <= traffic->newest - TRAFFIC_SLOTS)
        oldest = traffic->newest - TRAFFIC_SLOTS + 1;
    if (judged && oldest < traffic->judged_from)
        oldest = traffic->judged_from;
    for (int64_t number = oldest; number <= traffic->newest; ++number) {
        for (int sort = 0; sort < TRAFFIC_SORTS; ++sort)
            sum->calls[sort] += slot_at(traffic, number)->calls[sort];
    }
}

void traffic_judge_anew(struct traffic *traffic, int64_t now_us)
{
    advance(traffic, now_us);
    traffic->judged_from = traffic->newest + 1;
    traffic->failures_in_row = 0;
    traffic->failing_since_us = 0;
}

static unsigned take_whole(double *credit)
{
    double whole = floor(*credit + 1e-9); /* five times 0.2 is a check */
    *credit = fmax(0, *credit - whole);
    return (unsigned)whole;
}

struct traffic_checks traffic_fold(struct traffic *traffic, double weight, int64_t now_us)
{
    advance(traffic, now_us);
    int64_t first = traffic->folded + 1;
    if (first <= traffic->newest - TRAFFIC_SLOTS)
        first = traffic->newest - TRAFFIC_SLOTS + 1;
    for (int64_t number = first; number < traffic->newest; ++number) {
        const struct traffic_count *slot = slot_at(traffic, number);
        double calls = traffic_telling(slot), worth = fmin(1, calls * weight);
        if (calls == 0)
            continue;
        traffic->down_credit += worth * slot->calls[TRAFFIC_FAILED] / calls;
        traffic->up_credit += worth * (calls - slot->calls[TRAFFIC_FAILED]) / calls;
    }
    traffic->folded = traffic->newest - 1;
    return (struct traffic_checks){.up = take_whole(&traffic->up_credit), .down = take_whole(&traffic->down_credit)};
}
