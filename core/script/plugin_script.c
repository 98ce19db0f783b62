#include "script/plugin_script.h"

#include "base/clock.h"
#include "script/script_internal.h"
#include "script/secret.h"
#include "script/settings.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- what the file returned -- */

static char *copy_text(lua_State *L, const char *text)
{
    char *copy = strdup(text);
    if (copy == NULL)
        luaL_error(L, "out of memory");
    return copy;
}

/* Pushes the plugin's settings, those given laid over its own. [-0, +1, e] */
static void push_settings(lua_State *L, int table, const struct plugin_source *source)
{
    int type = lua_getfield(L, table, "settings");
    if (type != LUA_TNIL && type != LUA_TTABLE)
        luaL_error(L, "settings is a %s, expected a table", luaL_typename(L, -1));
    if (type == LUA_TNIL) {
        lua_pop(L, 1);
        lua_newtable(L);
    }
    settings_merge(L, lua_gettop(L), source->settings);
}

/* Pushes the value of a field; where it is a function, what that returns when called with the settings: two values. */
static void push_field_of(lua_State *L, int table, const char *field, int settings)
{
    if (lua_getfield(L, table, field) == LUA_TFUNCTION) {
        lua_pushvalue(L, settings);
        lua_call(L, 1, 2);
    } else {
        lua_pushnil(L);
    }
}

static void take_origins(lua_State *L, int table, int settings, struct script_provider *plugin)
{
    push_field_of(L, table, "origins", settings);
    lua_pop(L, 1);
    if (!lua_isnil(L, -1) && !lua_istable(L, -1))
        luaL_error(L, "origins is a %s, expected an array of URLs", luaL_typename(L, -1));
    size_t count = lua_istable(L, -1) ? lua_rawlen(L, -1) : 0;
    plugin->origins = calloc(count + 1, sizeof(char *));
    if (plugin->origins == NULL)
        luaL_error(L, "out of memory");
    for (size_t i = 0; i < count; ++i) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        const char *url = lua_tostring(L, -1);
        plugin->origins[i] = url != NULL ? origin_of_url(url) : NULL;
        if (plugin->origins[i] == NULL)
            luaL_error(L, "origins[%d] is '%s', expected an http or https URL", (int)i + 1,
                       url != NULL ? url : luaL_typename(L, -1));
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void take_readiness(lua_State *L, int table, int settings, struct script_provider *plugin)
{
    push_field_of(L, table, "ready", settings);
    if (!lua_isnil(L, -2) && !lua_toboolean(L, -2))
        plugin->missing = copy_text(L, lua_isstring(L, -1) ? lua_tostring(L, -1) : "it is not ready");
    lua_pop(L, 2);
}

/* Called with what the chunk returned, and the script. */
static int take_plugin(lua_State *L)
{
    struct script *script = lua_touserdata(L, 2);
    const struct plugin_source *source = script->loading;
    lua_settop(L, 1);
    if (!lua_istable(L, 1))
        return luaL_error(L, "the file returned a %s, expected a table", luaL_typename(L, 1));
    for (const char *const *name = source->functions; *name != NULL; ++name) {
        if (lua_getfield(L, 1, *name) != LUA_TFUNCTION)
            return luaL_error(L, "%s is a %s, expected a function", *name, luaL_typename(L, -1));
        lua_pop(L, 1);
    }
    script->providers = calloc(1, sizeof(*script->providers));
    if (script->providers == NULL)
        return luaL_error(L, "out of memory");
    struct script_provider *plugin = &script->providers[0];
    script->provider_count = 1; /* before it is read, so that a half-read one is disposed of */
    plugin->is_plugin = true;
    plugin->tuning = TUNING_NONE;
    snprintf(plugin->name, sizeof(plugin->name), "%s", source->name);
    plugin->user_agent = copy_text(L, script->user_agent);
    push_settings(L, 1, source);
    take_origins(L, 1, 2, plugin);
    take_readiness(L, 1, 2, plugin);
    plugin->settings_reference = luaL_ref(L, LUA_REGISTRYINDEX);
    plugin->table_reference = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

struct script *plugin_script_load(const struct script_host *host, const struct plugin_source *source, char *error,
                                  size_t error_size)
{
    return script_open(host, source->path, take_plugin, source, error, error_size);
}

/* -- calling it -- */

struct question {
    const struct script_provider *plugin;
    const char *function;
    bool has;
};

static int look_for_function(lua_State *L)
{
    struct question *question = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, question->plugin->table_reference);
    question->has = lua_getfield(L, -1, question->function) == LUA_TFUNCTION;
    return 0;
}

bool plugin_script_has(const struct script *script, const char *function)
{
    struct question question = {&script->providers[0], function, false};
    char error[256];
    return sandbox_protect(script->sandbox, look_for_function, &question, 0, error, sizeof(error)) == 0 && question.has;
}

/* What a function returned: its first two values are at 1 and 2. */
void read_call(lua_State *L, struct check *check, struct verdict *verdict)
{
    struct redactor *redactor = check->script->redactor;
    verdict->ok = lua_isnil(L, 1) || lua_toboolean(L, 1);
    if (verdict->ok)
        return;
    strcpy(verdict->kind, "failed");
    if (lua_istable(L, 2)) {
        double after_s = sample_number(L, 2, "retry_after", 0);
        if (after_s > 0 && after_s < 1e7)
            verdict->retry_at_us = clock_wall_us() + (int64_t)(after_s * 1e6);
        lua_getfield(L, 2, "final");
        verdict->final = lua_toboolean(L, -1);
        lua_getfield(L, 2, "message");
        lua_replace(L, 2);
        lua_settop(L, 2);
    }
    redact_into(redactor, lua_isstring(L, 2) ? lua_tostring(L, 2) : "it said nothing", verdict->message,
                sizeof(verdict->message));
}
