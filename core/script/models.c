#include "script/models.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The field of the table on top, past any metatable: nothing of the script runs, so nothing can raise. [-0, +1, m] */
static int raw_field(lua_State *L, const char *field)
{
    lua_pushstring(L, field);
    return lua_rawget(L, -2);
}

static double number_of(lua_State *L, const char *field, double otherwise)
{
    raw_field(L, field);
    double value = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : otherwise;
    lua_pop(L, 1);
    return isfinite(value) ? value : otherwise;
}

/* -1 = absent. */
static signed char flag_of(lua_State *L, const char *field)
{
    signed char flag = -1;
    if (raw_field(L, field) == LUA_TBOOLEAN)
        flag = (signed char)lua_toboolean(L, -1);
    lua_pop(L, 1);
    return flag;
}

/* The id of the i-th entry of the array, which is left on top. */
static const char *id_at(lua_State *L, int array, lua_Integer i, size_t *len)
{
    lua_rawgeti(L, array, i);
    if (!lua_istable(L, -1))
        luaL_error(L, "model %d of the list is a %s, expected a table with an id", (int)i, luaL_typename(L, -1));
    int type = raw_field(L, "id");
    const char *id = type == LUA_TSTRING ? lua_tolstring(L, -1, len) : NULL;
    if (id == NULL || *len == 0 || *len >= MODEL_ID_MAX || strlen(id) != *len)
        luaL_error(L, "the id of model %d of the list: expected a text of 1 to %d bytes", (int)i, MODEL_ID_MAX - 1);
    lua_pop(L, 1); /* the table holds it */
    return id;
}

/* By id; of equal ones the first in the list comes first. */
static int by_id(const void *a, const void *b)
{
    const struct model *const *x = a, *const *y = b;
    int order = strcmp((*x)->id, (*y)->id);
    return order != 0 ? order : (*x > *y) - (*x < *y);
}

/* Of models of one id the first stays. The order of the list is the provider's, and tells something: Ollama's is by
 * last use. */
static void drop_doubles(struct model_list *list)
{
    struct model **sorted = calloc(list->count + 1, sizeof(*sorted));
    size_t kept = 0;
    if (sorted == NULL)
        return; /* a double is no harm */
    for (size_t i = 0; i < list->count; ++i)
        sorted[i] = &list->models[i];
    qsort(sorted, list->count, sizeof(*sorted), by_id);
    const char *last = NULL;
    for (size_t i = 0; i < list->count; ++i) {
        const char *id = sorted[i]->id;
        if (last != NULL && strcmp(last, id) == 0)
            sorted[i]->id = NULL;
        last = id;
    }
    for (size_t i = 0; i < list->count; ++i) {
        if (list->models[i].id != NULL)
            list->models[kept++] = list->models[i];
    }
    list->count = kept;
    free(sorted);
}

/* The bit of a feature, which takes a place in the list when it has none; 0 when all are taken or it is no name. */
static uint32_t feature_bit(struct model_list *list, const char *name)
{
    size_t i = 0;
    while (i < list->feature_count && strcmp(list->features[i], name) != 0)
        ++i;
    if (i == MODEL_FEATURES_MAX || (i == list->feature_count && !feature_is_sound(name)))
        return 0;
    if (i == list->feature_count)
        strcpy(list->features[list->feature_count++], name);
    return UINT32_C(1) << i;
}

/* The features of the model on top. Allocates nothing. */
static uint32_t features_of(lua_State *L, struct model_list *list)
{
    uint32_t features = 0;
    if (raw_field(L, "features") == LUA_TTABLE) {
        size_t count = lua_rawlen(L, -1);
        for (size_t i = 0; i < count && i < MODEL_FEATURES_MAX; ++i) {
            lua_rawgeti(L, -1, (lua_Integer)i + 1);
            if (lua_type(L, -1) == LUA_TSTRING)
                features |= feature_bit(list, lua_tostring(L, -1));
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
    return features;
}

/* Everything is validated before anything is allocated, so that a raised error leaks nothing. */
struct model_list *model_list_read(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    size_t count = lua_rawlen(L, index), bytes = 0, len = 0;
    luaL_checkstack(L, 6, "models");
    if (count > MODELS_MAX)
        luaL_error(L, "the list holds %d models, expected at most %d", (int)count, MODELS_MAX);
    for (size_t i = 0; i < count; ++i) {
        id_at(L, index, (lua_Integer)i + 1, &len);
        bytes += len + 1;
        lua_pop(L, 1);
    }
    struct model_list *list = calloc(1, sizeof(*list));
    if (list != NULL) {
        atomic_init(&list->references, 1);
        list->models = calloc(count + 1, sizeof(*list->models));
        list->ids = malloc(bytes + 1);
    }
    if (list == NULL || list->models == NULL || list->ids == NULL) {
        model_list_release(list);
        luaL_error(L, "out of memory for %d models", (int)count);
    }
    char *end = list->ids;
    for (size_t i = 0; i < count; ++i) {
        const char *id = id_at(L, index, (lua_Integer)i + 1, &len);
        memcpy(end, id, len + 1);
        double context = number_of(L, "context", 0), created = number_of(L, "created", 0);
        double price = number_of(L, "price", -1);
        list->models[list->count++] = (struct model){
            .id = end,
            .context = context > 0 && context < 1e12 ? (int64_t)context : 0,
            .price = price >= 0 ? price : -1, /* a router writes "it depends" as less than nothing */
            .created_s = created > 0 && created < 1e11 ? (int64_t)created : 0,
            .chat = flag_of(L, "chat"),
            .deprecated = flag_of(L, "deprecated") == 1,
            .features = features_of(L, list),
        };
        end += len + 1;
        lua_pop(L, 1);
    }
    drop_doubles(list);
    return list;
}

/* Sets `features` of the table on top. */
static void push_features(lua_State *L, const struct model_list *list, const struct model *model)
{
    if (model->features == 0)
        return;
    lua_newtable(L);
    for (size_t i = 0; i < list->feature_count; ++i) {
        if ((model->features >> i & 1) != 0) {
            lua_pushstring(L, list->features[i]);
            lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
        }
    }
    lua_setfield(L, -2, "features");
}

void model_list_push(lua_State *L, const struct model_list *list)
{
    luaL_checkstack(L, 6, "models");
    lua_createtable(L, list != NULL ? (int)list->count : 0, 0);
    for (size_t i = 0; list != NULL && i < list->count; ++i) {
        const struct model *model = &list->models[i];
        lua_createtable(L, 0, 6);
        lua_pushstring(L, model->id);
        lua_setfield(L, -2, "id");
        if (model->context != 0) {
            lua_pushinteger(L, (lua_Integer)model->context);
            lua_setfield(L, -2, "context");
        }
        if (model->price >= 0) {
            lua_pushnumber(L, model->price);
            lua_setfield(L, -2, "price");
        }
        if (model->created_s != 0) {
            lua_pushinteger(L, (lua_Integer)model->created_s);
            lua_setfield(L, -2, "created");
        }
        if (model->chat >= 0) {
            lua_pushboolean(L, model->chat);
            lua_setfield(L, -2, "chat");
        }
        if (model->deprecated) {
            lua_pushboolean(L, 1);
            lua_setfield(L, -2, "deprecated");
        }
        push_features(L, list, model);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

bool model_has(const struct model_list *list, const struct model *model, const char *feature)
{
    for (size_t i = 0; i < list->feature_count; ++i) {
        if (strcmp(list->features[i], feature) == 0)
            return (model->features >> i & 1) != 0;
    }
    return false;
}

struct model_list *model_list_retain(struct model_list *list)
{
    atomic_fetch_add_explicit(&list->references, 1, memory_order_relaxed);
    return list;
}

void model_list_release(struct model_list *list)
{
    if (list == NULL || atomic_fetch_sub_explicit(&list->references, 1, memory_order_acq_rel) != 1)
        return;
    free(list->models);
    free(list->ids);
    free(list);
}
