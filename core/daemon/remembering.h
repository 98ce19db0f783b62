/* remembering: reads the pasts of providers, of their keys, and of the models that deep probes asked, on a reader
 * thread, one provider after the other, while the loop goes on. Hours come from the rollups, and from what is not
 * rolled up yet; the last two hours in stretches of 5 minutes, from the checks themselves; outages from their table,
 * the last streak from the latest checks. For the forecast, the whole hours of the last 13 weeks, from the rollups
 * alone. A stretch of the past is in busy hours when its middle is. Only checks from
 * before the question count: a provider that is new has had none since.
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
void remembering_ask(struct remembering *remembering, const char *name, const struct busy_hours *busy_hours);

/* No answer reaches the tracker any more. NULL is allowed. */
void remembering_stop(struct remembering *remembering);

/* After store_close(), which ends the question under way. NULL is allowed. */
void remembering_free(struct remembering *remembering);

#endif
