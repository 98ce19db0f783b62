/* best_query: what a client asks of /best, from the query string. Internal to serve/.
 *
 *   policy=NAME  model=ID  require=streaming,tools  exclude=a,b  max_latency_ms=500  n=3  key=1  any=1
 */
#ifndef PROVIDERD_SERVE_BEST_QUERY_H
#define PROVIDERD_SERVE_BEST_QUERY_H

#include "health/aliases.h"
#include "plugin/candidate.h"

#include <stdbool.h>
#include <stddef.h>

enum { BEST_QUERY_ERROR_MAX = 320 };

/* False with a text for the client in `error`: what, what was expected, what came. Whether there is such a policy is
 * not looked at. */
bool best_query_read(const char *query, size_t len, const struct alias_list *aliases, struct policy_request *request,
                     char error[BEST_QUERY_ERROR_MAX]);

#endif
