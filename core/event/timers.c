#include "event/timers.h"

#include <stdlib.h>

static void place(struct timer_heap *heap, size_t index, struct timer *timer)
{
    heap->timers[index] = timer;
    timer->heap_index = index + 1;
}

static void sift_up(struct timer_heap *heap, size_t index, struct timer *timer)
{
    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (heap->timers[parent]->due_us <= timer->due_us)
            break;
        place(heap, index, heap->timers[parent]);
        index = parent;
    }
    place(heap, index, timer);
}

static void sift_down(struct timer_heap *heap, size_t index, struct timer *timer)
{
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= heap->count)
            break;
        if (child + 1 < heap->count && heap->timers[child + 1]->due_us < heap->timers[child]->due_us)
            ++child;
        if (timer->due_us <= heap->timers[child]->due_us)
            break;
        place(heap, index, heap->timers[child]);
        index = child;
    }
    place(heap, index, timer);
}

static void settle(struct timer_heap *heap, size_t index, struct timer *timer)
{
    if (index > 0 && heap->timers[(index - 1) / 2]->due_us > timer->due_us)
        sift_up(heap, index, timer);
    else
        sift_down(heap, index, timer);
}

bool timer_heap_put(struct timer_heap *heap, struct timer *timer)
{
    if (timer->heap_index != 0) {
        settle(heap, timer->heap_index - 1, timer);
        return true;
    }
    if (heap->count == heap->capacity) {
        size_t capacity = heap->capacity != 0 ? heap->capacity * 2 : 64;
        struct timer **grown = realloc(heap->timers, capacity * sizeof(*grown));
        if (grown == NULL)
            return false;
        heap->timers = grown;
        heap->capacity = capacity;
    }
    sift_up(heap, heap->count++, timer);
    return true;
}

void timer_heap_remove(struct timer_heap *heap, struct timer *timer)
{
    if (timer->heap_index == 0)
        return;
    size_t index = timer->heap_index - 1;
    struct timer *last = heap->timers[--heap->count];
    timer->heap_index = 0;
    if (last != timer)
        settle(heap, index, last);
}

struct timer *timer_heap_first(const struct timer_heap *heap)
{
    return heap->count != 0 ? heap->timers[0] : NULL;
}

void timer_heap_dispose(struct timer_heap *heap)
{
    free(heap->timers);
    *heap = (struct timer_heap){NULL, 0, 0};
}
