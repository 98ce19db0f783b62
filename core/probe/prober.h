/* prober: HTTP requests to providers, on libcurl's multi interface and our event loop.
 *
 * Connections, DNS answers and TLS sessions are reused between probes. The CA bundle is parsed once and cached: with a
 * CA directory set, libcurl would parse it anew for every connection (17.7 ms instead of 0.4 ms of CPU on Debian 12),
 * so none is. Redirects are not followed: a key must not travel. Only http and https, and smtp for mail. Proxies come
 * from the usual variables (https_proxy, no_proxy ...), which libcurl reads.
 *
 * How curl meets h2o's loop: curl's descriptors live in an epoll set of their own, and the loop watches that one
 * descriptor; no descriptor has two owners. Source: libcurl's "multi_socket" interface, curl_multi_socket_action(3).
 *
 * Thread: the loop's.
 */
#ifndef PROVIDERD_PROBE_PROBER_H
#define PROVIDERD_PROBE_PROBER_H

#include "base/buf.h"
#include "event/loop.h"
#include "probe/phases.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct prober;
struct probe; /* one request in flight or waiting */

struct prober_options {
    const char *ca_bundle;  /* PEM file; NULL = libcurl's built-in place */
    unsigned max_in_flight; /* further probes wait in order; their time limit starts when they start */
};

enum probe_error {
    PROBE_OK, /* an HTTP answer came in whole, whatever its status */
    PROBE_TIMEOUT,
    PROBE_DNS,
    PROBE_CONNECT,
    PROBE_TLS,
    PROBE_BAD_RESPONSE, /* cut off, not HTTP, too large, not the JSON it was to be */
    PROBE_CANCELLED,
};

/* "timeout", "dns", ...; NULL for PROBE_OK. */
const char *probe_error_name(enum probe_error error);

enum probe_keep { PROBE_KEEP_ERRORS, PROBE_KEEP_ALWAYS, PROBE_KEEP_NEVER };

enum {
    PROBE_KEPT_ERROR_MAX = 64 * 1024, /* bytes kept of the body of a non-2xx answer; the rest is read and dropped */
    PROBE_HEADERS_MAX = 64 * 1024,    /* bytes of all header lines; more is PROBE_BAD_RESPONSE */
    PROBE_HEAD_MAX = 6 * 1024,        /* bytes kept of every body: 4 KB to show, and more to see where a secret ends */
    PROBE_ARRIVALS_MAX = 4096,        /* marks of a stream; when they are used up, the last one is moved on */
    PROBE_ARRIVAL_GAP_US = 100,       /* what comes sooner after a mark counts as having come with it */
};

/* How a mail is handed in (RFC 5321). The answer's status is the server's last reply, 250 when it took the mail. */
struct probe_mail {
    const char *from;      /* an address, without name and brackets */
    const char *const *to; /* addresses, ended by NULL */
    const char *user;      /* NULL = without logging in; with it, only over TLS unless it may be plain */
    const char *password;
    bool plain; /* TLS is not required: a server on this machine */
};

/* What to ask. Everything is copied; header lines and body are wiped when the probe ends, since they may hold a key. */
struct probe_request {
    bool post;
    bool put; /* a POST, but that its method is PUT */
    const char *url;
    const char *user_agent;
    const char *const *headers; /* "Name: value" */
    size_t header_count;
    const char *body; /* for a POST */
    size_t body_len;
    int64_t timeout_ms; /* of the whole request, name lookup included */
    enum probe_keep keep;
    bool expect_json;    /* a 2xx body must be one whole JSON value */
    bool stream;         /* note when each piece of the body comes; keeps it always, and asks for no compression */
    size_t max_received; /* bytes of body, after decompression; more is PROBE_BAD_RESPONSE */
    const struct probe_mail *mail; /* of an smtp or smtps URL: `body` is the message; NULL = HTTP */
};

/* A piece of a streamed body has come: how many bytes were there then, and when. The zero is the moment before curl
 * began to send the request, on the connection that stood: where first_byte_ms of the phases begins, too. */
struct probe_arrival {
    uint64_t bytes;
    uint64_t us;
};

/* What came. Lives until the callback returns, which may take over headers, body, head and arrivals by clearing them
 * here. */
struct probe_answer {
    enum probe_error error;
    char message[256];   /* what went wrong, for a person; "" for PROBE_OK */
    int status;          /* HTTP status; 0 = none */
    struct buf headers;  /* header lines of the final answer, "Name: value\r\n" each, without the status line */
    struct buf body;     /* as far as kept */
    struct buf head;     /* the beginning of a body that is not kept; see probe_answer_head */
    bool body_kept;      /* as `keep` says, and where a 2xx that was to be JSON tells an error in at most 64 KB */
    uint64_t body_bytes; /* that came, kept or not */
    struct probe_arrival *arrivals; /* of a stream, in order; NULL = none */
    size_t arrival_count;
    struct probe_phases phases;
    uint64_t waited_us; /* in the queue, before the request began */
};

typedef void (*probe_done_fn)(struct probe_answer *answer, void *user);

/* NULL with the reason in `error`. */
struct prober *prober_new(struct loop *loop, const struct prober_options *options, char *error, size_t error_size);

/* Every probe must have ended or been cancelled. */
void prober_free(struct prober *prober);

/* New limits, from a reload; connections stay. */
void prober_configure(struct prober *prober, const struct prober_options *options);

/* Starts a probe; `done` is called exactly once, never from within this call, unless the probe is cancelled. NULL when
 * memory ran out or the request cannot be made (a URL that is not http or https): `error` says which. */
struct probe *prober_start(struct prober *prober, const struct probe_request *request, probe_done_fn done, void *user,
                           char *error, size_t error_size);

/* Ends a probe without its callback. */
void probe_cancel(struct probe *probe);

/* Number of requests on the wire / waiting for their turn. */
size_t prober_in_flight(const struct prober *prober);
size_t prober_waiting(const struct prober *prober);

/* The longest that a probe has waited for its turn, within the last second or two or until now. */
uint64_t prober_wait_us(const struct prober *prober);

/* The first bytes of the body, whether it was kept or not, at most PROBE_HEAD_MAX. The answer's. */
const char *probe_answer_head(const struct probe_answer *answer, size_t *len);

/* The value of a header in lines as probe_answer.headers holds them, repeated ones joined by ", ", appended to `out`.
 * False when there is none. */
bool probe_header(const struct buf *headers, const char *name, size_t name_len, struct buf *out);

#endif
