/* recent_worst: the largest value within the last second or two: quick to rise, and forgotten soon.
 *
 * Thread: one at a time; a plain value, all zero to begin with.
 */
#ifndef PROVIDERD_BASE_RECENT_WORST_H
#define PROVIDERD_BASE_RECENT_WORST_H

#include <stdint.h>

enum { RECENT_WORST_WINDOW_US = 1000 * 1000 };

struct recent_worst {
    uint64_t began_us; /* of the window under way, monotonic */
    uint64_t now;      /* the worst of this window */
    uint64_t before;   /* of the one before */
};

static inline void recent_worst_add(struct recent_worst *worst, uint64_t value, uint64_t now_us)
{
    uint64_t age_us = now_us - worst->began_us;
    if (age_us >= RECENT_WORST_WINDOW_US) {
        worst->before = age_us < 2 * (uint64_t)RECENT_WORST_WINDOW_US ? worst->now : 0;
        worst->now = 0;
        worst->began_us = now_us;
    }
    if (value > worst->now)
        worst->now = value;
}

static inline uint64_t recent_worst_get(const struct recent_worst *worst)
{
    return worst->now > worst->before ? worst->now : worst->before;
}

#endif
