#include "plugin/policy.h"

#include "base/clock.h"
#include "base/log.h"
#include "plugin/policy_host.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALTERNATIVES_MAX = 2 }; /* of the built-in rule, as recorded from the original */

struct open_policy {
    struct sandbox *sandbox; /* NULL = not opened yet, or broken */
    int rank_reference;
    bool broken;
    char error[POLICY_REASON_MAX];  /* why it is broken */
    char logged[POLICY_REASON_MAX]; /* the last failure that the log was told: requests repeat, the log does not */
};

struct policy_state {
    struct policy_host *host;
    struct open_policy *policies; /* by the host's index */
    const struct provider_view **ranking;
    bool *ranked; /* scratch: which providers a policy has named already */
    size_t capacity;
};

/* -- the built-in rule -- */

static int by_latency(const void *a, const void *b)
{
    const struct provider_view *x = *(const struct provider_view *const *)a;
    const struct provider_view *y = *(const struct provider_view *const *)b;
    if (x->lead->response_time_ms != y->lead->response_time_ms)
        return x->lead->response_time_ms < y->lead->response_time_ms ? -1 : 1;
    return strcmp(x->name, y->name);
}

static size_t take_status(const struct snapshot *snapshot, enum health_status status,
                          const struct provider_view **ranking)
{
    size_t count = 0;
    for (size_t i = 0; i < snapshot->count; ++i) {
        if (snapshot->providers[i]->status == status)
            ranking[count++] = snapshot->providers[i];
    }
    if (count != 0)
        qsort(ranking, count, sizeof(*ranking), by_latency);
    return count;
}

void policy_lowest_latency(const struct snapshot *snapshot, const struct provider_view **ranking,
                           struct policy_result *result)
{
    result->ranking = ranking;
    result->alternatives = 0;
    if ((result->count = take_status(snapshot, HEALTH_HEALTHY, ranking)) != 0) {
        result->alternatives = ALTERNATIVES_MAX;
        snprintf(result->reason, sizeof(result->reason), "lowest latency (%.1fms) + healthy status",
                 ranking[0]->lead->response_time_ms);
    } else if ((result->count = take_status(snapshot, HEALTH_DEGRADED, ranking)) != 0) {
        snprintf(result->reason, sizeof(result->reason), "No healthy providers available, using least degraded: %s",
                 ranking[0]->name);
    } else {
        snprintf(result->reason, sizeof(result->reason), "All providers are down");
    }
}

/* -- a policy in Lua -- */

struct ranking_call {
    struct policy_state *state;
    const struct open_policy *policy;
    const struct snapshot *snapshot;
    struct policy_result *result;
};

static void set_text(lua_State *L, const char *field, const char *text)
{
    lua_pushstring(L, text);
    lua_setfield(L, -2, field);
}

static void set_number(lua_State *L, const char *field, double value)
{
    lua_pushnumber(L, value);
    lua_setfield(L, -2, field);
}

static void push_candidate(lua_State *L, const struct provider_view *view, int64_t now_us)
{
    lua_createtable(L, 0, 13);
    set_text(L, "name", view->name);
    set_text(L, "title", view->title);
    set_text(L, "status", health_status_name(view->status));
    set_text(L, "reason", view->reason);
    set_number(L, "latency_ms", view->lead->response_time_ms);
    set_number(L, "uptime_percent", view->uptime_percent);
    set_number(L, "rate_limit_percent", view->lead->rate_limit_percent);
    set_number(L, "score", view->score);
    set_number(L, "risk", view->forecast.risk);
    lua_pushinteger(L, view->lead->consecutive_failures);
    lua_setfield(L, -2, "consecutive_failures");
    if (view->lead->last_check_us != 0)
        set_number(L, "last_check_age_s", (double)(now_us - view->lead->last_check_us) / 1e6);
    if (view->lead->retry_at_us != 0)
        set_number(L, "retry_at", (double)view->lead->retry_at_us / 1e6);
}

/* [-0, +0, e] The length of the list at `list`; raises when it has holes or fields beside it. */
static size_t list_length(lua_State *L, int list)
{
    size_t count = lua_rawlen(L, list), entries = 0;
    lua_pushnil(L);
    while (lua_next(L, list) != 0) {
        ++entries;
        lua_pop(L, 1);
    }
    if (entries != count)
        luaL_error(L, "rank returned a table with fields or holes, expected a list of names");
    return count;
}

/* A name that a policy gave; NULL when it is no candidate's. [-0, +0, -] */
static const struct provider_view *candidate_at(lua_State *L, int index, const struct snapshot *snapshot)
{
    size_t len;
    const char *name = lua_type(L, index) == LUA_TSTRING ? lua_tolstring(L, index, &len) : NULL;
    if (name == NULL || strlen(name) != len) /* a zero byte inside: snapshot_find() takes it for the name's end */
        return NULL;
    return snapshot_find(snapshot, name, len);
}

static void read_ranking(lua_State *L, int list, struct ranking_call *call)
{
    const struct snapshot *snapshot = call->snapshot;
    struct policy_state *state = call->state;
    size_t count = list_length(L, list);
    if (count > snapshot->count)
        luaL_error(L, "rank returned %d names for %d candidates", (int)count, (int)snapshot->count);
    memset(state->ranked, 0, snapshot->count * sizeof(*state->ranked));
    for (size_t i = 0; i < count; ++i) {
        lua_rawgeti(L, list, (lua_Integer)i + 1);
        size_t position = 0;
        const struct provider_view *view = candidate_at(L, -1, snapshot);
        if (view == NULL && lua_type(L, -1) == LUA_TSTRING)
            luaL_error(L, "rank returned '%s', which is no candidate", lua_tostring(L, -1));
        if (view == NULL)
            luaL_error(L, "rank returned a list with a %s in it, expected names", luaL_typename(L, -1));
        while (snapshot->providers[position] != view)
            ++position;
        if (state->ranked[position])
            luaL_error(L, "rank returned '%s' twice", view->name);
        state->ranked[position] = true;
        state->ranking[i] = view;
        lua_pop(L, 1);
    }
    call->result->count = count;
}

static int call_rank(lua_State *L)
{
    struct ranking_call *call = lua_touserdata(L, 1);
    const struct snapshot *snapshot = call->snapshot;
    int64_t now_us = clock_wall_us();

    lua_settop(L, 0);
    lua_rawgeti(L, LUA_REGISTRYINDEX, call->policy->rank_reference);
    lua_createtable(L, (int)snapshot->count, 0);
    for (size_t i = 0; i < snapshot->count; ++i) {
        push_candidate(L, snapshot->providers[i], now_us);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_newtable(L); /* the request: nothing in it yet that a policy may know */
    lua_call(L, 2, 3);
    if (!lua_istable(L, 1))
        return luaL_error(L, "rank returned a %s, expected a list of names", luaL_typename(L, 1));
    if (lua_type(L, 2) != LUA_TSTRING)
        return luaL_error(L, "rank returned a %s as reason, expected a string", luaL_typename(L, 2));
    read_ranking(L, 1, call);
    snprintf(call->result->reason, sizeof(call->result->reason), "%s", lua_tostring(L, 2));
    call->result->alternatives = SIZE_MAX;
    if (!lua_isnil(L, 3)) {
        if (!lua_isinteger(L, 3) || lua_tointeger(L, 3) < 0)
            return luaL_error(L, "rank returned a %s as number of alternatives, expected a whole number",
                              luaL_typename(L, 3));
        call->result->alternatives = (size_t)lua_tointeger(L, 3);
    }
    return 0;
}

static bool make_room(struct policy_state *state, size_t count)
{
    if (count <= state->capacity)
        return true;
    const struct provider_view **ranking = realloc(state->ranking, count * sizeof(*ranking));
    if (ranking != NULL)
        state->ranking = ranking;
    bool *ranked = realloc(state->ranked, count * sizeof(*ranked));
    if (ranked != NULL)
        state->ranked = ranked;
    if (ranking == NULL || ranked == NULL)
        return false;
    state->capacity = count;
    return true;
}

/* The policy, opened at its first use on this thread. */
static struct open_policy *open_at(struct policy_state *state, size_t i)
{
    struct open_policy *policy = &state->policies[i];
    if (policy->sandbox == NULL && !policy->broken) {
        policy->sandbox = policy_open(state->host, &state->host->sources[i], &policy->rank_reference, policy->error,
                                      sizeof(policy->error));
        policy->broken = policy->sandbox == NULL;
    }
    return policy;
}

bool policy_rank(struct policy_state *state, const char *name, const struct snapshot *snapshot,
                 struct policy_result *result)
{
    const struct policy_source *source =
        policy_source_find(state->host, name != NULL ? name : state->host->default_name);
    if (source == NULL)
        return false;
    memset(result, 0, sizeof(*result));
    memcpy(result->policy, source->name, sizeof(result->policy));
    if (!make_room(state, snapshot->count + 1)) {
        snprintf(result->error, sizeof(result->error), "out of memory for a ranking");
        snprintf(result->reason, sizeof(result->reason), "out of memory");
        return true;
    }
    struct open_policy *policy = open_at(state, (size_t)(source - state->host->sources));
    struct ranking_call call = {state, policy, snapshot, result};
    result->ranking = state->ranking;
    if (policy->broken)
        memcpy(result->error, policy->error, sizeof(result->error));
    else if (sandbox_protect(policy->sandbox, call_rank, &call, 0, result->error, sizeof(result->error)) == 0)
        return true;
    if (strcmp(policy->logged, result->error) != 0)
        log_warning("policy", "%s: %s; the built-in rule answers", source->name, result->error);
    memcpy(policy->logged, result->error, sizeof(policy->logged));
    policy_lowest_latency(snapshot, state->ranking, result);
    return true;
}

/* -- life -- */

struct policy_state *policy_state_new(struct policy_host *host)
{
    struct policy_state *state = calloc(1, sizeof(*state));
    if (state == NULL)
        return NULL;
    state->policies = calloc(host->count + 1, sizeof(*state->policies));
    if (state->policies == NULL) {
        free(state);
        return NULL;
    }
    state->host = policy_host_retain(host);
    return state;
}

void policy_state_free(struct policy_state *state)
{
    if (state == NULL)
        return;
    for (size_t i = 0; i < state->host->count; ++i)
        sandbox_free(state->policies[i].sandbox);
    free(state->policies);
    free(state->ranking);
    free(state->ranked);
    policy_host_release(state->host);
    free(state);
}
