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

/* The model's place in that list, from 0; UINT64_MAX when it is not there. */
uint64_t bodies_model_place(const struct bodies *bodies, enum family family, h2o_iovec_t id);

/* The family's rate-limit headers put on an answer. */
void bodies_add_limits(struct answer *answer, enum family family);

/* 200 with this static JSON text. */
struct answer bodies_json(const char *text);

#endif
