/* verdict: from what probe() returned to a verdict: the sample's fields, then the judge. */
#include "base/clock.h"
#include "base/nearest.h"
#include "script/response.h"
#include "script/script_internal.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* -- the sample -- */

double sample_number(lua_State *L, int table, const char *field, double otherwise)
{
    int type = lua_getfield(L, table, field);
    double value = otherwise;
    if (type == LUA_TNUMBER && isfinite(lua_tonumber(L, -1)))
        value = lua_tonumber(L, -1);
    else if (type != LUA_TNIL)
        luaL_error(L, "the sample's %s is a %s, expected a finite number", field, luaL_typename(L, -1));
    lua_pop(L, 1);
    return value;
}

static void read_kind(lua_State *L, int sample, struct check *check, struct verdict *verdict)
{
    int type = lua_getfield(L, sample, "kind");
    if (type != LUA_TNIL && type != LUA_TSTRING)
        luaL_error(L, "the sample's kind is a %s, expected a string", luaL_typename(L, -1));
    if (type == LUA_TSTRING && !verdict->ok)
        snprintf(verdict->kind, sizeof(verdict->kind), "%s", lua_tostring(L, -1));
    lua_pop(L, 1);
    if (verdict->ok)
        return;
    if (verdict->kind[0] == '\0')
        luaL_error(L, "the sample is not ok, but names no kind");
    verdict->effects = kind_find(check->order.kinds, verdict->kind);
    if (verdict->effects == NULL) {
        const char *names[KINDS_MAX];
        const struct kind_table *kinds = check->order.kinds;
        for (size_t i = 0; i < kinds->count; ++i)
            names[i] = kinds->kinds[i].name;
        const char *near = nearest_word(verdict->kind, names, kinds->count);
        luaL_error(L, "the sample's kind '%s' is not one of lib/kinds.lua%s%s%s", verdict->kind,
                   near != NULL ? "; did you mean '" : "", near != NULL ? near : "", near != NULL ? "'?" : "");
    }
}

static float phase_field(lua_State *L, int table, const char *field)
{
    return (float)sample_number(L, table, field, -1);
}

static void read_phases(lua_State *L, int sample, struct verdict *verdict)
{
    if (lua_getfield(L, sample, "phases") == LUA_TTABLE) {
        int table = lua_gettop(L);
        verdict->phases.dns_ms = phase_field(L, table, "dns_ms");
        verdict->phases.connect_ms = phase_field(L, table, "connect_ms");
        verdict->phases.tls_ms = phase_field(L, table, "tls_ms");
        verdict->phases.first_byte_ms = phase_field(L, table, "first_byte_ms");
        verdict->phases.total_ms = phase_field(L, table, "total_ms");
    }
    lua_pop(L, 1);
}

static int64_t moment_us(double seconds)
{
    return seconds > 0 && seconds < 1e11 ? (int64_t)(seconds * 1e6) : 0;
}

/* One window of the sample's `limits`, the table on top. */
static void read_window(lua_State *L, struct limit_window *window)
{
    int table = lua_gettop(L);
    lua_getfield(L, table, "unit");
    if (lua_type(L, -1) != LUA_TSTRING || lua_rawlen(L, -1) == 0 || lua_rawlen(L, -1) >= LIMIT_UNIT_MAX)
        luaL_error(L, "a limit of the sample has no unit, expected a text such as \"requests\"");
    strcpy(window->unit, lua_tostring(L, -1));
    lua_getfield(L, table, "name");
    if (lua_type(L, -1) == LUA_TSTRING)
        snprintf(window->name, sizeof(window->name), "%s", lua_tostring(L, -1));
    lua_pop(L, 2);
    double window_s = sample_number(L, table, "window_s", 0);
    window->window_s = window_s > 0 && window_s < 1e10 ? (int64_t)window_s : 0;
    window->limit = fmax(-1, sample_number(L, table, "limit", -1));
    window->remaining = sample_number(L, table, "remaining", -1);
    if (window->remaining < 0)
        window->remaining = -1;
    window->reset_at_us = moment_us(sample_number(L, table, "reset_at", 0));
}

static void read_limits(lua_State *L, int sample, struct verdict *verdict)
{
    int type = lua_getfield(L, sample, "limits");
    if (type != LUA_TNIL && type != LUA_TTABLE)
        luaL_error(L, "the sample's limits is a %s, expected an array", luaL_typename(L, -1));
    size_t count = type == LUA_TTABLE ? lua_rawlen(L, -1) : 0;
    for (size_t i = 0; i < count && verdict->window_count < LIMIT_WINDOWS_MAX; ++i) {
        if (lua_rawgeti(L, -1, (lua_Integer)i + 1) != LUA_TTABLE)
            luaL_error(L, "limit %d of the sample is a %s, expected a table", (int)i + 1, luaL_typename(L, -1));
        read_window(L, &verdict->windows[verdict->window_count++]);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

void read_sample(lua_State *L, int sample, struct check *check, struct verdict *verdict)
{
    lua_getfield(L, sample, "ok");
    verdict->ok = lua_toboolean(L, -1);
    lua_pop(L, 1);
    read_kind(L, sample, check, verdict);
    if (lua_getfield(L, sample, "message") == LUA_TSTRING)
        redact_into(check->script->redactor, lua_tostring(L, -1), verdict->message, sizeof(verdict->message));
    lua_pop(L, 1);
    verdict->http_status = (int)sample_number(L, sample, "http_status", check->http_status);
    verdict->latency_ms = fmax(0, sample_number(L, sample, "latency_ms", check_measured_ms(check)));
    verdict->phases = check->phases;
    read_phases(L, sample, verdict);
    verdict->retry_at_us = moment_us(sample_number(L, sample, "retry_at", 0));
    double percent = sample_number(L, sample, "rate_limit_percent", -1);
    verdict->rate_limit_percent = percent < 0 ? -1 : fmin(percent, 100);
    read_limits(L, sample, verdict);
}

/* -- the judge -- */

/* It is called with the sample as the script made it, with what the daemon knows better filled in. */
static void push_sample_for_judge(lua_State *L, int sample, const struct verdict *verdict)
{
    lua_pushvalue(L, sample);
    lua_pushnumber(L, verdict->latency_ms);
    lua_setfield(L, -2, "latency_ms");
    lua_pushboolean(L, verdict->effects != NULL && verdict->effects->effect == EFFECT_LIMITED);
    lua_setfield(L, -2, "limited");
}

static void set_number(lua_State *L, const char *field, double value)
{
    lua_pushnumber(L, value);
    lua_setfield(L, -2, field);
}

static void push_state(lua_State *L, const struct check *check, const struct verdict *verdict)
{
    const struct judge_state *state = &check->order.state;
    lua_createtable(L, 0, 9);
    lua_pushstring(L, check->last_status);
    lua_setfield(L, -2, "status");
    lua_pushinteger(L, state->consecutive_failures);
    lua_setfield(L, -2, "consecutive_failures");
    lua_pushinteger(L, state->max_consecutive_failures);
    lua_setfield(L, -2, "max_consecutive_failures");
    set_number(L, "degraded_latency_ms", state->degraded_latency_ms);
    set_number(L, "uptime_percent", state->uptime_percent);
    set_number(L, "rate_limit_percent", state->rate_limit_percent);
    set_number(L, "now", (lua_Number)clock_wall_us() / 1e6);
    if (verdict->effects != NULL) {
        lua_pushstring(L, kind_effect_name(verdict->effects->effect));
        lua_setfield(L, -2, "effect");
    }
    lua_createtable(L, 0, 3);
    set_number(L, "latency", state->weights.latency);
    set_number(L, "uptime", state->weights.uptime);
    set_number(L, "headroom", state->weights.headroom);
    lua_setfield(L, -2, "weights");
}

static void read_judgement(lua_State *L, struct verdict *verdict)
{
    /* stack top: status, reason, score */
    static const char *const statuses[] = {"healthy", "degraded", "down", "unknown"};
    const char *status = lua_type(L, -3) == LUA_TSTRING ? lua_tostring(L, -3) : luaL_typename(L, -3);
    bool known = false;
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); ++i)
        known |= strcmp(status, statuses[i]) == 0;
    if (!known)
        luaL_error(L, "judge returned '%s' as status, expected healthy, degraded, down or unknown", status);
    snprintf(verdict->status, sizeof(verdict->status), "%s", status);
    const char *reason = lua_tostring(L, -2);
    snprintf(verdict->reason, sizeof(verdict->reason), "%s", reason != NULL ? reason : "");
    verdict->score = lua_isnumber(L, -1) ? fmin(100, fmax(0, lua_tonumber(L, -1))) : 0;
    verdict->judged = true;
}

void judge_sample(lua_State *L, struct check *check, struct verdict *verdict)
{
    struct script *script = check->script;

    lua_settop(L, 1);
    if (lua_isnil(L, 1))
        luaL_error(L, "probe returned nothing, expected a sample table or a response");
    if (response_at(L, 1) != NULL) {
        push_library_function(L, script, SAMPLE_FROM);
        lua_insert(L, 1);
        lua_rawgeti(L, LUA_REGISTRYINDEX, check->provider->table_reference);
        lua_call(L, 2, 1);
    }
    if (!lua_istable(L, 1))
        luaL_error(L, "probe returned a %s, expected a sample table or a response", luaL_typename(L, 1));
    read_sample(L, 1, check, verdict);

    lua_rawgeti(L, LUA_REGISTRYINDEX, check->provider->table_reference);
    if (lua_getfield(L, -1, "judge") == LUA_TNIL) {
        lua_pop(L, 1);
        push_library_function(L, script, JUDGE);
    }
    push_sample_for_judge(L, 1, verdict);
    push_state(L, check, verdict);
    lua_call(L, 2, 3);
    read_judgement(L, verdict);
}
