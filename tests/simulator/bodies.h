/* bodies: what the providers answer when all is well, built once at start. */
#ifndef SIMULATOR_BODIES_H
#define SIMULATOR_BODIES_H

#include "dialect.h"
#include "server.h"

struct bodies;

struct bodies *bodies_new(void); /* aborts when memory ran out */
void bodies_free(struct bodies *bodies);

/* 200 with the models list; `one` is a page of a single model (Gemini's pageSize=1). */
struct answer bodies_models(const struct bodies *bodies, enum family family, bool one);

/* 200 with a completion of one token, or the event stream of it. */
struct answer bodies_completion(enum family family, bool stream);

/* The family's rate-limit headers put on an answer. */
void bodies_add_limits(struct answer *answer, enum family family);

/* 200 with this static JSON text. */
struct answer bodies_json(const char *text);

#endif
