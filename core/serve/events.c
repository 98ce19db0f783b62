/* events: what happened, as a list (JSON), a feed (Atom, RSS) or a stream (server-sent events, listener.c).
 *
 * With since_id the list begins behind that id and ascends, so that a client can go on from `last_id`; without, it is
 * the latest, newest first, and goes on backwards with before_id. The latest come from the thread's ring, which may
 * know of some that are not written yet; what lies before them comes from the database.
 */
#include "serve/event_filter.h"
#include "serve/handlers.h"
#include "serve/listener.h"
#include "serve/render_event.h"
#include "serve/stream.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_PER_QUERY = 500, LIMIT_DEFAULT = 100, LIMIT_MAX = 1000 };

static const int64_t ID_MAX = INT64_C(999999999999999);

enum format { FORMAT_JSON, FORMAT_SSE, FORMAT_ATOM, FORMAT_RSS };

struct listing {
    enum format format;
    struct event_filter filter;
    struct event_range rows; /* that are still to be read from the database */
    int64_t since_id;        /* -1 = from the newest back */
    size_t limit;
    size_t count;
    struct event **events; /* references; room for limit + 1: one more says that there are more */
    size_t tail_count;     /* ascending only: those of the ring, which come behind the database's */
    struct event **tail;
    char *url;
};

static void dispose(void *state)
{
    struct listing *listing = state;
    for (size_t i = 0; i < listing->count; ++i)
        event_release(listing->events[i]);
    for (size_t i = 0; i < listing->tail_count; ++i)
        event_release(listing->tail[i]);
    free(listing->events);
    free(listing->tail);
    free(listing->url);
    free(listing);
}

/* -- what is asked -- */

static bool read_format(struct request *request, enum format *format)
{
    static const char *const names[] = {
        [FORMAT_JSON] = "json", [FORMAT_SSE] = "sse", [FORMAT_ATOM] = "atom", [FORMAT_RSS] = "rss"};
    char text[16];
    bool found;
    *format = client_names_type(request->req, "text/event-stream") ? FORMAT_SSE : FORMAT_JSON;
    if (!span_read_text(request, "format", text, sizeof(text), &found))
        return false;
    for (size_t i = 0; found && i < sizeof(names) / sizeof(names[0]); ++i) {
        if (strcmp(text, names[i]) == 0) {
            *format = (enum format)i;
            return true;
        }
    }
    if (found)
        reply_error(request, 400, "format: expected json, sse, atom or rss; got '%s'", text);
    return !found;
}

/* As an EventSource sends it when it comes back. What is no id of ours is ignored. */
static int64_t last_event_id(const h2o_req_t *req)
{
    char text[24];
    ssize_t i = h2o_find_header_by_str(&req->headers, H2O_STRLIT("last-event-id"), -1);
    if (i == -1 || req->headers.entries[i].value.len >= sizeof(text))
        return -1;
    memcpy(text, req->headers.entries[i].value.base, req->headers.entries[i].value.len);
    text[req->headers.entries[i].value.len] = '\0';
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits < 16 && text[digits] == '\0' ? strtoll(text, NULL, 10) : -1;
}

/* -- gathering -- */

static bool is_full(const struct listing *listing)
{
    return listing->count > listing->limit;
}

static void take(struct listing *listing, struct event *event)
{
    if (!is_full(listing) && event_filter_passes(&listing->filter, event))
        listing->events[listing->count++] = event;
    else
        event_release(event);
}

static void take_row(struct event *event, void *user)
{
    take(user, event);
}

static void take_tail(struct listing *listing)
{
    for (size_t i = 0; i < listing->tail_count; ++i)
        take(listing, listing->tail[i]);
    listing->tail_count = 0;
}

/* Behind since_id. False when memory ran out. */
static bool gather_ascending(struct listing *listing, const struct event_ring *ring)
{
    size_t from = event_ring_behind(ring, listing->since_id);
    bool whole = listing->since_id >= ring->floor_id;
    listing->rows.after_id = listing->since_id;
    listing->rows.before_id = whole ? 0 : ring->floor_id + 1;
    listing->tail = calloc(listing->limit + 1, sizeof(struct event *));
    if (listing->tail == NULL)
        return false;
    for (size_t i = from; i < ring->count && listing->tail_count <= listing->limit; ++i) {
        struct event *event = event_ring_at(ring, i);
        if (event_filter_passes(&listing->filter, event))
            listing->tail[listing->tail_count++] = event_retain(event);
    }
    if (whole)
        take_tail(listing);
    return true;
}

/* From `before_id` back. */
static void gather_backwards(struct listing *listing, const struct event_ring *ring, int64_t before_id)
{
    for (size_t i = event_ring_behind(ring, before_id - 1); i-- > 0 && !is_full(listing);)
        take(listing, event_retain(event_ring_at(ring, i)));
    listing->rows.newest_first = true;
    if (!is_full(listing) && ring->floor_id > 0)
        listing->rows.before_id = before_id < ring->floor_id + 1 ? before_id : ring->floor_id + 1;
}

/* -- the answer -- */

static void write_json(const struct listing *listing, struct buf *out)
{
    size_t shown = is_full(listing) ? listing->limit : listing->count;
    int64_t last_id = listing->since_id > 0 ? listing->since_id : 0;
    struct json j = json_begin(out);
    json_object(&j);
    json_key(&j, "events");
    json_array(&j);
    for (size_t i = 0; i < shown; ++i) {
        const struct event *event = listing->events[i];
        render_event(&j, event);
        if (event->id > last_id)
            last_id = event->id;
    }
    json_end(&j);
    json_key(&j, "last_id");
    json_int(&j, last_id);
    json_key(&j, "more");
    json_bool(&j, is_full(listing));
    json_end(&j);
}

static void write_answer(const struct listing *listing, struct buf *out)
{
    size_t shown = is_full(listing) ? listing->limit : listing->count;
    struct event_feed feed = {
        .events = listing->events,
        .count = shown,
        .url = listing->url,
        .updated_us = shown != 0 ? listing->events[0]->at_us : clock_wall_us(),
    };
    if (listing->format == FORMAT_ATOM)
        render_atom(out, &feed);
    else if (listing->format == FORMAT_RSS)
        render_rss(out, &feed);
    else
        write_json(listing, out);
}

static const char *content_type(enum format format)
{
    static const char *const types[] = {
        [FORMAT_JSON] = "application/json",
        [FORMAT_SSE] = "text/event-stream",
        [FORMAT_ATOM] = "application/atom+xml; charset=utf-8",
        [FORMAT_RSS] = "application/rss+xml; charset=utf-8",
    };
    return types[format];
}

/* On a reader thread: a page of rows; the answer is written behind the last. */
static bool fill(void *state, struct store_reader *reader, struct stream_page *page)
{
    struct listing *listing = state;
    int64_t last_id = 0;
    int rows = store_events_page(reader, &listing->rows, ROWS_PER_QUERY, take_row, listing, &last_id, page->error,
                                 page->error_size);
    if (rows < 0)
        return false;
    if (rows == ROWS_PER_QUERY && !is_full(listing)) {
        if (listing->rows.newest_first)
            listing->rows.before_id = last_id;
        else
            listing->rows.after_id = last_id;
        return true;
    }
    take_tail(listing);
    write_answer(listing, page->out);
    page->done = true;
    return true;
}

/* -- the route -- */

static char *own_url(const h2o_req_t *req)
{
    char *url = NULL;
    return asprintf(&url, "http://%.*s%.*s", (int)req->authority.len, req->authority.base, (int)req->path.len,
                    req->path.base) >= 0
               ? url
               : NULL;
}

/* NULL when it was refused, and answered. */
static struct listing *read_listing(struct request *request, enum format format, int64_t since_id)
{
    const struct event_ring *ring = &request->thread->events;
    int64_t limit, before_id;
    struct listing *listing = calloc(1, sizeof(*listing));
    if (listing == NULL)
        goto memory;
    listing->format = format;
    listing->since_id = since_id;
    if (!span_read_number(request, "limit", 1, LIMIT_MAX, LIMIT_DEFAULT, &limit) ||
        !span_read_number(request, "before_id", 1, ID_MAX, ID_MAX, &before_id) ||
        !event_filter_read(request, &listing->filter)) {
        dispose(listing);
        return NULL;
    }
    if (since_id >= 0 && before_id != ID_MAX) {
        reply_error(request, 400, "since_id and before_id say two directions: give one of them");
        dispose(listing);
        return NULL;
    }
    listing->limit = (size_t)limit;
    listing->events = calloc(listing->limit + 1, sizeof(struct event *));
    listing->url = own_url(request->req);
    if (listing->events == NULL || listing->url == NULL)
        goto memory;
    if (since_id < 0)
        gather_backwards(listing, ring, before_id);
    else if (!gather_ascending(listing, ring))
        goto memory;
    return listing;

memory:
    if (listing != NULL)
        dispose(listing);
    reply_error(request, 503, "out of memory for the answer");
    return NULL;
}

void handle_events(struct request *request)
{
    static const struct stream_content content = {"events", fill, NULL, dispose};
    enum format format;
    int64_t since_id;
    if (!read_format(request, &format) || !span_read_number(request, "since_id", 0, ID_MAX, -1, &since_id))
        return;
    if (format == FORMAT_SSE) {
        int64_t last_id = last_event_id(request->req);
        listener_start(request, last_id >= 0 ? last_id : since_id);
        return;
    }
    struct listing *listing = read_listing(request, format, since_id);
    if (listing == NULL)
        return;
    if (listing->rows.before_id != 0) {
        stream_start(request, &content, listing, content_type(format), true);
        return;
    }
    struct buf body = BUF_EMPTY;
    write_answer(listing, &body);
    reply_body(request, content_type(format), &body);
    dispose(listing);
}

bool events_are_news(struct request *request, int64_t since_id)
{
    struct event_filter filter;
    char error[EVENT_FILTER_ERROR_MAX];
    const struct event_ring *ring = &request->thread->events;
    if (since_id < ring->floor_id || !event_filter_parse(request, &filter, error, sizeof(error)))
        return true; /* the handler will tell */
    for (size_t i = event_ring_behind(ring, since_id); i < ring->count; ++i) {
        if (event_filter_passes(&filter, event_ring_at(ring, i)))
            return true;
    }
    return false;
}
