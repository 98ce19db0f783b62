/* meter: what the checks of one provider have added up to since the start: for monitoring, which takes differences.
 *
 * Thread: one at a time; plain values.
 */
#ifndef PROVIDERD_HEALTH_METER_H
#define PROVIDERD_HEALTH_METER_H

#include <stdbool.h>
#include <stdint.h>

enum { METER_BUCKETS = 12 };

/* Upper bounds of the buckets, seconds; what is beyond the last is only in `count`. */
extern const double meter_bounds_s[METER_BUCKETS];

struct meter {
    uint64_t up;     /* checks that counted as up, */
    uint64_t failed; /* that did not, */
    uint64_t other;  /* and that taught nothing */
    uint64_t count;  /* of those with a duration */
    double sum_s;
    uint64_t buckets[METER_BUCKETS]; /* each for itself, not cumulative */
};

/* Counts a check in. `duration_ms`: below 0 = not measured. */
void meter_add(struct meter *meter, bool counted, bool up, double duration_ms);

#endif
