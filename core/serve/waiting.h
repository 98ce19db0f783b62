/* waiting: requests whose answer is to come when there is something new, or when their time is up (long polling).
 * Internal to serve/.
 *
 *   ?wait=30s&version=1234   of routes that show a version: until it is another
 *   ?wait=30s&since_id=1234  of events: until there is one behind it
 *
 * Thread: the one that owns them.
 */
#ifndef PROVIDERD_SERVE_WAITING_H
#define PROVIDERD_SERVE_WAITING_H

#include "serve/request.h"

/* Before a route that can wait is handled. True: go on with its handler. False: the request waits now, or was refused
 * and answered. Takes `wait` and `version` out of the request's query. */
bool waiting_begin(struct request *request);

/* There is something new: a snapshot or an event. Answers those that it concerns. */
void waiting_look(struct http_thread *thread);

/* Some ten times a second: looks again, and answers those whose time is up; all of them when the thread stops. */
void waiting_tick(struct http_thread *thread);

#endif
