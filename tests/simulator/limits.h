/* limits: the rate-limit headers by which each provider announces what is left. Thread: the loop's. */
#ifndef SIMULATOR_LIMITS_H
#define SIMULATOR_LIMITS_H

#include "dialect.h"
#include "server.h"

/* Puts them on an answer; most providers announce them on completions only. */
void limits_add(h2o_req_t *req, struct answer *answer, enum family family, bool completion);

#endif
