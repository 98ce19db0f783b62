/* notify: tells systemd how the daemon stands (sd_notify(3)); does nothing elsewhere.
 *
 * Beside ready, reloading and stopping there are a line for `systemctl status`, and, where the unit has WatchdogSec, a
 * sign of life at half of that time: as long as the loop turns and its owner says that the other threads do as well.
 *
 * Thread: the loop's.
 */
#ifndef PROVIDERD_DAEMON_NOTIFY_H
#define PROVIDERD_DAEMON_NOTIFY_H

#include "event/loop.h"

#include <stdbool.h>
#include <stddef.h>

void notify_ready(void);
void notify_reloading(void);
void notify_stopping(void);

enum { NOTIFY_LINE_MAX = 256 };

struct notify_source {
    void *user;
    bool (*is_alive)(void *user);
    void (*describe)(void *user, char line[NOTIFY_LINE_MAX]);
};

struct notifier;

/* NULL when nobody listens (NOTIFY_SOCKET is not set), or memory ran out: all of this does nothing then. */
struct notifier *notifier_new(struct loop *loop, const struct notify_source *source);
void notifier_free(struct notifier *notifier); /* NULL is allowed */

#endif
