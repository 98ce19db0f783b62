/* daemon: wires the modules together and runs until told to stop. */
#ifndef PROVIDERD_DAEMON_DAEMON_H
#define PROVIDERD_DAEMON_DAEMON_H

#include "daemon/parts.h"

/* Runs in the foreground. SIGTERM and SIGINT end it, SIGHUP reloads. The process's exit status: 0 after a clean end, 2
 * when it could not start (the reason is on stderr). */
int daemon_run(const struct settings *settings);

#endif
