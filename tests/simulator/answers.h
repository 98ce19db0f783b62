/* answers: what a test tells a provider to answer, byte for byte, in place of what it would say when all is well.
 *
 *     PUT /_sim/answers/NAME
 *     {"status": 429, "headers": {"retry-after": "4", "date": "Sat, 19 Sep 2026 10:00:45 GMT"}, "body": {"error": ...},
 *      "path": "/models", "method": "GET", "times": 2}
 *
 * Of several that fit a request the latest counts, until its `times` are used up. A behaviour other than ok, slow, drip
 * and truncated goes before them. Thread: the loop's.
 */
#ifndef SIMULATOR_ANSWERS_H
#define SIMULATOR_ANSWERS_H

#include "server.h"

enum { ANSWERS_MAX = 1024 };

/* Adds the answer that this JSON tells. False and a message for a human when it tells none. */
bool answers_add(struct upstream *upstream, h2o_iovec_t json, char error[TEACHING_ERROR_MAX]);

/* Forgets them. Those that are being sent live on until they are. */
void answers_clear(struct upstream *upstream);

/* The answer to this request, if it was told one, which counts as one of its times. It lives as long as the request. */
bool answers_find(const struct call *call, struct answer *answer);

#endif
