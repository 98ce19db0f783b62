/* history: the checks of the database, page by page: of providers, of a key, or the deep probes of a model. */
#include "serve/fields.h"
#include "serve/handlers.h"
#include "serve/names.h"
#include "serve/query.h"
#include "serve/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_PER_QUERY = 500 };

/* What is streamed: of the reader thread while it fills a page. */
struct history {
    struct span span;
    struct history_series series; /* the provider being read */
    char model[MODEL_ID_MAX];
    bool single; /* one provider: an array alone */
    struct names names;
    size_t at; /* the provider being read */
    struct history_cursor cursor;
    bool opened;        /* the answer's first bracket is written */
    bool provider_open; /* "name":[ is written */
    bool any_provider;
    bool more;                  /* there is a row behind the limit */
    struct history_cursor last; /* of the last row written */
    const char *last_name;
    size_t rows;
    struct buf *out;
};

/* -- rows -- */

static const char checks_header[] = "provider_name,status,response_time_ms,timestamp,reason,error_kind,"
                                    "rate_limit_percent,rate_limit\n";
static const char key_checks_header[] = "provider_name,key,status,response_time_ms,timestamp,reason,error_kind,"
                                        "rate_limit_percent,rate_limit\n";
static const char deep_checks_header[] = "provider_name,model,timestamp,ok,error_kind,kind,model_answered,"
                                         "first_token_ms,tokens_per_second,tokens,response_time_ms\n";

static const char *const headers[] = {
    [RECORD_CHECK] = checks_header, [RECORD_KEY_CHECK] = key_checks_header, [RECORD_DEEP_CHECK] = deep_checks_header};

static void write_check(struct fields *fields, const struct history_series *series, const struct history_row *row)
{
    field_text(fields, "provider_name", row->provider);
    if (series->table == RECORD_KEY_CHECK)
        field_int(fields, "key", series->key);
    field_text(fields, "status", row->status);
    field_double(fields, "response_time_ms", row->response_time_ms);
    field_time(fields, "timestamp", row->checked_us);
    /* Behind the keys of the original: ours. */
    field_text(fields, "reason", row->reason);
    field_text(fields, "error_kind", row->error_kind);
    field_double(fields, "rate_limit_percent", row->rate_limit_percent);
    field_raw(fields, "rate_limit", row->rate_limit);
}

static void write_deep_check(struct fields *fields, const struct history_series *series, const struct history_row *row)
{
    field_text(fields, "provider_name", row->provider);
    field_text(fields, "model", series->model);
    field_time(fields, "timestamp", row->checked_us);
    field_bool(fields, "ok", row->ok);
    field_text(fields, "error_kind", row->error_kind);
    field_text(fields, "kind", row->rung);
    field_text(fields, "model_answered", row->model);
    field_measure(fields, "first_token_ms", row->first_token_ms);
    field_measure(fields, "tokens_per_second", row->tokens_per_second);
    field_int(fields, "tokens", row->tokens);
    field_double(fields, "response_time_ms", row->response_time_ms);
}

static void begin_json_row(struct history *history, const char *provider)
{
    if (history->provider_open) {
        buf_append_char(history->out, ',');
        return;
    }
    if (!history->single) {
        struct json j = json_begin(history->out);
        if (history->any_provider)
            buf_append_char(history->out, ',');
        json_text(&j, provider);
        buf_append_char(history->out, ':');
    }
    buf_append_char(history->out, '[');
    history->provider_open = history->any_provider = true;
}

static bool write_row(const struct history_row *row, void *user)
{
    struct history *history = user;
    if (history->span.limit != 0 && history->rows == (size_t)history->span.limit) {
        history->more = true;
        return false;
    }
    if (history->span.format == SPAN_JSON)
        begin_json_row(history, row->provider);
    struct fields fields = fields_begin(history->out, history->span.format == SPAN_CSV);
    if (history->series.table == RECORD_DEEP_CHECK)
        write_deep_check(&fields, &history->series, row);
    else
        write_check(&fields, &history->series, row);
    fields_end(&fields);
    if (history->span.format == SPAN_NDJSON)
        buf_append_char(history->out, '\n');
    history->last = history->cursor;
    history->last_name = row->provider;
    ++history->rows;
    return buf_ok(history->out);
}

/* -- the answer around them -- */

static void open_answer(struct history *history)
{
    if (history->span.format == SPAN_CSV)
        buf_append_text(history->out, headers[history->series.table]);
    if (history->span.format == SPAN_JSON && history->span.limit != 0)
        buf_append_text(history->out, "{\"history\":");
    if (history->span.format == SPAN_JSON && !history->single)
        buf_append_char(history->out, '{');
    history->opened = true;
}

static void close_provider(struct history *history)
{
    if (history->provider_open)
        buf_append_char(history->out, ']');
    history->provider_open = false;
    history->cursor = (struct history_cursor){.after_id = 0};
    ++history->at;
}

static void close_answer(struct history *history)
{
    char next[SPAN_CURSOR_MAX];
    if (history->span.format != SPAN_JSON)
        return;
    if (history->single && !history->any_provider)
        buf_append_text(history->out, "[]");
    if (!history->single)
        buf_append_char(history->out, '}');
    if (history->span.limit == 0)
        return;
    struct json j = json_begin(history->out);
    if (history->more)
        span_cursor_format(history->last_name, &history->last, next);
    buf_append_text(history->out, ",\"next_cursor\":");
    json_text(&j, history->more ? next : NULL);
    buf_append_char(history->out, '}');
}

/* To the provider, and the row in it, where the page before ended. */
static void go_to_cursor(struct history *history)
{
    const char *name = history->span.cursor_name;
    while (history->at < history->names.count && strcmp(history->names.names[history->at], name) < 0)
        ++history->at;
    if (history->at < history->names.count && strcmp(history->names.names[history->at], name) == 0)
        history->cursor = history->span.cursor;
}

static bool fill(void *state, struct store_reader *reader, struct stream_page *page)
{
    struct history *history = state;
    size_t begin = page->out->len;
    history->out = page->out;
    if (!history->opened) {
        if (!names_read(&history->names, reader, page->error, page->error_size))
            return false;
        go_to_cursor(history);
        open_answer(history);
    }
    while (history->at < history->names.count && !history->more && page->out->len - begin < STREAM_PAGE_BYTES) {
        history->series.provider = history->names.names[history->at];
        int rows = store_history_page(reader, &history->series, &history->span.range, &history->cursor, ROWS_PER_QUERY,
                                      write_row, history, page->error, page->error_size);
        if (rows < 0)
            return false;
        if (history->more || rows < ROWS_PER_QUERY)
            close_provider(history);
    }
    page->done = history->at == history->names.count || history->more;
    if (page->done)
        close_answer(history);
    return true;
}

static bool begin(void *state, struct request *request)
{
    struct history *history = state;
    char next[SPAN_CURSOR_MAX];
    if (history->single && history->rows == 0 && history->span.cursor_name[0] == '\0') {
        reply_error(request, 404, "No history found for provider '%s'", history->names.names[0]);
        return false;
    }
    if (history->more) {
        span_cursor_format(history->last_name, &history->last, next);
        span_link_next(request, next);
    }
    return true;
}

static void dispose(void *state)
{
    struct history *history = state;
    names_dispose(&history->names);
    free(history);
}

/* -- the request -- */

bool history_read_series(struct request *request, struct history_series *series, char model[MODEL_ID_MAX])
{
    int64_t key;
    bool has_model;
    if (!span_read_number(request, "key", 1, 65535, 0, &key) ||
        !span_read_text(request, "model", model, MODEL_ID_MAX, &has_model))
        return false;
    if (has_model && key != 0) {
        reply_error(request, 400, "model and key cannot be combined: deep probes are kept by model");
        return false;
    }
    *series = (struct history_series){.table = has_model  ? RECORD_DEEP_CHECK
                                               : key != 0 ? RECORD_KEY_CHECK
                                                          : RECORD_CHECK,
                                      .key = (unsigned)key,
                                      .model = model};
    return true;
}

static bool is_asked(struct request *request, const char *name)
{
    char value[QUERY_VALUE_MAX];
    return query_get(request->query, request->query_len, name, value) != QUERY_ABSENT;
}

static void start_history(struct request *request, const struct span *span, const char *name)
{
    static const struct stream_content content = {"history", fill, begin, dispose};
    struct history *history = calloc(1, sizeof(*history));
    if (history == NULL) {
        reply_error(request, 503, "out of memory for the answer");
        return;
    }
    history->span = *span; /* its names point into the caller's copy: they are taken here */
    history->single = name != NULL;
    if (!history_read_series(request, &history->series, history->model)) {
        dispose(history);
        return;
    }
    if (!names_take(&history->names, span, name)) {
        dispose(history);
        reply_error(request, 503, "out of memory for the answer");
        return;
    }
    stream_start(request, &content, history, span_content_type(span->format), span->limit != 0);
}

static void answer_history(struct request *request, const char *name)
{
    struct span span;
    if (!span_read(request, 24, &span))
        return;
    if (name != NULL && span.name_count != 0)
        reply_error(request, 400, "provider and a name in the path cannot be combined");
    else if (is_asked(request, "step") || is_asked(request, "points") || is_asked(request, "merge"))
        handle_downsampled(request, &span, name);
    else
        start_history(request, &span, name);
}

void handle_history(struct request *request)
{
    answer_history(request, NULL);
}

void handle_history_of_one(struct request *request)
{
    answer_history(request, request->match.parameter);
}
