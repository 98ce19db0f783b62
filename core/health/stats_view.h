/* stats_view: the summaries of a target's windows and its outages, as snapshots hold them. Counted references,
 * immutable.
 *
 * Thread: building on the loop thread; reading, retaining and releasing on any.
 */
#ifndef PROVIDERD_HEALTH_STATS_VIEW_H
#define PROVIDERD_HEALTH_STATS_VIEW_H

#include "health/outages.h"
#include "health/statistics.h"

#include <stdatomic.h>

enum { STATS_OUTAGES_SHOWN = 16 };

struct stats_view {
    atomic_uint references;
    struct window_summary windows[STATS_WINDOWS];
    struct outage_summary outages[STATS_WINDOWS];
    struct streak streak;
    size_t outage_count;
    const struct outage_span *latest_outages; /* the last STATS_OUTAGES_SHOWN, ascending; behind the kinds. One that
                                                 lasts has ended_us 0 */
    size_t kinds_end[STATS_WINDOWS]; /* the kinds of a window end here, and begin where those of the one before end */
    struct tally_kind kinds[];
};

/* What the windows say at `now_us`; NULL when memory ran out. */
struct stats_view *stats_view_new(struct statistics *statistics, const struct outages *outages, int64_t now_us);
struct stats_view *stats_view_retain(struct stats_view *view);
void stats_view_release(struct stats_view *view); /* NULL is allowed */

#endif
