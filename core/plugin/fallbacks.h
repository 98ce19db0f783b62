/* fallbacks: whom to call when the first fails: those first that do not fail with it (health/fate.h).
 *
 * Thread: any; a function of a ranking.
 */
#ifndef PROVIDERD_PLUGIN_FALLBACKS_H
#define PROVIDERD_PLUGIN_FALLBACKS_H

#include "plugin/ranking.h"

#include <stddef.h>
#include <stdint.h>

enum { FALLBACKS_MAX = 64 };

/* Writes up to `most` rows of the ranking into `rows`: of those ranked that are as well as the worst that the policy
 * offers (the `first`, and `most` of the others in its order), the independent ones before those that share the first
 * one's fate; each part in the policy's order, and never more than FALLBACKS_MAX. Returns how many. */
size_t fallbacks_choose(const struct ranking *ranking, size_t first, size_t most, int64_t now_us, size_t *rows);

#endif
