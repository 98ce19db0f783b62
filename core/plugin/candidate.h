/* candidate: a provider as one request sees it: can it be asked for what the client wants, with what, at what price?
 *
 * A request (struct policy_request) sorts out who cannot serve it at all, whatever the policy says; the rest is ranked
 * by the policy. Who is left out keeps the reason. So do those whose key or model cools; but when everybody who is up
 * cools, the one that recovers first stays: there is always an answer as long as anybody is up.
 *
 * Thread: any; a function of a snapshot, a request and the time. Pointers are borrowed from the snapshot.
 */
#ifndef PROVIDERD_PLUGIN_CANDIDATE_H
#define PROVIDERD_PLUGIN_CANDIDATE_H

#include "health/aliases.h"
#include "health/snapshot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REQUIRE_MAX = 8, EXCLUDE_MAX = 64, CANDIDATE_WHY_MAX = 160 };

/* What a client asks for. All zero: nothing in particular. */
struct policy_request {
    char policy[64];            /* "" = the one in force */
    char model[MODEL_NAME_MAX]; /* as model_name() gives it; "" = any */
    size_t require_count;
    char require[REQUIRE_MAX][FEATURE_MAX];
    size_t exclude_count;
    char exclude[EXCLUDE_MAX][PROVIDER_NAME_MAX];
    double max_latency_ms; /* 0 = any */
    size_t n;              /* how many to name at most; 0 = as the policy says */
    bool key;              /* which key, too */
    bool any;              /* somebody, even if nobody is up */
};

struct candidate {
    const struct provider_view *view;
    const struct key_view *key; /* the one to use: of the best ones that with the most left of its limits */
    const struct model *model;  /* that was asked for, as this provider lists it; NULL = none was, or it is left out */
    double price;               /* US dollars for a million tokens in and a million out together; -1 = not known */
    double first_token_ms;      /* of the model, or of the provider when none was asked for; -1 = not known */
    double tokens_per_second;   /* likewise */
    double warmth;              /* health/recovery.h */
    int64_t back_us;            /* when it is likely back; 0 = it is well, or not by itself */
    int64_t cooling_until_us;   /* key or model rest until then (health/cooling.h); 0 = they do not */
    char cooling_kind[HEALTH_KIND_MAX]; /* for this reason */
    double success_percent;             /* of the calls that clients reported within 5 minutes; -1 = there were none */
    bool stale;                         /* its last check is older than two of its intervals */
    bool left_out;                      /* it cannot serve this request, */
    char why[CANDIDATE_WHY_MAX];        /* for this reason */
};

struct candidate_terms {
    const struct policy_request *request;
    const struct price_list *prices; /* of the configuration; NULL = none */
    int64_t warm_up_us;
    int64_t now_us; /* wall clock */
};

/* Fills `out`, with room for every provider of the snapshot, in its order. */
void candidates_read(const struct snapshot *snapshot, const struct candidate_terms *terms, struct candidate *out);

#endif
