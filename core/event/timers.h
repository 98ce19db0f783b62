/* timers: a binary heap of armed timers, earliest first. Internal to event/. */
#ifndef PROVIDERD_EVENT_TIMERS_H
#define PROVIDERD_EVENT_TIMERS_H

#include "event/loop.h"

struct timer_heap {
    struct timer **timers; /* owned array; the timers are their owners' */
    size_t count;
    size_t capacity;
};

bool timer_heap_put(struct timer_heap *heap, struct timer *timer); /* sifts an armed timer to its new place */
void timer_heap_remove(struct timer_heap *heap, struct timer *timer);
struct timer *timer_heap_first(const struct timer_heap *heap); /* NULL when empty */
void timer_heap_dispose(struct timer_heap *heap);

#endif
