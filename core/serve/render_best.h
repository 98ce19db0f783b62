/* render_best: who is best, as JSON. Internal to serve/. */
#ifndef PROVIDERD_SERVE_RENDER_BEST_H
#define PROVIDERD_SERVE_RENDER_BEST_H

#include "base/buf.h"
#include "plugin/policy.h"
#include "plugin/spread.h"

#include <stdint.h>

/* How long an answer holds: until the next check of anybody who could be named. At least a second, at most a minute. */
int64_t best_valid_for_ms(const struct ranking *ranking, int64_t now_us);

/* The answer in which the head `head` of the spread is named first. */
void render_best(struct buf *out, const struct snapshot *snapshot, const struct policy_request *request,
                 const struct policy_result *result, const struct spread *spread, size_t head, int64_t now_us);

#endif
