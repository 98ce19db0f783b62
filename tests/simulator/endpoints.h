/* endpoints: the paths of the providers that are not of the seed list, as documented, and what each answers.
 * Thread: the loop's. */
#ifndef SIMULATOR_ENDPOINTS_H
#define SIMULATOR_ENDPOINTS_H

#include "asked.h"
#include "dialect.h"

enum endpoint_kind {
    ENDPOINT_JSON,       /* a fixed text */
    ENDPOINT_MODELS,     /* the list in the provider's own form */
    ENDPOINT_OTHER_LIST, /* and in the other one that it has */
    ENDPOINT_CHAT,
    ENDPOINT_TOKEN,
};

struct endpoint {
    enum family family;
    const char *method;
    const char *path; /* "*" stands for anything */
    bool public;      /* answers without a key */
    enum endpoint_kind kind;
    enum tongue tongue; /* of ENDPOINT_CHAT */
    const char *body;   /* of ENDPOINT_JSON; text/plain unless it begins with "{" or "[" */
};

/* NULL when the provider has no such endpoint. */
const struct endpoint *endpoints_find(const struct call *call);

struct answer endpoints_answer(const struct call *call, const struct endpoint *endpoint);

#endif
