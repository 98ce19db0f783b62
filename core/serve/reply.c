/* reply: the ways to answer a request. */
#include "serve/gzip.h"
#include "serve/render.h"
#include "serve/request.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    GZIP_MIN_BYTES = 1024,
    TAG_MAX = 112,
    ETAG_MAX = 160, /* boot id, version and a tag */
};

static const char JSON_TYPE[] = "application/json";

static const char *reason_phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {
        {200, "OK"},
        {202, "Accepted"},
        {204, "No Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {413, "Content Too Large"},
        {421, "Misdirected Request"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
    };
    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); ++i) {
        if (phrases[i].status == status)
            return phrases[i].phrase;
    }
    return "Status";
}

/* -- what the client asked for -- */

bool etag_matches(const char *header, size_t len, const char *etag)
{
    size_t etag_len = strlen(etag);
    const char *end = header + len;

    while (header < end) {
        while (header < end && strchr(" \t,", *header) != NULL)
            ++header;
        if (header < end && *header == '*')
            return true;
        if (end - header >= 2 && memcmp(header, "W/", 2) == 0)
            header += 2;
        if ((size_t)(end - header) >= etag_len && memcmp(header, etag, etag_len) == 0 &&
            (header + etag_len == end || strchr(" \t,", header[etag_len]) != NULL))
            return true;
        const char *comma = memchr(header, ',', (size_t)(end - header));
        header = comma != NULL ? comma + 1 : end;
    }
    return false;
}

/* The weight behind a coding's name, in thousandths; 1000 without one, 0 when it is malformed (RFC 9110, 12.4.2). */
static int weight_of(const char *at, const char *end)
{
    static const int digit_worth[] = {1000, 0, 100, 10, 1}; /* of "1.000", by position */
    at = memchr(at, '=', (size_t)(end - at));
    if (at == NULL)
        return 1000;
    int weight = 0;
    size_t i = 0;
    for (++at; at < end && i < 5 && *at != ' ' && *at != '\t' && *at != ';'; ++at, ++i) {
        bool is_point = i == 1;
        if (is_point ? *at != '.' : *at < '0' || *at > (i == 0 ? '1' : '9'))
            return 0;
        weight += is_point ? 0 : (*at - '0') * digit_worth[i];
    }
    return weight <= 1000 ? weight : 0;
}

static bool word_is(const char *at, const char *end, const char *word)
{
    size_t len = strlen(word);
    return (size_t)(end - at) == len && strncasecmp(at, word, len) == 0;
}

bool accepts_gzip(const char *header, size_t len)
{
    const char *end = header + len;
    int gzip = -1, star = -1, identity = -1; /* -1 = not named */

    while (header < end) {
        const char *comma = memchr(header, ',', (size_t)(end - header));
        const char *element_end = comma != NULL ? comma : end;
        while (header < element_end && (*header == ' ' || *header == '\t'))
            ++header;
        const char *word_end = header;
        while (word_end < element_end && *word_end != ' ' && *word_end != '\t' && *word_end != ';')
            ++word_end;
        int weight = weight_of(word_end, element_end);
        if (word_is(header, word_end, "gzip") || word_is(header, word_end, "x-gzip"))
            gzip = weight > gzip ? weight : gzip;
        else if (word_is(header, word_end, "*"))
            star = weight;
        else if (word_is(header, word_end, "identity"))
            identity = weight;
        header = element_end + 1;
    }
    int wanted = gzip != -1 ? gzip : star;
    return wanted > 0 && wanted >= identity;
}

static bool client_accepts_gzip(const h2o_req_t *req)
{
    ssize_t i = h2o_find_header(&req->headers, H2O_TOKEN_ACCEPT_ENCODING, -1);
    return i != -1 && accepts_gzip(req->headers.entries[i].value.base, req->headers.entries[i].value.len);
}

static bool client_has(const h2o_req_t *req, const char *etag)
{
    for (ssize_t i = -1; (i = h2o_find_header(&req->headers, H2O_TOKEN_IF_NONE_MATCH, i)) != -1;) {
        if (etag_matches(req->headers.entries[i].value.base, req->headers.entries[i].value.len, etag))
            return true;
    }
    return false;
}

bool client_names_type(const h2o_req_t *req, const char *type)
{
    ssize_t at = h2o_find_header(&req->headers, H2O_TOKEN_ACCEPT, -1);
    return at != -1 &&
           memmem(req->headers.entries[at].value.base, req->headers.entries[at].value.len, type, strlen(type)) != NULL;
}

/* -- sending -- */

static void add_header(h2o_req_t *req, const h2o_token_t *token, const char *value)
{
    h2o_iovec_t copy = h2o_strdup(&req->pool, value, SIZE_MAX);
    h2o_add_header(&req->pool, &req->res.headers, token, NULL, copy.base, copy.len);
}

/* Sends one piece as the whole body; it must live until the request ends. */
static void send_whole(struct request *request, int status, h2o_iovec_t body)
{
    static h2o_generator_t no_generator = {NULL, NULL};
    h2o_req_t *req = request->req;

    req->res.status = status;
    req->res.reason = reason_phrase(status);
    if (status != 304 && status != 204)
        req->res.content_length = body.len;
    h2o_start_response(req, &no_generator);
    if (request->head || body.len == 0)
        h2o_send(req, NULL, 0, H2O_SEND_STATE_FINAL);
    else
        h2o_send(req, &body, 1, H2O_SEND_STATE_FINAL);
}

static h2o_iovec_t copy_to_pool(h2o_req_t *req, struct buf *body)
{
    h2o_iovec_t copy = h2o_strdup(&req->pool, buf_text(body), body->len);
    buf_dispose(body);
    return copy;
}

static void reply_uncached(struct request *request, int status, const char *content_type, struct buf *body)
{
    h2o_req_t *req = request->req;
    if (!buf_ok(body)) {
        buf_dispose(body);
        reply_error(request, 503, "out of memory for the answer");
        return;
    }
    if (body->len != 0)
        add_header(req, H2O_TOKEN_CONTENT_TYPE, content_type);
    add_header(req, H2O_TOKEN_CACHE_CONTROL, "no-store");
    send_whole(request, status, copy_to_pool(req, body));
}

void reply_json(struct request *request, int status, struct buf *body)
{
    reply_uncached(request, status, JSON_TYPE, body);
}

void reply_body(struct request *request, const char *content_type, struct buf *body)
{
    reply_uncached(request, 200, content_type, body);
}

bool request_is_method(const struct request *request, const char *method)
{
    const h2o_iovec_t *sent = &request->req->input.method;
    return h2o_memis(sent->base, sent->len, method, strlen(method));
}

void reply_error(struct request *request, int status, const char *format, ...)
{
    h2o_req_t *req = request->req;
    struct buf detail = BUF_EMPTY, body = BUF_EMPTY;
    va_list args;

    va_start(args, format);
    buf_vprintf(&detail, format, args);
    va_end(args);
    render_error(&body, buf_text(&detail));
    buf_dispose(&detail);
    if (!buf_ok(&body)) {
        buf_dispose(&body);
        buf_append_text(&body, "{}");
    }
    add_header(req, H2O_TOKEN_CONTENT_TYPE, JSON_TYPE);
    add_header(req, H2O_TOKEN_CACHE_CONTROL, "no-store");
    send_whole(request, status, copy_to_pool(req, &body));
}

/* -- answers that depend on the snapshot -- */

static void format_etag(char etag[ETAG_MAX], const struct snapshot *snapshot, const char *tag)
{
    snprintf(etag, ETAG_MAX, "\"%016" PRIx64 "-%" PRIu64 "-%s\"", snapshot->boot_id, snapshot->version, tag);
}

static void add_cache_headers(h2o_req_t *req, const char *etag, const char *content_type)
{
    add_header(req, H2O_TOKEN_CONTENT_TYPE, content_type);
    add_header(req, H2O_TOKEN_CACHE_CONTROL, "no-cache"); /* may be kept, must be revalidated */
    add_header(req, H2O_TOKEN_ETAG, etag);
    add_header(req, H2O_TOKEN_VARY, "accept-encoding");
}

void reply_tagged(struct request *request, const char *tag, const char *content_type, struct buf *body)
{
    char etag[ETAG_MAX];
    if (!buf_ok(body)) {
        buf_dispose(body);
        reply_error(request, 503, "out of memory for the answer");
        return;
    }
    format_etag(etag, request->snapshot, tag);
    add_cache_headers(request->req, etag, content_type);
    request->req->compress_hint = H2O_COMPRESS_HINT_DISABLE; /* the ETag names these bytes, not zipped ones */
    if (client_has(request->req, etag)) {
        buf_dispose(body);
        send_whole(request, 304, h2o_iovec_init(NULL, 0));
    } else {
        send_whole(request, 200, copy_to_pool(request->req, body));
    }
}

static h2o_iovec_t share(const char *bytes, size_t len)
{
    h2o_iovec_t shared = {h2o_mem_alloc_shared(NULL, len + 1, NULL), len};
    memcpy(shared.base, bytes, len);
    return shared;
}

static h2o_iovec_t zip(h2o_iovec_t body)
{
    enum { LEVEL = 4 };
    size_t len;
    h2o_iovec_t zipped = {NULL, 0};
    char *bytes = gzip_bytes(body.base, body.len, LEVEL, &len);
    if (bytes != NULL)
        zipped = share(bytes, len);
    free(bytes);
    return zipped;
}

static bool render_into_cache(struct request *request, struct rendered *rendered, render_fn render)
{
    struct buf body = BUF_EMPTY;
    if (rendered->body.base != NULL)
        return true;
    bool whole = render(request, &body) == 0 && buf_ok(&body);
    if (whole)
        rendered->body = share(buf_text(&body), body.len);
    buf_dispose(&body);
    return whole;
}

void rendered_set(struct rendered *rendered, const char *bytes, size_t len)
{
    rendered->body = share(bytes, len);
}

void rendered_forget(struct rendered *rendered)
{
    if (rendered->body.base != NULL)
        h2o_mem_release_shared(rendered->body.base);
    if (rendered->zipped.base != NULL)
        h2o_mem_release_shared(rendered->zipped.base);
    *rendered = (struct rendered){{NULL, 0}, {NULL, 0}};
}

void reply_rendered(struct request *request, struct rendered *rendered, const char *tag, const char *content_type)
{
    h2o_req_t *req = request->req;
    char etag[ETAG_MAX], zipped_tag[TAG_MAX];

    h2o_iovec_t body = rendered->body;
    bool zipped = body.len >= GZIP_MIN_BYTES && client_accepts_gzip(req);
    if (zipped && rendered->zipped.base == NULL)
        rendered->zipped = zip(body);
    zipped = zipped && rendered->zipped.base != NULL;
    /* A strong ETag names one sequence of bytes, so each encoding has its own (RFC 9110, 8.8.3). */
    if (zipped)
        snprintf(zipped_tag, sizeof(zipped_tag), "%s-gz", tag);
    format_etag(etag, request->snapshot, zipped ? zipped_tag : tag);
    req->compress_hint = H2O_COMPRESS_HINT_DISABLE;
    if (client_has(req, etag)) {
        add_cache_headers(req, etag, content_type);
        send_whole(request, 304, h2o_iovec_init(NULL, 0));
        return;
    }
    if (zipped) {
        body = rendered->zipped;
        add_header(req, H2O_TOKEN_CONTENT_ENCODING, "gzip");
    }
    add_cache_headers(req, etag, content_type);
    h2o_mem_link_shared(&req->pool, body.base);
    send_whole(request, 200, body);
}

void reply_cached(struct request *request, enum cached_answer which, const char *content_type, render_fn render)
{
    static const char *const tags[CACHED_COUNT] = {
        [CACHED_STATUS_HOUR] = "status-1h",   [CACHED_STATUS_DAY] = "status", [CACHED_STATUS_WEEK] = "status-7d",
        [CACHED_STATUS_MONTH] = "status-30d", [CACHED_CSV] = "csv",
    };
    struct rendered *rendered = &request->thread->rendered[which];
    if (render_into_cache(request, rendered, render))
        reply_rendered(request, rendered, tags[which], content_type);
    else
        reply_error(request, 503, "out of memory for the answer");
}

/* The site outlives the request: a reload may come in between. */
static void let_go_of_site(void *held)
{
    site_release(*(struct site **)held);
}

static void hold_site(struct request *request)
{
    struct site **held = h2o_mem_alloc_shared(&request->req->pool, sizeof(*held), let_go_of_site);
    *held = site_retain(request->thread->site);
}

/* Nothing is loaded from elsewhere, nothing runs that is not a file of ours, nobody puts it into a frame. */
static const char CONTENT_POLICY[] =
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors"
    " 'none'; base-uri 'none'; form-action 'none'";

void reply_file(struct request *request, const struct site_file *file)
{
    h2o_req_t *req = request->req;
    bool zipped = file->zipped != NULL && client_accepts_gzip(req);
    h2o_iovec_t body = zipped ? h2o_iovec_init(file->zipped, file->zipped_len) : h2o_iovec_init(file->bytes, file->len);
    char etag[ETAG_MAX];
    snprintf(etag, sizeof(etag), "%.*s%s\"", (int)strlen(file->etag) - 1, file->etag, zipped ? "-gz" : "");
    req->compress_hint = H2O_COMPRESS_HINT_DISABLE;
    if (zipped)
        add_header(req, H2O_TOKEN_CONTENT_ENCODING, "gzip");
    add_cache_headers(req, etag, file->content_type);
    reply_add_header(request, "content-security-policy", CONTENT_POLICY);
    reply_add_header(request, "x-content-type-options", "nosniff");
    reply_add_header(request, "referrer-policy", "no-referrer");
    if (client_has(req, etag)) {
        send_whole(request, 304, h2o_iovec_init(NULL, 0));
        return;
    }
    hold_site(request);
    send_whole(request, 200, body);
}

void reply_add_header(struct request *request, const char *name, const char *value)
{
    h2o_req_t *req = request->req;
    h2o_iovec_t copy = h2o_strdup(&req->pool, value, SIZE_MAX);
    h2o_add_header_by_str(&req->pool, &req->res.headers, name, strlen(name), 0, NULL, copy.base, copy.len);
}

void reply_begin_stream(struct request *request, const char *content_type)
{
    h2o_req_t *req = request->req;
    req->res.status = 200;
    req->res.reason = reason_phrase(200);
    add_header(req, H2O_TOKEN_CONTENT_TYPE, content_type);
    add_header(req, H2O_TOKEN_CACHE_CONTROL, "no-store");
    add_header(req, H2O_TOKEN_VARY, "accept-encoding");
}
