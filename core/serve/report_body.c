#include "serve/report_body.h"

#include "base/clock.h"
#include "base/nearest.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* json-c knows its values by this name. */
typedef struct json_object value_t;

enum {
    FAULT_MAX = sizeof(((struct report_rejection *)0)->error),
    SHOWN_MAX = 40,
    HEADER_VALUE_MAX = 1024,
    DEPTH_MAX = 8
};

static const int64_t SECOND_US = 1000000;
static const int64_t OLDEST_US = INT64_C(600) * 1000000, AHEAD_US = INT64_C(60) * 1000000;
static const double MS_MAX = 86400e3, COUNT_MAX = 1e12;

/* One report being read. */
struct reading {
    const struct snapshot *snapshot;
    const struct provider_view *view; /* its provider; NULL until it is known */
    int64_t now_us;
    struct report_batch *batch;
    struct report report;
    bool has_outcome;
    char fault[FAULT_MAX]; /* "" = none so far */
};

static bool refuse(struct reading *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool refuse(struct reading *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(r->fault, sizeof(r->fault), format, args);
    va_end(args);
    return false;
}

static const char *type_name(value_t *value)
{
    static const char *const names[] = {
        [json_type_null] = "null",       [json_type_boolean] = "true or false", [json_type_double] = "a number",
        [json_type_int] = "a number",    [json_type_object] = "an object",      [json_type_array] = "an array",
        [json_type_string] = "a string",
    };
    return names[json_object_get_type(value)];
}

/* Its bytes, if it is a string without a NUL in it; else NULL. */
static const char *text_of(value_t *value, size_t *len)
{
    if (!json_object_is_type(value, json_type_string))
        return NULL;
    const char *text = json_object_get_string(value);
    *len = (size_t)json_object_get_string_len(value);
    return strlen(text) == *len ? text : NULL;
}

static bool is_number(value_t *value)
{
    return json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_double);
}

/* Printable, whatever it is: "…" where it had to be cut. */
static const char *shown(const char *text, char out[SHOWN_MAX + 4])
{
    size_t len = strnlen(text, SHOWN_MAX);
    for (size_t i = 0; i < len; ++i)
        out[i] = (unsigned char)text[i] < 0x20 || (unsigned char)text[i] > 0x7e ? '?' : text[i];
    strcpy(out + len, text[len] != '\0' ? "..." : "");
    return out;
}

static bool has_control(const char *text)
{
    for (; *text != '\0'; ++text) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    }
    return false;
}

/* -- fields -- */

static bool read_provider(struct reading *r, value_t *value)
{
    char text[SHOWN_MAX + 4];
    size_t len;
    const char *name = text_of(value, &len);
    if (name == NULL)
        return refuse(r, "provider: expected a string; got %s", type_name(value));
    r->view = snapshot_find(r->snapshot, name, len);
    if (r->view == NULL)
        return refuse(r, "provider: '%s' is not watched; GET /api/providers/status lists those that are",
                      shown(name, text));
    memcpy(r->report.provider, r->view->name, sizeof(r->report.provider));
    return true;
}

static bool read_key(struct reading *r, value_t *value)
{
    size_t keys = r->view->key_count != 0 ? r->view->key_count : r->view->lead->number != 0 ? 1 : 0;
    int64_t number = json_object_get_int64(value);
    if (keys == 0)
        return refuse(r, "key: '%s' is asked without a key", r->view->name);
    if (!json_object_is_type(value, json_type_int) || number < 1 || (size_t)number > keys)
        return refuse(r, "key: expected the number of one of the keys of '%s', 1 to %zu", r->view->name, keys);
    r->report.key = (unsigned)number;
    return true;
}

static bool read_model(struct reading *r, value_t *value)
{
    size_t len;
    const char *model = text_of(value, &len);
    if (model == NULL || len >= sizeof(r->report.model) || has_control(model))
        return refuse(r, "model: expected an id of at most %zu bytes without control characters",
                      sizeof(r->report.model) - 1);
    strcpy(r->report.model, model);
    return true;
}

static bool read_kind(struct reading *r, const char *word)
{
    const struct kind_table *kinds = r->view->kinds != NULL ? r->view->kinds : r->snapshot->kinds;
    const char *words[KINDS_MAX + 3] = {"ok", "aborted", "failed"};
    char text[SHOWN_MAX + 4];
    size_t count = 3;
    if (kinds != NULL && kind_find(kinds, word) != NULL) {
        snprintf(r->report.kind, sizeof(r->report.kind), "%s", word);
        return true;
    }
    for (size_t i = 0; kinds != NULL && i < kinds->count; ++i)
        words[count++] = kinds->kinds[i].name;
    const char *near = nearest_word(word, words, count);
    return refuse(r, "outcome: expected ok, aborted, failed, or a kind of GET /api/error-kinds; got '%s'%s%s%s",
                  shown(word, text), near != NULL ? ", did you mean '" : "", near != NULL ? near : "",
                  near != NULL ? "'?" : "");
}

static bool read_outcome(struct reading *r, value_t *value)
{
    size_t len;
    const char *word = text_of(value, &len);
    if (word == NULL)
        return refuse(r, "outcome: expected a string; got %s", type_name(value));
    r->has_outcome = true;
    if (strcmp(word, "ok") == 0)
        r->report.outcome = REPORT_OK;
    else if (strcmp(word, "aborted") == 0)
        r->report.outcome = REPORT_ABORTED;
    else
        r->report.outcome = REPORT_FAILED;
    return r->report.outcome != REPORT_FAILED || strcmp(word, "failed") == 0 || read_kind(r, word);
}

static bool read_status(struct reading *r, value_t *value)
{
    int64_t status = json_object_get_int64(value);
    if (!json_object_is_type(value, json_type_int) || status < 100 || status > 599)
        return refuse(r, "status: expected an HTTP status from 100 to 599, or null when no answer came");
    r->report.status = (int)status;
    return true;
}

static bool read_number(struct reading *r, const char *name, value_t *value, double most, double *out)
{
    double number = json_object_get_double(value);
    if (!is_number(value) || !isfinite(number) || number < 0 || number > most)
        return refuse(r, "%s: expected a number from 0 to %.0f", name, most);
    *out = number;
    return true;
}

static bool read_latency(struct reading *r, value_t *value)
{
    return read_number(r, "latency_ms", value, MS_MAX, &r->report.latency_ms);
}

static bool read_first_token(struct reading *r, value_t *value)
{
    return read_number(r, "first_token_ms", value, MS_MAX, &r->report.first_token_ms);
}

static bool read_speed(struct reading *r, value_t *value)
{
    return read_number(r, "tokens_per_second", value, 1e9, &r->report.tokens_per_second);
}

static bool read_tokens(struct reading *r, value_t *value)
{
    double tokens = -1;
    if (!read_number(r, "tokens", value, COUNT_MAX, &tokens))
        return false;
    r->report.tokens = (int64_t)tokens;
    return true;
}

static bool read_time(struct reading *r, value_t *value)
{
    size_t len;
    const char *text = text_of(value, &len);
    double seconds = json_object_get_double(value);
    int64_t ended_us = 0;
    bool is_time = text != NULL ? clock_parse_iso(text, len, &ended_us) == 0
                                : is_number(value) && isfinite(seconds) && fabs(seconds) < 1e11;
    if (!is_time)
        return refuse(r, "time: expected \"2026-11-24T08:00:00Z\" or seconds since 1970; got %s", type_name(value));
    if (text == NULL)
        ended_us = (int64_t)(seconds * 1e6);
    if (ended_us < r->now_us - OLDEST_US || ended_us > r->now_us + AHEAD_US)
        return refuse(r, "time: expected at most %" PRId64 " s ago, since states are of now; it is %" PRId64 " s off",
                      OLDEST_US / SECOND_US, (r->now_us - ended_us) / SECOND_US);
    r->report.ended_us = ended_us < r->now_us ? ended_us : r->now_us;
    return true;
}

/* -- headers -- */

static bool contains(const char *text, const char *part)
{
    return strcasestr(text, part) != NULL;
}

/* Whether providers/lib/limits.lua may look for it. Others may hold what is nobody's business. */
static bool tells_of_limits(const char *name)
{
    static const char *const others[] = {"retry-after", "retry-after-ms", "date"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); ++i) {
        if (strcasecmp(name, others[i]) == 0)
            return true;
    }
    return contains(name, "ratelimit") || contains(name, "rate-limit") || contains(name, "endpoint-call") ||
           contains(name, "endpoint-monthly-call") || strncasecmp(name, "x-litellm-key-", 14) == 0;
}

/* No line of a header may become two. */
static bool is_plain(const char *text)
{
    for (; *text != '\0'; ++text) {
        if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e)
            return false;
    }
    return true;
}

static bool read_headers(struct reading *r, value_t *value)
{
    size_t len;
    struct buf *texts = &r->batch->texts;
    if (!json_object_is_type(value, json_type_object))
        return refuse(r, "headers: expected {\"name\": \"value\"}; got %s", type_name(value));
    r->report.headers.at = texts->len;
    json_object_object_foreach(value, name, entry)
    {
        const char *text = text_of(entry, &len);
        if (!tells_of_limits(name))
            continue;
        if (text == NULL)
            return refuse(r, "headers: expected strings; got %s", type_name(entry));
        size_t line_len = strlen(name) + len + 4;
        bool fits = len <= HEADER_VALUE_MAX && texts->len - r->report.headers.at + line_len <= REPORT_HEADERS_MAX;
        if (fits && is_plain(name) && is_plain(text) && strchr(name, ':') == NULL)
            buf_printf(texts, "%s: %s\r\n", name, text);
    }
    r->report.headers.len = texts->len - r->report.headers.at;
    return true;
}

static bool read_error(struct reading *r, value_t *value)
{
    size_t len;
    const char *text = text_of(value, &len);
    if (text == NULL)
        return refuse(r, "error: expected a string; got %s", type_name(value));
    if (len > REPORT_ERROR_MAX)
        len = REPORT_ERROR_MAX;
    r->report.error = (struct report_text){r->batch->texts.len, len};
    buf_append(&r->batch->texts, text, len);
    return true;
}

/* -- a report -- */

static const struct {
    const char *name;
    bool (*read)(struct reading *r, value_t *value);
} fields[] = {
    {"provider", read_provider}, /* first: the others ask it */
    {"outcome", read_outcome},
    {"status", read_status},
    {"key", read_key},
    {"model", read_model},
    {"latency_ms", read_latency},
    {"first_token_ms", read_first_token},
    {"tokens_per_second", read_speed},
    {"tokens", read_tokens},
    {"time", read_time},
    {"headers", read_headers},
    {"error", read_error},
};
enum { FIELDS = sizeof(fields) / sizeof(fields[0]) };

static bool is_field(const char *name)
{
    for (size_t i = 0; i < FIELDS; ++i) {
        if (strcmp(fields[i].name, name) == 0)
            return true;
    }
    return false;
}

static bool refuse_unknown(struct reading *r, value_t *object)
{
    const char *names[FIELDS];
    char text[SHOWN_MAX + 4];
    for (size_t i = 0; i < FIELDS; ++i)
        names[i] = fields[i].name;
    json_object_object_foreach(object, name, value)
    {
        (void)value;
        if (is_field(name))
            continue;
        const char *near = nearest_word(name, names, FIELDS);
        return refuse(r, "there is no field '%s'%s%s%s", shown(name, text), near != NULL ? "; did you mean '" : "",
                      near != NULL ? near : "", near != NULL ? "'?" : "");
    }
    return true;
}

/* The status tells the outcome where nothing else does. */
static bool conclude(struct reading *r)
{
    struct report *report = &r->report;
    if (r->has_outcome)
        return true;
    if (report->status == 0)
        return refuse(r, "expected an outcome, or the status that was answered");
    report->outcome = report->status >= 200 && report->status < 300 ? REPORT_OK : REPORT_FAILED;
    return true;
}

static bool read_report(struct reading *r, value_t *object)
{
    r->view = NULL;
    r->has_outcome = false;
    r->fault[0] = '\0';
    r->report = (struct report){
        .latency_ms = -1,
        .first_token_ms = -1,
        .tokens_per_second = -1,
        .tokens = -1,
        .ended_us = r->now_us,
    };
    if (!json_object_is_type(object, json_type_object))
        return refuse(r, "expected an object; got %s", type_name(object));
    if (!refuse_unknown(r, object))
        return false;
    for (size_t i = 0; i < FIELDS; ++i) {
        value_t *value = json_object_object_get(object, fields[i].name); /* NULL for null as well */
        if (value != NULL && !fields[i].read(r, value))
            return false;
        if (r->view == NULL)
            return refuse(r, "provider: expected the name of one");
    }
    return conclude(r);
}

/* -- the body -- */

static bool list_rejection(struct report_rejections *rejections, size_t index, const char *fault)
{
    if (rejections->list == NULL)
        rejections->list = calloc(REPORT_REJECTIONS_MAX, sizeof(*rejections->list));
    if (rejections->list == NULL)
        return false;
    if (++rejections->count > REPORT_REJECTIONS_MAX)
        return true;
    struct report_rejection *rejection = &rejections->list[rejections->listed++];
    rejection->index = index;
    snprintf(rejection->error, sizeof(rejection->error), "%s", fault);
    return true;
}

/* The reports of the body: its array, or itself when it is the only one. NULL with the reason. */
static value_t *reports_in(value_t *body, char *error, size_t error_size)
{
    bool is_object = json_object_is_type(body, json_type_object);
    value_t *inside = is_object ? json_object_object_get(body, "reports") : NULL;
    if (json_object_is_type(body, json_type_array) || (is_object && inside == NULL))
        return body;
    if (json_object_is_type(inside, json_type_array) && json_object_object_length(body) == 1)
        return inside;
    snprintf(error, error_size, "expected a report, an array of reports, or {\"reports\": [...]}; got %s",
             inside != NULL ? "an object that has reports and is something else" : type_name(body));
    return NULL;
}

static bool read_reports(struct reading *r, value_t *reports, size_t count, struct report_rejections *rejections)
{
    bool is_list = json_object_is_type(reports, json_type_array);
    for (size_t i = 0; i < count; ++i) {
        if (read_report(r, is_list ? json_object_array_get_idx(reports, i) : reports))
            r->batch->reports[r->batch->count++] = r->report;
        else if (!list_rejection(rejections, i, r->fault))
            return false;
    }
    return buf_ok(&r->batch->texts);
}

static struct report_batch *batch_of(value_t *reports, const struct snapshot *snapshot, int64_t now_us,
                                     struct report_rejections *rejections, char *error, size_t error_size)
{
    size_t count = json_object_is_type(reports, json_type_array) ? json_object_array_length(reports) : 1;
    struct reading r = {.snapshot = snapshot, .now_us = now_us};
    if (count > REPORTS_MAX) {
        snprintf(error, error_size, "%zu reports; expected at most %d at once", count, REPORTS_MAX);
        return NULL;
    }
    r.batch = calloc(1, sizeof(*r.batch));
    if (r.batch != NULL)
        r.batch->reports = calloc(count + 1, sizeof(struct report));
    if (r.batch != NULL && r.batch->reports != NULL && read_reports(&r, reports, count, rejections))
        return r.batch;
    snprintf(error, error_size, "out of memory for %zu reports", count);
    report_batch_free(r.batch);
    return NULL;
}

/* NULL with the reason. */
static value_t *parse(const char *bytes, size_t len, char *error, size_t error_size)
{
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
    if (tokener == NULL || len > INT_MAX) {
        snprintf(error, error_size, "out of memory for a body of %zu bytes", len);
        json_tokener_free(tokener);
        return NULL;
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    value_t *body = json_tokener_parse_ex(tokener, bytes, (int)len);
    enum json_tokener_error fault = json_tokener_get_error(tokener);
    size_t end = json_tokener_get_parse_end(tokener);
    while (fault == json_tokener_success && end < len && strchr(" \t\r\n", bytes[end]) != NULL && bytes[end] != '\0')
        ++end;
    if (fault == json_tokener_continue)
        snprintf(error, error_size, "the body is not whole: expected a JSON object or array");
    else if (fault != json_tokener_success)
        snprintf(error, error_size, "the body is not JSON: %s at byte %zu", json_tokener_error_desc(fault), end);
    else if (end < len)
        snprintf(error, error_size, "the body is not JSON: there is more behind its end, at byte %zu", end);
    json_tokener_free(tokener);
    if (fault == json_tokener_success && end == len)
        return body;
    json_object_put(body);
    return NULL;
}

struct report_batch *report_body_read(const char *bytes, size_t len, const struct snapshot *snapshot, int64_t now_us,
                                      struct report_rejections *rejections, char *error, size_t error_size)
{
    struct report_batch *batch = NULL;
    *rejections = (struct report_rejections){.list = NULL};
    snprintf(error, error_size, "expected a report, an array of reports, or {\"reports\": [...]}; got null");
    value_t *body = parse(bytes, len, error, error_size);
    value_t *reports = body != NULL ? reports_in(body, error, error_size) : NULL;
    if (reports != NULL)
        batch = batch_of(reports, snapshot, now_us, rejections, error, error_size);
    json_object_put(body);
    if (batch == NULL) {
        free(rejections->list);
        *rejections = (struct report_rejections){.list = NULL};
    }
    return batch;
}
