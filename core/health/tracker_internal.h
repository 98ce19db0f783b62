/* What the files of the tracker share: tracker.c (providers, generations, snapshots), intake.c (checks and what came of
 * them), doubt.c (is it us?), errands.c (models, deep probes, status pages). Not for other layers. */
#ifndef PROVIDERD_HEALTH_TRACKER_INTERNAL_H
#define PROVIDERD_HEALTH_TRACKER_INTERNAL_H

#include "health/local.h"
#include "health/news.h"
#include "health/provider.h"
#include "health/tracker.h"
#include "health/view_chunks.h"

struct tracker {
    struct loop *loop;
    struct prober *prober;
    struct tracker_sinks sinks;
    struct generation *generation; /* NULL before the first */
    struct provider **providers;   /* owned; ascending by name */
    size_t count;
    struct view_chunks views; /* of the providers */
    size_t target_count;
    double worth_sum; /* of all targets */
    bool started;
    uint64_t version;
    uint64_t boot_id;
    uint64_t reloads;
    int64_t last_reload_us;
    char *last_reload_error;
    struct timer reports_tick;     /* once a second while there is traffic */
    struct timer reports_refresh;  /* soon after a batch that has changed something */
    unsigned readings_left;        /* answers that scripts may read, of reports; */
    uint64_t readings_refilled_us; /* since when, monotonic */
    struct timer publish_timer;
    uint64_t published_us; /* monotonic */
    uint32_t random;       /* xorshift state; never 0 */

    /* doubt.c */
    struct local_evidence evidence;
    struct timer pulse;          /* once a second: is the loop still in time? */
    uint64_t pulse_us;           /* when it last was, monotonic */
    int64_t clock_difference_us; /* wall clock less monotonic, then */
    struct timer hold_timer;     /* the earliest end of a verdict held back */
    size_t held_count;
    struct probe *witness; /* in flight, or NULL */
    size_t witness_index;
    uint64_t learned_us; /* when latencies were last asked for, monotonic; 0 = never */
};

/* A failure of which it is not clear yet whose it is. */
struct held_verdict {
    struct verdict verdict;
    struct kind_table *kinds; /* what verdict.effects points into */
    enum layer layer;
    uint64_t until_us;
};

/* -- tracker.c -- */

uint32_t tracker_random(struct tracker *tracker);

/* A moment between `from_us` and `to_us` from now. */
uint64_t tracker_soon(struct tracker *tracker, uint64_t from_us, uint64_t to_us);

/* Asks for a snapshot: at the end of this turn, or when the last one is old enough. */
void tracker_changed(struct tracker *tracker);

/* NULL when it is not watched. */
struct provider *tracker_find(const struct tracker *tracker, const char *name);

/* -- intake.c -- */

/* Checks now, unless it is being checked, or too many keys of the provider are. */
void intake_start_check(struct target *target);
void intake_on_due(struct timer *timer, void *user);

/* Arms the next check. Returns the wait. */
uint64_t intake_schedule_following(struct target *target);

/* Takes a verdict in and tells everybody. `local`: see target_take_verdict. */
void intake_settle(struct target *target, const struct verdict *verdict, const char *local);

/* -- doubt.c -- */

void doubt_begin(struct tracker *tracker);
void doubt_end(struct tracker *tracker);

/* Notes what a check shows, and says what to do with its verdict. */
enum doubt { DOUBT_NONE, DOUBT_LOCAL, DOUBT_HOLD };
enum doubt doubt_weigh(struct target *target, const struct verdict *verdict, enum layer *layer, char *why,
                       size_t why_size);

/* Keeps a verdict back until it is clear whose failure it is. False when memory ran out. */
bool doubt_hold(struct target *target, const struct verdict *verdict, enum layer layer);

/* Lets those go of which it is clear by now. */
void doubt_review(struct tracker *tracker);

/* Forgets a held verdict. */
void doubt_drop(struct target *target);

/* -- errands.c -- */

void errands_on_models(struct timer *timer, void *user);
void errands_on_deep(struct timer *timer, void *user);
void errands_on_page(struct timer *timer, void *user);

/* Arms what is wanted and not armed yet; stops what is wanted no more. */
void errands_arm(struct provider *provider);
void errands_stop(struct provider *provider);

#endif
