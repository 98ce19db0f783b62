/* http_thread: one event loop that answers requests, and what it holds. Internal to serve/. */
#ifndef PROVIDERD_SERVE_HTTP_THREAD_H
#define PROVIDERD_SERVE_HTTP_THREAD_H

#include "plugin/policy.h"
#include "serve/access.h"
#include "serve/event_ring.h"
#include "serve/server.h"
#include "serve/site.h"

#include <h2o.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

struct agent;
struct best_cache;

/* What every thread is handed a reference of, and by which type. Each replaces the one before, but for events. */
enum shared_kind {
    SHARED_SNAPSHOT, /* struct snapshot */
    SHARED_POLICIES, /* struct policy_host */
    SHARED_EVENT,    /* struct event */
    SHARED_ALERTS,   /* struct shared_text: how they stand, as JSON */
    SHARED_SITE,     /* struct site */
    SHARED_ACCESS,   /* struct access */
    SHARED_TLS,      /* SSL_CTX, for connections from now on */
};

enum thread_message_kind { MESSAGE_SHARED, MESSAGE_JOB, MESSAGE_STOP };

/* What other threads send. */
struct thread_message {
    h2o_multithread_message_t super;
    enum thread_message_kind kind;
    union {
        struct {
            enum shared_kind kind;
            void *thing; /* a reference goes with it */
        } shared;
        struct { /* what a reader thread did has come back; the message is a part of `user` */
            void (*back)(void *user);
            void *user;
        } job;
        int64_t grace_ms;
    } u;
};

/* Answers kept for the snapshot in hand. */
enum cached_answer {
    CACHED_STATUS_HOUR, /* /status, by enum stats_window */
    CACHED_STATUS_DAY,
    CACHED_STATUS_WEEK,
    CACHED_STATUS_MONTH,
    CACHED_CSV,
    CACHED_PUBLIC, /* the public page's */
    CACHED_OPENAPI,
    CACHED_COUNT
};

/* A rendered answer: h2o's shared memory, which each response holds a reference on while it is being sent. */
struct rendered {
    h2o_iovec_t body;   /* base NULL = not rendered yet */
    h2o_iovec_t zipped; /* base NULL = not wanted yet, or too small */
};

/* A listening socket of a thread. */
struct entrance {
    struct http_thread *thread;
    h2o_socket_t *socket;
    bool tls;
};

struct http_thread {
    h2o_context_t ctx; /* first: a request finds its thread through it */
    struct server *server;
    h2o_accept_ctx_t accept;     /* for plain connections, */
    h2o_accept_ctx_t accept_tls; /* and for those with TLS: its context is a reference */
    pthread_t thread;
    bool thread_started;
    atomic_uint_fast64_t turned_ms; /* when its loop turned last, monotonic */
    sem_t ready;                    /* the thread takes messages from here on */
    h2o_multithread_receiver_t receiver;
    int *fds; /* of the listening sockets, as the server has them; the entrances' once the thread has started */
    size_t fd_count;
    struct entrance *entrances;
    size_t entrance_count;
    h2o_timeout_entry_t rest;       /* from accepting, when descriptors or memory have run out */
    h2o_timeout_entry_t slow_watch; /* once a second while there are connections */
    h2o_linklist_t connections;     /* struct connection */
    size_t connection_count;
    size_t requests_in_flight;
    size_t pages_awaited;      /* jobs with reader threads that will send a message here */
    struct snapshot *snapshot; /* NULL before the first */
    struct policy_state *policies;
    struct policy_host *policy_host;
    struct rendered rendered[CACHED_COUNT];
    struct best_cache *best;
    struct agent *agent;            /* of the first thread; NULL = none */
    h2o_timeout_entry_t best_watch; /* of the first thread: looks who is best, at most once a second */
    uint64_t best_rest_until_ms;    /* monotonic; for then not even that often */
    struct shared_text *alerts;     /* how they stand, as JSON; NULL before they do */
    struct site *site;              /* files served as they are; NULL = none */
    struct access *access;          /* who may ask what; NULL = everybody everything */
    struct buf log_lines;           /* gathered for the access log */
    h2o_timeout_entry_t log_flush;
    struct event_ring events;
    h2o_linklist_t listening;   /* listener.h */
    h2o_linklist_t waiting;     /* waiting.h */
    h2o_timeout_entry_t ticker; /* ten times a second while there is one of either */
    unsigned ticks;
    struct thread_message stop_message;
    bool stopping;
    uint64_t stop_by_ms; /* of the loop's clock */
};

/* Any thread; takes the message over. */
void http_thread_send(struct http_thread *thread, struct thread_message *message);

/* `fds` are the thread's own descriptors of the listening sockets, taken over. -1 when memory ran out. */
int http_thread_open(struct http_thread *thread, struct server *server, const int *fds, size_t fd_count);

/* Starts the thread, which makes its loop and context itself, and waits until it takes messages. -1 with errno. */
int http_thread_start(struct http_thread *thread);

/* Takes the reference over; before the start at once, afterwards by a message. */
void http_thread_publish(struct http_thread *thread, enum shared_kind kind, void *thing);

/* Another reference of such a thing; and one less. */
void *shared_retain(enum shared_kind kind, void *thing);
void shared_release(enum shared_kind kind, void *thing);

/* A request is over: gives it a line in the access log, if there is one. On the thread itself. */
void http_thread_note(struct http_thread *thread, h2o_req_t *req);

/* Somebody listens or waits. On the thread itself. */
void http_thread_tick_soon(struct http_thread *thread);

/* After MESSAGE_STOP: waits for the thread's end and frees what it held. */
void http_thread_join(struct http_thread *thread);

#endif
