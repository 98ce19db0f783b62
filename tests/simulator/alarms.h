/* alarms: calls at a later moment, on h2o's loop (whose own timeouts come one list per duration). A binary heap.
 * Thread: one. Time: clock_monotonic_ms(). An alarm is embedded in its owner; zero it before the first use. */
#ifndef SIMULATOR_ALARMS_H
#define SIMULATOR_ALARMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct alarm {
    uint64_t due_ms;
    size_t place; /* in the heap, plus one; 0 = not set */
    void (*ring)(struct alarm *alarm);
};

struct alarms {
    struct alarm **heap; /* owned */
    size_t count, capacity;
};

void alarm_set(struct alarms *alarms, struct alarm *alarm, uint64_t due_ms); /* or sets it anew */
void alarm_clear(struct alarms *alarms, struct alarm *alarm);                /* harmless when not set */
bool alarms_ring(struct alarms *alarms, uint64_t now_ms);                    /* everything due; was there any? */
uint64_t alarms_next(const struct alarms *alarms);                           /* UINT64_MAX: none */
void alarms_dispose(struct alarms *alarms);

#endif
