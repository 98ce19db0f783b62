#include "server.h"

#include "answers.h"
#include "bodies.h"
#include "control.h"
#include "play.h"
#include "providers.h"
#include "raw.h"
#include "record.h"

#include "base/clock.h"

#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { HUGE_PIECE = 65536, ACCEPTS_PER_TURN = 64, SHUTDOWN_MS = 1000 };

static const char html_page[] =
    "<!DOCTYPE html><html lang=\"en-US\"><head><title>Just a moment...</title><meta charset=\"UTF-8\"></head>"
    "<body class=\"no-js\"><div id=\"cf-please-wait\">Checking your browser before accessing the site.</div>"
    "</body></html>\n";

static bool is_head(const h2o_req_t *req)
{
    return h2o_memis(req->input.method.base, req->input.method.len, H2O_STRLIT("HEAD"));
}

static bool accepts_gzip(const h2o_req_t *req)
{
    ssize_t at = h2o_find_header(&req->headers, H2O_TOKEN_ACCEPT_ENCODING, -1);
    if (at == -1)
        return false;
    h2o_iovec_t value = req->headers.entries[at].value;
    return h2o_strstr(value.base, value.len, H2O_STRLIT("gzip")) != SIZE_MAX;
}

const char *server_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {302, "Found"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {402, "Payment Required"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {410, "Gone"},
        {413, "Content Too Large"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {500, "Internal Server Error"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {529, "Site Overloaded"},
    };
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Status";
}

void server_set_head(h2o_req_t *req, const struct answer *answer)
{
    req->res.status = answer->status;
    req->res.reason = server_reason(answer->status);
    if (answer->content_type != NULL)
        h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, answer->content_type,
                       strlen(answer->content_type));
    bool has_server = false;
    for (size_t i = 0; i < answer->header_count; i++) {
        const struct header_line *line = &answer->headers[i];
        h2o_add_header_by_str(&req->pool, &req->res.headers, line->name, strlen(line->name), 1, NULL, line->value,
                              strlen(line->value));
        has_server = has_server || strcasecmp(line->name, "server") == 0;
    }
    if (!has_server)
        h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_SERVER, NULL, H2O_STRLIT("simulator"));
}

/* h2o writes the Date itself, from a cache that holds for this turn of the loop. Another one is lent to it meanwhile.
 */
static void send_dated(h2o_req_t *req, h2o_iovec_t *body, size_t count, const char *date)
{
    h2o_timestamp_t now;
    char kept[sizeof(now.str->rfc1123)];
    h2o_get_timestamp(req->conn->ctx, &req->pool, &now);
    memcpy(kept, now.str->rfc1123, sizeof(kept));
    snprintf(now.str->rfc1123, sizeof(kept), "%s", date);
    h2o_send(req, body, count, H2O_SEND_STATE_FINAL);
    memcpy(now.str->rfc1123, kept, sizeof(kept));
}

void server_send(h2o_req_t *req, const struct answer *answer)
{
    static h2o_generator_t generator = {NULL, NULL};
    h2o_iovec_t body = answer->body;
    server_set_head(req, answer);
    if (answer->gzip.base != NULL && accepts_gzip(req)) {
        body = answer->gzip;
        h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_ENCODING, NULL, H2O_STRLIT("gzip"));
        h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_VARY, NULL, H2O_STRLIT("accept-encoding"));
    }
    req->res.content_length = body.len;
    size_t pieces = is_head(req) || body.len == 0 ? 0 : 1;
    h2o_start_response(req, &generator);
    if (answer->date != NULL)
        send_dated(req, &body, pieces, answer->date);
    else
        h2o_send(req, &body, pieces, H2O_SEND_STATE_FINAL);
}

void server_send_text(h2o_req_t *req, int status, const char *content_type, const char *text, size_t len)
{
    struct answer answer = {.status = status, .content_type = content_type, .body = h2o_iovec_init(text, len)};
    server_send(req, &answer);
}

static struct call *call_of_alarm(struct alarm *alarm)
{
    return H2O_STRUCT_FROM_MEMBER(struct call, alarm, alarm);
}

/* h2o lets go of a request some turns after its answer was written; by then the client may have sent the next one on
 * another connection. */
static void end_flight(struct call *call)
{
    if (!call->landed)
        call->upstream->in_flight--;
    call->landed = true;
}

static void call_dispose(void *memory)
{
    struct call *call = memory;
    alarm_clear(&call->simulator->alarms, &call->alarm);
    if (call->connection->call == call)
        call->connection->call = NULL;
    end_flight(call);
}

static void send_huge_piece(h2o_generator_t *generator, h2o_req_t *req)
{
    static char piece[HUGE_PIECE];
    struct call *call = (struct call *)generator;
    if (piece[0] == '\0')
        memset(piece, 'x', sizeof(piece));
    size_t len = call->left < HUGE_PIECE ? (size_t)call->left : HUGE_PIECE;
    h2o_iovec_t body = h2o_iovec_init(piece, len);
    call->left -= len;
    h2o_send(req, &body, len != 0, call->left != 0 ? H2O_SEND_STATE_IN_PROGRESS : H2O_SEND_STATE_FINAL);
}

static void send_drop(struct alarm *alarm)
{
    struct call *call = call_of_alarm(alarm);
    size_t len = call->body.len != 0 ? 1 : 0;
    h2o_iovec_t drop = h2o_iovec_init(call->body.base, len);
    call->body.base += len;
    call->body.len -= len;
    h2o_send(call->req, &drop, len, call->body.len != 0 ? H2O_SEND_STATE_IN_PROGRESS : H2O_SEND_STATE_FINAL);
}

static void await_drop(h2o_generator_t *generator, h2o_req_t *req)
{
    (void)req;
    struct call *call = (struct call *)generator;
    alarm_set(&call->simulator->alarms, &call->alarm, clock_monotonic_ms() + call->behaviour.number);
}

static void stop_drip(h2o_generator_t *generator, h2o_req_t *req)
{
    (void)req;
    struct call *call = (struct call *)generator;
    alarm_clear(&call->simulator->alarms, &call->alarm);
}

/* No content-length: h2o sends it in chunks. */
static void begin_huge(struct call *call)
{
    struct answer head = {.status = 200, .content_type = "application/json"};
    server_set_head(call->req, &head);
    call->left = is_head(call->req) ? 0 : call->behaviour.number;
    call->generator = (h2o_generator_t){send_huge_piece, NULL};
    h2o_start_response(call->req, &call->generator);
    send_huge_piece(&call->generator, call->req);
}

/* What the provider says when it is well: what a test told it to, or what is documented. */
static struct answer healthy_answer(const struct call *call)
{
    struct answer answer;
    return answers_find(call, &answer) ? answer : providers_answer(call);
}

static void send_healthy(struct call *call)
{
    struct answer answer = healthy_answer(call);
    if (answer.marks != NULL && !is_head(call->req))
        play_begin(call, &answer);
    else
        server_send(call->req, &answer);
}

static void begin_drip(struct call *call)
{
    struct answer answer = healthy_answer(call);
    server_set_head(call->req, &answer);
    call->body = answer.body;
    call->req->res.content_length = answer.body.len;
    if (is_head(call->req))
        call->body.len = 0;
    call->generator = (h2o_generator_t){await_drop, stop_drip};
    call->alarm.ring = send_drop;
    h2o_start_response(call->req, &call->generator);
    send_drop(&call->alarm);
}

static void answer_late(struct alarm *alarm)
{
    struct call *call = call_of_alarm(alarm);
    raw_unwatch(call);
    end_flight(call);
    send_healthy(call);
}

static void begin_slow(struct call *call)
{
    struct simulator *s = call->simulator;
    uint64_t span = call->behaviour.high_ms - call->behaviour.low_ms + 1;
    s->random ^= s->random << 13; /* xorshift64 */
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    call->alarm.ring = answer_late;
    raw_watch(call);
    alarm_set(&s->alarms, &call->alarm, clock_monotonic_ms() + call->behaviour.low_ms + s->random % span);
}

static void redirect(struct call *call)
{
    struct header_line location = {"location", call->behaviour.url};
    struct answer answer = {.status = 302, .headers = &location, .header_count = 1};
    h2o_iovec_t url = h2o_strdup(&call->req->pool, call->behaviour.url, SIZE_MAX);
    location.value = url.base;
    server_send(call->req, &answer);
}

static void perform(struct call *call)
{
    struct answer answer;
    switch (call->behaviour.kind) {
    case BEHAVE_STATUS:
        answer = providers_error(call);
        break;
    case BEHAVE_SLOW:
        begin_slow(call);
        return;
    case BEHAVE_HUGE:
        begin_huge(call);
        return;
    case BEHAVE_DRIP:
        begin_drip(call);
        return;
    case BEHAVE_REDIRECT:
        redirect(call);
        return;
    case BEHAVE_TRUNCATED:
        answer = healthy_answer(call);
        answer.body.len /= 2;
        answer.gzip = h2o_iovec_init(NULL, 0);
        break;
    case BEHAVE_HTML:
        answer = (struct answer){.status = 200,
                                 .content_type = "text/html; charset=UTF-8",
                                 .body = h2o_iovec_init(html_page, sizeof(html_page) - 1)};
        break;
    case BEHAVE_ERROR200:
        answer = providers_error_in_200(call);
        break;
    case BEHAVE_ECHO_KEY:
        answer = providers_echo_key(call);
        break;
    case BEHAVE_EMPTY:
        answer = (struct answer){.status = 200, .content_type = "application/json"};
        break;
    case BEHAVE_BADJSON:
        answer = (struct answer){.status = 200,
                                 .content_type = "application/json",
                                 .body = h2o_iovec_init(H2O_STRLIT("{\"object\": list, 'data': [NaN,,]}\n"))};
        break;
    default:
        if (!raw_begin(call))
            send_healthy(call);
        return;
    }
    server_send(call->req, &answer);
}

static void count(struct call *call)
{
    struct upstream *upstream = call->upstream;
    uint64_t *seen = &call->connection->seen[upstream->index / 64];
    uint64_t bit = UINT64_C(1) << (upstream->index % 64);
    if ((*seen & bit) == 0)
        upstream->connections++;
    *seen |= bit;
    upstream->requests++;
    if (++upstream->in_flight > upstream->max_in_flight)
        upstream->max_in_flight = upstream->in_flight;
}

struct sim_handler {
    h2o_handler_t super;
    struct simulator *simulator;
};

static int on_req(h2o_handler_t *self, h2o_req_t *req)
{
    struct simulator *simulator = ((struct sim_handler *)self)->simulator;
    h2o_iovec_t path = req->path_normalized;
    const struct dialect *dialect;
    struct upstream *upstream;
    h2o_iovec_t endpoint;
    if (control_handle(simulator, req))
        return 0;
    if (!providers_route(simulator->stage, path, &dialect, &upstream, &endpoint)) {
        server_send_text(req, 404, "application/json",
                         H2O_STRLIT("{\"error\":{\"message\":\"The simulator has no provider at this path.\"}}\n"));
        return 0;
    }
    struct call *call = h2o_mem_alloc_shared(&req->pool, sizeof(*call), call_dispose);
    *call = (struct call){.simulator = simulator,
                          .req = req,
                          .connection = req->conn->callbacks->get_socket(req->conn)->on_close.data,
                          .upstream = upstream,
                          .dialect = dialect,
                          .endpoint = endpoint,
                          .behaviour = upstream->behaviour};
    count(call);
    if (simulator->record != NULL)
        record_add(simulator->record, call);
    perform(call);
    return 0;
}

static void on_closed(void *data)
{
    struct connection *connection = data;
    *connection->link = connection->next;
    if (connection->next != NULL)
        connection->next->link = connection->link;
    free(connection);
}

static void on_accept(h2o_socket_t *listener, const char *err)
{
    h2o_accept_ctx_t *accept_ctx = listener->data;
    struct simulator *simulator = H2O_STRUCT_FROM_MEMBER(struct simulator, context, accept_ctx->ctx);
    if (err != NULL)
        return;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        h2o_socket_t *sock = h2o_evloop_socket_accept(listener);
        if (sock == NULL)
            return;
        struct connection *connection = calloc(1, sizeof(*connection));
        if (connection == NULL) {
            h2o_socket_close(sock);
            return;
        }
        connection->sock = sock;
        connection->next = simulator->connections;
        connection->link = &simulator->connections;
        if (connection->next != NULL)
            connection->next->link = &connection->next;
        simulator->connections = connection;
        sock->on_close.cb = on_closed;
        sock->on_close.data = connection;
        h2o_accept(accept_ctx, sock);
    }
}

static void on_signal(h2o_socket_t *sock, const char *err)
{
    struct simulator *simulator = sock->data;
    (void)err;
    simulator->stopping = true;
}

static void play_script(struct alarm *alarm)
{
    server_play_script(H2O_STRUCT_FROM_MEMBER(struct simulator, script_alarm, alarm));
}

void server_play_script(struct simulator *simulator)
{
    uint64_t next_ms = stage_play(simulator->stage, clock_monotonic_ms());
    if (next_ms != UINT64_MAX)
        alarm_set(&simulator->alarms, &simulator->script_alarm, next_ms);
    else
        alarm_clear(&simulator->alarms, &simulator->script_alarm);
}

void server_init(struct simulator *simulator, bool record)
{
    sigset_t stops;
    memset(simulator, 0, sizeof(*simulator));
    simulator->started_ms = clock_monotonic_ms();
    simulator->random = (uint64_t)clock_wall_us() | 1;
    simulator->stage = stage_new();
    simulator->record = record ? record_new() : NULL;
    simulator->bodies = bodies_new();
    simulator->script_alarm.ring = play_script;
    providers_enlist(simulator->stage);

    h2o_config_init(&simulator->config);
    simulator->config.server_name = h2o_iovec_init(H2O_STRLIT("")); /* server_set_head() names it, or the provider */
    simulator->config.http1.upgrade_to_http2 = 0;
    simulator->config.http1.req_timeout = 60000;
    h2o_hostconf_t *host = h2o_config_register_host(&simulator->config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *root = h2o_config_register_path(host, "/", 0);
    struct sim_handler *handler = (void *)h2o_create_handler(root, sizeof(*handler));
    handler->super.on_req = on_req;
    handler->simulator = simulator;
    h2o_context_init(&simulator->context, h2o_evloop_create(), &simulator->config);

    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    sigprocmask(SIG_BLOCK, &stops, NULL);
    int fd = signalfd(-1, &stops, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0) {
        perror("simulator: signalfd");
        exit(1);
    }
    simulator->signals = h2o_evloop_socket_create(simulator->context.loop, fd, 0);
    simulator->signals->data = simulator;
    h2o_socket_read_start(simulator->signals, on_signal);
}

static int open_listener(const char *address, char error[256])
{
    char host[128];
    const char *colon = strrchr(address, ':');
    size_t host_len = colon != NULL ? (size_t)(colon - address) : 0;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *found = NULL;
    if (host_len >= 2 && address[0] == '[' && address[host_len - 1] == ']') {
        address++;
        host_len -= 2;
    }
    if (colon != NULL && host_len < sizeof(host)) {
        memcpy(host, address, host_len);
        host[host_len] = '\0';
    }
    if (host_len == 0 || host_len >= sizeof(host) || getaddrinfo(host, colon + 1, &hints, &found) != 0) {
        snprintf(error, 256, "%.100s: expected HOST:PORT with a numeric host, as 127.0.0.1:8100", address);
        return -1;
    }
    int on = 1;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
                    bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, SOMAXCONN) != 0)) {
        close(fd);
        fd = -1;
    }
    if (fd < 0)
        snprintf(error, 256, "%.100s: cannot listen: %m", address);
    freeaddrinfo(found);
    return fd;
}

unsigned server_listen(struct simulator *simulator, const char *address, SSL_CTX *tls, char error[256])
{
    struct sockaddr_storage bound;
    socklen_t bound_len = sizeof(bound);
    int fd = open_listener(address, error);
    if (fd < 0) {
        SSL_CTX_free(tls);
        return 0;
    }
    h2o_accept_ctx_t *accept_ctx = &simulator->accepts[simulator->listener_count];
    *accept_ctx = (h2o_accept_ctx_t){.ctx = &simulator->context, .hosts = simulator->config.hosts, .ssl_ctx = tls};
    h2o_socket_t *sock = h2o_evloop_socket_create(simulator->context.loop, fd, H2O_SOCKET_FLAG_DONT_READ);
    sock->data = accept_ctx;
    simulator->listeners[simulator->listener_count++] = sock;
    h2o_socket_read_start(sock, on_accept);
    getsockname(fd, (struct sockaddr *)&bound, &bound_len);
    return ntohs(bound.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&bound)->sin6_port
                                             : ((struct sockaddr_in *)&bound)->sin_port);
}

static void turn(struct simulator *simulator)
{
    uint64_t now_ms = clock_monotonic_ms(), next_ms = alarms_next(&simulator->alarms);
    int32_t wait_ms = 1000;
    if (next_ms <= now_ms)
        wait_ms = 0;
    else if (next_ms - now_ms < 1000)
        wait_ms = (int32_t)(next_ms - now_ms);
    h2o_evloop_run(simulator->context.loop, wait_ms);
    /* Writes made outside of h2o's own turn complete only in its next one, for which it would not hurry. */
    if (alarms_ring(&simulator->alarms, clock_monotonic_ms()))
        h2o_evloop_run(simulator->context.loop, 0);
}

/* Shuts every connection down and lets h2o notice. What waits for an alarm answers now, into the closed socket. */
static void close_connections(struct simulator *simulator)
{
    uint64_t deadline_ms = clock_monotonic_ms() + SHUTDOWN_MS;
    for (struct connection *c = simulator->connections; c != NULL; c = c->next)
        shutdown(h2o_socket_get_fd(c->sock), SHUT_RDWR);
    alarm_clear(&simulator->alarms, &simulator->script_alarm);
    while (simulator->connections != NULL && clock_monotonic_ms() < deadline_ms) {
        alarms_ring(&simulator->alarms, UINT64_MAX - 1);
        h2o_evloop_run(simulator->context.loop, 10);
    }
}

void server_run(struct simulator *simulator)
{
    while (!simulator->stopping)
        turn(simulator);
    for (size_t i = 0; i < simulator->listener_count; i++)
        h2o_socket_close(simulator->listeners[i]);
    close_connections(simulator);
}

void server_dispose(struct simulator *simulator)
{
    h2o_socket_close(simulator->signals);
    h2o_evloop_run(simulator->context.loop, 0); /* frees the closed sockets */
    h2o_loop_t *loop = simulator->context.loop;
    h2o_context_dispose(&simulator->context);
    h2o_evloop_destroy(loop);
    h2o_config_dispose(&simulator->config);
    for (size_t i = 0; i < simulator->listener_count; i++)
        SSL_CTX_free(simulator->accepts[i].ssl_ctx);
    control_forget(simulator);
    stage_free(simulator->stage);
    record_free(simulator->record);
    bodies_free(simulator->bodies);
    alarms_dispose(&simulator->alarms);
}
