/* listener: a client that listens to events as they come (server-sent events). Internal to serve/.
 *
 * A listener is a place in the event log: the id of the last event that was looked at for it. Whenever its connection
 * can take more, it is given what lies behind that place: from the thread's ring, or, when it has been away for longer
 * than the ring reaches, first from the database, page by page on a reader thread. So a slow client costs one page of
 * memory, not a queue, and misses nothing but what the log itself has lost.
 *
 * A silent listener gets a comment every LISTENER_HEARTBEAT_MS, so that proxies keep the connection and a client that
 * is gone is noticed; one whose connection takes nothing for LISTENER_STALL_MS is cut off (it comes back with its last
 * id).
 *
 * Thread: the one that owns it.
 */
#ifndef PROVIDERD_SERVE_LISTENER_H
#define PROVIDERD_SERVE_LISTENER_H

#include "serve/request.h"

enum { LISTENER_HEARTBEAT_MS = 15000, LISTENER_STALL_MS = 60000 };

/* Answers a request with the events behind `after_id` (below 0: those from now on) that its query wants. */
void listener_start(struct request *request, int64_t after_id);

/* An event has come into the thread's ring. */
void listeners_wake(struct http_thread *thread);

/* Once a second: heartbeats and stalls. */
void listeners_tick(struct http_thread *thread);

/* The thread stops: each is told the end as soon as its connection can take it. */
void listeners_end(struct http_thread *thread);

#endif
