/* learning: the latencies of the last week, asked of the history for thresholds such as "p95 * 2".
 *
 * Questions wait in line and one at a time goes to the store's reader threads, so that those of thousands of providers
 * do not hold up answers from the history. The answer comes back to the loop, and to the tracker.
 *
 * Thread: the loop's.
 */
#ifndef PROVIDERD_DAEMON_LEARNING_H
#define PROVIDERD_DAEMON_LEARNING_H

#include "health/tracker.h"
#include "store/store.h"

struct learning;

/* NULL with errno on failure. */
struct learning *learning_new(struct loop *loop, struct tracker *tracker, struct store *store);

/* Asks for a percentile of a provider's latencies. An answer that cannot be had is logged and left out: the tracker
 * asks again. */
void learning_ask(struct learning *learning, const char *name, double percent);

/* No question and no answer is passed on any more: before the tracker or the store goes. NULL is allowed. */
void learning_stop(struct learning *learning);

/* After the store was closed, which ends the question under way. NULL is allowed. */
void learning_free(struct learning *learning);

#endif
