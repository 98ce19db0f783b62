/* verdict: what a check of a provider found, and what the judge made of it. */
#ifndef PROVIDERD_SCRIPT_VERDICT_H
#define PROVIDERD_SCRIPT_VERDICT_H

#include "base/buf.h"
#include "probe/phases.h"
#include "script/announcement.h"
#include "script/kinds.h"
#include "script/limit_window.h"
#include "script/models.h"
#include "script/tuning.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    VERDICT_WORD_MAX = 32,
    VERDICT_MESSAGE_MAX = 512,
};

/* What a deep probe measured. */
struct deep_finding {
    char skipped[96];               /* why nothing was asked; "" when something was */
    char rung[8];                   /* "tiny" or "timed" */
    char model_asked[MODEL_ID_MAX]; /* "" = none was found to ask */
    char model[MODEL_ID_MAX];       /* as the answer names it; "" = it does not */
    bool model_mismatch;            /* another model answered than was asked */
    double first_token_ms;          /* -1 = not measured */
    double tokens_per_second;       /* -1 = not measured */
    int64_t tokens_spent;           /* of all tries, prompts included */
};

/* What a check found. Borrowed during the callback; what is counted may be retained. */
struct verdict {
    bool judged;     /* false: the script failed; kind is "script_error", status and score are not set */
    char status[16]; /* "healthy", "degraded", "down" or "unknown" */
    char reason[VERDICT_WORD_MAX];
    double score;                      /* 0-100 */
    bool ok;                           /* the check succeeded */
    char kind[VERDICT_WORD_MAX];       /* error kind; "" when ok */
    const struct error_kind *effects;  /* its consequence; NULL when ok */
    char message[VERDICT_MESSAGE_MAX]; /* redacted; "" when there is nothing to say */
    int http_status;                   /* 0 = none */
    double latency_ms;
    struct probe_phases phases;
    int64_t retry_at_us;       /* wall clock; 0 = not told */
    double rate_limit_percent; /* what the script says by itself; -1 = nothing */
    size_t window_count;
    struct limit_window windows[LIMIT_WINDOWS_MAX]; /* of the answers' headers and bodies */
    struct deep_finding deep;                       /* of a deep probe */
    struct model_list *models;                      /* of a question for models; NULL = it failed */
    struct announcement *announcement;              /* of a question for the status page; never NULL then */
    unsigned requests;                              /* made by the check */
    bool final;                                     /* of a call that failed: to call again is of no use */
    struct buf exchange;                            /* the last exchange as JSON, when it failed; else empty */
};

/* What the judge is told about the time before this check. */
struct judge_state {
    const char *status; /* the last one */
    unsigned consecutive_failures;
    double degraded_latency_ms;
    unsigned max_consecutive_failures;
    double uptime_percent;
    double rate_limit_percent; /* -1 = not known */
    struct score_weights weights;
};

#endif
