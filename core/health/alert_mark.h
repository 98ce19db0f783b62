/* alert_mark: what must outlast a restart of what an alert has told: see alert/outbox.h. The store keeps it. */
#ifndef PROVIDERD_HEALTH_ALERT_MARK_H
#define PROVIDERD_HEALTH_ALERT_MARK_H

#include <stdint.h>

enum { ALERT_NAME_MAX = 64 };

enum alert_mark_kind {
    ALERT_MARK_PLACE, /* all events up to this one are dealt with */
    ALERT_MARK_TOLD,  /* a problem that was told, and lasts; or whose end is still to be told */
    ALERT_MARK_DONE,  /* an event behind the place that is dealt with */
};

struct alert_mark {
    enum alert_mark_kind what;
    int64_t event_id;
    int64_t told_us; /* of ALERT_MARK_TOLD, wall clock: the last time */
};

#endif
