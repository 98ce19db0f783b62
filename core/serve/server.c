#include "serve/server.h"

#include "base/clock.h"
#include "serve/best.h"
#include "serve/handlers.h"
#include "serve/render.h"
#include "serve/server_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    COMPRESS_MIN_BYTES = 1024,
};

/* -- h2o's side of a request -- */

struct root_handler {
    h2o_handler_t super;
    struct server *server;
};

static void on_request_done(void *memory)
{
    struct http_thread *thread = *(struct http_thread **)memory;
    --thread->requests_in_flight;
}

static int on_request(h2o_handler_t *handler, h2o_req_t *req)
{
    struct http_thread *thread = H2O_STRUCT_FROM_MEMBER(struct http_thread, ctx, req->conn->ctx);
    struct http_thread **counted = h2o_mem_alloc_shared(&req->pool, sizeof(*counted), on_request_done);
    *counted = thread;
    ++thread->requests_in_flight;
    struct request request = {
        .req = req,
        .thread = thread,
        .server = ((struct root_handler *)handler)->server,
        .snapshot = thread->snapshot,
    };
    handle_request(&request, request.server->max_header_bytes);
    return 0;
}

/* h2o refuses broken chunks and bodies that are too large by itself, in plain text: this filter turns such an answer
 * into the JSON that every other error has. Requests that h2o cannot even parse are answered below the filters. */
struct error_ostream {
    h2o_ostream_t super;
    h2o_iovec_t body;
    bool sent;
};

static void send_error_body(h2o_ostream_t *ostream, h2o_req_t *req, h2o_iovec_t *bufs, size_t count,
                            h2o_send_state_t state)
{
    struct error_ostream *self = (struct error_ostream *)ostream;
    (void)bufs;
    (void)count;
    bool first = !self->sent;
    self->sent = true;
    h2o_ostream_send_next(ostream, req, first ? &self->body : NULL, first, state);
}

static const char *refusal_text(int status)
{
    switch (status) {
    case 413:
        return "the request's body is larger than allowed";
    case 417:
        return "Expect: expected 100-continue or nothing";
    default:
        return "the request's body or its framing is malformed";
    }
}

static void on_error_answer(h2o_filter_t *filter, h2o_req_t *req, h2o_ostream_t **slot)
{
    (void)filter;
    if (req->res.status >= 400) {
        struct buf body = BUF_EMPTY;
        render_error(&body, refusal_text(req->res.status));
        struct error_ostream *ostream = (struct error_ostream *)h2o_add_ostream(req, sizeof(*ostream), slot);
        ostream->super.do_send = send_error_body;
        ostream->body = h2o_strdup(&req->pool, buf_text(&body), body.len);
        ostream->sent = false;
        buf_dispose(&body);
        req->res.content_length = ostream->body.len;
        h2o_set_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, H2O_STRLIT("application/json"), 1);
        slot = &ostream->super.next;
    }
    h2o_setup_next_ostream(req, slot);
}

static void on_log(h2o_logger_t *logger, h2o_req_t *req)
{
    (void)logger;
    http_thread_note(H2O_STRUCT_FROM_MEMBER(struct http_thread, ctx, req->conn->ctx), req);
}

static void configure_h2o(struct server *server, const struct server_options *options)
{
    h2o_config_init(&server->config);
    server->config.server_name = h2o_iovec_init(H2O_STRLIT("providerd"));
    server->config.http1.upgrade_to_http2 = 0; /* 2.2.5 predates the fixes for HTTP/2 rapid reset */
    server->config.http1.req_timeout = (uint64_t)options->idle_timeout_ms;
    server->config.max_request_entity_size = options->max_body_bytes;
    server->host = h2o_config_register_host(&server->config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *root = h2o_config_register_path(server->host, "/", 0);
    struct root_handler *handler = (struct root_handler *)h2o_create_handler(root, sizeof(*handler));
    handler->super.on_req = on_request;
    handler->server = server;
    h2o_create_logger(root, sizeof(h2o_logger_t))->log_access = on_log;
    h2o_compress_args_t compress = {.min_size = COMPRESS_MIN_BYTES, .gzip = {.quality = 1}, .brotli = {.quality = -1}};
    h2o_compress_register(root, &compress);
    h2o_filter_t *filter = h2o_create_filter(&server->host->fallback_path, sizeof(*filter));
    filter->on_setup_ostream = on_error_answer;
}

/* -- life -- */

static int open_threads(struct server *server, unsigned count, char *error, size_t error_size)
{
    int *fds = calloc(server->http.count, sizeof(*fds));
    server->threads = calloc(count, sizeof(*server->threads));
    while (fds != NULL && server->threads != NULL && server->thread_count < count) {
        for (size_t i = 0; i < server->http.count; ++i)
            fds[i] = fcntl(server->http.fds[i], F_DUPFD_CLOEXEC, 0);
        if (http_thread_open(&server->threads[server->thread_count++], server, fds, server->http.count) != 0)
            break;
    }
    free(fds);
    if (server->thread_count == count)
        return 0;
    snprintf(error, error_size, "out of memory for the HTTP threads");
    return -1;
}

struct server *server_open(const struct server_options *options, struct store *store, const struct server_hooks *hooks,
                           char *error, size_t error_size)
{
    struct server *server = calloc(1, sizeof(*server));
    if (server == NULL) {
        snprintf(error, error_size, "out of memory for the server");
        return NULL;
    }
    server->store = store;
    server->hooks = *hooks;
    server->incumbents = incumbents_new();
    server->max_connections = options->max_connections;
    server->warm_up_us = options->warm_up_ms * 1000;
    server->idle_timeout_ms = options->idle_timeout_ms;
    server->max_header_bytes = options->max_header_bytes;
    configure_h2o(server, options);
    if (server->incumbents == NULL) {
        snprintf(error, error_size, "out of memory for the server");
        goto fail;
    }
    for (size_t i = 0; i < options->listen_count; ++i) {
        if (sockets_listen(&server->http, "listen", options->listen[i], error, error_size) != 0)
            goto fail;
    }
    if (options->agent_check != NULL &&
        sockets_listen(&server->agent, "agent_check", options->agent_check, error, error_size) != 0)
        goto fail;
    if (open_threads(server, options->threads, error, error_size) != 0)
        goto fail;
    return server;

fail:
    server_stop(server, 0);
    return NULL;
}

int server_start(struct server *server, char *error, size_t error_size)
{
    for (size_t i = 0; i < server->thread_count; ++i) {
        if (http_thread_start(&server->threads[i]) != 0) {
            snprintf(error, error_size, "cannot start an HTTP thread: %s", strerror(errno));
            return -1;
        }
    }
    return 0;
}

const char *server_url(const struct server *server, size_t i)
{
    return i < server->http.count ? server->http.urls[i] : NULL;
}

const char *server_agent_address(const struct server *server)
{
    return server->agent.count != 0 ? server->agent.urls[0] + strlen("http://") : NULL;
}

static void publish(struct server *server, enum shared_kind kind, void *thing)
{
    for (size_t i = 0; i < server->thread_count; ++i)
        http_thread_publish(&server->threads[i], kind, shared_retain(kind, thing));
}

void server_publish(struct server *server, struct snapshot *snapshot)
{
    publish(server, SHARED_SNAPSHOT, snapshot);
}

void server_publish_site(struct server *server, struct site *site)
{
    publish(server, SHARED_SITE, site);
}

void server_publish_access(struct server *server, struct access *access)
{
    publish(server, SHARED_ACCESS, access);
}

void server_publish_tls(struct server *server, SSL_CTX *context)
{
    publish(server, SHARED_TLS, context);
}

bool server_is_turning(const struct server *server)
{
    uint64_t now_ms = clock_monotonic_ms();
    for (size_t i = 0; i < server->thread_count; ++i) {
        if (now_ms - atomic_load(&server->threads[i].turned_ms) > SERVER_TURN_MAX_MS)
            return false;
    }
    return true;
}

static bool url_is_of_this_machine(const char *url)
{
    const char *host = strstr(url, "://") + 3;
    return strncmp(host, "127.", 4) == 0 || strncmp(host, "[::1]:", 6) == 0;
}

bool server_agent_is_exposed(const struct server *server)
{
    for (size_t i = 0; i < server->agent.count; ++i) {
        if (!url_is_of_this_machine(server->agent.urls[i]))
            return true;
    }
    return false;
}

bool server_is_exposed(const struct server *server, const char **url)
{
    for (size_t i = 0; i < server->http.count; ++i) {
        *url = server->http.urls[i];
        if (!url_is_of_this_machine(*url))
            return true;
    }
    return false;
}

void server_publish_policies(struct server *server, struct policy_host *policies)
{
    publish(server, SHARED_POLICIES, policies);
}

void server_publish_event(struct server *server, struct event *event)
{
    publish(server, SHARED_EVENT, event);
}

void server_publish_alerts(struct server *server, const char *json, size_t len)
{
    struct shared_text *text = shared_text_new(json, len);
    if (text != NULL)
        publish(server, SHARED_ALERTS, text);
    shared_text_release(text);
}

void server_recall(struct server *server, int64_t last_event_id, const char *best)
{
    for (size_t i = 0; i < server->thread_count; ++i)
        server->threads[i].events.floor_id = last_event_id;
    if (best[0] != '\0' && server->thread_count != 0)
        best_recall(&server->threads[0], best);
}

void server_best(const struct server *server, const char *policy, char name[PROVIDER_NAME_MAX])
{
    static const struct policy_request plain;
    incumbents_get(server->incumbents, policy, &plain, name);
}

void server_stop(struct server *server, int64_t grace_ms)
{
    for (size_t i = 0; i < server->thread_count; ++i) {
        struct thread_message *message = &server->threads[i].stop_message; /* stopping must not need memory */
        message->kind = MESSAGE_STOP;
        message->u.grace_ms = grace_ms;
        if (server->threads[i].thread_started)
            http_thread_send(&server->threads[i], message);
    }
    for (size_t i = 0; i < server->thread_count; ++i)
        http_thread_join(&server->threads[i]);
    sockets_dispose(&server->http);
    sockets_dispose(&server->agent);
    free(server->threads);
    incumbents_free(server->incumbents);
    h2o_config_dispose(&server->config);
    free(server);
}
