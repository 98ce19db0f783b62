/* outages: how long a target was up and down: the streak of its last checks, its outages, and the means of both.
 *
 * An outage begins with the first failed check of a row that made the target down, and ends with the first good one
 * behind it. Failures that never make it down are none. Checks that taught nothing (unknown, or `local`) neither begin
 * nor end anything. Times are those of checks, so either end may be late by an interval.
 *
 * MTBF is the time that a target was up in a window, for each outage that began in it; MTTR is the mean length of the
 * outages that ended in it (mean operating time between failures and mean time to restoration, as IEC 60050-192 names
 * them). For a time in which nobody checked, what the check before it found is taken to have gone on.
 *
 * At start the past comes some time after the first checks. Until then what is to be told of outages is held back,
 * since an outage that goes on from before is not a new one.
 *
 * The latest OUTAGES_KEPT outages are remembered: all of 30 days, unless there is more than one every 40 minutes.
 * Memory: 16 bytes each. When it runs out, an outage that has ended is told but not remembered.
 *
 * Thread: one at a time.
 */
#ifndef PROVIDERD_HEALTH_OUTAGES_H
#define PROVIDERD_HEALTH_OUTAGES_H

#include "health/snapshot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OUTAGES_KEPT = 1024 };

/* Times are the wall clock's. */
struct outage {
    int64_t started_us;
    int64_t ended_us;           /* 0 = it lasts */
    uint32_t checks_lost;       /* failed ones from the first to the last */
    bool told;                  /* before, in this run or an earlier one */
    char kind[HEALTH_KIND_MAX]; /* of the first failure; this and the message as they were then */
    char first_error[HEALTH_MESSAGE_MAX];
};

/* Checks in a row that said the same. */
struct streak {
    uint32_t checks; /* 0 = none yet */
    bool up;
    int64_t since_us; /* the first of them */
};

struct outage_span {
    int64_t started_us;
    int64_t ended_us;
};

struct outages {
    struct streak streak;
    bool lasting;             /* `current` is an outage; else, while the streak is down, it may become one */
    struct outage current;    /* of that streak */
    struct outage_span *past; /* owned, ascending */
    size_t count;
    size_t capacity;

    /* Of the time before the past was known. */
    bool past_known;
    struct streak first;   /* the first streak, */
    int64_t first_over_us; /* and the check that ended it; 0 = it goes on */
    struct outage *untold; /* owned; those that ended */
    size_t untold_count;
};

/* Empty, with its past still to come. */
#define OUTAGES_EMPTY ((struct outages){.past = NULL})

/* A check that counted. */
struct outage_check {
    int64_t checked_us;
    bool up;
    bool down;        /* the target is down by now; ignored when up */
    const char *kind; /* of a failure */
    const char *message;
};

/* Told of an outage that has begun (it is not `told` yet), lost another check, or has ended. One that was over before
 * anything could be told of it is told once. */
typedef void (*outage_fn)(const struct outage *outage, void *user);

void outages_take(struct outages *outages, const struct outage_check *check, outage_fn tell, void *user);

/* While a past is put together: an outage of it, in the order of time; one that lasts is the current one. */
void outages_add_past(struct outages *outages, const struct outage *outage);

/* Likewise its last streak, `first_failure` being its first check when it is one of failures. After the outages. */
void outages_set_streak(struct outages *outages, const struct streak *streak, const struct outage_check *first_failure);

/* Joins what was seen so far to the past, from which it takes what it needs, and tells what it held back. */
void outages_absorb(struct outages *outages, struct outages *past, outage_fn tell, void *user);

struct outage_summary {
    uint32_t count;  /* outages that lie in the window, or partly */
    int64_t down_us; /* their time in it */
    int64_t mtbf_us; /* 0 = none began in it */
    int64_t mttr_us; /* 0 = none ended in it */
};

/* Of the window from `from_us` to `to_us`. */
void outages_summarize(const struct outages *outages, int64_t from_us, int64_t to_us, struct outage_summary *summary);

void outages_dispose(struct outages *outages);

#endif
