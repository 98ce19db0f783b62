/* alert_past: at start, what alerts had told before, and what happened that they have not dealt with yet. */
#ifndef PROVIDERD_DAEMON_ALERT_PAST_H
#define PROVIDERD_DAEMON_ALERT_PAST_H

#include "alert/alerting.h"
#include "store/store.h"

/* What cannot be read is logged. At start only: it reads on the calling thread. */
void alert_past_restore(struct alerting *alerting, struct store *store);

#endif
