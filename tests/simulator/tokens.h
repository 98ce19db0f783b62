/* tokens: Google's OAuth, as gemini_cli and vertex use it: tokens are given out at /token and end after their time.
 * Source: RFC 6749 section 6, RFC 7523 section 2.1. Thread: the loop's. */
#ifndef SIMULATOR_TOKENS_H
#define SIMULATOR_TOKENS_H

#include "server.h"

/* Answers POST /token: for a refresh token, or for a signed assertion, of which only the form is checked. */
struct answer tokens_endpoint(const struct call *call);

/* Is this an access token that was given out here and has not ended? */
bool tokens_are_good(const struct call *call, h2o_iovec_t token);

#endif
