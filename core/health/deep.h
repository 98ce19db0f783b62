/* deep: when a deep probe is due, how far it may go, and what may be spent on it. Pure decisions over a small memory.
 *
 * The ladder: the list of models (read at its own pace), then a tiny completion, then a timed one. It is climbed only
 * as far as the evidence is old or odd: the tiny one at each deep interval, the timed one when the last good one is
 * older than timed_interval, or when the last finding was unlike the one before. Tokens are bounded twice: by a budget
 * for the provider and day (UTC), and by a share of the key's own daily limits, where these are known.
 *
 * Thread: the loop's.
 */
#ifndef PROVIDERD_HEALTH_DEEP_H
#define PROVIDERD_HEALTH_DEEP_H

#include "health/limits.h"
#include "health/snapshot.h"
#include "script/script.h"

#include <stdbool.h>
#include <stdint.h>

struct deep_memory {
    struct deep_view view;    /* what was found last */
    char model[MODEL_ID_MAX]; /* that worked last: asked first */
    bool has_kind;            /* the last finding failed, */
    struct error_kind kind;   /* with this kind */
    int64_t timed_ok_us;      /* wall clock of the last good timed probe */
    int64_t retry_at_us;      /* as told; 0 = not */
    unsigned failures;        /* in a row */
    bool odd;                 /* the last finding was unlike the one before */
    int64_t day;              /* days since 1970 that tokens_today counts */
    int64_t requests_today;
};

/* "tiny" or "timed". */
const char *deep_rung(const struct deep_memory *memory, const struct deep_tuning *tuning, int64_t now_us);

/* How long to wait after a finding. */
uint64_t deep_wait_us(const struct deep_memory *memory, const struct tuning *tuning, int64_t now_us);

/* Tokens that may be spent now: the budget's, and the share of the limits', less what is spent. Never negative. */
int64_t deep_tokens_left(struct deep_memory *memory, const struct deep_tuning *tuning, const struct limits *limits,
                         int64_t now_us);

/* Counts what a probe spent. */
void deep_spend(struct deep_memory *memory, int64_t tokens, unsigned requests, int64_t now_us);

/* Takes a finding in. True when another model answers now than did before: an event. */
bool deep_take(struct deep_memory *memory, const struct verdict *verdict, int64_t now_us);

#endif
