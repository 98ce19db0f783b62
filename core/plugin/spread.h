/* spread: who is named first in which share of the answers.
 *
 * A policy may give several providers a share each (plugins/README.md), so that its answers do not herd everybody onto
 * one. And who has just come back from an outage gets less than its share at first (health/recovery.h); the rest goes
 * to the next one that is as well as it is.
 *
 * Of two heads drawn at random by their shares, the answer names the one that was named less often so far, measured by
 * its share: M. Mitzenmacher, The Power of Two Choices in Randomized Load Balancing, IEEE TPDS 12(10), 2001. That keeps
 * close to the shares also over few answers, and needs no turn that threads or daemons would have to agree on.
 *
 * Thread: that of its owner.
 */
#ifndef PROVIDERD_PLUGIN_SPREAD_H
#define PROVIDERD_PLUGIN_SPREAD_H

#include "plugin/ranking.h"

#include <stddef.h>
#include <stdint.h>

enum { SPREAD_MAX = 8 };

struct head {
    size_t row;   /* of the ranking */
    double share; /* all together 1 */
    double given; /* answers */
};

struct spread {
    size_t count; /* 0 = nobody is ranked */
    struct head heads[SPREAD_MAX];
};

void spread_make(struct spread *spread, const struct ranking *ranking);

/* The index of a head, which counts as given; 0 when there is but one, or none. `random`: a xorshift state, never 0. */
size_t spread_pick(struct spread *spread, uint32_t *random);

#endif
