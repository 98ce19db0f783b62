/* providers: the routes of each simulated provider, its key check and its answers, as documented at the provider's.
 * Sources: the documentation pages named in providers/NAME.lua of this repository; shapes shortened.
 * Thread: the loop's. Answers are static, or in the request's pool.
 */
#ifndef SIMULATOR_PROVIDERS_H
#define SIMULATOR_PROVIDERS_H

#include "server.h"

/* Makes an upstream of every built-in provider, so that statistics show it before its first request. */
void providers_enlist(struct stage *stage);

/* Which provider serves this path (without its query)? False when none does; else fills the three. */
bool providers_route(struct stage *stage, h2o_iovec_t path, const struct dialect **dialect, struct upstream **upstream,
                     h2o_iovec_t *endpoint);

/* What a healthy provider answers: success, or its own refusal of a bad key or of an unknown path. */
struct answer providers_answer(const struct call *call);

/* The provider's own error, as the call's behaviour tells: status, Retry-After, minute or day. */
struct answer providers_error(const struct call *call);

/* An error object inside a 200; in a stream an event, then [DONE]. */
struct answer providers_error_in_200(const struct call *call);

/* A 401 whose text repeats the key that was sent. */
struct answer providers_echo_key(const struct call *call);

#endif
