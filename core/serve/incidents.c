/* incidents: the outages, newest first. */
#include "serve/fields.h"
#include "serve/handlers.h"
#include "serve/stream.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_PER_QUERY = 500 };

struct incidents {
    struct span span;
    struct history_cursor cursor;
    struct history_cursor last; /* of the last one written */
    size_t rows;
    bool opened;
    bool more;
    struct buf *out;
};

static const char header[] = "provider_name,key,started,ended,duration_s,kind,first_error,checks_lost\n";

/* The span was copied; its names still point into the text of the original. */
static bool is_wanted(const struct span *span, const char *provider)
{
    bool wanted = span->name_count == 0;
    for (size_t i = 0; i < span->name_count && !wanted; ++i)
        wanted = strcmp(span->names[i], provider) == 0;
    return wanted;
}

static bool write_incident(const struct incident_row *row, void *user)
{
    struct incidents *incidents = user;
    bool csv = incidents->span.format == SPAN_CSV;
    int64_t until_us = row->ended_us != 0 ? row->ended_us : clock_wall_us();
    if (!is_wanted(&incidents->span, row->provider))
        return true;
    if (incidents->span.limit != 0 && incidents->rows == (size_t)incidents->span.limit) {
        incidents->more = true;
        return false;
    }
    if (incidents->span.format == SPAN_JSON && incidents->rows != 0)
        buf_append_char(incidents->out, ',');
    struct fields fields = fields_begin(incidents->out, csv);
    field_text(&fields, "provider_name", row->provider);
    if (row->key != 0)
        field_int(&fields, "key", row->key);
    else
        field_null(&fields, "key");
    field_time(&fields, "started", row->started_us);
    field_time(&fields, "ended", row->ended_us);
    field_measure(&fields, "duration_s",
                  until_us > row->started_us ? (double)(until_us - row->started_us) / 1000000 : 0);
    field_text(&fields, "kind", row->kind != NULL && row->kind[0] != '\0' ? row->kind : NULL);
    field_text(&fields, "first_error", row->error);
    field_int(&fields, "checks_lost", row->checks_lost);
    fields_end(&fields);
    if (incidents->span.format == SPAN_NDJSON)
        buf_append_char(incidents->out, '\n');
    incidents->last = incidents->cursor;
    ++incidents->rows;
    return buf_ok(incidents->out);
}

static void close_answer(struct incidents *incidents)
{
    char next[SPAN_CURSOR_MAX];
    struct json j = json_begin(incidents->out);
    if (incidents->span.format != SPAN_JSON)
        return;
    if (incidents->more)
        span_cursor_format("", &incidents->last, next);
    buf_append_text(incidents->out, "],\"next_cursor\":");
    json_text(&j, incidents->more ? next : NULL);
    buf_append_char(incidents->out, '}');
}

static bool fill(void *state, struct store_reader *reader, struct stream_page *page)
{
    struct incidents *incidents = state;
    incidents->out = page->out;
    if (!incidents->opened && incidents->span.format == SPAN_CSV)
        buf_append_text(page->out, header);
    if (!incidents->opened && incidents->span.format == SPAN_JSON)
        buf_append_text(page->out, "{\"incidents\":[");
    incidents->opened = true;
    int rows = store_incidents_page(reader, &incidents->span.range, &incidents->cursor, ROWS_PER_QUERY, write_incident,
                                    incidents, page->error, page->error_size);
    if (rows < 0)
        return false;
    page->done = incidents->more || rows < ROWS_PER_QUERY;
    if (page->done)
        close_answer(incidents);
    return true;
}

static bool begin(void *state, struct request *request)
{
    struct incidents *incidents = state;
    char next[SPAN_CURSOR_MAX];
    if (incidents->more) {
        span_cursor_format("", &incidents->last, next);
        span_link_next(request, next);
    }
    return true;
}

void handle_incidents(struct request *request)
{
    static const struct stream_content content = {"incidents", fill, begin, free};
    struct incidents *incidents = calloc(1, sizeof(*incidents));
    if (incidents == NULL) {
        reply_error(request, 503, "out of memory for the answer");
        return;
    }
    if (!span_read(request, 0, &incidents->span)) {
        free(incidents);
        return;
    }
    incidents->cursor = incidents->span.cursor;
    stream_start(request, &content, incidents, span_content_type(incidents->span.format), incidents->span.limit != 0);
}
