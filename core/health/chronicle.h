/* chronicle: what is remembered of the checks of one thing (a provider, one of its keys, a model): its windows and its
 * outages, and the view of both that snapshots show.
 *
 * The past of a chronicle is a chronicle too: read from the database beside the first checks, and absorbed then.
 *
 * Thread: one at a time. Errors: false when memory ran out; what could be counted is.
 */
#ifndef PROVIDERD_HEALTH_CHRONICLE_H
#define PROVIDERD_HEALTH_CHRONICLE_H

#include "health/outages.h"
#include "health/stats_view.h"

struct chronicle {
    struct statistics *statistics;
    struct outages outages;
    struct stats_view *view; /* the latest; NULL before the first check */
};

bool chronicle_begin(struct chronicle *chronicle);
void chronicle_dispose(struct chronicle *chronicle); /* one that is all zero is allowed */

struct chronicle_check {
    struct tally_check tally;
    int64_t checked_us;  /* wall clock */
    bool down;           /* the thing is down by now */
    bool busy;           /* in busy hours */
    const char *message; /* of a failure; "" = none */
};

/* Counts a check in; `tell` as in outages.h. */
bool chronicle_take(struct chronicle *chronicle, const struct chronicle_check *check, outage_fn tell, void *user);

/* Counts what a timed completion measured in, beside the checks; -1 = none. */
bool chronicle_take_timing(struct chronicle *chronicle, int64_t now_us, double first_token_ms,
                           double tokens_per_second);

/* Counts checks into the windows that nobody made: what clients reported is worth so many. They are no part of outages
 * and streaks, which are those of our own checks. `kind`: of those that were down. */
bool chronicle_take_reported(struct chronicle *chronicle, int64_t now_us, unsigned up, unsigned down, const char *kind,
                             bool busy);

/* Takes what is known of the time before, once, and disposes of it; NULL = nothing is. */
bool chronicle_absorb(struct chronicle *chronicle, int64_t now_us, struct chronicle *past, outage_fn tell, void *user);

#endif
