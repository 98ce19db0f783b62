/* fate: do two providers fall together? Who wants a fallback wants one that does not.
 *
 * They do when they have an upstream in common (script/traits.h: a host, or what their scripts name), or when their
 * outages of the last 30 days, at most the latest 16 of each, met more often than not: of the one with fewer, at least
 * two and at least half met one of the other's. Outages are short and rare, so that this is hardly chance: of two
 * providers that each fail six times a day for ten minutes, one outage in twelve meets another by chance.
 * Failures that were our own are no outages, so a cut cable binds nobody together.
 *
 * Thread: any; a function of two views.
 */
#ifndef PROVIDERD_HEALTH_FATE_H
#define PROVIDERD_HEALTH_FATE_H

#include "health/snapshot.h"

enum { FATE_WHY_MAX = 128 };

/* Whether they share it; if so, why: "same upstream: 127.0.0.1:1337", "failed together 3 times of 4". */
bool fate_is_shared(const struct provider_view *a, const struct provider_view *b, int64_t now_us,
                    char why[FATE_WHY_MAX]);

#endif
