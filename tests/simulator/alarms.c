#include "alarms.h"

#include <stdio.h>
#include <stdlib.h>

static void put(struct alarms *alarms, size_t place, struct alarm *alarm)
{
    alarms->heap[place] = alarm;
    alarm->place = place + 1;
}

static void sift(struct alarms *alarms, size_t place, struct alarm *alarm)
{
    while (place > 0 && alarms->heap[(place - 1) / 2]->due_ms > alarm->due_ms) {
        put(alarms, place, alarms->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    for (size_t child = place * 2 + 1; child < alarms->count; child = place * 2 + 1) {
        if (child + 1 < alarms->count && alarms->heap[child + 1]->due_ms < alarms->heap[child]->due_ms)
            child++;
        if (alarms->heap[child]->due_ms >= alarm->due_ms)
            break;
        put(alarms, place, alarms->heap[child]);
        place = child;
    }
    put(alarms, place, alarm);
}

void alarm_set(struct alarms *alarms, struct alarm *alarm, uint64_t due_ms)
{
    alarm_clear(alarms, alarm);
    if (alarms->count == alarms->capacity) {
        size_t capacity = alarms->capacity != 0 ? alarms->capacity * 2 : 64;
        struct alarm **heap = realloc(alarms->heap, capacity * sizeof(struct alarm *));
        if (heap == NULL) {
            fputs("simulator: out of memory\n", stderr);
            abort();
        }
        alarms->heap = heap;
        alarms->capacity = capacity;
    }
    alarm->due_ms = due_ms;
    size_t place = alarms->count++;
    sift(alarms, place, alarm);
}

void alarm_clear(struct alarms *alarms, struct alarm *alarm)
{
    if (alarm->place == 0)
        return;
    size_t place = alarm->place - 1;
    alarm->place = 0;
    struct alarm *last = alarms->heap[--alarms->count];
    if (last != alarm)
        sift(alarms, place, last);
}

bool alarms_ring(struct alarms *alarms, uint64_t now_ms)
{
    bool rang = false;
    while (alarms->count > 0 && alarms->heap[0]->due_ms <= now_ms) {
        struct alarm *alarm = alarms->heap[0];
        alarm_clear(alarms, alarm);
        alarm->ring(alarm);
        rang = true;
    }
    return rang;
}

uint64_t alarms_next(const struct alarms *alarms)
{
    return alarms->count > 0 ? alarms->heap[0]->due_ms : UINT64_MAX;
}

void alarms_dispose(struct alarms *alarms)
{
    free(alarms->heap);
    *alarms = (struct alarms){NULL, 0, 0};
}
