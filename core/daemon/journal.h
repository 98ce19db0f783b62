/* journal: gives what happens its id, writes it to the event log, and passes it on to who listens.
 *
 * It also watches the store itself: that the database cannot be written, and that it can again, is an event (which
 * waits in memory until it can).
 *
 * Thread: the loop's.
 */
#ifndef PROVIDERD_DAEMON_JOURNAL_H
#define PROVIDERD_DAEMON_JOURNAL_H

#include "event/loop.h"
#include "health/event.h"
#include "health/snapshot.h"
#include "store/store.h"

struct journal;

struct journal_listener {
    void (*told)(void *user, struct event *event); /* which it retains if it keeps it */
    void *user;
};

/* Reads where the log of the store ended: ids go on from there, and `journal_best` tells who was best. What cannot be
 * read is logged. NULL when memory ran out. The listener is called from the first event on. */
struct journal *journal_new(struct loop *loop, struct store *store, const struct journal_listener *listener);
void journal_free(struct journal *journal); /* before the loop and the store; NULL is allowed */

void journal_tell(struct journal *journal, const struct event_parts *parts);

/* The last id that was given, in this run or before it; 0 = none. */
int64_t journal_last_id(const struct journal *journal);

/* The provider that was best when the log ended; "" = not known. */
const char *journal_best(const struct journal *journal);

#endif
