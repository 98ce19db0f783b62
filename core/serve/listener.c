#include "serve/listener.h"

#include "base/log.h"
#include "serve/event_filter.h"
#include "serve/render_event.h"
#include "store/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
    REPLAY_ROWS = 500,
    SEND_MAX = 64 * 1024, /* about so much at once */
};

struct replay;

struct listener {
    h2o_linklist_t link; /* of the thread's listeners */
    struct http_thread *thread;
    h2o_req_t *req;
    struct response_slot *slot;
    struct event_filter filter;
    int64_t place;         /* the id of the last event that was looked at */
    struct replay *replay; /* of the database, under way; or NULL */
    struct buf out;        /* what is being sent */
    bool sending;
    bool ended;
    uint64_t sent_ms; /* when the last bytes were handed to the connection; of the loop's clock */
};

/* The generator lives in the request's pool, and dies with it. */
struct response_slot {
    h2o_generator_t super;
    struct listener *listener;
};

/* A page from the database: with a reader thread until its message comes back. */
struct replay {
    struct thread_message message;
    struct http_thread *thread;
    struct listener *listener; /* NULL: it has left. Untouched by the reader */
    struct event_filter filter;
    struct event_range range;
    int rows; /* -1 = failed */
    int64_t last_id;
    struct buf out;
    char error[256];
};

static void pump(struct listener *listener);

/* -- sending -- */

static void send_out(struct listener *listener)
{
    h2o_iovec_t piece = h2o_iovec_init(listener->out.bytes, listener->out.len);
    listener->sending = true;
    listener->sent_ms = h2o_now(listener->thread->ctx.loop);
    h2o_send(listener->req, &piece, 1, H2O_SEND_STATE_IN_PROGRESS);
}

static void send_end(struct listener *listener)
{
    listener->ended = true;
    h2o_send(listener->req, NULL, 0, H2O_SEND_STATE_FINAL);
}

static void proceed(h2o_generator_t *generator, h2o_req_t *req)
{
    (void)req;
    struct listener *listener = ((struct response_slot *)generator)->listener;
    listener->sending = false;
    buf_clear(&listener->out);
    pump(listener);
}

/* The request is over, however it ended: the pool's shared object is disposed of. */
static void on_request_gone(void *memory)
{
    struct listener *listener = ((struct response_slot *)memory)->listener;
    if (listener->replay != NULL)
        listener->replay->listener = NULL;
    h2o_linklist_unlink(&listener->link);
    buf_dispose(&listener->out);
    free(listener);
}

/* -- from the database -- */

static void take_row(struct event *event, void *user)
{
    struct replay *replay = user;
    if (event_filter_passes(&replay->filter, event))
        render_event_frame(&replay->out, event);
    event_release(event);
}

/* On a reader thread. */
static void read_page(struct store_reader *reader, const char *error, void *user)
{
    struct replay *replay = user;
    replay->rows = -1;
    if (reader == NULL)
        snprintf(replay->error, sizeof(replay->error), "%s", error);
    else
        replay->rows = store_events_page(reader, &replay->range, REPLAY_ROWS, take_row, replay, &replay->last_id,
                                         replay->error, sizeof(replay->error));
    http_thread_send(replay->thread, &replay->message);
}

static void on_page(void *user)
{
    struct replay *replay = user;
    struct listener *listener = replay->listener;
    --replay->thread->pages_awaited;
    if (listener != NULL) {
        listener->replay = NULL;
        if (replay->rows < 0)
            log_warning("serve", "events: %s: a listener goes on without those before", replay->error);
        bool more = replay->rows == REPLAY_ROWS;
        listener->place = more ? replay->last_id : replay->range.before_id - 1;
        struct buf page = replay->out;
        replay->out = listener->out;
        listener->out = page;
        if (listener->out.len != 0 && !listener->ended)
            send_out(listener);
        else
            pump(listener);
    }
    buf_dispose(&replay->out);
    free(replay);
}

static void start_replay(struct listener *listener, int64_t floor_id)
{
    struct http_thread *thread = listener->thread;
    struct replay *replay = calloc(1, sizeof(*replay));
    if (replay == NULL) {
        log_error("serve", "events: out of memory for those of before");
        listener->place = floor_id;
        return;
    }
    replay->message.kind = MESSAGE_JOB;
    replay->message.u.job.back = on_page;
    replay->message.u.job.user = replay;
    replay->thread = thread;
    replay->listener = listener;
    replay->filter = listener->filter;
    replay->range = (struct event_range){.after_id = listener->place, .before_id = floor_id + 1};
    listener->replay = replay;
    ++thread->pages_awaited;
    if (store_submit(thread->server->store, read_page, replay))
        return;
    --thread->pages_awaited;
    listener->replay = NULL;
    listener->place = floor_id;
    free(replay);
}

/* -- from the ring -- */

static void gather(struct listener *listener)
{
    const struct event_ring *ring = &listener->thread->events;
    size_t i = event_ring_behind(ring, listener->place);
    for (; i < ring->count && listener->out.len < SEND_MAX; ++i) {
        const struct event *event = event_ring_at(ring, i);
        listener->place = event->id;
        if (event_filter_passes(&listener->filter, event))
            render_event_frame(&listener->out, event);
    }
    if (buf_ok(&listener->out))
        return;
    log_error("serve", "events: out of memory for a listener");
    buf_dispose(&listener->out);
}

/* Goes on, if the connection can take more and there is more. */
static void pump(struct listener *listener)
{
    struct http_thread *thread = listener->thread;
    if (listener->sending || listener->replay != NULL || listener->ended)
        return;
    if (thread->stopping) {
        send_end(listener);
        return;
    }
    if (listener->place < thread->events.floor_id)
        start_replay(listener, thread->events.floor_id);
    if (listener->replay != NULL)
        return;
    gather(listener);
    if (listener->out.len != 0)
        send_out(listener);
}

/* -- all of a thread -- */

void listeners_wake(struct http_thread *thread)
{
    for (h2o_linklist_t *link = thread->listening.next, *next = link->next; link != &thread->listening;
         link = next, next = link->next)
        pump(H2O_STRUCT_FROM_MEMBER(struct listener, link, link));
}

void listeners_end(struct http_thread *thread)
{
    listeners_wake(thread);
}

void listeners_tick(struct http_thread *thread)
{
    uint64_t now_ms = h2o_now(thread->ctx.loop);
    for (h2o_linklist_t *link = thread->listening.next, *next = link->next; link != &thread->listening;
         link = next, next = link->next) {
        struct listener *listener = H2O_STRUCT_FROM_MEMBER(struct listener, link, link);
        uint64_t silent_ms = now_ms - listener->sent_ms;
        if (listener->sending && silent_ms >= LISTENER_STALL_MS) {
            h2o_socket_t *socket = listener->req->conn->callbacks->get_socket(listener->req->conn);
            shutdown(h2o_socket_get_fd(socket), SHUT_RDWR);
        } else if (!listener->sending && !listener->ended && listener->replay == NULL &&
                   silent_ms >= LISTENER_HEARTBEAT_MS) {
            buf_append_text(&listener->out, ":\n\n");
            if (buf_ok(&listener->out))
                send_out(listener);
        }
    }
}

void listener_start(struct request *request, int64_t after_id)
{
    struct http_thread *thread = request->thread;
    struct listener *listener = calloc(1, sizeof(*listener));
    if (listener == NULL || thread->stopping) {
        free(listener);
        reply_error(request, 503, "%s", thread->stopping ? "the daemon is stopping" : "out of memory for a listener");
        return;
    }
    if (!event_filter_read(request, &listener->filter)) {
        free(listener);
        return;
    }
    listener->thread = thread;
    listener->req = request->req;
    listener->place = after_id >= 0 ? after_id : event_ring_last_id(&thread->events);
    h2o_linklist_insert(&thread->listening, &listener->link);
    listener->slot = h2o_mem_alloc_shared(&request->req->pool, sizeof(*listener->slot), on_request_gone);
    *listener->slot = (struct response_slot){.super = {proceed, NULL}, .listener = listener};
    reply_begin_stream(request, "text/event-stream");
    reply_add_header(request, "x-accel-buffering", "no"); /* nginx would gather it otherwise */
    request->req->compress_hint = H2O_COMPRESS_HINT_DISABLE;
    h2o_start_response(request->req, &listener->slot->super);
    if (request->head) {
        send_end(listener);
        return;
    }
    buf_append_text(&listener->out, "retry: 3000\n\n"); /* milliseconds, until it comes back */
    send_out(listener);
    http_thread_tick_soon(thread);
}
