#include "health/meter.h"

const double meter_bounds_s[METER_BUCKETS] = {0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2.5, 5, 10};

void meter_add(struct meter *meter, bool counted, bool up, double duration_ms)
{
    if (!counted)
        ++meter->other;
    else if (up)
        ++meter->up;
    else
        ++meter->failed;
    if (duration_ms < 0)
        return;
    ++meter->count;
    meter->sum_s += duration_ms / 1000;
    for (int i = 0; i < METER_BUCKETS; ++i) {
        if (duration_ms / 1000 <= meter_bounds_s[i]) {
            ++meter->buckets[i];
            return;
        }
    }
}
