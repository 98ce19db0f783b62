/* findings: what deep probes and questions for models returned. */
#include "script/script_internal.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* A text of the sample, cleaned of secrets, since a provider may echo anything. */
static void clean_text(lua_State *L, const char *field, struct check *check, char *out, size_t out_size)
{
    if (lua_getfield(L, 1, field) == LUA_TSTRING)
        redact_into(check->script->redactor, lua_tostring(L, -1), out, out_size);
    lua_pop(L, 1);
}

void read_deep_finding(lua_State *L, struct check *check, struct verdict *verdict)
{
    struct deep_finding *deep = &verdict->deep;
    if (!lua_istable(L, 1))
        luaL_error(L, "lib/deep.lua: run returned a %s, expected a sample", luaL_typename(L, 1));
    clean_text(L, "skipped", check, deep->skipped, sizeof(deep->skipped));
    deep->tokens_spent = (int64_t)fmax(0, fmin(1e12, sample_number(L, 1, "tokens_spent", 0)));
    if (deep->skipped[0] != '\0') {
        verdict->ok = true;
        verdict->judged = true;
        return;
    }
    read_sample(L, 1, check, verdict);
    clean_text(L, "rung", check, deep->rung, sizeof(deep->rung));
    clean_text(L, "model_asked", check, deep->model_asked, sizeof(deep->model_asked));
    clean_text(L, "model", check, deep->model, sizeof(deep->model));
    deep->first_token_ms = sample_number(L, 1, "first_token_ms", -1);
    deep->tokens_per_second = sample_number(L, 1, "tokens_per_second", -1);
    lua_getfield(L, 1, "model_mismatch");
    deep->model_mismatch = lua_toboolean(L, -1);
    lua_pop(L, 1);
    verdict->judged = true;
}

/* list_models returned an array, or nil and a sample that says why not. */
void read_models(lua_State *L, struct check *check, struct verdict *verdict)
{
    if (lua_istable(L, 1)) {
        verdict->models = model_list_read(L, 1);
        verdict->ok = verdict->judged = true;
        return;
    }
    if (!lua_istable(L, 2))
        luaL_error(L, "list_models returned a %s, expected an array of models, or nil and a sample",
                   luaL_typename(L, 1));
    read_sample(L, 2, check, verdict);
    if (verdict->ok)
        luaL_error(L, "list_models returned no models, but a sample that is ok");
    verdict->judged = true;
}
