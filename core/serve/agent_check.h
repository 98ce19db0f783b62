/* agent_check: tells HAProxy how a provider is, so that it routes by it: up, down, and how much it may be given.
 *
 * HAProxy connects, sends what `agent-send` says, here the provider's name and a line break, and reads one line
 * (HAProxy 2.6 configuration manual, 5.2, "agent-check"): "up ready 80%", "down #timeout: no answer", "drain #...". The
 * weight is the judge's score of a healthy provider, a quarter of it of a degraded one, halved when it is at risk, and
 * grows after an outage (health/recovery.h). One that is out of a limit is drained: it answers, but takes no new work.
 * Of one that was never checked, or failed for our own sake, nothing is said (an empty line), which changes nothing at
 * HAProxy. A name that is not known is an empty line, too, and told once in the log.
 *
 * On the first HTTP thread. A client has AGENT_TIME_MS and AGENT_LINE_MAX bytes; AGENT_CLIENTS_MAX at a time.
 */
#ifndef PROVIDERD_SERVE_AGENT_CHECK_H
#define PROVIDERD_SERVE_AGENT_CHECK_H

#include "serve/server_internal.h"

enum { AGENT_TIME_MS = 1000, AGENT_LINE_MAX = 256, AGENT_CLIENTS_MAX = 1024 };

struct agent;

/* On the thread itself. NULL when memory ran out. */
struct agent *agent_open(struct http_thread *thread, const struct sockets *sockets);

/* Accepts no more, and closes what is open. NULL is allowed. */
void agent_close(struct agent *agent);

/* The line for a provider, without its end; "" = nothing is to change. */
void agent_line(const struct provider_view *view, int64_t now_us, int64_t warm_up_us, char *out, size_t size);

#endif
