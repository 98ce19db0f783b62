/* event_log: events on their way to provider_events: few, so they wait in a list of their own beside the queue.
 *
 * Their ids are given before (health/event.h), so that writing one twice does no harm.
 * Thread: the store's mutex guards a list; one that was taken belongs to who took it. Internal to store/.
 */
#ifndef PROVIDERD_STORE_EVENT_LOG_H
#define PROVIDERD_STORE_EVENT_LOG_H

#include "store/store.h"

#include <sqlite3.h>

enum { EVENTS_WAITING_MAX = 20000 }; /* each of some 300 bytes */

struct waiting_event;

struct event_list {
    struct waiting_event *first;
    struct waiting_event *last; /* undefined while empty */
    size_t count;
};

/* Takes a reference. Returns how many of the oldest had to give way (0 or 1), or -1 when memory ran out. */
int event_list_add(struct event_list *list, struct event *event);

/* Moves all of `from`, which is older, before those of `into`; the oldest give way. Returns how many did. */
size_t event_list_put_back(struct event_list *into, struct event_list *from);
void event_list_dispose(struct event_list *list);

int events_prepare(sqlite3 *handle, sqlite3_stmt **insert); /* an SQLite result */

/* Writes every one that is not there yet, within the transaction of the caller. Returns an SQLite result. */
int events_write(const struct event_list *list, sqlite3_stmt *insert);

#endif
