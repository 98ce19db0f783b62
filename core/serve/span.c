#include "serve/span.h"

#include "base/clock.h"
#include "base/duration.h"
#include "serve/query.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t SECOND_US = 1000000;
static const int64_t UNIX_SECONDS_MAX = INT64_C(253402300799); /* the end of the year 9999 */

bool span_read_text(struct request *request, const char *name, char *value, size_t size, bool *found)
{
    enum query_result result = query_get_long(request->query, request->query_len, name, value, size);
    *found = result == QUERY_FOUND;
    if (result == QUERY_MALFORMED)
        reply_error(request, 400, "%s: a malformed or overlong value (at most %zu bytes)", name, size - 1);
    return result != QUERY_MALFORMED;
}

bool span_read_number(struct request *request, const char *name, int64_t min, int64_t max, int64_t otherwise,
                      int64_t *value)
{
    char text[QUERY_VALUE_MAX];
    bool found;
    *value = otherwise;
    if (!span_read_text(request, name, text, sizeof(text), &found))
        return false;
    if (!found)
        return true;
    size_t digits = strspn(text, "0123456789");
    *value = digits > 0 && digits < 16 && text[digits] == '\0' ? strtoll(text, NULL, 10) : -1;
    if (*value >= min && *value <= max)
        return true;
    reply_error(request, 400, "%s: expected a whole number from %" PRId64 " to %" PRId64 "; got '%s'", name, min, max,
                text);
    return false;
}

/* -- the stretch of time -- */

/* In a query a '+' stands for a space, also the one before an offset that was not escaped: "12:00:00 02:00". */
static void mend_offset(char *text)
{
    size_t len = strlen(text);
    if (len > 19 + 6 && text[len - 6] == ' ' && text[len - 3] == ':')
        text[len - 6] = '+';
    else if (len == 19 + 6 && text[19] == ' ' && text[22] == ':')
        text[19] = '+';
}

static bool parse_moment(char *text, int64_t now_us, int64_t *moment_us)
{
    int64_t ns;
    size_t len = strlen(text), digits = strspn(text, "0123456789");
    if (len > 0 && digits == len) {
        *moment_us = len < 13 && strtoll(text, NULL, 10) <= UNIX_SECONDS_MAX ? strtoll(text, NULL, 10) * SECOND_US : -1;
        return *moment_us >= 0;
    }
    if (duration_parse_ns(text, len, &ns) == 0) {
        *moment_us = now_us - ns / 1000;
        return *moment_us >= 0;
    }
    if (len == strlen("2026-11-23")) /* a day begins at midnight */
        strcpy(text + len, "T00:00:00Z");
    mend_offset(text);
    return clock_parse_iso(text, strlen(text), moment_us) == 0 && *moment_us >= 0;
}

static bool read_moment(struct request *request, const char *name, int64_t now_us, int64_t *moment_us, bool *found)
{
    char text[QUERY_VALUE_MAX], asked[QUERY_VALUE_MAX];
    if (!span_read_text(request, name, text, sizeof(text) - 16, found))
        return false;
    strcpy(asked, *found ? text : "");
    if (!*found || parse_moment(text, now_us, moment_us))
        return true;
    reply_error(request, 400,
                "%s: expected a time such as 2026-11-23T08:00:00Z, UNIX seconds, or a duration back from now such as "
                "7d; got '%s'",
                name, asked);
    return false;
}

static bool read_range(struct request *request, double otherwise_hours, struct history_range *range)
{
    char error[256], hours[QUERY_VALUE_MAX];
    int64_t now_us = clock_wall_us(), back_us = 0;
    bool has_from, has_to;
    bool has_hours = query_get(request->query, request->query_len, "hours", hours) != QUERY_ABSENT;

    *range = (struct history_range){0, INT64_MAX};
    if (!read_moment(request, "from", now_us, &range->from_us, &has_from) ||
        !read_moment(request, "to", now_us, &range->to_us, &has_to))
        return false;
    if (has_hours && has_from) {
        reply_error(request, 400, "hours and from both say where to begin: give one of them");
        return false;
    }
    if ((has_hours || otherwise_hours > 0) &&
        !query_hours(request->query, request->query_len, otherwise_hours, &back_us, error, sizeof(error))) {
        reply_error(request, 400, "%s", error);
        return false;
    }
    if (!has_from && back_us > 0)
        range->from_us = (has_to ? range->to_us : now_us) - back_us;
    if (range->from_us < 0)
        range->from_us = 0;
    if (range->from_us >= range->to_us) {
        reply_error(request, 400, "from must lie before to");
        return false;
    }
    return true;
}

/* -- whose, and in which form -- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool read_names(struct request *request, struct span *span)
{
    bool found;
    char *rest = NULL;
    if (!span_read_text(request, "provider", span->names_text, sizeof(span->names_text), &found))
        return false;
    if (!found)
        return true;
    for (char *name = strtok_r(span->names_text, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest)) {
        if (span->name_count == SPAN_NAMES_MAX) {
            reply_error(request, 400, "provider: at most %d names", SPAN_NAMES_MAX);
            return false;
        }
        span->names[span->name_count++] = name;
    }
    if (span->name_count == 0) {
        reply_error(request, 400, "provider: expected names with commas between, such as groq,mistral");
        return false;
    }
    qsort(span->names, span->name_count, sizeof(span->names[0]), by_text);
    size_t kept = 0;
    for (size_t i = 0; i < span->name_count; ++i) {
        if (kept == 0 || strcmp(span->names[kept - 1], span->names[i]) != 0)
            span->names[kept++] = span->names[i];
    }
    span->name_count = kept;
    return true;
}

static bool read_format(struct request *request, enum span_format *format)
{
    char text[QUERY_VALUE_MAX];
    bool found;
    *format = SPAN_JSON;
    if (!span_read_text(request, "format", text, sizeof(text), &found))
        return false;
    if (!found || strcmp(text, "json") == 0)
        return true;
    *format = strcmp(text, "csv") == 0 ? SPAN_CSV : SPAN_NDJSON;
    if (*format == SPAN_CSV || strcmp(text, "ndjson") == 0)
        return true;
    reply_error(request, 400, "format: expected json, csv or ndjson; got '%s'", text);
    return false;
}

const char *span_content_type(enum span_format format)
{
    static const char *const types[] = {[SPAN_JSON] = "application/json",
                                        [SPAN_CSV] = "text/csv; charset=utf-8",
                                        [SPAN_NDJSON] = "application/x-ndjson"};
    return types[format];
}

/* -- cursors -- */

void span_cursor_format(const char *name, const struct history_cursor *cursor, char out[SPAN_CURSOR_MAX])
{
    char plain[SPAN_CURSOR_MAX / 2 - 1];
    int len = snprintf(plain, sizeof(plain), "%" PRId64 "/%s/%s", cursor->after_id, cursor->after_time, name);
    for (int i = 0; i < len && i < (int)sizeof(plain) - 1; ++i)
        snprintf(out + 2 * (size_t)i, 3, "%02x", (unsigned char)plain[i]);
}

static bool undo_hex(char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len % 2 != 0 || strspn(text, "0123456789abcdef") != len)
        return false;
    for (size_t i = 0; i < len / 2; ++i) {
        char pair[3] = {text[2 * i], text[2 * i + 1], '\0'};
        text[i] = (char)strtoul(pair, NULL, 16);
    }
    text[len / 2] = '\0';
    return strlen(text) == len / 2;
}

static bool parse_cursor(char *text, struct span *span)
{
    char *end;
    if (!undo_hex(text))
        return false;
    span->cursor.after_id = strtoll(text, &end, 10);
    char *time = *end == '/' && end != text ? end + 1 : NULL, *slash = time != NULL ? strchr(time, '/') : NULL;
    int64_t wall_us;
    if (slash == NULL || (size_t)(slash - time) >= sizeof(span->cursor.after_time) ||
        strlen(slash + 1) >= sizeof(span->cursor_name) || clock_parse_iso(time, (size_t)(slash - time), &wall_us) != 0)
        return false;
    memcpy(span->cursor.after_time, time, (size_t)(slash - time));
    strcpy(span->cursor_name, slash + 1);
    return true;
}

static bool read_cursor(struct request *request, struct span *span)
{
    char text[SPAN_CURSOR_MAX];
    bool found;
    if (!span_read_number(request, "limit", 1, SPAN_LIMIT_MAX, 0, &span->limit) ||
        !span_read_text(request, "cursor", text, sizeof(text), &found))
        return false;
    if (found && span->limit == 0) {
        reply_error(request, 400, "cursor goes with limit: give both");
        return false;
    }
    if (found && !parse_cursor(text, span)) {
        reply_error(request, 400, "cursor: expected the next_cursor of an earlier answer, as it was");
        return false;
    }
    return true;
}

/* Percent-encodes nothing: what came is handed back as it came, but for the cursor. */
void span_link_next(struct request *request, const char *cursor)
{
    h2o_req_t *req = request->req;
    struct request_target target;
    struct buf link = BUF_EMPTY;
    target_split(req->input.path.base, req->input.path.len, &target);
    buf_append_char(&link, '<');
    buf_append(&link, target.path, target.path_len);
    buf_append_char(&link, '?');
    for (const char *at = target.query, *end = at + target.query_len; at != NULL && at < end;) {
        const char *next = memchr(at, '&', (size_t)(end - at));
        size_t len = (size_t)((next != NULL ? next : end) - at);
        if (len > 0 && (len < 7 || memcmp(at, "cursor=", 7) != 0)) {
            for (size_t i = 0; i < len; ++i) {
                if (strchr("<>\"", at[i]) == NULL) /* none of them belongs into a URI (RFC 3986) */
                    buf_append_char(&link, at[i]);
            }
            buf_append_char(&link, '&');
        }
        at += len + 1;
    }
    buf_printf(&link, "cursor=%s>; rel=\"next\"", cursor);
    if (buf_ok(&link)) {
        h2o_iovec_t value = h2o_strdup(&req->pool, link.bytes, link.len);
        h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("link"), 0, NULL, value.base, value.len);
    }
    buf_dispose(&link);
}

bool span_read(struct request *request, double otherwise_hours, struct span *span)
{
    *span = (struct span){.limit = 0};
    return read_range(request, otherwise_hours, &span->range) && read_names(request, span) &&
           read_format(request, &span->format) && read_cursor(request, span);
}
