#include "serve/event_ring.h"

struct event *event_ring_at(const struct event_ring *ring, size_t i)
{
    return ring->events[(ring->first + i) % EVENT_RING_MAX];
}

void event_ring_add(struct event_ring *ring, struct event *event)
{
    if (ring->count == EVENT_RING_MAX) {
        struct event *oldest = ring->events[ring->first];
        ring->floor_id = oldest->id;
        event_release(oldest);
        ring->first = (ring->first + 1) % EVENT_RING_MAX;
        --ring->count;
    }
    ring->events[(ring->first + ring->count) % EVENT_RING_MAX] = event;
    ++ring->count;
}

void event_ring_dispose(struct event_ring *ring)
{
    for (size_t i = 0; i < ring->count; ++i)
        event_release(event_ring_at(ring, i));
    ring->count = 0;
}

size_t event_ring_behind(const struct event_ring *ring, int64_t id)
{
    size_t low = 0, high = ring->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (event_ring_at(ring, middle)->id > id)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

int64_t event_ring_last_id(const struct event_ring *ring)
{
    return ring->count != 0 ? event_ring_at(ring, ring->count - 1)->id : ring->floor_id;
}
