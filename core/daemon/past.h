/* past: brings the last known state of every provider back from the database, before the first check. */
#ifndef PROVIDERD_DAEMON_PAST_H
#define PROVIDERD_DAEMON_PAST_H

#include "health/tracker.h"
#include "store/store.h"

/* What cannot be read is logged and left out. At start only: it reads on the calling thread. */
void past_restore(struct tracker *tracker, const struct generation *generation, struct store *store);

#endif
