/* models: what a provider says that it serves.
 *
 * Thread: built on the loop thread; immutable from then on, and counted, since HTTP threads read it.
 */
#ifndef PROVIDERD_SCRIPT_MODELS_H
#define PROVIDERD_SCRIPT_MODELS_H

#include <lua.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MODEL_ID_MAX = 128, MODELS_MAX = 4000 };

struct model {
    const char *id;    /* as the provider writes it; at most 127 bytes */
    int64_t context;   /* tokens; 0 = not told */
    double price;      /* US dollars for a million tokens in and a million out together; -1 = not told */
    int64_t created_s; /* since 1970; 0 = not told */
    signed char chat;  /* -1 = not told */
    bool deprecated;
};

struct model_list {
    atomic_uint references;
    size_t count;
    struct model *models; /* in the order of the provider's list */
    char *ids;            /* what they point into */
};

/* Takes the array of model tables at `index` (providers/README.md, "Models"): [-0, +0, e] raises a text that names what
 * is wrong. Doubles are dropped. One reference. */
struct model_list *model_list_read(lua_State *L, int index);

/* Pushes the list as such an array. [-0, +1, m] */
void model_list_push(lua_State *L, const struct model_list *list);

struct model_list *model_list_retain(struct model_list *list);
void model_list_release(struct model_list *list); /* NULL is allowed */

#endif
