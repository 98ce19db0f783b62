/* event_ring: the latest events, at hand in each HTTP thread, so that most listeners and pollers need no database.
 *
 * Thread: the one that owns it. Internal to serve/.
 */
#ifndef PROVIDERD_SERVE_EVENT_RING_H
#define PROVIDERD_SERVE_EVENT_RING_H

#include "health/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EVENT_RING_MAX = 4096 }; /* the events themselves are shared by all threads */

struct event_ring {
    struct event *events[EVENT_RING_MAX]; /* references; in a circle from `first` on, by id */
    size_t first;
    size_t count;
    int64_t floor_id; /* all events behind this one are in the ring */
};

void event_ring_add(struct event_ring *ring, struct event *event); /* takes the reference over */
void event_ring_dispose(struct event_ring *ring);

/* The i-th, 0 being the oldest. */
struct event *event_ring_at(const struct event_ring *ring, size_t i);

/* The place of the first event behind an id; `count` when there is none. */
size_t event_ring_behind(const struct event_ring *ring, int64_t id);

/* The last id; the floor when there is none. */
int64_t event_ring_last_id(const struct event_ring *ring);

#endif
