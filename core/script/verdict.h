/* verdict: what a check of a provider found, and what the judge made of it. */
#ifndef PROVIDERD_SCRIPT_VERDICT_H
#define PROVIDERD_SCRIPT_VERDICT_H

#include "probe/phases.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    VERDICT_WORD_MAX = 32,
    VERDICT_MESSAGE_MAX = 512,
};

struct verdict {
    bool judged;     /* false: the script failed; kind is "script_error", status and score are not set */
    char status[16]; /* "healthy", "degraded", "down" or "unknown" */
    char reason[VERDICT_WORD_MAX];
    double score;                      /* 0-100 */
    bool ok;                           /* the check succeeded */
    bool limited;                      /* it was refused for its rate only: it answered, so this is no failure */
    char kind[VERDICT_WORD_MAX];       /* error kind; "" when ok */
    char message[VERDICT_MESSAGE_MAX]; /* redacted; "" when there is nothing to say */
    int http_status;                   /* 0 = none */
    double latency_ms;
    struct probe_phases phases;
    int64_t retry_at_us;       /* wall clock; 0 = not told */
    double rate_limit_percent; /* -1 = not known */
};

/* What the judge is told about the time before this check. */
struct judge_state {
    const char *status; /* the last one */
    unsigned consecutive_failures;
    double degraded_latency_ms;
    unsigned max_consecutive_failures;
};

#endif
