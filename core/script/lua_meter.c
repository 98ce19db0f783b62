#include "script/lua_meter.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct lua_meter {
    atomic_uint references;
    char *path;
    atomic_uint_fast64_t runs;
    atomic_uint_fast64_t time_us;
    pthread_mutex_t lock; /* of what follows */
    uint64_t errors;
    int64_t last_error_us;
    char last_error[LUA_METER_ERROR_MAX];
};

struct lua_meters {
    atomic_uint references;
    size_t count;
    struct lua_meter *list[];
};

struct lua_meter *lua_meter_new(const char *path)
{
    struct lua_meter *meter = calloc(1, sizeof(*meter));
    if (meter == NULL || (meter->path = strdup(path)) == NULL) {
        free(meter);
        return NULL;
    }
    atomic_init(&meter->references, 1);
    pthread_mutex_init(&meter->lock, NULL);
    return meter;
}

struct lua_meter *lua_meter_retain(struct lua_meter *meter)
{
    atomic_fetch_add_explicit(&meter->references, 1, memory_order_relaxed);
    return meter;
}

void lua_meter_release(struct lua_meter *meter)
{
    if (meter == NULL || atomic_fetch_sub_explicit(&meter->references, 1, memory_order_acq_rel) != 1)
        return;
    pthread_mutex_destroy(&meter->lock);
    free(meter->path);
    free(meter);
}

void lua_meter_add_run(struct lua_meter *meter, uint64_t time_us)
{
    if (meter == NULL)
        return;
    atomic_fetch_add_explicit(&meter->runs, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&meter->time_us, time_us, memory_order_relaxed);
}

void lua_meter_add_error(struct lua_meter *meter, const char *error)
{
    pthread_mutex_lock(&meter->lock);
    ++meter->errors;
    meter->last_error_us = clock_wall_us();
    snprintf(meter->last_error, sizeof(meter->last_error), "%s", error);
    pthread_mutex_unlock(&meter->lock);
}

const char *lua_meter_path(const struct lua_meter *meter)
{
    return meter->path;
}

void lua_meter_read(struct lua_meter *meter, struct lua_figures *figures)
{
    figures->runs = atomic_load_explicit(&meter->runs, memory_order_relaxed);
    figures->time_us = atomic_load_explicit(&meter->time_us, memory_order_relaxed);
    pthread_mutex_lock(&meter->lock);
    figures->errors = meter->errors;
    figures->last_error_us = meter->last_error_us;
    memcpy(figures->last_error, meter->last_error, sizeof(figures->last_error));
    pthread_mutex_unlock(&meter->lock);
}

struct lua_meters *lua_meters_new(size_t room)
{
    struct lua_meters *meters = calloc(1, sizeof(*meters) + room * sizeof(meters->list[0]));
    if (meters != NULL)
        atomic_init(&meters->references, 1);
    return meters;
}

void lua_meters_add(struct lua_meters *meters, struct lua_meter *meter)
{
    meters->list[meters->count++] = lua_meter_retain(meter);
}

struct lua_meters *lua_meters_retain(struct lua_meters *meters)
{
    atomic_fetch_add_explicit(&meters->references, 1, memory_order_relaxed);
    return meters;
}

void lua_meters_release(struct lua_meters *meters)
{
    if (meters == NULL || atomic_fetch_sub_explicit(&meters->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < meters->count; ++i)
        lua_meter_release(meters->list[i]);
    free(meters);
}

size_t lua_meters_count(const struct lua_meters *meters)
{
    return meters != NULL ? meters->count : 0;
}

struct lua_meter *lua_meters_at(const struct lua_meters *meters, size_t i)
{
    return meters->list[i];
}
