/* tracker: the providers being watched: their schedule, their state, and the snapshots of it.
 *
 * Thread: the loop's, all of it.
 */
#ifndef PROVIDERD_HEALTH_TRACKER_H
#define PROVIDERD_HEALTH_TRACKER_H

#include "event/loop.h"
#include "health/generation.h"
#include "health/snapshot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tracker;

/* What a check left behind, for the store. Borrowed during the call. */
struct check_outcome {
    const struct provider_view *view;
    bool ok; /* counts as up */
};

/* Where results go. */
struct tracker_sinks {
    void *user;
    void (*checked)(void *user, const struct check_outcome *outcome);
    /* A new snapshot; the callee retains it if it keeps it. */
    void (*publish)(void *user, struct snapshot *snapshot);
};

/* What is known from before: filled in by the daemon from the store. */
struct tracker_past {
    enum health_status status;
    double response_time_ms;
    double rate_limit_percent;
    int64_t last_check_us;
    unsigned consecutive_failures;
    int http_status;
    char reason[HEALTH_KIND_MAX];
    char error_message[HEALTH_MESSAGE_MAX];
};

/* NULL when memory ran out. */
struct tracker *tracker_new(struct loop *loop, const struct tracker_sinks *sinks);

/* Cancels every check in flight. */
void tracker_free(struct tracker *tracker);

/* Takes a generation into service (retained): providers that it has too keep their state, their schedule's phase and a
 * check in flight; new ones are checked at once; others go. 0, or -1 when memory ran out: then nothing has changed. */
int tracker_apply(struct tracker *tracker, struct generation *generation);

/* Puts the past of a provider in, before its first check. Unknown names are ignored. */
void tracker_restore(struct tracker *tracker, const char *name, const struct tracker_past *past);

/* Counts checks of the past into a provider's 24 hours; `age_us` before now. */
void tracker_restore_counts(struct tracker *tracker, const char *name, uint64_t age_us, unsigned ok, unsigned total);

/* Publishes a snapshot of what is known now: the past, before the first check. */
void tracker_publish(struct tracker *tracker);

/* Begins to check. */
void tracker_start(struct tracker *tracker);

/* Checks a provider now (all when NULL); one whose check is in flight is left alone. */
void tracker_check_now(struct tracker *tracker, const char *name);

/* Records a reload for the snapshot: NULL = it went well. */
void tracker_note_reload(struct tracker *tracker, const char *error);

size_t tracker_count(const struct tracker *tracker);

#endif
