/* tracker: the providers being watched: their schedule, their state, and the snapshots of it.
 *
 * Thread: the loop's, all of it.
 */
#ifndef PROVIDERD_HEALTH_TRACKER_H
#define PROVIDERD_HEALTH_TRACKER_H

#include "event/loop.h"
#include "health/chronicle.h"
#include "health/event.h"
#include "health/forecast.h"
#include "health/generation.h"
#include "health/report.h"
#include "health/snapshot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tracker;

/* What a check left behind, for the store. Borrowed during the call. */
struct check_outcome {
    const struct provider_view *view; /* as it is now */
    const struct key_view *key;       /* what was checked, or what leads after it */
    bool counted;                     /* false: nothing was learned, it is no part of the uptime */
    bool ok;                          /* counts as up */
};

/* What a deep probe left behind. */
struct deep_outcome {
    const struct provider_view *view;
    unsigned key; /* number; 0 = none */
    const struct verdict *verdict;
};

/* Where results go. */
struct tracker_sinks {
    void *user;
    void (*checked)(void *user, const struct check_outcome *outcome);     /* a row of the provider */
    void (*key_checked)(void *user, const struct check_outcome *outcome); /* a row of one of several keys */
    void (*deep_checked)(void *user, const struct deep_outcome *outcome);
    /* An outage of a provider (key 0), or of one of several keys, has begun, lost another check, or has ended. */
    void (*outage)(void *user, const char *provider, unsigned key, const struct outage *outage);
    /* Asks for a percentile of a provider's latencies; tracker_learned() takes the answer, some time later. */
    void (*ask_latency)(void *user, const char *name, double percent);
    /* Asks for what is known of a provider's past; tracker_remember() takes the answer, some time later. */
    void (*ask_past)(void *user, const char *name);
    void (*reported)(void *user, const struct reported_call *call);
    /* What clients reported is worth so many checks of the provider; `kind`: of those that were down. */
    void (*counted)(void *user, const char *provider, unsigned up, unsigned down, const char *kind, int64_t now_us);
    /* Something happened; its id is still to be given. */
    void (*event)(void *user, const struct event_parts *event);
    /* A new snapshot; the callee retains it if it keeps it. */
    void (*publish)(void *user, struct snapshot *snapshot);
};

/* What the checks of a provider, its keys and its models said before this run, as far as it could be read. */
enum { MODELS_REMEMBERED = 8 };
struct past_part {
    unsigned key;             /* number of one of several keys; 0 = the provider itself, or the model */
    char model[MODEL_ID_MAX]; /* that deep probes asked; "" = none */
    int64_t checked_us;       /* of a model: the last time */
    struct chronicle chronicle;
};
struct provider_past {
    struct past_hour *hours; /* owned: of the provider itself, oldest first, for its forecast */
    size_t hour_count;
    size_t count;
    struct past_part parts[];
};
void provider_past_free(struct provider_past *past); /* NULL is allowed */

/* What is known from before: filled in by the daemon from the store. */
struct tracker_past {
    enum health_status status;
    double response_time_ms;
    double rate_limit_percent;
    int64_t last_check_us;
    unsigned consecutive_failures;
    int http_status;
    char reason[HEALTH_KIND_MAX];
    char error_kind[HEALTH_KIND_MAX];
    char error_message[HEALTH_MESSAGE_MAX];
    size_t window_count;
    struct limit_window windows[LIMIT_WINDOWS_MAX];
};

/* The same of its deep probes. */
struct tracker_deep_past {
    int64_t checked_us; /* of the last one; 0 = none */
    int64_t timed_us;   /* of the last good timed one; 0 = none */
    bool ok;
    char rung[8];
    char error_kind[HEALTH_KIND_MAX];
    char error_message[HEALTH_MESSAGE_MAX];
    char model_asked[MODEL_ID_MAX];
    char model[MODEL_ID_MAX];
    double first_token_ms; /* of the last good timed one; -1 = none */
    double tokens_per_second;
    int64_t tokens_today;
    int64_t requests_today;
};

/* NULL when memory ran out. */
struct tracker *tracker_new(struct loop *loop, struct prober *prober, const struct tracker_sinks *sinks);

/* Cancels every check in flight. */
void tracker_free(struct tracker *tracker);

/* Takes a generation into service (retained): providers that it has too keep their state, their schedule's phase and a
 * check in flight; new ones are checked at once; others go. 0, or -1 when memory ran out: then nothing has changed. */
int tracker_apply(struct tracker *tracker, struct generation *generation);

/* The keys of a provider; 0 when it is not watched. */
size_t tracker_key_count(const struct tracker *tracker, const char *name);

/* Puts the past of one key of a provider in (0 = the first, or none), before its first check. Unknown names are
 * ignored. */
void tracker_restore(struct tracker *tracker, const char *name, size_t key, const struct tracker_past *past);
void tracker_restore_deep(struct tracker *tracker, const char *name, const struct tracker_deep_past *past);

/* Takes the answer to ask_latency: `ms` of `count` checks. */
void tracker_learned(struct tracker *tracker, const char *name, double ms, int64_t count);

/* Takes what is known of a provider's past (owned from now on; NULL = nothing), in answer to ask_past; what was checked
 * since is added to it. Unknown names, and providers that were told of before, are ignored. */
void tracker_remember(struct tracker *tracker, const char *name, struct provider_past *past);

/* Counts checks of the past into a provider's 24 hours; `age_us` before now. */
void tracker_restore_counts(struct tracker *tracker, const char *name, uint64_t age_us, unsigned ok, unsigned total);

/* Publishes a snapshot of what is known now: the past, before the first check. */
void tracker_publish(struct tracker *tracker);

/* Begins to check. */
void tracker_start(struct tracker *tracker);

/* Checks a provider now (all when NULL); one whose check is in flight is left alone. */
void tracker_check_now(struct tracker *tracker, const char *name);

/* Takes in what clients reported of their own calls (reported.h). */
void tracker_take_reports(struct tracker *tracker, const struct report_batch *batch);

/* Records a reload for the snapshot: NULL = it went well. */
void tracker_note_reload(struct tracker *tracker, const char *error);

size_t tracker_count(const struct tracker *tracker);

#endif
