/* target: what is checked: one key of a provider, or the provider when it has none; its state and its limits. Internal
 * to health/.
 */
#ifndef PROVIDERD_HEALTH_TARGET_H
#define PROVIDERD_HEALTH_TARGET_H

#include "event/loop.h"
#include "health/chronicle.h"
#include "health/generation.h"
#include "health/limits.h"
#include "health/pace.h"
#include "health/schedule.h"
#include "health/snapshot.h"
#include "script/script.h"

struct provider;

struct target {
    struct provider *provider;
    size_t key;           /* index into the script provider's keys, or CHECK_NO_KEY */
    uint64_t fingerprint; /* of the key; 0 = none */
    char hint[16];
    struct schedule schedule;
    struct timer timer;
    struct check *check;       /* in flight, or NULL */
    uint64_t turn;             /* waits for a place among the provider's checks in flight, in this order; 0 = not */
    uint64_t began_us;         /* of the check in flight or held, monotonic */
    struct held_verdict *held; /* a failure of which it is not clear yet whose it is; NULL = none */
    enum health_status status;
    unsigned consecutive_failures;
    unsigned successes;        /* in a row, since it was down */
    bool was_down;             /* and has not come back yet */
    bool local;                /* the last check failed for our own sake */
    bool asked;                /* the check in flight was made for the sake of another's doubtful one */
    bool has_kind;             /* the last check was not ok, */
    struct error_kind kind;    /* for this reason */
    unsigned repeats;          /* checks in a row that ended with the same kind, beyond the one that settled it */
    uint64_t failing_since_us; /* monotonic; 0 = the last check was no failure */
    int64_t retry_at_us;       /* wall clock, as told; 0 = not */
    double score;
    double worth; /* its part of the tracker's sum */
    struct limits limits;
    bool limit_near;          /* one of them is all but used up, */
    bool limit_told;          /* which is in the log; */
    int64_t limit_told_us;    /* the last time, wall clock */
    uint64_t headers_read_us; /* of a call that a client reported, monotonic */
    bool limits_reported;     /* by clients, and not in the view yet */
    struct shared_text *last_failure;
    int64_t last_failure_us; /* wall clock */
    char last_failure_kind[HEALTH_KIND_MAX];
    struct chronicle chronicle; /* of one of several keys; else it is the provider's, and this one is all zero */
    struct key_view *view;      /* the latest; never NULL */
};

/* Takes a verdict in: state, limits and a new view. `local`: why it says nothing of the provider; NULL when it does.
 * False when memory ran out: then the state has moved on, and the view is the old one. */
bool target_take_verdict(struct target *target, const struct verdict *verdict, const char *local);

/* Whether the last check counted at all, and if so, as up. */
bool target_counted(const struct target *target);
bool target_is_up(const struct target *target);

/* Whether the next check may find another state. */
bool target_in_doubt(const struct target *target);

/* Puts what is known of the next check into the view. */
void target_note_next(struct target *target, int64_t next_check_us);

/* What a check of it is told about the time before. */
void target_judge_state(const struct target *target, struct judge_state *state);

#endif
