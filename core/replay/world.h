/* world: what would have been known at a moment of the past: the checks of a trace, judged anew by the thresholds of a
 * configuration, as a snapshot such as policies see. Statistics, outages, warmth and forecasts are the daemon's own
 * code.
 *
 * What is not in a trace is not there: models, deep probes, single keys, what scripts say (traits, their thresholds).
 * A learned threshold ("p95 * 2") is taken from the last week's p50, p95 or p99, whichever is nearest.
 *
 * Thread: one at a time.
 */
#ifndef PROVIDERD_REPLAY_WORLD_H
#define PROVIDERD_REPLAY_WORLD_H

#include "config/config.h"
#include "health/snapshot.h"
#include "store/trace.h"

struct world;

/* Everything is borrowed, and must outlive it; `kinds` may be NULL. NULL when memory ran out. */
struct world *world_new(const struct trace *trace, const struct config *config, struct kind_table *kinds);
void world_free(struct world *world); /* NULL is allowed */

/* Takes in all checks up to `now_us`, which never goes back, and says what is known then. Borrowed until the next call;
 * NULL when memory ran out. */
const struct snapshot *world_at(struct world *world, int64_t now_us);

/* How a provider does at `now_us`, of the last world_at(): by its next check, which lies in the future of that world.
 * A check that was refused, for its rate too, is a failed call. TRACE_NOTHING when the next check taught nothing or is
 * too far away to tell. */
enum trace_outcome world_foresee(const struct world *world, size_t provider, double *latency_ms);

#endif
