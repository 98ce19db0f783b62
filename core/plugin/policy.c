#include "plugin/policy.h"

#include "base/clock.h"
#include "base/log.h"
#include "plugin/builtin_rule.h"
#include "plugin/candidate_lua.h"
#include "plugin/policy_host.h"
#include "script/lua_meter.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct open_policy {
    struct sandbox *sandbox; /* NULL = not opened yet, or broken */
    struct policy_functions functions;
    bool broken;
    char error[POLICY_REASON_MAX];  /* why it is broken */
    char logged[POLICY_REASON_MAX]; /* the last failure that the log was told: requests repeat, the log does not */
};

struct policy_state {
    struct policy_host *host;
    struct open_policy *policies; /* by the host's index */
    struct candidate *candidates;
    struct candidate_set set;
    struct ranking ranking;
    size_t capacity; /* of candidates and ranking */
};

/* -- calling a policy -- */

struct ranking_call {
    struct policy_state *state;
    const struct open_policy *policy;
    const struct policy_request *request;
    const char *current;
    struct policy_result *result;
};

static void set_text(lua_State *L, const char *field, const char *text)
{
    if (text[0] == '\0')
        return;
    lua_pushstring(L, text);
    lua_setfield(L, -2, field);
}

static void set_number(lua_State *L, const char *field, double value)
{
    lua_pushnumber(L, value);
    lua_setfield(L, -2, field);
}

static void push_request(lua_State *L, const struct ranking_call *call)
{
    const struct policy_request *request = call->request;
    lua_createtable(L, 0, 8);
    set_number(L, "now", (double)call->state->set.now_us / 1e6);
    set_text(L, "current", call->current);
    set_text(L, "model", request->model);
    if (request->max_latency_ms > 0)
        set_number(L, "max_latency_ms", request->max_latency_ms);
    lua_createtable(L, (int)request->require_count, 0);
    for (size_t i = 0; i < request->require_count; ++i) {
        lua_pushstring(L, request->require[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "require");
}

static void read_alternatives(lua_State *L, int index, struct policy_result *result)
{
    result->alternatives = SIZE_MAX;
    if (lua_isnil(L, index))
        return;
    if (!lua_isinteger(L, index) || lua_tointeger(L, index) < 0)
        luaL_error(L, "rank returned a %s as number of alternatives, expected a whole number", luaL_typename(L, index));
    result->alternatives = (size_t)lua_tointeger(L, index);
}

static int call_rank(lua_State *L)
{
    struct ranking_call *call = lua_touserdata(L, 1);
    struct policy_state *state = call->state;

    lua_settop(L, 0);
    lua_rawgeti(L, LUA_REGISTRYINDEX, call->policy->functions.rank);
    candidate_lua_push_all(L, &state->set);
    push_request(L, call);
    lua_rawgeti(L, LUA_REGISTRYINDEX, call->policy->functions.settings);
    lua_call(L, 3, 3);
    if (!lua_istable(L, 1))
        return luaL_error(L, "rank returned a %s, expected a list of names", luaL_typename(L, 1));
    if (lua_type(L, 2) != LUA_TSTRING)
        return luaL_error(L, "rank returned a %s as reason, expected a string", luaL_typename(L, 2));
    read_alternatives(L, 3, call->result);
    ranking_read(L, 1, &state->set, &state->ranking);
    snprintf(call->result->reason, sizeof(call->result->reason), "%s", lua_tostring(L, 2));
    return 0;
}

static int open_candidates(lua_State *L)
{
    candidate_lua_open(L, lua_touserdata(L, 1));
    return 0;
}

/* The policy, opened at its first use on this thread. */
static struct open_policy *open_at(struct policy_state *state, size_t i)
{
    struct open_policy *policy = &state->policies[i];
    if (policy->sandbox != NULL || policy->broken)
        return policy;
    policy->sandbox =
        policy_open(state->host, &state->host->sources[i], &policy->functions, policy->error, sizeof(policy->error));
    if (policy->sandbox != NULL &&
        sandbox_protect(policy->sandbox, open_candidates, &state->set, 0, policy->error, sizeof(policy->error)) != 0) {
        sandbox_free(policy->sandbox);
        policy->sandbox = NULL;
    }
    policy->broken = policy->sandbox == NULL;
    if (policy->sandbox != NULL)
        sandbox_set_meter(policy->sandbox, state->host->sources[i].meter);
    return policy;
}

/* -- ranking -- */

static bool make_room(struct policy_state *state, size_t count)
{
    if (count <= state->capacity)
        return true;
    struct candidate *candidates = realloc(state->candidates, count * sizeof(*candidates));
    if (candidates != NULL)
        state->candidates = candidates;
    struct ranked *rows = realloc(state->ranking.rows, count * sizeof(*rows));
    if (rows != NULL)
        state->ranking.rows = rows;
    bool *named = realloc(state->ranking.named, count * sizeof(*named));
    if (named != NULL)
        state->ranking.named = named;
    if (candidates == NULL || rows == NULL || named == NULL)
        return false;
    state->capacity = count;
    return true;
}

static void forget_ranking(struct policy_state *state)
{
    state->ranking.ranked = state->ranking.count = 0;
    memset(state->ranking.named, 0, state->set.count * sizeof(*state->ranking.named));
}

/* Nobody is up, but the client wants somebody: who is likely back first. */
static void take_next_best(struct ranking *ranking, struct policy_result *result)
{
    const struct ranked *first = &ranking->rows[0];
    char back[64] = "nobody knows when";
    result->nobody = true;
    result->alternatives = 0;
    if (ranking->count == 0 || first->candidate->left_out)
        return;
    ranking->ranked = 1;
    if (first->candidate->back_us != 0) {
        time_t seconds = (time_t)(first->candidate->back_us / 1000000);
        struct tm utc;
        strftime(back, sizeof(back), "about %Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &utc));
    }
    snprintf(result->reason, sizeof(result->reason), "Nobody is up: %s (%.80s) is likely back first, %s",
             first->candidate->view->name, first->why, back);
}

/* Everybody who is up cools: only the one that recovers first was ranked. */
static void tell_cooling(const struct candidate *first, struct policy_result *result)
{
    char until[CLOCK_ISO_MAX];
    clock_format_rfc3339(first->cooling_until_us, until);
    snprintf(result->reason, sizeof(result->reason), "everybody cools: %s recovers first, at %s (%s)",
             first->view->name, until, first->cooling_kind);
}

static void fall_back(struct policy_state *state, struct open_policy *policy, const struct policy_source *source,
                      struct policy_result *result)
{
    lua_meter_add_error(source->meter, result->error);
    if (strcmp(policy->logged, result->error) != 0)
        log_warning("policy", "%s: %s; the built-in rule answers", source->name, result->error);
    memcpy(policy->logged, result->error, sizeof(policy->logged));
    forget_ranking(state);
    builtin_rule_rank(&state->set, &state->ranking, result);
}

bool policy_rank(struct policy_state *state, const struct policy_request *request, const char *current,
                 const struct snapshot *snapshot, int64_t now_us, struct policy_result *result)
{
    const char *name = request->policy[0] != '\0' ? request->policy : state->host->default_name;
    const struct policy_source *source = policy_source_find(state->host, name);
    if (source == NULL)
        return false;
    memset(result, 0, sizeof(*result));
    memcpy(result->policy, source->name, sizeof(result->policy));
    result->ranking = &state->ranking;
    if (!make_room(state, snapshot->count + 1)) {
        state->ranking.ranked = state->ranking.count = 0;
        snprintf(result->error, sizeof(result->error), "out of memory for a ranking");
        snprintf(result->reason, sizeof(result->reason), "out of memory");
        return true;
    }
    struct candidate_terms terms = {request, state->host->prices, state->host->warm_up_us, now_us};
    candidates_read(snapshot, &terms, state->candidates);
    state->set = (struct candidate_set){state->candidates, snapshot->count, state->set.call + 1, now_us};
    forget_ranking(state);

    struct open_policy *policy = open_at(state, (size_t)(source - state->host->sources));
    struct ranking_call call = {state, policy, request, current, result};
    if (policy->broken)
        memcpy(result->error, policy->error, sizeof(result->error));
    if (policy->broken ||
        sandbox_protect(policy->sandbox, call_rank, &call, 0, result->error, sizeof(result->error)) != 0)
        fall_back(state, policy, source, result);
    ranking_add_rest(&state->set, &state->ranking);
    if (state->ranking.ranked != 0 && state->ranking.rows[0].candidate->cooling_until_us != 0)
        tell_cooling(state->ranking.rows[0].candidate, result);
    state->set.candidates = NULL; /* until the next call nobody may read them */
    if (state->ranking.ranked == 0 && request->any)
        take_next_best(&state->ranking, result);
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
    free(state->candidates);
    free(state->ranking.rows);
    free(state->ranking.named);
    policy_host_release(state->host);
    free(state);
}
