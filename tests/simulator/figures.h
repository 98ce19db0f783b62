/* figures: how fast and of what a provider's completions speak, as a test told it.
 *
 *     PUT /_sim/streams/NAME
 *     {"first_token_ms": 200, "tokens_per_second": 50, "pieces": 24, "keepalives": 2, "role_first": true,
 *      "reasoning_pieces": 0, "usage": true, "model": null, "text": null}
 *
 * Every field may be left out or null. Thread: the loop's.
 */
#ifndef SIMULATOR_FIGURES_H
#define SIMULATOR_FIGURES_H

#include "scenario.h"

#include <h2o.h>

enum { PIECES_MAX = 100000 };

struct figures {
    uint64_t first_token_us;  /* from the request's arrival to its first token */
    double tokens_per_second; /* 0: all at once */
    unsigned pieces;          /* 0: about four letters each */
    int keepalives;           /* before the first token; -1: as the provider does */
    int reasoning_pieces;     /* before the text; -1: as the model does */
    bool role_first, usage;
    h2o_iovec_t model, text; /* .base NULL: the model asked for; an echo of the prompt */
};

/* Takes the figures that this JSON tells. False and a message for a human when it tells none. */
bool figures_set(struct upstream *upstream, h2o_iovec_t json, char error[TEACHING_ERROR_MAX]);
void figures_clear(struct upstream *upstream);

/* Those of the upstream, or the usual ones: no waiting. They live as long as the request. */
const struct figures *figures_of(const struct upstream *upstream, h2o_req_t *req);

/* When the token of this number (from 0, reasoning included) is due, in microseconds after the arrival. */
uint64_t figures_due_us(const struct figures *figures, size_t number);

#endif
