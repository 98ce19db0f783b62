/* bodies: the lists of models that the providers answer, in each one's own form, built once at start. */
#ifndef SIMULATOR_BODIES_H
#define SIMULATOR_BODIES_H

#include "dialect.h"
#include "server.h"

struct bodies;

struct bodies *bodies_new(void); /* aborts when memory ran out */
void bodies_free(struct bodies *bodies);

enum list {
    LIST_OF_ALL,
    LIST_OF_ONE,        /* a page of a single model */
    LIST_IN_OTHER_FORM, /* Ollama's /v1/models, LM Studio's /api/v0/models */
    LISTS,
};

/* 200 with the models list. */
struct answer bodies_models(const struct bodies *bodies, enum family family, enum list list);

/* The model's place in that list, from 0; UINT64_MAX when it is not there. */
uint64_t bodies_model_place(enum family family, h2o_iovec_t id);

/* 200 with this static JSON text. */
struct answer bodies_json(const char *text);

#endif
