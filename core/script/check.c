/* check: one check of a provider: runs probe() as a coroutine, then judge(), and reports the verdict. */
#include "base/clock.h"
#include "script/response.h"
#include "script/script_internal.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The last request's time, to the microsecond that it was measured in: a float's tail digits are no measurement. */
static double measured_ms(const struct check *check)
{
    return check->phases.total_ms > 0 ? round((double)check->phases.total_ms * 1000) / 1000 : 0;
}

static void end_check(struct check *check, const struct verdict *verdict)
{
    struct script *script = check->script;
    if (check->coroutine != NULL)
        luaL_unref(sandbox_state(script->sandbox), LUA_REGISTRYINDEX, check->coroutine_reference);
    if (verdict != NULL)
        check->done(verdict, check->user);
    free(check->url);
    free(check);
    script_release(script);
}

void check_fail(struct check *check, const char *message)
{
    struct verdict verdict = {
        .kind = "script_error",
        .http_status = check->http_status,
        .latency_ms = measured_ms(check),
        .phases = check->phases,
        .rate_limit_percent = -1,
    };
    redact_into(check->script->redactor, message, verdict.message, sizeof(verdict.message));
    end_check(check, &verdict);
}

/* -- the sample and the judge, run protected -- */

struct judging {
    struct check *check;
    struct verdict *verdict;
};

static void push_library_function(lua_State *L, int *reference, const char *library, const char *function)
{
    if (*reference == LUA_NOREF) {
        lua_getglobal(L, "require");
        lua_pushstring(L, library);
        lua_call(L, 1, 1);
        if (lua_getfield(L, -1, function) != LUA_TFUNCTION)
            luaL_error(L, "lib/%s.lua has no function %s", library, function);
        lua_remove(L, -2);
        lua_pushvalue(L, -1);
        *reference = luaL_ref(L, LUA_REGISTRYINDEX);
    } else {
        lua_rawgeti(L, LUA_REGISTRYINDEX, *reference);
    }
}

static bool boolean_field(lua_State *L, int table, const char *field)
{
    lua_getfield(L, table, field);
    bool value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

static double number_field(lua_State *L, int table, const char *field, double otherwise)
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

static void word_field(lua_State *L, int table, const char *field, char *out, size_t out_size)
{
    int type = lua_getfield(L, table, field);
    if (type != LUA_TNIL && type != LUA_TSTRING)
        luaL_error(L, "the sample's %s is a %s, expected a string", field, luaL_typename(L, -1));
    if (type == LUA_TSTRING)
        snprintf(out, out_size, "%s", lua_tostring(L, -1));
    lua_pop(L, 1);
}

static float phase_field(lua_State *L, int table, const char *field)
{
    return (float)number_field(L, table, field, -1);
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

static void read_sample(lua_State *L, int sample, struct judging *judging)
{
    struct check *check = judging->check;
    struct verdict *verdict = judging->verdict;
    verdict->ok = boolean_field(L, sample, "ok");
    verdict->limited = !verdict->ok && boolean_field(L, sample, "limited");
    word_field(L, sample, "kind", verdict->kind, sizeof(verdict->kind));
    if (!verdict->ok && verdict->kind[0] == '\0')
        luaL_error(L, "the sample is not ok, but names no kind");
    if (lua_getfield(L, sample, "message") == LUA_TSTRING)
        redact_into(check->script->redactor, lua_tostring(L, -1), verdict->message, sizeof(verdict->message));
    lua_pop(L, 1);
    verdict->http_status = (int)number_field(L, sample, "http_status", check->http_status);
    verdict->latency_ms = fmax(0, number_field(L, sample, "latency_ms", measured_ms(check)));
    verdict->phases = check->phases;
    read_phases(L, sample, verdict);
    double retry_at = number_field(L, sample, "retry_at", 0);
    verdict->retry_at_us = retry_at > 0 && retry_at < 1e11 ? (int64_t)(retry_at * 1e6) : 0;
    double percent = number_field(L, sample, "rate_limit_percent", -1);
    verdict->rate_limit_percent = percent < 0 ? -1 : fmin(percent, 100);
}

/* The judge is called with the sample as the script made it, its latency filled in. */
static void push_sample_for_judge(lua_State *L, int sample, const struct verdict *verdict)
{
    lua_pushvalue(L, sample);
    lua_pushnumber(L, verdict->latency_ms);
    lua_setfield(L, -2, "latency_ms");
}

static void push_state(lua_State *L, const struct check *check)
{
    lua_createtable(L, 0, 5);
    lua_pushstring(L, check->last_status);
    lua_setfield(L, -2, "status");
    lua_pushinteger(L, check->state.consecutive_failures);
    lua_setfield(L, -2, "consecutive_failures");
    lua_pushnumber(L, check->state.degraded_latency_ms);
    lua_setfield(L, -2, "degraded_latency_ms");
    lua_pushinteger(L, check->state.max_consecutive_failures);
    lua_setfield(L, -2, "max_consecutive_failures");
    lua_pushnumber(L, (lua_Number)clock_wall_us() / 1e6);
    lua_setfield(L, -2, "now");
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

static int judge_result(lua_State *L)
{
    struct judging *judging = lua_touserdata(L, 1);
    struct check *check = judging->check;
    struct script *script = check->script;

    lua_settop(L, 0);
    lua_checkstack(check->coroutine, 1);
    lua_pushvalue(check->coroutine, 1); /* the first value that probe() returned */
    lua_xmove(check->coroutine, L, 1);
    if (response_at(L, 1) != NULL) {
        push_library_function(L, &script->sample_from, "sample", "from");
        lua_insert(L, 1);
        lua_call(L, 1, 1);
    }
    if (!lua_istable(L, 1))
        return luaL_error(L, "probe returned a %s, expected a sample table or a response", luaL_typename(L, 1));
    read_sample(L, 1, judging);

    lua_rawgeti(L, LUA_REGISTRYINDEX, check->provider->table_reference);
    if (lua_getfield(L, -1, "judge") == LUA_TNIL) {
        lua_pop(L, 1);
        push_library_function(L, &script->judge, "judge", "judge");
    }
    push_sample_for_judge(L, 1, judging->verdict);
    push_state(L, check);
    lua_call(L, 2, 3);
    read_judgement(L, judging->verdict);
    return 0;
}

/* -- the coroutine -- */

static void judge_check(struct check *check, int results)
{
    struct verdict verdict = {.rate_limit_percent = -1};
    struct judging judging = {check, &verdict};
    char error[VERDICT_MESSAGE_MAX];

    if (results == 0) {
        check_fail(check, "probe returned nothing, expected a sample table or a response");
        return;
    }
    /* probe's results are all that lies on the finished coroutine's stack, so the first is at index 1. */
    if (sandbox_protect(check->script->sandbox, judge_result, &judging, 0, error, sizeof(error)) != 0)
        check_fail(check, error);
    else
        end_check(check, &verdict);
}

void check_resume(struct check *check, int arguments)
{
    struct script *script = check->script;
    char error[VERDICT_MESSAGE_MAX];
    int results;

    script->running = check;
    int status = sandbox_resume(script->sandbox, check->coroutine, arguments, &results, error, sizeof(error));
    script->running = NULL;
    if (status == LUA_YIELD)
        lua_pop(check->coroutine, results); /* http.get yields nothing; the answer resumes */
    else if (status == LUA_OK)
        judge_check(check, results);
    else
        check_fail(check, error);
}

static int make_coroutine(lua_State *L)
{
    struct check *check = lua_touserdata(L, 1);
    lua_State *coroutine = lua_newthread(L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, check->provider->table_reference);
    lua_getfield(L, -1, "probe");
    lua_insert(L, -2); /* probe, provider */
    lua_createtable(L, 0, 3);
    lua_pushstring(L, check->provider->name);
    lua_setfield(L, -2, "name");
    lua_pushnumber(L, (lua_Number)clock_wall_us() / 1e6);
    lua_setfield(L, -2, "now");
    lua_pushnumber(L, (lua_Number)check->timeout_ms / 1000);
    lua_setfield(L, -2, "timeout_s");
    if (!lua_checkstack(coroutine, SANDBOX_STACK_SLOTS))
        return luaL_error(L, "not enough memory");
    lua_xmove(L, coroutine, 3);
    check->coroutine_reference = luaL_ref(L, LUA_REGISTRYINDEX);
    check->coroutine = coroutine;
    return 0;
}

static void begin(struct timer *timer, void *user)
{
    (void)timer;
    struct check *check = user;
    char error[VERDICT_MESSAGE_MAX];

    check->deadline_us = clock_monotonic_us() + (uint64_t)check->timeout_ms * 1000;
    if (sandbox_protect(check->script->sandbox, make_coroutine, check, 0, error, sizeof(error)) != 0)
        check_fail(check, error);
    else
        check_resume(check, 2);
}

struct check *check_start(struct script *script, size_t i, int64_t timeout_ms, const struct judge_state *state,
                          check_done_fn done, void *user)
{
    struct check *check = calloc(1, sizeof(*check));
    if (check == NULL)
        return NULL;
    check->provider = &script->providers[i];
    check->state = *state;
    snprintf(check->last_status, sizeof(check->last_status), "%s", state->status);
    check->state.status = check->last_status;
    check->timeout_ms = timeout_ms;
    check->done = done;
    check->user = user;
    check->phases = PROBE_PHASES_NONE;
    timer_init(&check->timer, begin, check);
    if (!timer_start(script->loop, &check->timer, loop_now_us(script->loop))) {
        free(check);
        return NULL;
    }
    check->script = script_retain(script);
    return check;
}

void check_cancel(struct check *check)
{
    timer_stop(check->script->loop, &check->timer);
    if (check->probe != NULL)
        probe_cancel(check->probe);
    end_check(check, NULL);
}
