/* catalogue: the models that each provider's list holds: a few that exist, chat models and others, one going away. */
#ifndef SIMULATOR_CATALOGUE_H
#define SIMULATOR_CATALOGUE_H

#include "dialect.h"

enum model_kind { MODEL_CHAT, MODEL_EMBEDDING, MODEL_SPEECH, MODEL_GUARD, MODEL_IMAGE };

struct model {
    enum family family;
    const char *id;
    enum model_kind kind;
    long context;   /* tokens */
    double in, out; /* USD per million tokens */
    long created;   /* seconds since 1970 */
    bool going;     /* deprecated; shown where the provider shows it */
};

extern const struct model catalogue[];
extern const size_t catalogue_size;

#endif
