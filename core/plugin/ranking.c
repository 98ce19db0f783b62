#include "plugin/ranking.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- what rank() returned -- */

/* [-0, +0, e] The length of the list at `list`; raises when it has holes or fields beside it. */
static size_t list_length(lua_State *L, int list)
{
    size_t count = lua_rawlen(L, list), entries = 0;
    for (lua_pushnil(L); lua_next(L, list) != 0; lua_pop(L, 1))
        ++entries;
    if (entries != count)
        luaL_error(L, "rank returned a table with fields or holes, expected a list of names");
    return count;
}

/* Binary search: the set is in the order of names. SIZE_MAX when the text on top is no candidate's name. */
static size_t named_candidate(lua_State *L, const struct candidate_set *set)
{
    size_t len, low = 0, high = set->count;
    const char *name = lua_tolstring(L, -1, &len);
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(name, set->candidates[middle].view->name);
        if (order == 0) /* a zero byte inside would be taken for the name's end */
            return strlen(name) == len && !set->candidates[middle].left_out ? middle : SIZE_MAX;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return SIZE_MAX;
}

/* Of the value on top: a name or a candidate. */
static size_t candidate_of(lua_State *L, const struct candidate_set *set)
{
    size_t index = lua_type(L, -1) == LUA_TSTRING ? named_candidate(L, set) : candidate_lua_at(L, -1, set);
    if (index == SIZE_MAX && lua_type(L, -1) == LUA_TSTRING)
        luaL_error(L, "rank returned '%s', which is no candidate", lua_tostring(L, -1));
    if (index == SIZE_MAX)
        luaL_error(L, "rank returned a list with a %s in it, expected names", luaL_typename(L, -1));
    return index;
}

/* A field of the table on top; `otherwise` when it is absent. */
static double number_field(lua_State *L, const char *field, double otherwise)
{
    double value = otherwise;
    if (lua_getfield(L, -1, field) != LUA_TNIL) {
        value = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : NAN;
        if (!isfinite(value))
            luaL_error(L, "rank returned an entry whose %s is a %s, expected a number", field, luaL_typename(L, -1));
    }
    lua_pop(L, 1);
    return value;
}

static void read_details(lua_State *L, struct ranked *row)
{
    row->score = number_field(L, "score", NAN);
    row->share = number_field(L, "share", 0);
    if (row->share < 0)
        luaL_error(L, "rank returned an entry whose share is %f, expected 0 or more", row->share);
    lua_getfield(L, -1, "left_out");
    row->left_out = lua_toboolean(L, -1);
    lua_pop(L, 1);
    int type = lua_getfield(L, -1, "why");
    if (type != LUA_TNIL && type != LUA_TSTRING)
        luaL_error(L, "rank returned an entry whose why is a %s, expected a string", luaL_typename(L, -1));
    if (type == LUA_TSTRING)
        snprintf(row->why, sizeof(row->why), "%s", lua_tostring(L, -1));
    lua_pop(L, 1);
}

/* The entry on top: a name, a candidate, or a table with one of them in [1]. */
static void read_entry(lua_State *L, const struct candidate_set *set, struct ranked *row)
{
    *row = (struct ranked){.score = NAN};
    bool detailed = lua_istable(L, -1);
    if (detailed) {
        read_details(L, row);
        lua_rawgeti(L, -1, 1);
    }
    row->candidate = &set->candidates[candidate_of(L, set)];
    if (detailed)
        lua_pop(L, 1);
}

/* Those that the policy named to leave out go behind the others, in their order. */
static size_t partition(struct ranked *rows, size_t count)
{
    size_t ranked = 0;
    for (size_t i = 0; i < count; ++i) {
        if (rows[i].left_out)
            continue;
        struct ranked row = rows[i];
        memmove(&rows[ranked + 1], &rows[ranked], (i - ranked) * sizeof(*rows));
        rows[ranked++] = row;
    }
    return ranked;
}

void ranking_read(lua_State *L, int list, const struct candidate_set *set, struct ranking *ranking)
{
    if (!lua_istable(L, list))
        luaL_error(L, "rank returned a %s, expected a list of names", luaL_typename(L, list));
    luaL_checkstack(L, 8, "ranking");
    size_t count = list_length(L, list), candidates = 0;
    for (size_t i = 0; i < set->count; ++i)
        candidates += !set->candidates[i].left_out;
    if (count > candidates)
        luaL_error(L, "rank returned %d names for %d candidates", (int)count, (int)candidates);
    memset(ranking->named, 0, set->count * sizeof(*ranking->named));
    for (size_t i = 0; i < count; ++i) {
        lua_rawgeti(L, list, (lua_Integer)i + 1);
        read_entry(L, set, &ranking->rows[i]);
        const struct candidate *candidate = ranking->rows[i].candidate;
        if (ranking->named[candidate - set->candidates])
            luaL_error(L, "rank returned '%s' twice", candidate->view->name);
        ranking->named[candidate - set->candidates] = true;
        lua_pop(L, 1);
    }
    ranking->count = count;
    ranking->ranked = partition(ranking->rows, count);
}

/* -- those behind -- */

static void explain(struct ranked *row)
{
    const struct candidate *candidate = row->candidate;
    const struct provider_view *view = candidate->view;
    if (candidate->left_out)
        memcpy(row->why, candidate->why, sizeof(row->why));
    else if (view->status == HEALTH_UNKNOWN)
        snprintf(row->why, sizeof(row->why), "%s",
                 view->lead->last_check_us == 0 ? "not checked yet" : "its state is not known");
    else if (view->status == HEALTH_HEALTHY)
        snprintf(row->why, sizeof(row->why), "left out by the policy");
    else
        snprintf(row->why, sizeof(row->why), "%s: %s", health_status_name(view->status), view->reason);
}

/* Without a time last. */
static int by_return(const void *a, const void *b)
{
    const struct candidate *x = ((const struct ranked *)a)->candidate, *y = ((const struct ranked *)b)->candidate;
    bool x_unfit = x->left_out && x->cooling_until_us == 0, y_unfit = y->left_out && y->cooling_until_us == 0;
    if (x_unfit != y_unfit)
        return x_unfit ? 1 : -1;
    if ((x->back_us == 0) != (y->back_us == 0))
        return x->back_us == 0 ? 1 : -1;
    if (x->back_us != y->back_us)
        return x->back_us < y->back_us ? -1 : 1;
    return strcmp(x->view->name, y->view->name);
}

void ranking_add_rest(const struct candidate_set *set, struct ranking *ranking)
{
    for (size_t i = 0; i < set->count; ++i) {
        if (!ranking->named[i])
            ranking->rows[ranking->count++] =
                (struct ranked){.candidate = &set->candidates[i], .score = NAN, .left_out = true};
    }
    for (size_t i = ranking->ranked; i < ranking->count; ++i) {
        if (ranking->rows[i].why[0] == '\0')
            explain(&ranking->rows[i]);
    }
    if (ranking->count > ranking->ranked)
        qsort(ranking->rows + ranking->ranked, ranking->count - ranking->ranked, sizeof(*ranking->rows), by_return);
}
