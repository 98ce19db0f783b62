#include "health/schedule.h"

/* FNV-1a, 32 bits (http://www.isthe.com/chongo/tech/comp/fnv/): spreads similar names well enough. */
static uint32_t hash_name(const char *name)
{
    uint32_t hash = UINT32_C(2166136261);
    for (; *name != '\0'; ++name)
        hash = (hash ^ (unsigned char)*name) * UINT32_C(16777619);
    /* Names that differ only at their end differ too little in the high bits: mix once more (MurmurHash3's finisher).
     */
    hash = (hash ^ hash >> 16) * UINT32_C(0x85EBCA6B);
    hash = (hash ^ hash >> 13) * UINT32_C(0xC2B2AE35);
    return hash ^ hash >> 16;
}

static uint64_t share_of(uint64_t span_us, uint32_t random)
{
    return (uint64_t)((double)span_us * (random / 4294967296.0));
}

void schedule_begin(struct schedule *schedule, const char *name, uint64_t now_us, uint64_t interval_us,
                    unsigned jitter_percent)
{
    schedule->interval_us = interval_us;
    schedule->jitter_percent = jitter_percent;
    /* The second check comes half an interval to one and a half after the first: spread, and never much too soon. */
    schedule->grid_us = now_us + share_of(interval_us, hash_name(name)) - interval_us / 2;
}

void schedule_change(struct schedule *schedule, const char *name, uint64_t now_us, uint64_t interval_us,
                     unsigned jitter_percent)
{
    if (interval_us != schedule->interval_us)
        schedule_begin(schedule, name, now_us, interval_us, jitter_percent);
    schedule->jitter_percent = jitter_percent;
}

uint64_t schedule_next(struct schedule *schedule, uint64_t now_us, uint32_t random)
{
    uint64_t interval_us = schedule->interval_us;
    uint64_t jitter_us = share_of(interval_us * schedule->jitter_percent / 100, random);
    uint64_t earliest_us = now_us + interval_us / 2 - jitter_us; /* of the grid point; jitter is half of it at most */
    uint64_t phase_us = schedule->grid_us % interval_us;
    uint64_t point_us = earliest_us - earliest_us % interval_us + phase_us;
    if (point_us < earliest_us)
        point_us += interval_us;
    schedule->grid_us = point_us;
    return point_us + jitter_us;
}
