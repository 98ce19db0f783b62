/* remembering: reads the statistics of providers' pasts on a reader thread, one provider after the other, while the
 * loop goes on. Hours come from the rollups, and from what is not rolled up yet; the last two hours in stretches of 5
 * minutes, from the checks themselves. For the forecast, the whole hours of the last 13 weeks, from the rollups alone.
 * Of checks only those count that were made before this run.
 *
 * Thread: the loop's.
 */
#ifndef PROVIDERD_DAEMON_REMEMBERING_H
#define PROVIDERD_DAEMON_REMEMBERING_H

#include "event/loop.h"
#include "health/tracker.h"
#include "store/store.h"

struct remembering;

/* NULL when memory ran out. */
struct remembering *remembering_new(struct loop *loop, struct tracker *tracker, struct store *store);

/* Reads a provider's past; tracker_remember() takes it. */
void remembering_ask(struct remembering *remembering, const char *name);

/* No answer reaches the tracker any more. NULL is allowed. */
void remembering_stop(struct remembering *remembering);

/* After store_close(), which ends the question under way. NULL is allowed. */
void remembering_free(struct remembering *remembering);

#endif
