/* process: what the daemon asks of the system for itself.
 *
 * Thread: the loop's, before there are others.
 */
#ifndef PROVIDERD_DAEMON_PROCESS_H
#define PROVIDERD_DAEMON_PROCESS_H

#include <stdbool.h>

/* Without `core_dumps` a crash leaves no image of the memory, where keys are, and no other process but root's may look
 * into it or at its environment: PR_SET_DUMPABLE (prctl(2)), which also covers dumps that are piped to a program, and
 * RLIMIT_CORE. */
void process_guard_memory(bool core_dumps);

#endif
