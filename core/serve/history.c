/* history: the rows of the database, page by page, as fast as the client takes them.
 *
 * A stream owns one job. The job runs on a reader thread, writes a page of JSON into its buf and sends itself to the
 * HTTP thread as a message; there the page goes out, and when h2o asks for more the job is submitted again. So at every
 * moment the job is either with the reader or with the HTTP thread, never with both: no lock. A client that leaves only
 * marks the stream; whoever holds the job then frees it.
 */
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "serve/handlers.h"
#include "serve/query.h"
#include "store/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS_PER_QUERY = 500,
    PAGE_BYTES = 64 * 1024,
    NAMES_MAX = 100000,
};

struct history_stream {
    /* The job: with the reader thread while `submitted`. */
    struct thread_message message;
    struct http_thread *thread;
    struct store *store;
    int64_t from_us;
    bool single;  /* one provider: an array alone */
    char **names; /* owned */
    size_t name_count;
    size_t name_capacity;
    size_t at; /* the provider being read */
    struct history_cursor cursor;
    bool names_read;
    bool opened;        /* the answer's first bracket is written */
    bool provider_open; /* "name":[ is written */
    bool any_provider;
    size_t rows;
    struct buf page;
    bool done;
    char error[256]; /* "" = none */

    /* The HTTP side; untouched by the job. */
    h2o_req_t *req; /* NULL: the client has left */
    struct response_slot *slot;
    bool submitted;
    bool started; /* headers are out */
    bool head;
};

/* The generator lives in the request's pool, and dies with it. */
struct response_slot {
    h2o_generator_t super;
    struct history_stream *stream;
};

static void free_stream(struct history_stream *stream)
{
    for (size_t i = 0; i < stream->name_count; ++i)
        free(stream->names[i]);
    free(stream->names);
    buf_dispose(&stream->page);
    free(stream);
}

/* -- on the reader thread -- */

static void add_name(const char *name, void *user)
{
    struct history_stream *stream = user;
    if (stream->name_count == NAMES_MAX)
        return;
    if (stream->name_count == stream->name_capacity) {
        size_t capacity = stream->name_capacity != 0 ? stream->name_capacity * 2 : 32;
        char **grown = realloc(stream->names, capacity * sizeof(*grown));
        if (grown == NULL) {
            stream->page.failed = true;
            return;
        }
        stream->names = grown;
        stream->name_capacity = capacity;
    }
    char *copy = strdup(name);
    if (copy == NULL)
        stream->page.failed = true;
    else
        stream->names[stream->name_count++] = copy;
}

static bool write_row(const struct history_row *row, void *user)
{
    struct history_stream *stream = user;
    struct json j = json_begin(&stream->page);

    if (!stream->provider_open) {
        if (!stream->single) {
            if (stream->any_provider)
                buf_append_char(&stream->page, ',');
            json_text(&j, row->provider);
            buf_append_char(&stream->page, ':');
        }
        buf_append_char(&stream->page, '[');
        stream->provider_open = stream->any_provider = true;
    } else {
        buf_append_char(&stream->page, ',');
    }
    j = json_begin(&stream->page);
    json_object(&j);
    json_key(&j, "provider_name");
    json_text(&j, row->provider);
    json_key(&j, "status");
    json_text(&j, row->status);
    json_key(&j, "response_time_ms");
    json_double(&j, row->response_time_ms);
    json_key(&j, "timestamp");
    json_time(&j, row->checked_us);
    /* Behind the keys of the original: ours. */
    json_key(&j, "reason");
    json_text(&j, row->reason);
    json_key(&j, "error_kind");
    json_text(&j, row->error_kind);
    json_key(&j, "rate_limit_percent");
    json_double(&j, row->rate_limit_percent);
    if (row->rate_limit != NULL) {
        json_key(&j, "rate_limit");
        json_raw(&j, row->rate_limit, strlen(row->rate_limit));
    }
    json_end(&j);
    ++stream->rows;
    return buf_ok(&stream->page);
}

static void close_provider(struct history_stream *stream)
{
    if (stream->provider_open)
        buf_append_char(&stream->page, ']');
    stream->provider_open = false;
    stream->cursor = (struct history_cursor){0};
    ++stream->at;
}

static int fill_page(struct history_stream *stream, struct store_reader *reader)
{
    if (!stream->opened && !stream->single)
        buf_append_char(&stream->page, '{');
    stream->opened = true;
    if (!stream->names_read &&
        store_provider_names(reader, add_name, stream, stream->error, sizeof(stream->error)) != 0)
        return -1;
    stream->names_read = true;
    while (stream->at < stream->name_count && stream->page.len < PAGE_BYTES) {
        int rows = store_history_page(reader, stream->names[stream->at], stream->from_us, &stream->cursor,
                                      ROWS_PER_QUERY, write_row, stream, stream->error, sizeof(stream->error));
        if (rows < 0)
            return -1;
        if (rows < ROWS_PER_QUERY)
            close_provider(stream);
    }
    if (stream->at == stream->name_count) {
        if (!stream->single)
            buf_append_char(&stream->page, '}');
        stream->done = true;
    }
    return 0;
}

static void run_job(struct store_reader *reader, const char *error, void *user)
{
    struct history_stream *stream = user;
    if (reader == NULL)
        snprintf(stream->error, sizeof(stream->error), "%s", error);
    else if (fill_page(stream, reader) != 0 && stream->error[0] == '\0')
        snprintf(stream->error, sizeof(stream->error), "the history cannot be read");
    if (!buf_ok(&stream->page) && stream->error[0] == '\0')
        snprintf(stream->error, sizeof(stream->error), "out of memory for the history");
    http_thread_send(stream->thread, &stream->message);
}

/* -- on the HTTP thread -- */

static void ask_for_page(struct history_stream *stream)
{
    buf_clear(&stream->page);
    stream->submitted = true;
    ++stream->thread->pages_awaited;
    if (store_submit(stream->store, run_job, stream))
        return;
    snprintf(stream->error, sizeof(stream->error), "the daemon is stopping");
    history_on_page(stream);
}

static void proceed(h2o_generator_t *generator, h2o_req_t *req)
{
    (void)req;
    ask_for_page(((struct response_slot *)generator)->stream);
}

/* The request is over, however it ended: the pool's shared object is disposed of. */
static void on_request_gone(void *memory)
{
    struct response_slot *slot = memory;
    struct history_stream *stream = slot->stream;
    if (stream == NULL)
        return;
    stream->req = NULL;
    if (!stream->submitted)
        free_stream(stream);
}

static struct request request_of(struct history_stream *stream)
{
    return (struct request){
        .req = stream->req, .thread = stream->thread, .server = stream->thread->server, .head = stream->head};
}

/* The first page decides between an answer and an error. False when it was an error, and is answered. */
static bool begin_answer(struct history_stream *stream)
{
    struct request request = request_of(stream);
    if (stream->error[0] != '\0') {
        log_error("serve", "history: %s", stream->error);
        reply_error(&request, 503, "the history cannot be read now: %s", stream->error);
        return false;
    }
    if (stream->single && stream->rows == 0) {
        reply_error(&request, 404, "No history found for provider '%s'", stream->names[0]);
        return false;
    }
    reply_begin_stream(&request, "application/json");
    h2o_start_response(stream->req, &stream->slot->super);
    stream->started = true;
    return true;
}

void history_on_page(struct history_stream *stream)
{
    stream->submitted = false;
    --stream->thread->pages_awaited;
    if (stream->req == NULL) {
        free_stream(stream);
        return;
    }
    if (!stream->started && !begin_answer(stream))
        return;
    if (stream->error[0] != '\0') { /* in mid-answer there is no status any more: the cut-off body says it */
        log_error("serve", "history: %s; the answer is cut off", stream->error);
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

static void start_stream(struct request *request, const char *name)
{
    char error[256];
    int64_t span_us;
    if (!query_hours(request->query, request->query_len, 24, &span_us, error, sizeof(error))) {
        reply_error(request, 400, "%s", error);
        return;
    }
    struct history_stream *stream = calloc(1, sizeof(*stream));
    if (stream == NULL) {
        reply_error(request, 503, "out of memory for the answer");
        return;
    }
    stream->message.kind = MESSAGE_PAGE;
    stream->message.u.stream = stream;
    stream->thread = request->thread;
    stream->store = request->server->store;
    stream->from_us = clock_wall_us() - span_us;
    stream->single = name != NULL;
    stream->names_read = stream->single;
    stream->req = request->req;
    stream->head = request->head;
    if (stream->single) {
        add_name(name, stream);
        if (stream->name_count == 0) {
            free_stream(stream);
            reply_error(request, 503, "out of memory for the answer");
            return;
        }
    }
    stream->slot = h2o_mem_alloc_shared(&request->req->pool, sizeof(*stream->slot), on_request_gone);
    *stream->slot = (struct response_slot){.super = {proceed, NULL}, .stream = stream};
    ask_for_page(stream);
}

void handle_history(struct request *request)
{
    start_stream(request, NULL);
}

void handle_history_of_one(struct request *request)
{
    start_stream(request, request->match.parameter);
}
