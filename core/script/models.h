/* models: what a provider says that it serves.
 *
 * Thread: built on the loop thread; immutable from then on, and counted, since HTTP threads read it.
 */
#ifndef PROVIDERD_SCRIPT_MODELS_H
#define PROVIDERD_SCRIPT_MODELS_H

#include "script/traits.h"

#include <lua.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MODEL_ID_MAX = 128, MODELS_MAX = 4000, MODEL_FEATURES_MAX = 32 };

struct model {
    const char *id;    /* as the provider writes it; at most 127 bytes */
    int64_t context;   /* tokens; 0 = not told */
    double price;      /* US dollars for a million tokens in and a million out together; -1 = not told */
    int64_t created_s; /* since 1970; 0 = not told */
    signed char chat;  /* -1 = not told */
    bool deprecated;
    uint32_t features; /* a bit for each of the list's names of features */
};

struct model_list {
    atomic_uint references;
    size_t count;
    struct model *models; /* in the order of the provider's list */
    size_t feature_count;
    char features[MODEL_FEATURES_MAX][FEATURE_MAX]; /* that any of them has */
    char *ids;                                      /* what they point into */
};

/* Takes the array of model tables at `index` (providers/README.md, "Models"): [-0, +0, e] raises a text that names what
 * is wrong. Doubles are dropped. One reference. */
struct model_list *model_list_read(lua_State *L, int index);

/* Pushes the list as such an array. [-0, +1, m] */
void model_list_push(lua_State *L, const struct model_list *list);

/* Whether the list says that the model can do this. */
bool model_has(const struct model_list *list, const struct model *model, const char *feature);

struct model_list *model_list_retain(struct model_list *list);
void model_list_release(struct model_list *list); /* NULL is allowed */

#endif
