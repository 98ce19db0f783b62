#include "plugin/candidate_lua.h"

#include "health/stats_view.h"

#include <lauxlib.h>
#include <string.h>

static const char METATABLE[] = "providerd.candidate";

struct handle {
    size_t index;
    uint64_t call;
};

enum field {
    FIELD_BACK_AT = 1,
    FIELD_CONSECUTIVE_FAILURES,
    FIELD_COOLING_UNTIL,
    FIELD_DEGRADED_LATENCY_MS,
    FIELD_ERROR_KIND,
    FIELD_FIRST_TOKEN_MS,
    FIELD_HEADROOM_PERCENT,
    FIELD_KEY,
    FIELD_KEYS,
    FIELD_LAST_CHECK_AGE_S,
    FIELD_LATENCY_MS,
    FIELD_MODEL,
    FIELD_NAME,
    FIELD_P50_MS,
    FIELD_P95_MS,
    FIELD_PRICE,
    FIELD_RATE_LIMIT_PERCENT,
    FIELD_REASON,
    FIELD_RECENT_MS,
    FIELD_RETRY_AT,
    FIELD_RISK,
    FIELD_SCORE,
    FIELD_STALE,
    FIELD_STATUS,
    FIELD_SUCCESS_PERCENT,
    FIELD_TITLE,
    FIELD_TOKENS_PER_SECOND,
    FIELD_UPTIME_PERCENT,
    FIELD_WARMTH,
};

static const struct {
    const char *name;
    enum field field;
} fields[] = {
    {"back_at", FIELD_BACK_AT},
    {"consecutive_failures", FIELD_CONSECUTIVE_FAILURES},
    {"cooling_until", FIELD_COOLING_UNTIL},
    {"degraded_latency_ms", FIELD_DEGRADED_LATENCY_MS},
    {"error_kind", FIELD_ERROR_KIND},
    {"first_token_ms", FIELD_FIRST_TOKEN_MS},
    {"headroom_percent", FIELD_HEADROOM_PERCENT},
    {"key", FIELD_KEY},
    {"keys", FIELD_KEYS},
    {"last_check_age_s", FIELD_LAST_CHECK_AGE_S},
    {"latency_ms", FIELD_LATENCY_MS},
    {"model", FIELD_MODEL},
    {"name", FIELD_NAME},
    {"p50_ms", FIELD_P50_MS},
    {"p95_ms", FIELD_P95_MS},
    {"price", FIELD_PRICE},
    {"rate_limit_percent", FIELD_RATE_LIMIT_PERCENT},
    {"reason", FIELD_REASON},
    {"recent_ms", FIELD_RECENT_MS},
    {"retry_at", FIELD_RETRY_AT},
    {"risk", FIELD_RISK},
    {"score", FIELD_SCORE},
    {"stale", FIELD_STALE},
    {"status", FIELD_STATUS},
    {"success_percent", FIELD_SUCCESS_PERCENT},
    {"title", FIELD_TITLE},
    {"tokens_per_second", FIELD_TOKENS_PER_SECOND},
    {"uptime_percent", FIELD_UPTIME_PERCENT},
    {"warmth", FIELD_WARMTH},
};

static void push_time(lua_State *L, int64_t wall_us)
{
    if (wall_us != 0)
        lua_pushnumber(L, (double)wall_us / 1e6);
    else
        lua_pushnil(L);
}

static void push_measure(lua_State *L, double value)
{
    if (value >= 0)
        lua_pushnumber(L, value);
    else
        lua_pushnil(L);
}

static void push_text_or_nil(lua_State *L, const char *text)
{
    if (text[0] != '\0')
        lua_pushstring(L, text);
    else
        lua_pushnil(L);
}

/* Of the checks of a window; without any, the last check's. */
static double latency_of(const struct provider_view *view, enum stats_window window, bool p95)
{
    const struct measure_summary *measured = view->stats != NULL ? &view->stats->windows[window].latency_ms : NULL;
    if (measured == NULL || measured->count == 0)
        return view->lead->response_time_ms;
    return p95 ? measured->p95 : measured->p50;
}

/* What is left of the tightest limit; -1 = no limit is known. */
static double headroom_percent(const struct key_view *key)
{
    return key->limits != NULL || key->rate_limit_percent > 0 ? 100 - key->rate_limit_percent : -1;
}

static void push_field(lua_State *L, const struct candidate *candidate, enum field field, int64_t now_us)
{
    const struct provider_view *view = candidate->view;
    switch (field) {
    case FIELD_BACK_AT:
        push_time(L, candidate->back_us);
        break;
    case FIELD_CONSECUTIVE_FAILURES:
        lua_pushinteger(L, view->lead->consecutive_failures);
        break;
    case FIELD_DEGRADED_LATENCY_MS:
        lua_pushnumber(L, view->degraded_latency_ms);
        break;
    case FIELD_ERROR_KIND:
        push_text_or_nil(L, view->error_kind);
        break;
    case FIELD_FIRST_TOKEN_MS:
        push_measure(L, candidate->first_token_ms);
        break;
    case FIELD_HEADROOM_PERCENT:
        push_measure(L, headroom_percent(candidate->key));
        break;
    case FIELD_KEY:
        lua_pushinteger(L, candidate->key->number);
        break;
    case FIELD_KEYS:
        lua_pushinteger(L, view->key_count != 0 ? (lua_Integer)view->key_count : view->lead->number != 0);
        break;
    case FIELD_LAST_CHECK_AGE_S:
        push_measure(L, view->lead->last_check_us != 0 ? (double)(now_us - view->lead->last_check_us) / 1e6 : -1);
        break;
    case FIELD_LATENCY_MS:
        lua_pushnumber(L, view->lead->response_time_ms);
        break;
    case FIELD_MODEL:
        push_text_or_nil(L, candidate->model != NULL ? candidate->model->id : "");
        break;
    case FIELD_NAME:
        lua_pushstring(L, view->name);
        break;
    case FIELD_P50_MS:
        lua_pushnumber(L, latency_of(view, STATS_DAY, false));
        break;
    case FIELD_P95_MS:
        lua_pushnumber(L, latency_of(view, STATS_DAY, true));
        break;
    case FIELD_PRICE:
        push_measure(L, candidate->price);
        break;
    case FIELD_RATE_LIMIT_PERCENT:
        lua_pushnumber(L, candidate->key->rate_limit_percent);
        break;
    case FIELD_REASON:
        lua_pushstring(L, view->reason);
        break;
    case FIELD_RECENT_MS:
        lua_pushnumber(L, latency_of(view, STATS_HOUR, false));
        break;
    case FIELD_RETRY_AT:
        push_time(L, view->lead->retry_at_us);
        break;
    case FIELD_RISK:
        lua_pushnumber(L, view->forecast.risk);
        break;
    case FIELD_SCORE:
        lua_pushnumber(L, view->score);
        break;
    case FIELD_STALE:
        lua_pushboolean(L, candidate->stale);
        break;
    case FIELD_STATUS:
        lua_pushstring(L, health_status_name(view->status));
        break;
    case FIELD_SUCCESS_PERCENT:
        push_measure(L, candidate->success_percent);
        break;
    case FIELD_COOLING_UNTIL:
        push_time(L, candidate->cooling_until_us);
        break;
    case FIELD_TITLE:
        lua_pushstring(L, view->title);
        break;
    case FIELD_TOKENS_PER_SECOND:
        push_measure(L, candidate->tokens_per_second);
        break;
    case FIELD_UPTIME_PERCENT:
        lua_pushnumber(L, view->uptime_percent);
        break;
    case FIELD_WARMTH:
        lua_pushnumber(L, candidate->warmth);
        break;
    }
}

/* Upvalues: the set, and the table of field numbers by name. */
static int on_index(lua_State *L)
{
    const struct candidate_set *set = lua_touserdata(L, lua_upvalueindex(1));
    const struct handle *handle = luaL_checkudata(L, 1, METATABLE);
    if (handle->call != set->call || set->candidates == NULL)
        return luaL_error(L, "a candidate of an earlier call was read");
    lua_settop(L, 2);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(2)) != LUA_TNUMBER)
        return luaL_error(L, "a candidate has no field '%s'", luaL_tolstring(L, 2, NULL));
    push_field(L, &set->candidates[handle->index], (enum field)lua_tointeger(L, -1), set->now_us);
    return 1;
}

static int on_new_index(lua_State *L)
{
    return luaL_error(L, "a candidate cannot be changed");
}

void candidate_lua_open(lua_State *L, struct candidate_set *set)
{
    luaL_newmetatable(L, METATABLE);
    lua_pushlightuserdata(L, set);
    lua_createtable(L, 0, sizeof(fields) / sizeof(fields[0]));
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); ++i) {
        lua_pushinteger(L, fields[i].field);
        lua_setfield(L, -2, fields[i].name);
    }
    lua_pushcclosure(L, on_index, 2);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, on_new_index);
    lua_setfield(L, -2, "__newindex");
    lua_pushliteral(L, "candidate");
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

void candidate_lua_push_all(lua_State *L, struct candidate_set *set)
{
    lua_Integer position = 0;
    lua_createtable(L, (int)set->count, 0);
    luaL_getmetatable(L, METATABLE);
    for (size_t i = 0; i < set->count; ++i) {
        if (set->candidates[i].left_out)
            continue;
        struct handle *handle = lua_newuserdatauv(L, sizeof(*handle), 0);
        *handle = (struct handle){i, set->call};
        lua_pushvalue(L, -2);
        lua_setmetatable(L, -2);
        lua_rawseti(L, -3, ++position);
    }
    lua_pop(L, 1);
}

size_t candidate_lua_at(lua_State *L, int index, const struct candidate_set *set)
{
    const struct handle *handle = luaL_testudata(L, index, METATABLE);
    return handle != NULL && handle->call == set->call ? handle->index : SIZE_MAX;
}
