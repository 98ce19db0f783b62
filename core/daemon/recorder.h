/* recorder: what the tracker finds, as rows for the store.
 *
 * Thread: the loop's. Its functions are sinks of the tracker (health/tracker.h); `user` is the recorder.
 */
#ifndef PROVIDERD_DAEMON_RECORDER_H
#define PROVIDERD_DAEMON_RECORDER_H

#include "base/buf.h"
#include "health/tracker.h"
#include "store/store.h"

struct recorder {
    struct store *store; /* NULL before it is open: nothing may be told then */
    struct buf limits;   /* of the check being stored, as text */
};

void recorder_check(void *user, const struct check_outcome *outcome);
void recorder_key_check(void *user, const struct check_outcome *outcome);
void recorder_deep_check(void *user, const struct deep_outcome *outcome);
void recorder_outage(void *user, const char *provider, unsigned key, const struct outage *outage);
void recorder_reported(void *user, const struct reported_call *call);
void recorder_counted(void *user, const char *provider, unsigned up, unsigned down, const char *kind, int64_t now_us);

void recorder_dispose(struct recorder *recorder);

#endif
