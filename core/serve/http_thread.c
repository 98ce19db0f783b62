#include "serve/http_thread.h"

#include "base/clock.h"
#include "base/log.h"
#include "serve/access_log.h"
#include "serve/agent_check.h"
#include "serve/best.h"
#include "serve/gate.h"
#include "serve/handlers.h"
#include "serve/listener.h"
#include "serve/server_internal.h"
#include "serve/slowness.h"
#include "serve/waiting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ACCEPTS_PER_TURN = 16,
    LAST_TURNS_MS = 300, /* for connections to notice that they were shut */
    WAIT_MS = 1000,
    BEST_REST_FACTOR = 50,
};

struct connection {
    h2o_linklist_t link;
    h2o_socket_t *socket;
    struct http_thread *thread;
    struct slowness slowness;
};

/* -- connections -- */

static void watch_listeners(struct http_thread *thread);

static void on_connection_closed(void *user)
{
    struct connection *connection = user;
    struct http_thread *thread = connection->thread;
    h2o_linklist_unlink(&connection->link);
    free(connection);
    if (thread->connection_count-- == thread->server->max_connections && !thread->stopping)
        watch_listeners(thread);
}

static void pause_listeners(struct http_thread *thread)
{
    for (size_t i = 0; i < thread->entrance_count; ++i)
        h2o_socket_read_stop(thread->entrances[i].socket);
}

static void on_rest_over(h2o_timeout_entry_t *entry)
{
    watch_listeners(H2O_STRUCT_FROM_MEMBER(struct http_thread, rest, entry));
}

/* Out of descriptors or memory, a listener stays readable: to go on at once would spin. */
static void rest_from_accepting(struct http_thread *thread)
{
    log_warning("serve", "cannot accept a connection: %s; trying again in a second", strerror(errno));
    pause_listeners(thread);
    thread->rest.cb = on_rest_over;
    if (!h2o_timeout_is_linked(&thread->rest))
        h2o_timeout_link(thread->ctx.loop, &thread->ctx.one_sec_timeout, &thread->rest);
}

static void on_slow_watch(h2o_timeout_entry_t *entry);

static void watch_slowness(struct http_thread *thread)
{
    if (h2o_timeout_is_linked(&thread->slow_watch))
        return;
    thread->slow_watch.cb = on_slow_watch;
    h2o_timeout_link(thread->ctx.loop, &thread->ctx.one_sec_timeout, &thread->slow_watch);
}

/* Who takes next to nothing of an answer holds its memory and a place: h2o itself waits for ever. */
static void on_slow_watch(h2o_timeout_entry_t *entry)
{
    struct http_thread *thread = H2O_STRUCT_FROM_MEMBER(struct http_thread, slow_watch, entry);
    uint64_t now_ms = h2o_now(thread->ctx.loop);
    for (h2o_linklist_t *link = thread->connections.next; link != &thread->connections; link = link->next) {
        struct connection *connection = H2O_STRUCT_FROM_MEMBER(struct connection, link, link);
        int fd = h2o_socket_get_fd(connection->socket);
        bool writing = h2o_socket_is_writing(connection->socket);
        if (slowness_exceeds(&connection->slowness, fd, writing, now_ms, thread->server->idle_timeout_ms))
            shutdown(fd, SHUT_RDWR);
    }
    if (thread->connection_count != 0)
        watch_slowness(thread);
}

static void on_accept(h2o_socket_t *listener, const char *err)
{
    struct entrance *entrance = listener->data;
    struct http_thread *thread = entrance->thread;
    if (err != NULL)
        return;
    for (int i = 0; i < ACCEPTS_PER_TURN; ++i) {
        if (thread->connection_count == thread->server->max_connections) {
            pause_listeners(thread); /* the kernel's queue holds the rest */
            return;
        }
        h2o_socket_t *socket = h2o_evloop_socket_accept(listener);
        if (socket == NULL) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                rest_from_accepting(thread);
            return;
        }
        struct connection *connection = calloc(1, sizeof(*connection));
        if (connection == NULL) {
            h2o_socket_close(socket);
            return;
        }
        connection->socket = socket;
        connection->thread = thread;
        h2o_linklist_insert(&thread->connections, &connection->link);
        ++thread->connection_count;
        socket->on_close.cb = on_connection_closed;
        socket->on_close.data = connection;
        watch_slowness(thread);
        h2o_accept(entrance->tls ? &thread->accept_tls : &thread->accept, socket);
    }
}

static void watch_listeners(struct http_thread *thread)
{
    for (size_t i = 0; i < thread->entrance_count; ++i)
        h2o_socket_read_start(thread->entrances[i].socket, on_accept);
}

static void close_listeners(struct http_thread *thread)
{
    for (size_t i = 0; i < thread->entrance_count; ++i)
        h2o_socket_close(thread->entrances[i].socket);
    thread->entrance_count = 0;
    h2o_timeout_unlink(&thread->rest);
    h2o_timeout_unlink(&thread->best_watch);
}

static void shut_connections(struct http_thread *thread)
{
    for (h2o_linklist_t *link = thread->connections.next; link != &thread->connections; link = link->next) {
        struct connection *connection = H2O_STRUCT_FROM_MEMBER(struct connection, link, link);
        shutdown(h2o_socket_get_fd(connection->socket), SHUT_RDWR);
    }
}

/* -- the access log -- */

static void flush_log(struct http_thread *thread)
{
    struct access_log *log = thread->access != NULL ? access_log_of(thread->access) : NULL;
    h2o_timeout_unlink(&thread->log_flush);
    if (log != NULL && thread->log_lines.len != 0)
        access_log_write(log, &thread->log_lines);
}

static void on_log_flush(h2o_timeout_entry_t *entry)
{
    flush_log(H2O_STRUCT_FROM_MEMBER(struct http_thread, log_flush, entry));
}

void http_thread_note(struct http_thread *thread, h2o_req_t *req)
{
    if (thread->access == NULL || access_log_of(thread->access) == NULL)
        return;
    access_log_line(&thread->log_lines, req, gate_user(req));
    if (thread->log_lines.len >= ACCESS_LOG_GATHER_BYTES) {
        flush_log(thread);
    } else if (!h2o_timeout_is_linked(&thread->log_flush)) {
        thread->log_flush.cb = on_log_flush;
        h2o_timeout_link(thread->ctx.loop, &thread->ctx.hundred_ms_timeout, &thread->log_flush);
    }
}

/* -- messages -- */

static void forget_rendered(struct http_thread *thread)
{
    for (size_t i = 0; i < CACHED_COUNT; ++i)
        rendered_forget(&thread->rendered[i]);
}

static void watch_best_soon(struct http_thread *thread);

/* With 10,000 providers a look takes 80 ms: then it is made more seldom, so that it takes a fiftieth of the time. */
static void on_best_watch(h2o_timeout_entry_t *entry)
{
    struct http_thread *thread = H2O_STRUCT_FROM_MEMBER(struct http_thread, best_watch, entry);
    uint64_t began_ms = clock_monotonic_ms();
    if (began_ms < thread->best_rest_until_ms) {
        watch_best_soon(thread);
        return;
    }
    best_watch(thread);
    thread->best_rest_until_ms = began_ms + (clock_monotonic_ms() - began_ms) * BEST_REST_FACTOR;
}

/* One thread is enough; and one look a second, however many snapshots come. */
static void watch_best_soon(struct http_thread *thread)
{
    if (thread != &thread->server->threads[0] || thread->stopping || h2o_timeout_is_linked(&thread->best_watch))
        return;
    thread->best_watch.cb = on_best_watch;
    h2o_timeout_link(thread->ctx.loop, &thread->ctx.one_sec_timeout, &thread->best_watch);
}

static void take_snapshot(struct http_thread *thread, struct snapshot *snapshot)
{
    snapshot_release(thread->snapshot);
    thread->snapshot = snapshot;
    forget_rendered(thread);
}

static void take_policies(struct http_thread *thread, struct policy_host *host)
{
    struct policy_state *state = policy_state_new(host);
    if (state == NULL) {
        log_error("serve", "out of memory for the policies; the former ones stay");
        policy_host_release(host);
        return;
    }
    policy_state_free(thread->policies);
    policy_host_release(thread->policy_host);
    thread->policies = state;
    thread->policy_host = host;
    best_cache_forget(thread->best);
}

static void take_access(struct http_thread *thread, struct access *access)
{
    flush_log(thread);
    access_release(thread->access);
    thread->access = access;
    forget_rendered(thread); /* the public page may show others */
}

/* What has no work to do when it comes. */
static void replace(struct http_thread *thread, enum shared_kind kind, void *thing)
{
    void **place = kind == SHARED_ALERTS ? (void **)&thread->alerts
                   : kind == SHARED_SITE ? (void **)&thread->site
                                         : (void **)&thread->accept_tls.ssl_ctx;
    shared_release(kind, *place);
    *place = thing;
}

static void take_shared(struct http_thread *thread, enum shared_kind kind, void *thing)
{
    switch (kind) {
    case SHARED_SNAPSHOT:
        take_snapshot(thread, thing);
        break;
    case SHARED_POLICIES:
        take_policies(thread, thing);
        break;
    case SHARED_EVENT:
        event_ring_add(&thread->events, thing);
        break;
    case SHARED_ACCESS:
        take_access(thread, thing);
        break;
    case SHARED_ALERTS:
    case SHARED_SITE:
    case SHARED_TLS:
        replace(thread, kind, thing);
        break;
    }
}

/* Who listens, waits, or looks who is best. */
static void tell_of(struct http_thread *thread, enum shared_kind kind)
{
    if (kind == SHARED_SNAPSHOT || kind == SHARED_POLICIES)
        watch_best_soon(thread);
    if (kind == SHARED_EVENT)
        listeners_wake(thread);
    if (kind == SHARED_SNAPSHOT || kind == SHARED_EVENT)
        waiting_look(thread);
}

static void begin_stop(struct http_thread *thread, int64_t grace_ms)
{
    thread->stopping = true;
    thread->stop_by_ms = h2o_now(thread->ctx.loop) + (uint64_t)grace_ms;
    close_listeners(thread);
    agent_close(thread->agent);
    thread->agent = NULL;
    /* h2o_context_request_shutdown() would also start HTTP/2's farewell timers, which outlive this context; the flag is
     * all that HTTP/1 looks at: answers from here on say "Connection: close". */
    thread->ctx.shutdown_requested = 1;
    listeners_end(thread);
    waiting_tick(thread);
}

static void receive(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages)
{
    struct http_thread *thread = H2O_STRUCT_FROM_MEMBER(struct http_thread, receiver, receiver);
    while (!h2o_linklist_is_empty(messages)) {
        struct thread_message *message = H2O_STRUCT_FROM_MEMBER(struct thread_message, super, messages->next);
        h2o_linklist_unlink(&message->super.link);
        switch (message->kind) {
        case MESSAGE_SHARED:
            take_shared(thread, message->u.shared.kind, message->u.shared.thing);
            tell_of(thread, message->u.shared.kind);
            free(message);
            break;
        case MESSAGE_STOP:
            begin_stop(thread, message->u.grace_ms);
            break; /* a part of the thread */
        case MESSAGE_JOB:
            message->u.job.back(message->u.job.user);
            break; /* a part of what the job was for, not a message of its own */
        }
    }
}

void http_thread_send(struct http_thread *thread, struct thread_message *message)
{
    h2o_multithread_send_message(&thread->receiver, &message->super);
}

/* -- who listens or waits -- */

enum { TICKS_A_SECOND = 10 };

static void on_tick(h2o_timeout_entry_t *entry)
{
    struct http_thread *thread = H2O_STRUCT_FROM_MEMBER(struct http_thread, ticker, entry);
    waiting_tick(thread);
    if (++thread->ticks % TICKS_A_SECOND == 0)
        listeners_tick(thread);
    if (!h2o_linklist_is_empty(&thread->listening) || !h2o_linklist_is_empty(&thread->waiting))
        http_thread_tick_soon(thread);
}

void http_thread_tick_soon(struct http_thread *thread)
{
    if (h2o_timeout_is_linked(&thread->ticker))
        return;
    thread->ticker.cb = on_tick;
    h2o_timeout_link(thread->ctx.loop, &thread->ctx.hundred_ms_timeout, &thread->ticker);
}

/* -- the thread -- */

static bool is_done(struct http_thread *thread)
{
    return thread->stopping && (thread->requests_in_flight == 0 || h2o_now(thread->ctx.loop) >= thread->stop_by_ms);
}

/* On the thread itself: h2o's sockets take their buffers from a cache of the thread that made them, without a lock. So
 * whoever runs a loop must have made its sockets, the message queue's included, and must dispose of them. */
static void open_loop(struct http_thread *thread)
{
    h2o_context_init(&thread->ctx, h2o_evloop_create(), &thread->server->config);
    thread->accept.ctx = thread->accept_tls.ctx = &thread->ctx;
    thread->accept.hosts = thread->accept_tls.hosts = thread->server->config.hosts;
    h2o_multithread_register_receiver(thread->ctx.queue, &thread->receiver, receive);
    for (size_t i = 0; i < thread->fd_count; ++i) {
        struct entrance *entrance = &thread->entrances[i];
        entrance->thread = thread;
        entrance->tls = thread->server->http.tls[i];
        entrance->socket = h2o_evloop_socket_create(thread->ctx.loop, thread->fds[i], H2O_SOCKET_FLAG_DONT_READ);
        entrance->socket->data = entrance;
    }
    thread->entrance_count = thread->fd_count;
    watch_listeners(thread);
    watch_best_soon(thread);
    if (thread == &thread->server->threads[0] && thread->server->agent.count != 0)
        thread->agent = agent_open(thread, &thread->server->agent);
}

static void close_loop(struct http_thread *thread)
{
    h2o_loop_t *loop = thread->ctx.loop;
    h2o_evloop_run(loop, 0); /* takes what was sent last, disposes of closed sockets */
    forget_rendered(thread);
    best_cache_forget(thread->best);
    h2o_multithread_unregister_receiver(thread->ctx.queue, &thread->receiver);
    h2o_context_dispose(&thread->ctx);
    h2o_evloop_run(loop, 0);
    h2o_evloop_destroy(loop);
}

static void *run(void *user)
{
    struct http_thread *thread = user;
    pthread_setname_np(pthread_self(), "providerd-http");
    open_loop(thread);
    sem_post(&thread->ready);
    while (!is_done(thread)) {
        atomic_store_explicit(&thread->turned_ms, clock_monotonic_ms(), memory_order_relaxed);
        h2o_evloop_run(thread->ctx.loop, thread->stopping ? 10 : WAIT_MS);
    }
    /* What is open now is idle, or out of time: each connection finds its socket shut and frees itself. */
    shut_connections(thread);
    uint64_t last_ms = h2o_now(thread->ctx.loop) + LAST_TURNS_MS;
    while (thread->pages_awaited != 0 || (thread->connection_count != 0 && h2o_now(thread->ctx.loop) < last_ms))
        h2o_evloop_run(thread->ctx.loop, 10);
    if (thread->connection_count != 0)
        log_warning("serve", "%zu connections did not end in time", thread->connection_count);
    h2o_timeout_unlink(&thread->ticker);
    h2o_timeout_unlink(&thread->slow_watch);
    flush_log(thread);
    close_loop(thread);
    return NULL;
}

int http_thread_open(struct http_thread *thread, struct server *server, const int *fds, size_t fd_count)
{
    thread->server = server;
    h2o_linklist_init_anchor(&thread->connections);
    h2o_linklist_init_anchor(&thread->listening);
    h2o_linklist_init_anchor(&thread->waiting);
    thread->fds = calloc(fd_count, sizeof(*thread->fds));
    thread->entrances = calloc(fd_count, sizeof(*thread->entrances));
    thread->best = best_cache_new();
    if (thread->fds == NULL || thread->entrances == NULL || thread->best == NULL) {
        for (size_t i = 0; i < fd_count; ++i)
            close(fds[i]);
        return -1;
    }
    memcpy(thread->fds, fds, fd_count * sizeof(*fds));
    thread->fd_count = fd_count;
    return 0;
}

int http_thread_start(struct http_thread *thread)
{
    if (sem_init(&thread->ready, 0, 0) != 0)
        return -1;
    int failed = pthread_create(&thread->thread, NULL, run, thread);
    thread->thread_started = failed == 0;
    while (failed == 0 && sem_wait(&thread->ready) != 0)
        ; /* a signal */
    sem_destroy(&thread->ready);
    errno = failed;
    return failed == 0 ? 0 : -1;
}

void *shared_retain(enum shared_kind kind, void *thing)
{
    switch (kind) {
    case SHARED_SNAPSHOT:
        return snapshot_retain(thing);
    case SHARED_POLICIES:
        return policy_host_retain(thing);
    case SHARED_EVENT:
        return event_retain(thing);
    case SHARED_ALERTS:
        return shared_text_retain(thing);
    case SHARED_SITE:
        return site_retain(thing);
    case SHARED_ACCESS:
        return access_retain(thing);
    case SHARED_TLS:
        SSL_CTX_up_ref(thing);
        return thing;
    }
    return NULL;
}

void shared_release(enum shared_kind kind, void *thing)
{
    switch (kind) {
    case SHARED_SNAPSHOT:
        snapshot_release(thing);
        break;
    case SHARED_POLICIES:
        policy_host_release(thing);
        break;
    case SHARED_EVENT:
        event_release(thing);
        break;
    case SHARED_ALERTS:
        shared_text_release(thing);
        break;
    case SHARED_SITE:
        site_release(thing);
        break;
    case SHARED_ACCESS:
        access_release(thing);
        break;
    case SHARED_TLS:
        SSL_CTX_free(thing);
        break;
    }
}

void http_thread_publish(struct http_thread *thread, enum shared_kind kind, void *thing)
{
    if (!thread->thread_started) {
        take_shared(thread, kind, thing);
        return;
    }
    struct thread_message *message = calloc(1, sizeof(*message));
    if (message == NULL) {
        log_error("serve", "out of memory for a message to an HTTP thread");
        shared_release(kind, thing);
        return;
    }
    message->kind = MESSAGE_SHARED;
    message->u.shared.kind = kind;
    message->u.shared.thing = thing;
    http_thread_send(thread, message);
}

void http_thread_join(struct http_thread *thread)
{
    if (thread->thread_started)
        pthread_join(thread->thread, NULL);
    for (size_t i = 0; i < thread->fd_count && !thread->thread_started; ++i)
        close(thread->fds[i]);
    snapshot_release(thread->snapshot);
    policy_state_free(thread->policies);
    policy_host_release(thread->policy_host);
    best_cache_free(thread->best);
    event_ring_dispose(&thread->events);
    shared_text_release(thread->alerts);
    site_release(thread->site);
    access_release(thread->access);
    SSL_CTX_free(thread->accept_tls.ssl_ctx);
    free(thread->entrances);
    free(thread->fds);
}
