#include "health/snapshot.h"

#include "health/stats_view.h"
#include "health/view_chunks.h"

#include "health/aliases.h"

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

/* -- counted parts -- */

static void retain(atomic_uint *references)
{
    atomic_fetch_add_explicit(references, 1, memory_order_relaxed);
}

static bool release(atomic_uint *references)
{
    return atomic_fetch_sub_explicit(references, 1, memory_order_acq_rel) == 1;
}

struct limit_list *limit_list_new(const struct limits *limits, int64_t now_us)
{
    struct limit_view views[LIMIT_WINDOWS_MAX];
    size_t count = limits_view(limits, now_us, views);
    struct limit_list *list = count != 0 ? calloc(1, sizeof(*list) + count * sizeof(list->limits[0])) : NULL;
    if (list == NULL)
        return NULL;
    atomic_init(&list->references, 1);
    list->count = count;
    memcpy(list->limits, views, count * sizeof(views[0]));
    return list;
}

struct limit_list *limit_list_retain(struct limit_list *list)
{
    retain(&list->references);
    return list;
}

void limit_list_release(struct limit_list *list)
{
    if (list != NULL && release(&list->references))
        free(list);
}

struct shared_text *shared_text_new(const char *bytes, size_t len)
{
    struct shared_text *text = calloc(1, sizeof(*text) + len + 1);
    if (text == NULL)
        return NULL;
    atomic_init(&text->references, 1);
    text->len = len;
    memcpy(text->bytes, bytes, len);
    return text;
}

struct shared_text *shared_text_retain(struct shared_text *text)
{
    retain(&text->references);
    return text;
}

void shared_text_release(struct shared_text *text)
{
    if (text != NULL && release(&text->references))
        free(text);
}

struct key_view *key_view_new(void)
{
    struct key_view *view = calloc(1, sizeof(*view));
    if (view == NULL)
        return NULL;
    atomic_init(&view->references, 1);
    view->phases = PROBE_PHASES_NONE;
    return view;
}

struct key_view *key_view_copy(const struct key_view *view)
{
    struct key_view *copy = malloc(sizeof(*copy));
    if (copy == NULL)
        return NULL;
    memcpy(copy, view, sizeof(*copy));
    atomic_init(&copy->references, 1);
    if (copy->limits != NULL)
        limit_list_retain(copy->limits);
    if (copy->last_failure != NULL)
        shared_text_retain(copy->last_failure);
    if (copy->stats != NULL)
        stats_view_retain(copy->stats);
    return copy;
}

struct key_view *key_view_retain(struct key_view *view)
{
    retain(&view->references);
    return view;
}

void key_view_release(struct key_view *view)
{
    if (view == NULL || !release(&view->references))
        return;
    limit_list_release(view->limits);
    shared_text_release(view->last_failure);
    stats_view_release(view->stats);
    free(view);
}

/* -- providers -- */

struct provider_view *provider_view_new(const char *name)
{
    struct provider_view *view = calloc(1, sizeof(*view));
    struct key_view *lead = key_view_new();
    if (view == NULL || lead == NULL) {
        free(view);
        key_view_release(lead);
        return NULL;
    }
    atomic_init(&view->references, 1);
    strncpy(view->name, name, sizeof(view->name) - 1);
    view->lead = lead;
    view->deep.first_token_ms = view->deep.tokens_per_second = -1;
    return view;
}

struct provider_view *provider_view_retain(struct provider_view *view)
{
    retain(&view->references);
    return view;
}

void provider_view_release(struct provider_view *view)
{
    if (view == NULL || !release(&view->references))
        return;
    for (size_t i = 0; view->keys != NULL && i < view->key_count; ++i)
        key_view_release(view->keys[i]);
    free(view->keys);
    key_view_release(view->lead);
    traits_release(view->traits);
    model_list_release(view->models);
    announcement_release(view->announced);
    stats_view_release(view->stats);
    for (size_t k = 0; k < view->model_stats_count; ++k)
        stats_view_release(view->model_stats[k].stats);
    free(view->model_stats);
    free(view->traffic);
    kind_table_release(view->kinds);
    free(view);
}

/* -- snapshots -- */

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
    for (size_t i = 0; i < snapshot->count && snapshot->chunks == NULL; ++i)
        provider_view_release(snapshot->providers[i]);
    for (size_t c = 0; c < snapshot->chunk_count; ++c)
        view_chunk_release(snapshot->chunks[c]);
    free(snapshot->chunks);
    free(snapshot->absences);
    free(snapshot->last_reload_error);
    free(snapshot->policy);
    kind_table_release(snapshot->kinds);
    alias_list_release(snapshot->aliases);
    lua_meters_release(snapshot->meters);
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
