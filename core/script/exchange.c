#include "script/exchange.h"

#include "base/json.h"
#include "base/scrub.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { HEADER_LINES_MAX = 100 }; /* shown of a message */

/* -- collecting -- */

void exchange_begin(struct exchange *exchange, bool post, const char *url)
{
    exchange->begun = true;
    exchange->answered = false;
    exchange->post = post;
    exchange->request_body_cut = false;
    buf_clear(&exchange->request_headers);
    buf_clear(&exchange->request_body);
    buf_clear(&exchange->url);
    buf_append_text(&exchange->url, url);
}

void exchange_header(struct exchange *exchange, const char *line, size_t len, bool secret)
{
    struct buf *out = &exchange->request_headers;
    const char *colon = memchr(line, ':', len);
    if (out->len + len > EXCHANGE_HEADER_BYTES_MAX || colon == NULL)
        return;
    if (secret)
        buf_printf(out, "%.*s: ***\r\n", (int)(colon - line), line);
    else
        buf_printf(out, "%.*s\r\n", (int)len, line);
}

void exchange_body(struct exchange *exchange, const char *bytes, size_t len)
{
    size_t most = EXCHANGE_REQUEST_BODY_SHOWN + EXCHANGE_CUT;
    exchange->request_body_cut = len > most;
    buf_append(&exchange->request_body, bytes, len < most ? len : most);
}

void exchange_end(struct exchange *exchange, struct probe_answer *answer)
{
    exchange->answered = true;
    exchange->error = answer->error;
    memcpy(exchange->message, answer->message, sizeof(exchange->message));
    exchange->status = answer->status;
    exchange->phases = answer->phases;
    exchange->body_bytes = answer->body_bytes;

    size_t len = answer->headers.len;
    if (len > EXCHANGE_HEADER_BYTES_MAX) {
        const char *end = memrchr(buf_text(&answer->headers), '\n', EXCHANGE_HEADER_BYTES_MAX);
        len = end != NULL ? (size_t)(end + 1 - buf_text(&answer->headers)) : 0;
    }
    buf_clear(&exchange->headers);
    buf_append(&exchange->headers, buf_text(&answer->headers), len);

    if (answer->body_kept) {
        const char *head = probe_answer_head(answer, &len);
        buf_clear(&exchange->head);
        buf_append(&exchange->head, head, len);
    } else {
        buf_dispose(&exchange->head);
        exchange->head = answer->head;
        answer->head = BUF_EMPTY;
    }
}

void exchange_dispose(struct exchange *exchange)
{
    buf_dispose(&exchange->url);
    buf_dispose(&exchange->request_headers);
    buf_dispose(&exchange->request_body);
    buf_dispose(&exchange->headers);
    buf_dispose(&exchange->head);
    memset(exchange, 0, sizeof(*exchange));
}

/* -- cleaning -- */

static void append_clean(struct redactor *redactor, const char *text, size_t len, struct buf *out)
{
    struct buf redacted = BUF_EMPTY;
    redact(redactor, text, len, &redacted);
    scrub(buf_text(&redacted), redacted.len, out);
    out->failed |= redacted.failed;
    buf_dispose(&redacted);
}

/* Appends at most `most` bytes of the body, cleaned. Whether that is less than all there was. */
static bool append_clean_body(struct redactor *redactor, const struct buf *body, bool cut, size_t most, struct buf *out)
{
    size_t begin = out->len;
    append_clean(redactor, buf_text(body), body->len, out);
    size_t len = out->len - begin, sure = len;
    if (cut)
        sure = len > EXCHANGE_CUT ? len - EXCHANGE_CUT : 0;
    size_t shown = sure < most ? sure : most;
    if (shown < len) {
        while (shown != 0 && ((unsigned char)out->bytes[begin + shown] & 0xC0) == 0x80) /* not inside a character */
            --shown;
        out->len = begin + shown;
        out->bytes[out->len] = '\0';
    }
    return cut || shown < len;
}

static void append_clean_value(struct redactor *redactor, const struct buf *lines, const char *name, size_t name_len,
                               struct buf *out)
{
    struct buf value = BUF_EMPTY;
    enum scrub_header kind = scrub_header(name, name_len);
    if (kind == SCRUB_HEADER_HIDE) {
        buf_append_text(out, "***");
        return;
    }
    probe_header(lines, name, name_len, &value);
    if (kind == SCRUB_HEADER_REQUEST_ID)
        redact(redactor, buf_text(&value), value.len, out);
    else
        append_clean(redactor, buf_text(&value), value.len, out);
    buf_dispose(&value);
}

/* The names in header lines, each once, in order. */
struct names {
    size_t count;
    struct {
        const char *bytes;
        size_t len;
    } items[HEADER_LINES_MAX];
};

static bool has_name(const struct names *names, const char *name, size_t len)
{
    for (size_t i = 0; i < names->count; ++i) {
        if (names->items[i].len == len && strncasecmp(names->items[i].bytes, name, len) == 0)
            return true;
    }
    return false;
}

static void list_names(const struct buf *lines, struct names *names)
{
    const char *line = buf_text(lines), *end = line + lines->len;
    names->count = 0;
    while (line < end && names->count < HEADER_LINES_MAX) {
        const char *line_end = memchr(line, '\n', (size_t)(end - line));
        if (line_end == NULL)
            line_end = end;
        const char *colon = memchr(line, ':', (size_t)(line_end - line));
        if (colon != NULL && !has_name(names, line, (size_t)(colon - line))) {
            names->items[names->count].bytes = line;
            names->items[names->count++].len = (size_t)(colon - line);
        }
        line = line_end + 1;
    }
}

/* -- as JSON -- */

static void json_clean(struct json *j, const char *key, struct redactor *redactor, const char *text, size_t len)
{
    struct buf clean = BUF_EMPTY;
    append_clean(redactor, text, len, &clean);
    json_key(j, key);
    json_bytes(j, buf_text(&clean), clean.len);
    buf_dispose(&clean);
}

static void json_headers(struct json *j, struct redactor *redactor, const struct buf *lines)
{
    struct names names;
    struct buf text = BUF_EMPTY;
    list_names(lines, &names);
    json_key(j, "headers");
    json_object(j);
    for (size_t i = 0; i < names.count; ++i) {
        buf_clear(&text);
        append_clean(redactor, names.items[i].bytes, names.items[i].len, &text);
        json_key(j, buf_text(&text));
        buf_clear(&text);
        append_clean_value(redactor, lines, names.items[i].bytes, names.items[i].len, &text);
        json_bytes(j, buf_text(&text), text.len);
    }
    json_end(j);
    buf_dispose(&text);
}

static bool json_body(struct json *j, struct redactor *redactor, const struct buf *body, bool cut, size_t most)
{
    struct buf clean = BUF_EMPTY;
    bool truncated = append_clean_body(redactor, body, cut, most, &clean);
    json_key(j, "body");
    json_bytes(j, buf_text(&clean), clean.len);
    buf_dispose(&clean);
    return truncated;
}

static void json_request(struct json *j, struct redactor *redactor, const struct exchange *exchange)
{
    json_key(j, "request");
    json_object(j);
    json_key(j, "method");
    json_text(j, exchange->post ? "POST" : "GET");
    json_clean(j, "url", redactor, buf_text(&exchange->url), exchange->url.len);
    json_headers(j, redactor, &exchange->request_headers);
    if (exchange->request_body.len != 0) {
        json_body(j, redactor, &exchange->request_body, exchange->request_body_cut, EXCHANGE_REQUEST_BODY_SHOWN);
    } else {
        json_key(j, "body");
        json_null(j);
    }
    json_end(j);
}

static bool body_cut(const struct exchange *exchange)
{
    return exchange->body_bytes > exchange->head.len;
}

static void json_response(struct json *j, struct redactor *redactor, const struct exchange *exchange)
{
    json_key(j, "response");
    if (!exchange->answered || exchange->status == 0) {
        json_null(j);
        return;
    }
    json_object(j);
    json_key(j, "status");
    json_int(j, exchange->status);
    json_headers(j, redactor, &exchange->headers);
    bool truncated = json_body(j, redactor, &exchange->head, body_cut(exchange), EXCHANGE_BODY_SHOWN);
    json_key(j, "truncated");
    json_bool(j, truncated);
    json_end(j);
}

static void json_phase(struct json *j, const char *key, float ms)
{
    json_key(j, key);
    if (ms < 0)
        json_null(j);
    else
        json_double(j, (double)(int64_t)((double)ms * 1000 + 0.5) / 1000); /* measured in microseconds */
}

static void json_phases(struct json *j, const struct probe_phases *phases)
{
    json_key(j, "phases");
    json_object(j);
    json_phase(j, "dns_ms", phases->dns_ms);
    json_phase(j, "connect_ms", phases->connect_ms);
    json_phase(j, "tls_ms", phases->tls_ms);
    json_phase(j, "first_byte_ms", phases->first_byte_ms);
    json_phase(j, "total_ms", phases->total_ms);
    json_end(j);
}

void exchange_render_json(const struct exchange *exchange, struct redactor *redactor, struct buf *out)
{
    struct json j = json_begin(out);
    if (!exchange->begun) {
        json_null(&j);
        return;
    }
    const struct probe_phases none = PROBE_PHASES_NONE;
    json_object(&j);
    json_request(&j, redactor, exchange);
    json_response(&j, redactor, exchange);
    json_phases(&j, exchange->answered ? &exchange->phases : &none);
    json_key(&j, "error");
    json_text(&j, exchange->answered ? probe_error_name(exchange->error) : NULL);
    if (exchange->answered && exchange->message[0] != '\0') {
        json_clean(&j, "message", redactor, exchange->message, strlen(exchange->message));
    } else {
        json_key(&j, "message");
        json_null(&j);
    }
    json_end(&j);
}

/* -- for people -- */

static void print_text(FILE *out, const struct buf *text, const char *prefix)
{
    bool line_begins = true;
    for (size_t i = 0; i < text->len; ++i) {
        char c = text->bytes[i];
        if (line_begins)
            fputs(prefix, out);
        line_begins = c == '\n';
        bool shown = line_begins || c == '\t' || !iscntrl((unsigned char)c);
        if (c != '\r')
            fputc(shown ? c : '?', out);
    }
    if (!line_begins)
        fputc('\n', out);
}

static void print_headers(FILE *out, struct redactor *redactor, const struct buf *lines, const char *prefix)
{
    struct names names;
    struct buf text = BUF_EMPTY;
    list_names(lines, &names);
    for (size_t i = 0; i < names.count; ++i) {
        buf_clear(&text);
        append_clean(redactor, names.items[i].bytes, names.items[i].len, &text);
        buf_append_text(&text, ": ");
        append_clean_value(redactor, lines, names.items[i].bytes, names.items[i].len, &text);
        print_text(out, &text, prefix);
    }
    buf_dispose(&text);
}

static void print_body(FILE *out, struct redactor *redactor, const struct buf *body, bool cut, size_t most,
                       const char *prefix)
{
    struct buf text = BUF_EMPTY;
    bool truncated = append_clean_body(redactor, body, cut, most, &text);
    print_text(out, &text, prefix);
    if (truncated)
        fprintf(out, "%s… (not all of it)\n", prefix);
    buf_dispose(&text);
}

static void print_clean(FILE *out, struct redactor *redactor, const char *before, const char *text)
{
    struct buf line = BUF_EMPTY;
    buf_append_text(&line, before);
    append_clean(redactor, text, strlen(text), &line);
    print_text(out, &line, "");
    buf_dispose(&line);
}

static void print_phases(FILE *out, const struct probe_phases *phases)
{
    const struct {
        const char *name;
        float ms;
    } spans[] = {{"dns", phases->dns_ms},
                 {"connect", phases->connect_ms},
                 {"tls", phases->tls_ms},
                 {"first byte", phases->first_byte_ms},
                 {"total", phases->total_ms}};
    const char *separator = "* ";
    for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); ++i) {
        if (spans[i].ms < 0)
            continue;
        fprintf(out, "%s%s %.1f ms", separator, spans[i].name, (double)spans[i].ms);
        separator = ", ";
    }
    if (separator[0] == ',')
        fputc('\n', out);
}

void exchange_print(FILE *out, const struct exchange *exchange, struct redactor *redactor)
{
    if (!exchange->begun)
        return;
    print_clean(out, redactor, exchange->post ? "> POST " : "> GET ", buf_text(&exchange->url));
    print_headers(out, redactor, &exchange->request_headers, "> ");
    if (exchange->request_body.len != 0) {
        fputs(">\n", out);
        print_body(out, redactor, &exchange->request_body, exchange->request_body_cut, EXCHANGE_REQUEST_BODY_SHOWN,
                   "> ");
    }
    if (!exchange->answered) {
        fputs("* no answer yet\n", out);
        return;
    }
    if (exchange->status != 0) {
        fprintf(out, "< HTTP %d\n", exchange->status);
        print_headers(out, redactor, &exchange->headers, "< ");
        fputs("<\n", out);
        print_body(out, redactor, &exchange->head, body_cut(exchange), EXCHANGE_BODY_SHOWN, "");
    }
    if (exchange->error != PROBE_OK) {
        fprintf(out, "* %s", probe_error_name(exchange->error));
        print_clean(out, redactor, ": ", exchange->message);
    }
    print_phases(out, &exchange->phases);
}
