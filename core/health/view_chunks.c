#include "health/view_chunks.h"

#include "health/snapshot.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct view_chunk {
    atomic_uint references;
    size_t count;
    struct provider_view *views[VIEWS_IN_CHUNK];
};

static size_t chunks_for(size_t count)
{
    return (count + VIEWS_IN_CHUNK - 1) / VIEWS_IN_CHUNK;
}

void view_chunk_release(struct view_chunk *chunk)
{
    if (chunk == NULL || atomic_fetch_sub_explicit(&chunk->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < chunk->count; ++i)
        provider_view_release(chunk->views[i]);
    free(chunk);
}

bool view_chunks_resize(struct view_chunks *chunks, size_t count)
{
    struct view_chunks fresh = {
        .count = count,
        .views = calloc(count + 1, sizeof(struct provider_view *)),
        .chunks = calloc(chunks_for(count) + 1, sizeof(struct view_chunk *)),
    };
    if (fresh.views == NULL || fresh.chunks == NULL) {
        free(fresh.views);
        free(fresh.chunks);
        return false;
    }
    view_chunks_dispose(chunks);
    *chunks = fresh;
    return true;
}

void view_chunks_dispose(struct view_chunks *chunks)
{
    for (size_t c = 0; c < chunks_for(chunks->count); ++c)
        view_chunk_release(chunks->chunks[c]);
    free(chunks->views);
    free(chunks->chunks);
    *chunks = (struct view_chunks){.count = 0};
}

void view_chunks_note(struct view_chunks *chunks, size_t i)
{
    if (i >= chunks->count)
        return;
    view_chunk_release(chunks->chunks[i / VIEWS_IN_CHUNK]);
    chunks->chunks[i / VIEWS_IN_CHUNK] = NULL;
}

static struct view_chunk *make_chunk(struct view_chunks *chunks, size_t c,
                                     struct provider_view *(*view_at)(void *user, size_t i), void *user)
{
    struct view_chunk *chunk = calloc(1, sizeof(*chunk));
    size_t first = c * VIEWS_IN_CHUNK, left = chunks->count - first;
    if (chunk == NULL)
        return NULL;
    atomic_init(&chunk->references, 1);
    chunk->count = left < VIEWS_IN_CHUNK ? left : VIEWS_IN_CHUNK;
    for (size_t i = 0; i < chunk->count; ++i)
        chunks->views[first + i] = chunk->views[i] = provider_view_retain(view_at(user, first + i));
    return chunk;
}

bool view_chunks_fill(struct view_chunks *chunks, struct provider_view *(*view_at)(void *user, size_t i), void *user,
                      struct snapshot *snapshot)
{
    size_t count = chunks_for(chunks->count);
    struct view_chunk **shared = calloc(count + 1, sizeof(struct view_chunk *));
    bool whole = shared != NULL;
    for (size_t c = 0; c < count && whole; ++c) {
        if (chunks->chunks[c] == NULL)
            chunks->chunks[c] = make_chunk(chunks, c, view_at, user);
        whole = chunks->chunks[c] != NULL;
    }
    if (!whole) {
        free(shared);
        return false;
    }
    for (size_t c = 0; c < count; ++c) {
        atomic_fetch_add_explicit(&chunks->chunks[c]->references, 1, memory_order_relaxed);
        shared[c] = chunks->chunks[c];
    }
    memcpy(snapshot->providers, chunks->views, chunks->count * sizeof(struct provider_view *));
    snapshot->chunks = shared;
    snapshot->chunk_count = count;
    return true;
}
