#include "config/prices.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double USD_MAX = 1e5;

struct price {
    char *provider;
    const char *model; /* within the same text; NULL = of the provider */
    double usd;
};

struct price_list {
    atomic_uint references;
    size_t count;
    struct price prices[];
};

static bool is_price(double usd)
{
    return isfinite(usd) && usd >= 0 && usd <= USD_MAX;
}

static double number_field(lua_State *L, const char *field)
{
    lua_pushstring(L, field);
    lua_rawget(L, -2);
    double value = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : NAN;
    lua_pop(L, 1);
    return value;
}

/* The value on top: a number, or {input=, output=}. NAN = neither. */
static double read_usd(lua_State *L)
{
    double usd = NAN;
    if (lua_type(L, -1) == LUA_TNUMBER) {
        usd = lua_tonumber(L, -1);
    } else if (lua_istable(L, -1)) {
        double input = number_field(L, "input"), output = number_field(L, "output");
        if (is_price(input) && is_price(output))
            usd = input + output;
    }
    return is_price(usd) ? usd : NAN;
}

static bool take(struct price_list *list, const char *name, double usd)
{
    char *provider = strdup(name);
    if (provider == NULL)
        return false;
    char *slash = strchr(provider, '/');
    if (slash != NULL)
        *slash = '\0';
    list->prices[list->count++] = (struct price){provider, slash != NULL ? slash + 1 : NULL, usd};
    return true;
}

struct price_list *price_list_read(lua_State *L, char fault[PRICE_FAULT_MAX])
{
    size_t fields = 0;
    snprintf(fault, PRICE_FAULT_MAX, "out of memory");
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1))
        ++fields;
    struct price_list *list = calloc(1, sizeof(*list) + fields * sizeof(list->prices[0]));
    if (list == NULL)
        return NULL;
    atomic_init(&list->references, 1);
    for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
        double usd = read_usd(L);
        if (name == NULL || name[0] == '\0' || name[0] == '/' || isnan(usd)) {
            snprintf(fault, PRICE_FAULT_MAX,
                     "expected [\"provider\"] or [\"provider/model\"] = US dollars for a million tokens in and out, "
                     "or { input = 0.15, output = 0.60 }; got a %s for '%.60s'",
                     lua_typename(L, lua_type(L, -1)), name != NULL ? name : "a number");
            lua_pop(L, 2);
            price_list_release(list);
            return NULL;
        }
        if (!take(list, name, usd)) {
            lua_pop(L, 2);
            price_list_release(list);
            return NULL;
        }
    }
    return list;
}

struct price_list *price_list_retain(struct price_list *list)
{
    atomic_fetch_add_explicit(&list->references, 1, memory_order_relaxed);
    return list;
}

void price_list_release(struct price_list *list)
{
    if (list == NULL || atomic_fetch_sub_explicit(&list->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < list->count; ++i)
        free(list->prices[i].provider);
    free(list);
}

double price_of_call(const struct price_list *list, const char *provider, const struct model *model)
{
    double of_provider = -1;
    for (size_t i = 0; list != NULL && i < list->count; ++i) {
        const struct price *price = &list->prices[i];
        if (strcmp(price->provider, provider) != 0)
            continue;
        if (price->model == NULL)
            of_provider = price->usd;
        else if (model != NULL && strcmp(price->model, model->id) == 0)
            return price->usd;
    }
    return model != NULL && model->price >= 0 ? model->price : of_provider;
}
