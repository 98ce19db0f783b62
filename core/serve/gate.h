/* gate: whether a request may have what it asks for, before any handler sees it: its Host, the origin of the page that
 * asks, its token. Internal to serve/.
 *
 * Pages of other origins: a browser lets them read an answer only where `cors` names them (the Fetch standard,
 * https://fetch.spec.whatwg.org/#http-cors-protocol, read 2026-11-24), which this sends the headers for; and it lets
 * them send a POST that asks nobody first (a form), which is refused here, since it would not need to be read.
 */
#ifndef PROVIDERD_SERVE_GATE_H
#define PROVIDERD_SERVE_GATE_H

#include "serve/request.h"

/* False when it has been answered: refused, or a preflight. `route` NULL = a file, or nothing. */
bool gate_passes(struct request *request, const struct route *route);

/* Whose token a request brought; "" = nobody's. */
const char *gate_user(const h2o_req_t *req);

#endif
