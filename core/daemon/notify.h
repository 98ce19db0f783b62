/* notify: tells systemd how the daemon stands (sd_notify(3)); does nothing elsewhere. */
#ifndef PROVIDERD_DAEMON_NOTIFY_H
#define PROVIDERD_DAEMON_NOTIFY_H

#include <stddef.h>

void notify_ready(size_t providers);
void notify_reloading(void);
void notify_stopping(void);

#endif
