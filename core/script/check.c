/* check: one question to a provider: runs a function of its script as a coroutine, and reports what came of it. */
#include "base/clock.h"
#include "script/json_value.h"
#include "script/response.h"
#include "script/script_internal.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *module;
    const char *function;
} library_functions[LIBRARY_FUNCTIONS] = {
    [SAMPLE_FROM] = {"sample", "from"},
    [JUDGE] = {"judge", "judge"},
    [DEEP_RUN] = {"deep", "run"},
    [STATUS_PAGE_FETCH] = {"status_page", "fetch"},
};

double check_measured_ms(const struct check *check)
{
    return check->phases.total_ms > 0 ? round((double)check->phases.total_ms * 1000) / 1000 : 0;
}

/* -- the end -- */

static void end_check(struct check *check, struct verdict *verdict)
{
    struct script *script = check->script;
    if (check->coroutine != NULL)
        luaL_unref(sandbox_state(script->sandbox), LUA_REGISTRYINDEX, check->coroutine_reference);
    if (verdict != NULL) {
        verdict->requests = check->requests;
        if (!verdict->ok)
            exchange_render_json(&check->exchange, script->redactor, &verdict->exchange);
        check->done(verdict, check->user);
        model_list_release(verdict->models);
        announcement_release(verdict->announcement);
        buf_dispose(&verdict->exchange);
    }
    if (check->order.kinds != NULL)
        kind_table_release(check->order.kinds);
    free(check->argument);
    model_list_release(check->order.models);
    exchange_dispose(&check->exchange);
    free(check->url);
    free(check);
    script_release(script);
}

static struct verdict blank_verdict(const struct check *check)
{
    return (struct verdict){
        .phases = check->phases,
        .rate_limit_percent = -1,
        .deep = {.first_token_ms = -1, .tokens_per_second = -1},
        .exchange = BUF_EMPTY,
    };
}

void check_fail(struct check *check, const char *message)
{
    struct verdict verdict = blank_verdict(check);
    strcpy(verdict.kind, "script_error");
    verdict.effects = check->order.kinds != NULL ? kind_find(check->order.kinds, verdict.kind) : NULL;
    verdict.http_status = check->http_status;
    verdict.latency_ms = check_measured_ms(check);
    redact_into(check->script->redactor, message, verdict.message, sizeof(verdict.message));
    lua_meter_add_error(check->script->meter, verdict.message);
    if (check->order.purpose == CHECK_STATUS_PAGE)
        verdict.announcement = announcement_unknown(verdict.message);
    end_check(check, &verdict);
}

/* -- what came of it -- */

struct judging {
    struct check *check;
    struct verdict *verdict;
};

void push_library_function(lua_State *L, struct script *script, enum library_function function)
{
    int *reference = &script->library[function];
    if (*reference != LUA_NOREF) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, *reference);
        return;
    }
    lua_getglobal(L, "require");
    lua_pushstring(L, library_functions[function].module);
    lua_call(L, 1, 1);
    if (lua_getfield(L, -1, library_functions[function].function) != LUA_TFUNCTION)
        luaL_error(L, "lib/%s.lua has no function %s", library_functions[function].module,
                   library_functions[function].function);
    lua_remove(L, -2);
    lua_pushvalue(L, -1);
    *reference = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* Runs protected. What the coroutine returned is all that lies on its stack. */
static int take_result(lua_State *L)
{
    struct judging *judging = lua_touserdata(L, 1);
    struct check *check = judging->check;

    lua_settop(L, 0);
    lua_checkstack(check->coroutine, 2);
    int results = lua_gettop(check->coroutine);
    for (int i = 1; i <= 2; ++i) {
        if (i <= results)
            lua_pushvalue(check->coroutine, i);
        else
            lua_pushnil(check->coroutine);
    }
    lua_xmove(check->coroutine, L, 2);
    switch (check->order.purpose) {
    case CHECK_PROBE:
        judge_sample(L, check, judging->verdict);
        break;
    case CHECK_DEEP:
        read_deep_finding(L, check, judging->verdict);
        break;
    case CHECK_MODELS:
        read_models(L, check, judging->verdict);
        break;
    case CHECK_CALL:
        read_call(L, check, judging->verdict);
        break;
    case CHECK_STATUS_PAGE:
        if (!lua_istable(L, 1))
            luaL_error(L, "lib/status_page.lua: fetch returned a %s, expected a table", luaL_typename(L, 1));
        judging->verdict->announcement = announcement_read(L, 1, check->script->redactor);
        judging->verdict->ok = true;
        break;
    }
    return 0;
}

static void report(struct check *check)
{
    struct verdict verdict = blank_verdict(check);
    struct judging judging = {check, &verdict};
    char error[VERDICT_MESSAGE_MAX];

    if (sandbox_protect(check->script->sandbox, take_result, &judging, 0, error, sizeof(error)) != 0) {
        model_list_release(verdict.models);
        announcement_release(verdict.announcement);
        check_fail(check, error);
        return;
    }
    end_check(check, &verdict);
}

/* -- the coroutine -- */

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
        report(check);
    else
        check_fail(check, error);
}

static void push_function(lua_State *L, const struct check *check)
{
    switch (check->order.purpose) {
    case CHECK_PROBE:
        lua_getfield(L, -1, "probe");
        break;
    case CHECK_MODELS:
        lua_getfield(L, -1, "list_models");
        break;
    case CHECK_DEEP:
        push_library_function(L, check->script, DEEP_RUN);
        break;
    case CHECK_STATUS_PAGE:
        push_library_function(L, check->script, STATUS_PAGE_FETCH);
        break;
    case CHECK_CALL:
        lua_getfield(L, -1, check->order.function);
        break;
    }
}

/* The table `check` of the script's functions. */
static void push_check(lua_State *L, const struct check *check)
{
    const struct check_order *order = &check->order;
    lua_createtable(L, 0, 9);
    lua_pushstring(L, check->provider->name);
    lua_setfield(L, -2, "name");
    lua_pushnumber(L, (lua_Number)clock_wall_us() / 1e6);
    lua_setfield(L, -2, "now");
    lua_pushnumber(L, (lua_Number)order->timeout_ms / 1000);
    lua_setfield(L, -2, "timeout_s");
    if (order->key != CHECK_NO_KEY) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, check->provider->keys[order->key].reference);
        lua_setfield(L, -2, "key");
        lua_pushinteger(L, (lua_Integer)order->key + 1);
        lua_setfield(L, -2, "key_number");
    }
    if (order->purpose != CHECK_DEEP)
        return;
    lua_pushstring(L, order->rung);
    lua_setfield(L, -2, "rung");
    if (check->model[0] != '\0') {
        lua_pushstring(L, check->model);
        lua_setfield(L, -2, "model");
    }
    model_list_push(L, order->models);
    lua_setfield(L, -2, "models");
    lua_pushinteger(L, (lua_Integer)order->tokens_left);
    lua_setfield(L, -2, "tokens_left");
}

/* What a plugin's function is called with: what happened, and the plugin's settings. */
static void push_call(lua_State *L, const struct check *check)
{
    if (!json_value_decode(L, check->argument, strlen(check->argument)))
        luaL_error(L, "out of memory for what a plugin is told");
    lua_rawgeti(L, LUA_REGISTRYINDEX, check->provider->settings_reference);
}

static int make_coroutine(lua_State *L)
{
    struct check *check = lua_touserdata(L, 1);
    lua_State *coroutine = lua_newthread(L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, check->provider->table_reference);
    push_function(L, check);
    lua_insert(L, -2); /* function, provider */
    if (check->order.purpose == CHECK_CALL) {
        lua_pop(L, 1);
        push_call(L, check);
    } else {
        push_check(L, check);
    }
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

    check->deadline_us = clock_monotonic_us() + (uint64_t)check->order.timeout_ms * 1000;
    if (sandbox_protect(check->script->sandbox, make_coroutine, check, 0, error, sizeof(error)) != 0)
        check_fail(check, error);
    else
        check_resume(check, 2);
}

struct check *check_start(struct script *script, size_t i, const struct check_order *order, check_done_fn done,
                          void *user)
{
    struct check *check = calloc(1, sizeof(*check));
    if (check == NULL)
        return NULL;
    check->provider = &script->providers[i];
    check->order = *order;
    snprintf(check->last_status, sizeof(check->last_status), "%s",
             order->state.status != NULL ? order->state.status : "unknown");
    snprintf(check->model, sizeof(check->model), "%s", order->model != NULL ? order->model : "");
    check->argument = strdup(order->argument != NULL ? order->argument : "null");
    check->order.state.status = check->last_status;
    check->order.model = check->model;
    check->done = done;
    check->user = user;
    check->phases = PROBE_PHASES_NONE;
    timer_init(&check->timer, begin, check);
    if (check->argument == NULL || !timer_start(script->loop, &check->timer, loop_now_us(script->loop))) {
        free(check->argument);
        free(check);
        return NULL;
    }
    if (check->order.kinds != NULL)
        kind_table_retain(check->order.kinds);
    if (check->order.models != NULL)
        model_list_retain(check->order.models);
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
