/* reported: what clients tell of their own calls, and what follows from it for a provider: its traffic, its keys and
 * models that cool, its ejection. Internal to health/.
 *
 * Reports never change the state of a key, which is the checks'. They change what is made of it in the provider's view:
 *   ejected    down, until the time is over and a check has gone well (outlier.h)
 *   an outlier that may not be ejected since too many are: degraded
 *   a provider that our checks find down, while nearly all of the clients' calls go well: degraded, not down
 * Beside that they count in the windows with their weight, their headers tell of limits, and what they spend counts
 * into declared limits.
 */
#ifndef PROVIDERD_HEALTH_REPORTED_H
#define PROVIDERD_HEALTH_REPORTED_H

#include "health/cooling.h"
#include "health/outlier.h"
#include "health/report.h"
#include "health/traffic.h"

struct provider;
struct provider_view;
struct target;
struct tracker;

struct reported {
    struct traffic traffic;
    struct ejection ejection;
    struct coolings coolings;
    char outlier[OUTLIER_WHY_MAX]; /* why it should be ejected, but may not be; "" = it need not */
    int64_t readmitted_us;
    uint64_t asked_us;              /* when a check was last asked for, monotonic */
    bool changed;                   /* since the view was made */
    char timed_model[MODEL_ID_MAX]; /* the last call of this slot that was timed; */
    double first_token_ms;          /* this and the next -1 = none was */
    double tokens_per_second;
};

/* Takes what the provider's targets have read, and frees it; NULL is allowed. */
void reported_free(struct reported *reported);

/* Once at the tracker's begin and end. */
void reports_begin(struct tracker *tracker);
void reports_end(struct tracker *tracker);

/* -- for report_intake.c -- */

const struct report_rules *reported_rules(const struct tracker *tracker);

/* The provider's; made at its first report. NULL when memory ran out, which is logged. */
struct reported *reported_of(struct provider *provider, int64_t now_us);

/* Checks this target, or the best one when NULL, now; but not at every report. */
void reported_ask_for_check(struct provider *provider, struct target *target);

/* Keeps the provider out for this reason, unless too many are. */
void reported_eject(struct provider *provider, const char *why, int64_t now_us);

/* Something was reported: the views are made anew soon, and a look is taken every second from now on. */
void reports_look_soon(struct tracker *tracker);

/* -- for the others -- */

/* A check of a target was settled: it may end the ejection of its provider. Before the view is made. */
void reports_note_check(struct target *target);

/* What was reported into a view, and what follows from it for its state. False when memory ran out. */
bool reported_show(const struct provider *provider, struct provider_view *view);

#endif
