/* recovery: when who is not well is likely back, and how far who came back is trusted.
 *
 * Back: at the time that the provider told (a limit's reset). Else an outage is taken to last as long as its outages of
 * the last 30 days did in the mean; one that has lasted longer, or the first one, to go on for as long as it has lasted
 * already, which is what outages without a typical length do (a Pareto tail with exponent 1 has that median rest:
 * J. R. Gott, Implications of the Copernican principle for our future prospects, Nature 363, 1993). Never before the
 * next check: until then nobody would know. What waits for a human has no time.
 *
 * Warmth: after an outage, or an ejection (outlier.h), a provider gets a share of the calls that grows with time from a
 * tenth to all, as HAProxy's `slowstart` has it (HAProxy 2.6 configuration manual, 5.2), so that the queue that made it
 * fall is not there at once.
 *
 * Thread: any; functions of views.
 */
#ifndef PROVIDERD_HEALTH_RECOVERY_H
#define PROVIDERD_HEALTH_RECOVERY_H

#include "health/snapshot.h"

/* Wall clock, after `now_us`; 0 = not by itself, or it is well. `kinds`: the table in force. */
int64_t recovery_expected_us(const struct provider_view *view, const struct kind_table *kinds, int64_t now_us);

/* 0.1 to 1; 1 with `warm_up_us` 0. */
double recovery_warmth(const struct provider_view *view, int64_t now_us, int64_t warm_up_us);

#endif
