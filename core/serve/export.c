/* export: the checks themselves as CSV: every column, by id, as fast as SQLite reads them.
 *
 * Texts are as they are stored, quoted and neutralised; numbers read back as the same value; NULL is empty.
 */
#include "base/clock.h"
#include "base/number.h"
#include "serve/handlers.h"
#include "serve/render.h"
#include "serve/stream.h"

#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

enum {
    EXPORT_PAGE_BYTES = 256 * 1024,
    ROWS_PER_QUERY = 2000, /* also of those that are passed over */
    NAME_COLUMN = 1,
    TIME_COLUMN = 6,
    DATE_LEN = 10, /* "2026-11-23" */
};

/* From SQLite's own header line, without the spaces. */
static const char header[] = "id,provider_name,status,response_time_ms,uptime_percent,rate_limit_percent,"
                             "last_check_timestamp,error_message,consecutive_failures,created_at,ok,reason,"
                             "http_status,dns_ms,connect_ms,tls_ms,first_byte_ms,error_kind,key,rate_limit\n";

struct export
{
    struct span span;
    int64_t after_id;
    char from_text[CLOCK_ISO_MAX]; /* the range as the table writes times; "" = open */
    char to_text[CLOCK_ISO_MAX];
    bool opened;
    struct buf *out;
};

/* -- one row -- */

/* The order of two times of the table; "T" and a space are alike. */
static int compare_times(const char *a, const char *b)
{
    int order = strncmp(a, b, DATE_LEN);
    return order != 0 || strlen(a) <= DATE_LEN ? order : strcmp(a + DATE_LEN + 1, b + DATE_LEN + 1);
}

/* By its text, where it has the usual form; else by what it means. */
static bool is_within(const struct export *export, const char *time, size_t len)
{
    int64_t wall_us;
    bool usual =
        len == strlen("2026-11-23T08:22:14.217175") && time[len - 1] >= '0' && time[len - 1] <= '9' && time[19] == '.';
    if (usual)
        return (export->from_text[0] == '\0' || compare_times(time, export->from_text) >= 0) &&
               (export->to_text[0] == '\0' || compare_times(time, export->to_text) < 0);
    return clock_parse_iso(time, len, &wall_us) == 0 && wall_us >= export->span.range.from_us &&
           wall_us < export->span.range.to_us;
}

static bool is_wanted(const struct export *export, sqlite3_stmt *row)
{
    if (export->from_text[0] != '\0' || export->to_text[0] != '\0') {
        const char *time = (const char *)sqlite3_column_text(row, TIME_COLUMN);
        if (time == NULL || !is_within(export, time, (size_t)sqlite3_column_bytes(row, TIME_COLUMN)))
            return false;
    }
    if (export->span.name_count == 0)
        return true;
    const char *name = (const char *)sqlite3_column_text(row, NAME_COLUMN);
    for (size_t i = 0; i < export->span.name_count && name != NULL; ++i) {
        if (strcmp(export->span.names[i], name) == 0)
            return true;
    }
    return false;
}

static void write_value(struct buf *out, sqlite3_stmt *row, int column)
{
    char text[NUMBER_TEXT_MAX];
    switch (sqlite3_column_type(row, column)) {
    case SQLITE_NULL:
        return;
    case SQLITE_INTEGER:
        buf_append(out, text, number_format_int(sqlite3_column_int64(row, column), text));
        return;
    case SQLITE_FLOAT:
        if (isfinite(sqlite3_column_double(row, column)))
            buf_append(out, text, number_format_double(sqlite3_column_double(row, column), text));
        return;
    default: {
        const char *value = (const char *)sqlite3_column_text(row, column);
        render_csv_text(out, value != NULL ? value : "");
    }
    }
}

static void write_row(sqlite3_stmt *row, void *user)
{
    struct export *export = user;
    if (!is_wanted(export, row))
        return;
    int columns = sqlite3_column_count(row);
    for (int i = 0; i < columns; ++i) {
        if (i != 0)
            buf_append_char(export->out, ',');
        write_value(export->out, row, i);
    }
    buf_append_char(export->out, '\n');
}

/* -- streaming -- */

static bool fill(void *state, struct store_reader *reader, struct stream_page *page)
{
    struct export *export = state;
    int queries = 0;
    export->out = page->out;
    if (!export->opened)
        buf_append_text(page->out, header);
    export->opened = true;
    while (!page->done && page->out->len < EXPORT_PAGE_BYTES && queries++ < 10) {
        int rows = store_export_page(reader, &export->after_id, ROWS_PER_QUERY, write_row, export, page->error,
                                     page->error_size);
        if (rows < 0)
            return false;
        page->done = rows < ROWS_PER_QUERY;
    }
    return true;
}

static bool begin(void *state, struct request *request)
{
    h2o_req_t *req = request->req;
    (void)state;
    h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("content-disposition"), 0, NULL,
                          H2O_STRLIT("attachment; filename=provider_checks.csv"));
    return true;
}

void handle_export(struct request *request)
{
    static const struct stream_content content = {"export", fill, begin, free};
    struct export *export = calloc(1, sizeof(*export));
    if (export == NULL) {
        reply_error(request, 503, "out of memory for the answer");
        return;
    }
    if (!span_read(request, 0, &export->span))
        goto refused;
    if (export->span.limit != 0 || export->span.format != SPAN_JSON) {
        reply_error(request, 400, "limit and format do not go with the export: it is CSV, and whole");
        goto refused;
    }
    if (export->span.range.from_us != 0)
        clock_format_sql(export->span.range.from_us, export->from_text);
    if (export->span.range.to_us != INT64_MAX)
        clock_format_sql(export->span.range.to_us, export->to_text);
    stream_start(request, &content, export, span_content_type(SPAN_CSV), false);
    return;
refused:
    free(export);
}
