/* problem: which events tell of something that is wrong, which of its end, and how bad it is. Internal to alert/.
 *
 *   incident_opened ends with incident_closed; limit_near with limit_cleared; risk_high with risk_over; store_failing
 * with store_back; reload_failed with reloaded; a status_change (key_status_change) to anything but healthy with one to
 *   healthy; an announcement of trouble with one that all is well. The others begin and end nothing.
 */
#ifndef PROVIDERD_ALERT_PROBLEM_H
#define PROVIDERD_ALERT_PROBLEM_H

#include "health/event.h"

enum event_role { EVENT_BEGINS, EVENT_ENDS, EVENT_TELLS };

enum event_role event_role(const struct event *event);

/* The kind of the event that begins what an event of this kind is about. */
enum event_kind event_beginning(enum event_kind kind);

/* "critical", "warning", "info". */
const char *event_severity(const struct event *event);

/* Whether both are about the same: provider, key and beginning. */
bool event_same_matter(const struct event *a, const struct event *b);

/* Whether an alert that lists these kinds (ended by NULL) wants it: a kind stands for its end as well. NULL or none:
 * what anybody wants to know, which is outages, the store and reloads that failed. */
bool event_wanted(const struct event *event, char **kinds);

#endif
