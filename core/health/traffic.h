/* traffic: what clients reported of their calls to one provider lately, in slots of 10 seconds over 5 minutes.
 *
 * Calls are of five sorts: `ok`; `failed`, by the provider's fault; `limited`: it answered that a limit is reached, so
 * it is up; `aborted` by the client; and `excused`: refused for the client's own sake (a key, a request). The last two
 * are counted and say nothing of the provider.
 *
 * Thread: one at a time; plain values. Times are the wall clock's; of one that is set back, calls count in the slot
 * that is filling until time has caught up.
 */
#ifndef PROVIDERD_HEALTH_TRAFFIC_H
#define PROVIDERD_HEALTH_TRAFFIC_H

#include "health/snapshot.h"

enum {
    TRAFFIC_SLOT_S = 10,
    TRAFFIC_SLOTS = 30,
    TRAFFIC_MINUTE = 6, /* slots */
};

enum traffic_sort { TRAFFIC_OK, TRAFFIC_FAILED, TRAFFIC_LIMITED, TRAFFIC_ABORTED, TRAFFIC_EXCUSED, TRAFFIC_SORTS };

struct traffic_count {
    uint32_t calls[TRAFFIC_SORTS];
};

/* Those that say how the provider is. */
static inline uint32_t traffic_telling(const struct traffic_count *count)
{
    return count->calls[TRAFFIC_OK] + count->calls[TRAFFIC_FAILED] + count->calls[TRAFFIC_LIMITED];
}

struct traffic {
    int64_t newest;      /* number of the slot that is filling: seconds since 1970 / TRAFFIC_SLOT_S */
    int64_t folded;      /* the last one that traffic_fold() has taken */
    int64_t judged_from; /* the first one that counts for outliers */
    struct traffic_count slots[TRAFFIC_SLOTS]; /* by number modulo TRAFFIC_SLOTS */
    int64_t last_us;                           /* the latest report; 0 = there was none */
    unsigned failures_in_row;                  /* not interrupted by a call that went well */
    int64_t failing_since_us;                  /* the first of them */
    char kind[HEALTH_KIND_MAX];                /* of the last failure; "" = there was none */
    double up_credit;                          /* parts of checks that were not counted yet */
    double down_credit;
};

void traffic_begin(struct traffic *traffic, int64_t now_us);

/* Counts a call that ended at about `now_us`; `kind` of a failure, else NULL. */
void traffic_take(struct traffic *traffic, enum traffic_sort sort, const char *kind, int64_t now_us);

/* The sum of the newest `slots`, at most TRAFFIC_SLOTS, as of `now_us`; `judged`: only of those that count for
 * outliers.
 */
void traffic_sum(const struct traffic *traffic, unsigned slots, bool judged, int64_t now_us, struct traffic_count *sum);

/* What is counted from now on is judged anew: after an ejection. */
void traffic_judge_anew(struct traffic *traffic, int64_t now_us);

/* How many checks the slots that have ended since the last time are worth: each call `weight` of a check, a slot one at
 * most. Parts are kept for the next time, so nothing is lost by rounding. */
struct traffic_checks {
    unsigned up;
    unsigned down;
};
struct traffic_checks traffic_fold(struct traffic *traffic, double weight, int64_t now_us);

#endif
