#include "serve/stream.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

struct stream {
    /* The job: with the reader thread while `submitted`. */
    struct thread_message message;
    struct http_thread *thread;
    struct store *store;
    const struct stream_content *content;
    void *state; /* owned */
    struct buf page;
    bool done;
    char error[256]; /* "" = none */

    /* The HTTP side; untouched by the job. */
    h2o_req_t *req; /* NULL: the client has left */
    struct response_slot *slot;
    const char *content_type;
    bool whole;
    bool submitted;
    bool started; /* headers are out */
    bool head;
};

/* The generator lives in the request's pool, and dies with it. */
struct response_slot {
    h2o_generator_t super;
    struct stream *stream;
};

static void free_stream(struct stream *stream)
{
    stream->content->dispose(stream->state);
    buf_dispose(&stream->page);
    free(stream);
}

/* -- on the reader thread -- */

static void run_job(struct store_reader *reader, const char *error, void *user)
{
    struct stream *stream = user;
    struct stream_page page = {.out = &stream->page, .error = stream->error, .error_size = sizeof(stream->error)};
    if (reader == NULL)
        snprintf(stream->error, sizeof(stream->error), "%s", error);
    else if (!stream->content->fill(stream->state, reader, &page) && stream->error[0] == '\0')
        snprintf(stream->error, sizeof(stream->error), "the %s cannot be read", stream->content->name);
    stream->done = page.done;
    if (!buf_ok(&stream->page) && stream->error[0] == '\0')
        snprintf(stream->error, sizeof(stream->error), "out of memory for the %s", stream->content->name);
    http_thread_send(stream->thread, &stream->message);
}

/* -- on the HTTP thread -- */

static void on_page(void *user);

static void ask_for_page(struct stream *stream)
{
    stream->submitted = true;
    ++stream->thread->pages_awaited;
    if (store_submit(stream->store, run_job, stream))
        return;
    snprintf(stream->error, sizeof(stream->error), "the daemon is stopping");
    on_page(stream);
}

static void proceed(h2o_generator_t *generator, h2o_req_t *req)
{
    (void)req;
    struct stream *stream = ((struct response_slot *)generator)->stream;
    buf_clear(&stream->page);
    ask_for_page(stream);
}

/* The request is over, however it ended: the pool's shared object is disposed of. */
static void on_request_gone(void *memory)
{
    struct response_slot *slot = memory;
    struct stream *stream = slot->stream;
    if (stream == NULL)
        return;
    stream->req = NULL;
    if (!stream->submitted)
        free_stream(stream);
}

static struct request request_of(struct stream *stream)
{
    return (struct request){
        .req = stream->req, .thread = stream->thread, .server = stream->thread->server, .head = stream->head};
}

/* The first page decides between an answer and an error. False when it was an error, and is answered. */
static bool begin_answer(struct stream *stream)
{
    struct request request = request_of(stream);
    if (stream->error[0] != '\0') {
        log_error("serve", "%s: %s", stream->content->name, stream->error);
        reply_error(&request, 503, "the %s cannot be read now: %s", stream->content->name, stream->error);
        return false;
    }
    if (stream->content->begin != NULL && !stream->content->begin(stream->state, &request))
        return false;
    reply_begin_stream(&request, stream->content_type);
    h2o_start_response(stream->req, &stream->slot->super);
    stream->started = true;
    return true;
}

static void on_page(void *user)
{
    struct stream *stream = user;
    stream->submitted = false;
    --stream->thread->pages_awaited;
    if (stream->req == NULL) {
        free_stream(stream);
        return;
    }
    if (stream->error[0] == '\0' && !stream->done && (stream->whole || stream->page.len == 0)) {
        ask_for_page(stream); /* nothing to send yet */
        return;
    }
    if (!stream->started && !begin_answer(stream))
        return;
    if (stream->error[0] != '\0') { /* in mid-answer there is no status any more: the cut-off body says it */
        log_error("serve", "%s: %s; the answer is cut off", stream->content->name, stream->error);
        h2o_send(stream->req, NULL, 0, H2O_SEND_STATE_ERROR);
        return;
    }
    if (stream->head) {
        h2o_send(stream->req, NULL, 0, H2O_SEND_STATE_FINAL);
        return;
    }
    h2o_iovec_t page = h2o_iovec_init(stream->page.bytes, stream->page.len);
    h2o_send(stream->req, &page, page.len != 0, stream->done ? H2O_SEND_STATE_FINAL : H2O_SEND_STATE_IN_PROGRESS);
}

void stream_start(struct request *request, const struct stream_content *content, void *state, const char *content_type,
                  bool whole)
{
    struct stream *stream = calloc(1, sizeof(*stream));
    if (stream == NULL) {
        content->dispose(state);
        reply_error(request, 503, "out of memory for the answer");
        return;
    }
    stream->message.kind = MESSAGE_JOB;
    stream->message.u.job.back = on_page;
    stream->message.u.job.user = stream;
    stream->thread = request->thread;
    stream->store = request->server->store;
    stream->content = content;
    stream->state = state;
    stream->content_type = content_type;
    stream->whole = whole;
    stream->req = request->req;
    stream->head = request->head;
    stream->slot = h2o_mem_alloc_shared(&request->req->pool, sizeof(*stream->slot), on_request_gone);
    *stream->slot = (struct response_slot){.super = {proceed, NULL}, .stream = stream};
    ask_for_page(stream);
}
