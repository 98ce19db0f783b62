/* pace: how long to wait until the next check, by the state and the worth of what is checked. A pure function.
 *
 * In doubt (failing but not yet down, or coming back) it asks quickly. What waits for a human, a reset or a repair is
 * asked as its kind says (lib/kinds.lua). What has been down for long is asked ever more seldom. Otherwise the interval
 * holds, shorter for who is a contender for best and longer for who is not, so that the sum stays what it was.
 * The idea of three intervals is HAProxy's (inter, fastinter, downinter).
 */
#ifndef PROVIDERD_HEALTH_PACE_H
#define PROVIDERD_HEALTH_PACE_H

#include "script/kinds.h"

#include <stdbool.h>
#include <stdint.h>

struct pace_intervals {
    uint64_t interval_us;
    uint64_t quick_us;
    uint64_t down_us; /* the longest by backoff */
};

struct pace_state {
    bool doubtful;                 /* the state may be another after the next check */
    const struct error_kind *kind; /* of the last check; NULL when it was ok */
    int64_t retry_in_us;           /* until the time that was told; -1 = none was */
    uint64_t failing_for_us;       /* since the first check that was not ok; 0 = it is ok */
    unsigned repeats;              /* checks in a row that ended the same way, beyond the one that settled it */
};

/* Worth of a score from 0 to 100: 0.5 to 2, steepest at the top, where it is decided who is best. */
double pace_worth(double score);

/* The ordinary interval of who has this share of the mean worth, as a share of the configured one: 0.5 to 2. */
double pace_stretch(double relative_worth);

/* 0 = the ordinary interval, by its grid (schedule.h); else this long from now. */
uint64_t pace_wait_us(const struct pace_intervals *intervals, const struct pace_state *state);

#endif
