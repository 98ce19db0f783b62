/* server: the REST side. HTTP threads, each with an h2o event loop and context of its own.
 *
 * Each thread holds the newest snapshot and renders an answer at most once per version of it; requests take no lock.
 * History and export are read by the store's reader threads, page by page, as fast as the client takes them.
 */
#ifndef PROVIDERD_SERVE_SERVER_H
#define PROVIDERD_SERVE_SERVER_H

#include "health/event.h"
#include "health/report.h"
#include "health/snapshot.h"
#include "store/store.h"

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

struct server;
struct policy_host;
struct site;
struct access;

struct server_options {
    const char *const *listen; /* "127.0.0.1:8000", "https://[::1]:8000", "localhost:8000", port 0 = a free one */
    size_t listen_count;
    unsigned threads;        /* 1-16 */
    size_t max_connections;  /* per thread; further ones wait in the kernel's queue */
    size_t max_header_bytes; /* request line and headers together; more is 431 */
    size_t max_body_bytes;   /* of a request; more is 413 */
    const char *agent_check; /* address for HAProxy's agent checks; NULL = none */
    int64_t warm_up_ms;      /* after an outage its weights grow for so long */
    int64_t idle_timeout_ms; /* of a client between and within requests */
};

/* What a request may ask of the daemon. Called on an HTTP thread: must be thread-safe and quick. */
struct server_hooks {
    void *user;
    /* Check the provider `name` now, or all when NULL. The name exists in the current snapshot. */
    void (*check_now)(void *user, const char *name);
    /* Take in what clients reported; owned by the callee from then on. False, and still the caller's, when too many
     * wait already. */
    bool (*take_reports)(void *user, struct report_batch *batch);
    /* Have an alert send a test. */
    void (*test_alert)(void *user, const char *name);
    /* Load configuration and scripts anew; an event tells what came of it. */
    void (*reload)(void *user);
    /* Who is best for the policy in force has changed; "" = nobody. NULL = not wanted. */
    void (*best_changed)(void *user, const char *from, const char *to, const char *reason);
};

/* Binds every address. NULL on error: `error` names the address and the reason. Loop thread. */
struct server *server_open(const struct server_options *options, struct store *store, const struct server_hooks *hooks,
                           char *error, size_t error_size);

/* Starts the threads. What was published before is there for the first request. -1 on error. Loop thread. */
int server_start(struct server *server, char *error, size_t error_size);

/* The URL of the i-th listener, with the real port: "http://127.0.0.1:8000". NULL past the last. */
const char *server_url(const struct server *server, size_t i);

/* Whether every thread has turned its loop within the last SERVER_TURN_MAX_MS. Loop thread. */
enum { SERVER_TURN_MAX_MS = 10000 };
bool server_is_turning(const struct server *server);

/* "127.0.0.1:8001", with the real port; NULL when there is none. */
const char *server_agent_address(const struct server *server);

/* Hands over a snapshot; the caller keeps its own reference. Loop thread. */
void server_publish(struct server *server, struct snapshot *snapshot);

/* Hands over a policy generation (see plugin/policy.h); a counted reference like the snapshot. Loop thread. */
void server_publish_policies(struct server *server, struct policy_host *policies);

/* Hands over something that happened; the caller keeps its own reference. Loop thread. */
void server_publish_event(struct server *server, struct event *event);

/* Hands over the files that are served as they are; the caller keeps its own reference. Loop thread. */
void server_publish_site(struct server *server, struct site *site);

/* Hands over who may ask what; the caller keeps its own reference. Loop thread. */
void server_publish_access(struct server *server, struct access *access);

/* Hands over what connections with TLS are made by (tls.h); the caller keeps its own reference. Loop thread. */
void server_publish_tls(struct server *server, SSL_CTX *context);

/* Whether another machine can reach one of its listeners; `url` then says which. Likewise the agent checks. */
bool server_is_exposed(const struct server *server, const char **url);
bool server_agent_is_exposed(const struct server *server);

/* How the alerts stand, as JSON; copied. Loop thread. */
void server_publish_alerts(struct server *server, const char *json, size_t len);

/* Before the start, with the policies published: the last event id that was given before, and who was best then ("" =
 * not known). */
void server_recall(struct server *server, int64_t last_event_id, const char *best);

/* Who was named best last by this policy for the plain question; "" = nobody. Any thread. */
void server_best(const struct server *server, const char *policy, char name[PROVIDER_NAME_MAX]);

/* Stops accepting, lets answers in flight finish for at most `grace_ms`, ends the threads. Loop thread. */
void server_stop(struct server *server, int64_t grace_ms);

#endif
