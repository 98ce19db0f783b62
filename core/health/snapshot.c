#include "health/snapshot.h"

#include <stdlib.h>
#include <string.h>

static const char *const status_names[] = {
    [HEALTH_UNKNOWN] = "unknown",
    [HEALTH_HEALTHY] = "healthy",
    [HEALTH_DEGRADED] = "degraded",
    [HEALTH_DOWN] = "down",
};

const char *health_status_name(enum health_status status)
{
    return status_names[status];
}

bool health_status_parse(const char *name, enum health_status *status)
{
    for (unsigned i = 0; i < sizeof(status_names) / sizeof(status_names[0]); ++i) {
        if (strcmp(name, status_names[i]) == 0) {
            *status = (enum health_status)i;
            return true;
        }
    }
    return false;
}

struct provider_view *provider_view_new(const char *name)
{
    struct provider_view *view = calloc(1, sizeof(*view));
    if (view == NULL)
        return NULL;
    atomic_init(&view->references, 1);
    strncpy(view->name, name, sizeof(view->name) - 1);
    view->phases = PROBE_PHASES_NONE;
    return view;
}

struct provider_view *provider_view_retain(struct provider_view *view)
{
    atomic_fetch_add_explicit(&view->references, 1, memory_order_relaxed);
    return view;
}

void provider_view_release(struct provider_view *view)
{
    if (view != NULL && atomic_fetch_sub_explicit(&view->references, 1, memory_order_acq_rel) == 1)
        free(view);
}

struct snapshot *snapshot_new(size_t count)
{
    struct snapshot *snapshot = calloc(1, sizeof(*snapshot) + count * sizeof(snapshot->providers[0]));
    if (snapshot == NULL)
        return NULL;
    atomic_init(&snapshot->references, 1);
    snapshot->count = count;
    return snapshot;
}

struct snapshot *snapshot_retain(struct snapshot *snapshot)
{
    atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);
    return snapshot;
}

void snapshot_release(struct snapshot *snapshot)
{
    if (snapshot == NULL || atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < snapshot->count; ++i)
        provider_view_release(snapshot->providers[i]);
    free(snapshot->absences);
    free(snapshot->last_reload_error);
    free(snapshot->policy);
    free(snapshot);
}

const struct provider_view *snapshot_find(const struct snapshot *snapshot, const char *name, size_t len)
{
    size_t low = 0, high = snapshot->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *candidate = snapshot->providers[middle]->name;
        size_t candidate_len = strlen(candidate);
        /* memcmp, since a name that a client sends may hold a zero byte */
        int order = memcmp(candidate, name, candidate_len < len ? candidate_len : len);
        if (order == 0)
            order = (candidate_len > len) - (candidate_len < len);
        if (order == 0)
            return snapshot->providers[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
