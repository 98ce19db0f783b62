/* view_chunks: the views of all providers in chunks that snapshots share, so that publishing after a check costs a
 * chunk and a copy of pointers, rather than a reference on each of 10,000 views.
 *
 * A chunk is immutable and counted, and holds a reference on each of its views. Of those providers whose view is
 * another by now a new chunk is made; all others go on in the next snapshot.
 *
 * Thread: struct view_chunks is the loop's; a chunk may be retained and released on any.
 */
#ifndef PROVIDERD_HEALTH_VIEW_CHUNKS_H
#define PROVIDERD_HEALTH_VIEW_CHUNKS_H

#include <stdbool.h>
#include <stddef.h>

struct provider_view;
struct view_chunk;
struct snapshot;

enum { VIEWS_IN_CHUNK = 64 };

struct view_chunks {
    size_t count;                 /* views */
    struct provider_view **views; /* those of the chunks, in a row */
    struct view_chunk **chunks;   /* references; NULL = to be made anew */
};

/* Room for so many views, all of them to be read anew. False when memory ran out: it is as it was. */
bool view_chunks_resize(struct view_chunks *chunks, size_t count);
void view_chunks_dispose(struct view_chunks *chunks);

/* The i-th view is another now. */
void view_chunks_note(struct view_chunks *chunks, size_t i);

/* Reads what was noted, view by view, and gives the snapshot, which has room for `count`, its views. False when memory
 * ran out: what is there stays noted. */
bool view_chunks_fill(struct view_chunks *chunks, struct provider_view *(*view_at)(void *user, size_t i), void *user,
                      struct snapshot *snapshot);

void view_chunk_release(struct view_chunk *chunk);

#endif
