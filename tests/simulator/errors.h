/* errors: each provider's refusals, in its own words. Bodies are static, or in the request's pool. */
#ifndef SIMULATOR_ERRORS_H
#define SIMULATOR_ERRORS_H

#include "dialect.h"
#include "server.h"

enum error_cause {
    CAUSE_ANY,
    CAUSE_KEY_MISSING,
    CAUSE_KEY_WRONG,
    CAUSE_PATH,  /* the provider has no such path */
    CAUSE_MODEL, /* it no longer serves this model */
    CAUSE_DAY,   /* with 429: the day's requests are used up */
};

/* `status` 0: the one that this provider uses for the cause. */
struct answer errors_answer(h2o_req_t *req, enum family family, int status, enum error_cause cause, int retry_after_s);

/* The family's form around any status and message (UTF-8; escaped here). */
struct answer errors_message(h2o_req_t *req, enum family family, int status, const char *message, size_t len);

/* Inside a 200, as an event of a stream or not. */
struct answer errors_in_200(h2o_req_t *req, enum family family, bool stream);

#endif
