/* target: one provider being watched: its state, its 24 hours, its schedule. Internal to health/. */
#ifndef PROVIDERD_HEALTH_TARGET_H
#define PROVIDERD_HEALTH_TARGET_H

#include "event/loop.h"
#include "health/generation.h"
#include "health/schedule.h"
#include "health/snapshot.h"
#include "health/window.h"
#include "script/script.h"

struct tracker;

struct target {
    struct tracker *tracker;
    char name[PROVIDER_NAME_MAX];
    struct watched settings; /* of the generation in service */
    struct schedule schedule;
    struct timer timer;
    struct check *check; /* in flight, or NULL */
    struct window window;
    enum health_status status;
    unsigned consecutive_failures;
    struct provider_view *view; /* the latest; never NULL */
};

/* What a verdict makes of a status: the judge's word, or, when the script failed, the default rule. */
enum health_status target_judge(const struct target *target, const struct verdict *verdict, unsigned failures);

/* Takes a verdict in: state, window and a new view. False when memory ran out: then the state has moved on, and the
 * view is the old one. */
bool target_take_verdict(struct target *target, const struct verdict *verdict, int64_t next_check_us);

#endif
