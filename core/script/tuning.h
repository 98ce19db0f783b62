/* tuning: how a provider is watched: what its script, its entry in the configuration, and the configuration's settings
 * for all of them may say. Zero, NULL or -1 in a field means "not said here"; tuning_merge() lays one over another.
 *
 * Thread: the loop's. Ownership: a tuning owns what its pointers point to; tuning_dispose() frees it.
 */
#ifndef PROVIDERD_SCRIPT_TUNING_H
#define PROVIDERD_SCRIPT_TUNING_H

#include "script/kinds.h"
#include "script/limit_window.h"

/* From which latency on a good answer makes a provider degraded: fixed, or learned from its own last 7 days. */
struct latency_threshold {
    int64_t fixed_ms; /* 0 = learned, or not said */
    double percent;   /* "p95 * 2": 95; 0 = not learned */
    double factor;    /* 2 */
};

/* What a score is made of; only their proportion counts. All 0 = not said. */
struct score_weights {
    double latency;
    double uptime;
    double headroom; /* what is left of the tightest rate limit */
};

/* Deep probes: real completions, which cost tokens. */
struct deep_tuning {
    signed char enabled;       /* -1 = not said */
    int64_t interval_ms;       /* between tiny completions */
    int64_t timed_interval_ms; /* between timed ones */
    int64_t daily_tokens;      /* budget of a provider and day (UTC) */
    double share_percent;      /* of the key's own daily limits */
    char *model;               /* NULL = chosen from the list */
};

struct tuning {
    int64_t interval_ms;
    int64_t quick_interval_ms;
    int64_t down_interval_ms;
    int64_t models_interval_ms;
    int64_t timeout_ms;
    struct latency_threshold degraded_latency;
    int64_t max_consecutive_failures;
    int64_t successes_to_recover;
    int64_t max_in_flight; /* probes of one provider at a time */
    struct score_weights weights;
    struct deep_tuning deep;
    struct limit_window *limits; /* declared ones: unit, window_s, limit */
    size_t limit_count;
    struct kind_changes kinds;
};

#define TUNING_NONE ((struct tuning){.deep.enabled = -1})

enum { LATENCY_THRESHOLD_MAX_MS = 10 * 60 * 1000 };

/* Lays what `over` says over `tuning`; texts and lists are copied. Kinds are not merged: they change a table one after
 * the other. False when memory ran out. */
bool tuning_merge(struct tuning *tuning, const struct tuning *over);
void tuning_dispose(struct tuning *tuning);

/* Each reads the value on top of the stack (and leaves it there). False with what was expected and what stands there in
 * `fault`. They raise nothing but memory errors. */
bool latency_threshold_read(lua_State *L, struct latency_threshold *threshold, char *fault, size_t fault_size);
bool score_weights_read(lua_State *L, struct score_weights *weights, char *fault, size_t fault_size);

/* `strict`: refuses fields it does not know. A script's `deep` has some for lib/deep.lua. */
bool deep_tuning_read(lua_State *L, bool strict, struct deep_tuning *deep, char *fault, size_t fault_size);
bool declared_limits_read(lua_State *L, struct tuning *tuning, char *fault, size_t fault_size);

#endif
