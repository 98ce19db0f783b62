/* pages: public status pages, in the forms in which four makers of such pages answer.
 *
 *     PUT /_sim/pages/NAME
 *     {"format": "statuspage", "state": "degraded", "component": "API", "updated_at": "2026-05-08T10:00:00Z",
 *      "incidents": [{"name": "Elevated errors", "impact": "major", "since": "2026-11-23T08:00:00Z"}]}
 *
 * GET /_pages/FORMAT/NAME and what is behind it answer. NAME's page is an upstream of its own, "page.NAME": that is the
 * name of its behaviours, told answers and records. Thread: the loop's.
 */
#ifndef SIMULATOR_PAGES_H
#define SIMULATOR_PAGES_H

#include "server.h"

/* "page.NAME", in the request's pool. */
h2o_iovec_t pages_name(h2o_req_t *req, h2o_iovec_t name);

/* The upstream of that name; NULL when the name is none. */
struct upstream *pages_upstream(struct stage *stage, h2o_iovec_t name);

/* Takes what this JSON tells. False and a message for a human when it tells nothing sound. */
bool pages_set(struct upstream *upstream, h2o_iovec_t json, char error[TEACHING_ERROR_MAX]);
void pages_clear(struct upstream *upstream);

struct answer pages_answer(const struct call *call);

#endif
