/* request: one request being answered, and the ways to answer it. Internal to serve/. */
#ifndef PROVIDERD_SERVE_REQUEST_H
#define PROVIDERD_SERVE_REQUEST_H

#include "base/buf.h"
#include "serve/http_thread.h"
#include "serve/routes.h"
#include "serve/server_internal.h"

struct request {
    h2o_req_t *req;
    struct http_thread *thread;
    struct server *server;
    const struct snapshot *snapshot; /* never NULL in a handler */
    struct route_match match;
    const char *query; /* without '?' */
    size_t query_len;
    bool head;
};

/* Whether that is its method. */
bool request_is_method(const struct request *request, const char *method);

/* {"detail": ...}; never cached. */
void reply_error(struct request *request, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Sends the content of a buf, which is disposed of; JSON that must not be cached. */
void reply_json(struct request *request, int status, struct buf *body);

/* The same of another type, with status 200. */
void reply_body(struct request *request, const char *content_type, struct buf *body);

/* What render functions produce for reply_cached. -1 when memory ran out. */
typedef int (*render_fn)(struct request *request, struct buf *out);

/* Answers from the thread's cache of the snapshot in hand, rendering at most once; with ETag, 304 and gzip. */
void reply_cached(struct request *request, enum cached_answer which, const char *content_type, render_fn render);

/* Sends a buf (disposed of) that depends on the snapshot and the request, with an ETag of `tag`: printable ASCII
 * without quotes and spaces, shorter than 100 bytes. Not compressed. */
void reply_tagged(struct request *request, const char *tag, const char *content_type, struct buf *body);

/* A rendered answer: bytes are copied into shared memory; empty before, or forgotten. */
void rendered_set(struct rendered *rendered, const char *bytes, size_t len);
void rendered_forget(struct rendered *rendered);

/* Sends a rendered answer as reply_cached() does. `tag`: as of reply_tagged(), for the bytes that are not zipped. */
void reply_rendered(struct request *request, struct rendered *rendered, const char *tag, const char *content_type);

/* Before one of the others. `name` in lower case, static; the value is copied. */
void reply_add_header(struct request *request, const char *name, const char *value);

/* Sends a file of the thread's site, zipped where the client likes that, with its ETag. */
struct site_file;
void reply_file(struct request *request, const struct site_file *file);

/* Headers of an answer whose body follows in pieces. */
void reply_begin_stream(struct request *request, const char *content_type);

/* Whether an If-None-Match value matches an ETag, by the weak comparison (RFC 9110, 13.1.2). */
bool etag_matches(const char *header, size_t len, const char *etag);

/* Whether the Accept header names this type. */
bool client_names_type(const h2o_req_t *req, const char *type);

/* Whether an Accept-Encoding value allows gzip and does not prefer the plain bytes (RFC 9110, 12.5.3). */
bool accepts_gzip(const char *header, size_t len);

#endif
