/* exchange: the last request of a check and what came back, kept so that a failure can be shown.
 *
 * Secrets of the request never get in: the caller says which parts are secret, and they become "***" at once. What the
 * provider answered is kept as it came, and cleaned when it is rendered: known secrets and what looks like one
 * (base/redact.h), account ids (base/scrub.h), values of headers that identify or authorize (scrub_header). Of a text
 * that was cut off, the end is never shown, where half a secret could stand unrecognized.
 *
 * Thread: the loop's. Errors: memory that runs out costs parts of what is shown, nothing else.
 */
#ifndef PROVIDERD_SCRIPT_EXCHANGE_H
#define PROVIDERD_SCRIPT_EXCHANGE_H

#include "base/redact.h"
#include "probe/prober.h"

#include <stdio.h>

enum {
    EXCHANGE_REQUEST_BODY_SHOWN = 1024,
    EXCHANGE_BODY_SHOWN = 4096,
    EXCHANGE_CUT = 2048, /* bytes before the end of a text cut off that are not shown: the longest secret guarded */
    EXCHANGE_HEADER_BYTES_MAX = 16 * 1024,
};

/* Zeroed = empty. Its memory is used again for the next request. */
struct exchange {
    bool begun;
    bool answered;
    bool post;
    struct buf url;
    struct buf request_headers; /* "Name: value\r\n" each, as in probe_answer */
    struct buf request_body;
    bool request_body_cut;

    enum probe_error error;
    char message[256];
    int status;
    struct buf headers;
    struct buf head; /* the body's beginning */
    uint64_t body_bytes;
    struct probe_phases phases;
};

/* A new request; what was there of an earlier one is forgotten. */
void exchange_begin(struct exchange *exchange, bool post, const char *url);

/* A header line of it, "Name: value"; of a secret one the name stays. */
void exchange_header(struct exchange *exchange, const char *line, size_t len, bool secret);

/* Its body, with "***" for what is secret. */
void exchange_body(struct exchange *exchange, const char *bytes, size_t len);

/* Its answer; takes over the head of a body that is not kept. */
void exchange_end(struct exchange *exchange, struct probe_answer *answer);

void exchange_dispose(struct exchange *exchange);

/* Appends {request: {method, url, headers, body}, response: {status, headers, body, truncated}, phases, error,
 * message}, cleaned. request.body is null when there was none, response is null when no HTTP answer came, and the whole
 * is null when there was no request. `redactor` may be NULL. */
void exchange_render_json(const struct exchange *exchange, struct redactor *redactor, struct buf *out);

/* Writes the same for people: "> GET https://…", "> Name: value", "< HTTP 401", "< name: value", bodies, times. Control
 * characters become '?', so that a terminal stays as it is. Nothing when there was no request. */
void exchange_print(FILE *out, const struct exchange *exchange, struct redactor *redactor);

#endif
