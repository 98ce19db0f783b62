/* schedule: when a provider is due next. A pure function of times, so that it can be tested without waiting.
 *
 * Each provider has a grid: points one interval apart. Its phase is spread, so that many providers do not start at the
 * same moment; a check begins at a grid point plus a little jitter. Points that have passed while a check was still
 * running, or the machine asleep, are skipped, never caught up.
 */
#ifndef PROVIDERD_HEALTH_SCHEDULE_H
#define PROVIDERD_HEALTH_SCHEDULE_H

#include <stdint.h>

struct schedule {
    uint64_t grid_us; /* the grid point due next, or one before it, monotonic */
    uint64_t interval_us;
    unsigned jitter_percent; /* 0-50: a check starts at most this share of its interval after its grid point */
};

/* Sets up a provider that is checked at once, at `now_us`: its later checks follow a grid whose phase is spread over
 * the interval by the provider's name. */
void schedule_begin(struct schedule *schedule, const char *name, uint64_t now_us, uint64_t interval_us,
                    unsigned jitter_percent);

/* Takes another interval from now on; the phase stays when the interval does. */
void schedule_change(struct schedule *schedule, const char *name, uint64_t now_us, uint64_t interval_us,
                     unsigned jitter_percent);

/* The moment of the next check, when one has just ended at `now_us`: the first grid point, plus jitter from `random`
 * (any 32 bits), that is at least half an interval away. A check made out of turn so takes the place of one that was
 * due very soon, and puts off none of the others. */
uint64_t schedule_next(struct schedule *schedule, uint64_t now_us, uint32_t random);

#endif
