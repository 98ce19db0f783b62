/* server: h2o's HTTP/1.1 server, and what happens to a request between its arrival and its answer.
 *
 * A call is one request to a simulated upstream. It lives in the request's memory pool and ends with it. The upstream's
 * behaviour at the moment of arrival decides: an answer of providers.h, now or later, or a broken one of raw.h.
 * Thread: one, which runs the loop.
 */
#ifndef SIMULATOR_SERVER_H
#define SIMULATOR_SERVER_H

#include "alarms.h"
#include "scenario.h"

#include <h2o.h>

struct record;
struct bodies;
struct dialect;

struct header_line {
    const char *name, *value;
};

/* The first `end` bytes of a body are due so long after the answer began. */
struct mark {
    size_t end;
    uint64_t at_us;
};

/* An answer ready to be sent. Everything it points to outlives the request (static, or in its pool). */
struct answer {
    int status;
    const char *content_type;
    h2o_iovec_t body;
    h2o_iovec_t gzip; /* the same, compressed; .base NULL: not worth it */
    const struct header_line *headers;
    size_t header_count;
    const char *date;         /* for the Date header, at most as long as an HTTP date; NULL: now */
    const struct mark *marks; /* when which part of the body is sent; NULL: at once */
    size_t mark_count;
    bool cut; /* with marks: then the connection is closed, in the middle of the answer */
};

struct connection {
    struct connection *next, **link;
    h2o_socket_t *sock;
    struct call *call; /* the one that reads from the socket, NULL for none: h2o does */
    uint64_t seen[UPSTREAMS_MAX / 64];
};

struct call {
    h2o_generator_t generator; /* first: h2o hands it back */
    struct simulator *simulator;
    h2o_req_t *req;
    struct connection *connection;
    struct upstream *upstream;
    const struct dialect *dialect;
    h2o_iovec_t endpoint;       /* the path after the upstream's base, no query; begins with '/' or is empty */
    struct behaviour behaviour; /* as it was on arrival */
    struct alarm alarm;
    bool writing, gone, ended; /* raw.c's, play.c's and drip's */
    uint64_t left;             /* bytes of a generated body still to come */
    h2o_iovec_t body;          /* of drip and play.c */
    const struct mark *marks;  /* play.c's, from here on */
    size_t mark_count, played, sent_bytes;
    uint64_t played_from_us;
    bool started, cut;
    bool landed; /* not in flight any more */
};

struct simulator {
    h2o_globalconf_t config;
    h2o_context_t context;
    struct stage *stage;
    struct record *record; /* NULL with --no-record */
    struct bodies *bodies;
    unsigned tokens_issued; /* by gemini_cli's token endpoint */
    struct alarms alarms;
    struct alarm script_alarm;
    struct connection *connections;
    h2o_accept_ctx_t accepts[4];
    h2o_socket_t *listeners[4];
    size_t listener_count;
    h2o_socket_t *signals;
    bool stopping;
    uint64_t started_ms;
    uint64_t random;
};

/* Exits with a message when the loop cannot be made. */
void server_init(struct simulator *simulator, bool record);
void server_dispose(struct simulator *simulator);

/* Listens on "HOST:PORT" (numeric; port 0: any) with `tls` (taken over; NULL: plain). The port, or 0 and a message. */
unsigned server_listen(struct simulator *simulator, const char *address, SSL_CTX *tls, char error[256]);

/* Runs until SIGTERM or SIGINT, then ends every connection. */
void server_run(struct simulator *simulator);

/* Looks at the script again: after it was changed. */
void server_play_script(struct simulator *simulator);

/* Sends the answer (gzip when asked for, no body to HEAD). `generator` may be a static one without callbacks. */
void server_send(h2o_req_t *req, const struct answer *answer);

/* Sets the status and the headers of an answer that is sent by other means. */
void server_set_head(h2o_req_t *req, const struct answer *answer);

/* The reason phrase of a status, "Status" for one without. */
const char *server_reason(int status);

/* Sends text that the request's pool holds, or that is static. */
void server_send_text(h2o_req_t *req, int status, const char *content_type, const char *text, size_t len);

#endif
