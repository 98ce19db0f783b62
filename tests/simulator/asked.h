/* asked: what a request for a completion asks for, whatever API it speaks.
 * Lenient: what a body does not tell, or tells wrongly, is taken as not told. Thread: the loop's. */
#ifndef SIMULATOR_ASKED_H
#define SIMULATOR_ASKED_H

#include "server.h"

enum tongue { /* of completions */
              TONGUE_OPENAI,
              TONGUE_ANTHROPIC,
              TONGUE_GEMINI,
              TONGUE_OLLAMA,
              TONGUE_COHERE,
              TONGUE_BEDROCK,
};

struct asked {
    h2o_iovec_t model;  /* .len 0: not told */
    h2o_iovec_t prompt; /* the last user message */
    long max_tokens;    /* -1: not told */
    bool max_tokens_by_its_old_name;
    bool stream;
    bool as_array; /* Gemini's stream without alt=sse: one JSON array */
};

/* Lives in the request's pool. */
struct asked asked_read(const struct call *call, enum tongue tongue);

/* The value of a parameter of the query, NUL-terminated in the request's pool; NULL when it is not there. */
const char *asked_parameter(h2o_req_t *req, const char *name);

/* Does the endpoint end so? */
bool asked_endpoint_ends(const struct call *call, const char *end);

#endif
