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
#include <stdbool.h>

struct agent;
struct best_cache;

enum thread_message_kind {
    MESSAGE_SNAPSHOT,
    MESSAGE_POLICIES,
    MESSAGE_EVENT,
    MESSAGE_ALERTS,
    MESSAGE_SITE,
    MESSAGE_ACCESS,
    MESSAGE_JOB,
    MESSAGE_STOP
};

/* What other threads send. */
struct thread_message {
    h2o_multithread_message_t super;
    enum thread_message_kind kind;
    union {
        struct snapshot *snapshot;    /* a reference goes with it */
        struct policy_host *policies; /* a reference goes with it */
        struct event *event;          /* a reference goes with it */
        struct shared_text *alerts;   /* a reference goes with it */
        struct site *site;            /* a reference goes with it */
        struct access *access;        /* a reference goes with it */
        struct {                      /* what a reader thread did has come back; the message is a part of `user` */
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
    CACHED_COUNT
};

/* A rendered answer: h2o's shared memory, which each response holds a reference on while it is being sent. */
struct rendered {
    h2o_iovec_t body;   /* base NULL = not rendered yet */
    h2o_iovec_t zipped; /* base NULL = not wanted yet, or too small */
};

struct http_thread {
    h2o_context_t ctx; /* first: a request finds its thread through it */
    struct server *server;
    h2o_accept_ctx_t accept;
    pthread_t thread;
    bool thread_started;
    sem_t ready; /* the thread takes messages from here on */
    h2o_multithread_receiver_t receiver;
    int *fds; /* of the listening sockets; the listeners' once the thread has started */
    size_t fd_count;
    h2o_socket_t **listeners;
    size_t listener_count;
    h2o_timeout_entry_t rest;   /* from accepting, when descriptors or memory have run out */
    h2o_linklist_t connections; /* struct connection */
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
    struct shared_text *alerts;     /* how they stand, as JSON; NULL before they do */
    struct site *site;              /* files served as they are; NULL = none */
    struct access *access;          /* who may ask what; NULL = everybody everything */
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

/* Take the reference over; before the start at once, afterwards by a message. */
void http_thread_publish(struct http_thread *thread, struct snapshot *snapshot);
void http_thread_publish_policies(struct http_thread *thread, struct policy_host *policies);

void http_thread_publish_alerts(struct http_thread *thread, struct shared_text *alerts);
void http_thread_publish_site(struct http_thread *thread, struct site *site);
void http_thread_publish_access(struct http_thread *thread, struct access *access);
void http_thread_publish_event(struct http_thread *thread, struct event *event);

/* Somebody listens or waits. On the thread itself. */
void http_thread_tick_soon(struct http_thread *thread);

/* After MESSAGE_STOP: waits for the thread's end and frees what it held. */
void http_thread_join(struct http_thread *thread);

#endif
