/* report_body: the body of POST /api/providers/report, read into a batch of reports (health/report.h).
 *
 * It is one report, an array of them, or {"reports": [...]}. A report:
 *   provider           required; one that is watched
 *   outcome            "ok", "aborted", "failed", or a kind of GET /api/error-kinds; without it the status tells
 *   status             HTTP, 100-599; with neither an outcome nor a status there is nothing to count
 *   key                number of the provider's key; may be absent where it has but one
 *   model              its id, as it was asked for
 *   latency_ms, first_token_ms, tokens_per_second, tokens
 *   time               when it ended: RFC 3339 or seconds since 1970; at most ten minutes ago. Absent = now
 *   headers            {"name": "value"}: of these only those that tell of limits are kept
 *   error              what the provider answered, or the client's library said: only to find the kind
 * null stands for an absent field. A report with a fault is rejected, with what was expected; the others count.
 *
 * JSON is read by json-c (https://github.com/json-c/json-c) in its strict mode, with its check of UTF-8 and a bound to
 * the depth. (Jansson, the other candidate, has functions named as ours in base/json.h, which the linker would give
 * it.)
 *
 * Thread: any; functions of their arguments.
 */
#ifndef PROVIDERD_SERVE_REPORT_BODY_H
#define PROVIDERD_SERVE_REPORT_BODY_H

#include "health/report.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REPORT_REJECTIONS_MAX = 100 }; /* that are told one by one */

struct report_rejection {
    size_t index; /* in the body */
    char error[240];
};

struct report_rejections {
    size_t count;                  /* all of them; */
    size_t listed;                 /* the first REPORT_REJECTIONS_MAX */
    struct report_rejection *list; /* owned by the caller: free() */
};

/* `snapshot`: which providers, keys and kinds there are. NULL when nothing of it can be used: `error` says why. The
 * batch may be empty. */
struct report_batch *report_body_read(const char *bytes, size_t len, const struct snapshot *snapshot, int64_t now_us,
                                      struct report_rejections *rejections, char *error, size_t error_size);

#endif
