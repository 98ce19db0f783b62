#include "script/sandbox.h"

#include "base/clock.h"
#include "base/log.h"
#include "script/chunk_cache.h"
#include "script/lua_meter.h"

#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOOK_STRIDE = 1000 }; /* instructions between two looks at the budget */

struct sandbox {
    lua_State *state;
    char *name;
    char **library_dirs;
    size_t library_count;
    struct sandbox_limits limits;
    size_t memory_used;
    long instructions_left;
    struct lua_meter *meter; /* a reference; NULL = nobody counts */
};

static void *limited_allocate(void *user, void *block, size_t old_size, size_t new_size)
{
    struct sandbox *sandbox = user;
    size_t held = block != NULL ? old_size : 0; /* without a block, old_size tells the kind of object */

    if (new_size == 0) {
        free(block);
        sandbox->memory_used -= held;
        return NULL;
    }
    if (new_size > held && new_size - held > sandbox->limits.memory_bytes - sandbox->memory_used)
        return NULL;
    void *moved = realloc(block, new_size);
    if (moved != NULL)
        sandbox->memory_used = sandbox->memory_used - held + new_size;
    return moved;
}

struct sandbox *sandbox_of(lua_State *L)
{
    /* Lua copies the main state's extra space into every coroutine that it creates. */
    return *(struct sandbox **)lua_getextraspace(L);
}

static void count_instructions(lua_State *L, lua_Debug *activation)
{
    (void)activation;
    struct sandbox *sandbox = sandbox_of(L);
    sandbox->instructions_left -= HOOK_STRIDE;
    if (sandbox->instructions_left > 0)
        return;
    /* From here on every instruction raises: a pcall around an endless loop must not catch its way to another round. */
    lua_sethook(L, count_instructions, LUA_MASKCOUNT, 1);
    luaL_where(L, 0); /* the function that is running: a hook has no level of its own */
    lua_pushfstring(L, "instruction budget of %d exhausted: an endless loop?", (int)sandbox->limits.instructions);
    lua_concat(L, 2);
    lua_error(L);
}

static void refill_budget(struct sandbox *sandbox, lua_State *L)
{
    sandbox->instructions_left = sandbox->limits.instructions;
    lua_sethook(L, count_instructions, LUA_MASKCOUNT, HOOK_STRIDE);
}

static int print_to_log(lua_State *L)
{
    luaL_Buffer line;
    luaL_buffinit(L, &line);
    for (int i = 1, n = lua_gettop(L); i <= n; ++i) {
        if (i > 1)
            luaL_addchar(&line, '\t');
        luaL_tolstring(L, i, NULL);
        luaL_addvalue(&line);
    }
    luaL_pushresult(&line);
    log_info(sandbox_of(L)->name, "%s", lua_tostring(L, -1));
    return 0;
}

/* require(name): the value that NAME.lua of the first library folder that has it returned; loaded once per state. */
static int require_library(lua_State *L)
{
    const struct sandbox *sandbox = sandbox_of(L);
    const char *name = luaL_checkstring(L, 1);

    lua_settop(L, 1);
    lua_pushvalue(L, 1);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
        return 1;
    lua_pop(L, 1);
    if (name[0] == '\0' ||
        strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != strlen(name))
        return luaL_error(L, "require: '%s' is not a library name (letters, digits, _ and - only)", name);
    for (size_t i = 0; i < sandbox->library_count; ++i) {
        const char *path = lua_pushfstring(L, "%s/%s.lua", sandbox->library_dirs[i], name);
        FILE *probe = fopen(path, "re");
        if (probe == NULL) {
            lua_pop(L, 1);
            continue;
        }
        fclose(probe);
        chunk_cache_load(L, path);
        lua_call(L, 0, 1);
        if (lua_isnil(L, -1))
            return luaL_error(L, "require: %s returned nothing; a library returns its table", path);
        lua_pushvalue(L, 1);
        lua_pushvalue(L, -2);
        lua_rawset(L, lua_upvalueindex(1));
        return 1;
    }
    return luaL_error(L, "require: no library '%s' in the lib folders of the provider or plugin paths", name);
}

/* setmetatable without finalizers: Lua runs them with hooks off, where no budget reaches an endless loop. */
static int set_metatable(lua_State *L)
{
    if (lua_istable(L, 2)) {
        lua_pushliteral(L, "__gc");
        if (lua_rawget(L, 2) != LUA_TNIL)
            return luaL_error(L, "setmetatable: __gc is not allowed here");
        lua_pop(L, 1);
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

static void drop_fields(lua_State *L, const char *const *names)
{
    for (; *names != NULL; ++names) {
        lua_pushnil(L);
        lua_setfield(L, -2, *names);
    }
}

static int open_libraries(lua_State *L)
{
    static const luaL_Reg libraries[] = {
        {LUA_GNAME, luaopen_base},
        {LUA_STRLIBNAME, luaopen_string},
        {LUA_TABLIBNAME, luaopen_table},
        {LUA_MATHLIBNAME, luaopen_math},
        {LUA_UTF8LIBNAME, luaopen_utf8},
        {LUA_OSLIBNAME, luaopen_os},
        {NULL, NULL},
    };
    static const char *const base_without[] = {"load", "loadfile", "dofile", "collectgarbage", NULL};
    static const char *const string_without[] = {"dump", NULL};
    static const char *const os_without[] = {"execute", "exit",      "getenv",  "remove",
                                             "rename",  "setlocale", "tmpname", NULL};

    for (const luaL_Reg *library = libraries; library->name != NULL; ++library) {
        luaL_requiref(L, library->name, library->func, 1);
        lua_pop(L, 1);
    }
    lua_pushglobaltable(L);
    drop_fields(L, base_without);
    lua_getfield(L, -1, LUA_STRLIBNAME);
    drop_fields(L, string_without);
    lua_pop(L, 1);
    lua_getfield(L, -1, LUA_OSLIBNAME);
    drop_fields(L, os_without);
    lua_pop(L, 1);
    lua_pushcfunction(L, print_to_log);
    lua_setfield(L, -2, "print");
    lua_getfield(L, -1, "setmetatable");
    lua_pushcclosure(L, set_metatable, 1);
    lua_setfield(L, -2, "setmetatable");
    lua_newtable(L); /* what require has loaded */
    lua_pushcclosure(L, require_library, 1);
    lua_setfield(L, -2, "require");
    /* luaL_requiref keeps the full libraries in registry._LOADED, which Lua code cannot reach without debug. */
    return 0;
}

struct sandbox *sandbox_new(const char *name, const struct sandbox_limits *limits, const char *const *library_dirs,
                            size_t library_count, char *error, size_t error_size)
{
    struct sandbox *sandbox = calloc(1, sizeof(*sandbox));
    if (sandbox == NULL)
        goto out_of_memory;
    sandbox->limits = *limits;
    sandbox->name = strdup(name);
    sandbox->library_dirs = calloc(library_count + 1, sizeof(char *));
    if (sandbox->name == NULL || sandbox->library_dirs == NULL)
        goto out_of_memory;
    for (; sandbox->library_count < library_count; ++sandbox->library_count) {
        if ((sandbox->library_dirs[sandbox->library_count] = strdup(library_dirs[sandbox->library_count])) == NULL)
            goto out_of_memory;
    }
    sandbox->state = lua_newstate(limited_allocate, sandbox);
    if (sandbox->state == NULL)
        goto out_of_memory;
    *(struct sandbox **)lua_getextraspace(sandbox->state) = sandbox;
    if (!lua_checkstack(sandbox->state, SANDBOX_STACK_SLOTS))
        goto out_of_memory;
    if (sandbox_protect(sandbox, open_libraries, NULL, 0, error, error_size) != 0)
        goto fail;
    return sandbox;

out_of_memory:
    snprintf(error, error_size, "%s: out of memory for a Lua state", name);
fail:
    sandbox_free(sandbox);
    return NULL;
}

void sandbox_free(struct sandbox *sandbox)
{
    if (sandbox == NULL)
        return;
    if (sandbox->state != NULL)
        lua_close(sandbox->state);
    for (size_t i = 0; i < sandbox->library_count; ++i)
        free(sandbox->library_dirs[i]);
    free(sandbox->library_dirs);
    lua_meter_release(sandbox->meter);
    free(sandbox->name);
    free(sandbox);
}

void sandbox_set_meter(struct sandbox *sandbox, struct lua_meter *meter)
{
    lua_meter_retain(meter);
    lua_meter_release(sandbox->meter);
    sandbox->meter = meter;
}

lua_State *sandbox_state(struct sandbox *sandbox)
{
    return sandbox->state;
}

size_t sandbox_memory(const struct sandbox *sandbox)
{
    return sandbox->memory_used;
}

/* Copies the error value on top of the stack, whatever its type, and pops it. Allocates nothing in the state. */
static void take_error(lua_State *L, char *error, size_t error_size)
{
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    if (text != NULL && strcmp(text, "not enough memory") == 0) /* Lua's own text has no room for a place */
        snprintf(error, error_size, "%s: %s of %zu bytes", sandbox_of(L)->name, text,
                 sandbox_of(L)->limits.memory_bytes);
    else if (text != NULL)
        snprintf(error, error_size, "%s", text);
    else
        snprintf(error, error_size, "the script raised a %s as error, expected a text", luaL_typename(L, -1));
    lua_pop(L, 1);
}

int sandbox_load_file(struct sandbox *sandbox, const char *path, char *error, size_t error_size)
{
    /* The compiler allocates, so a hostile file meets the memory limit here too; luaL_loadfilex is protected inside. */
    int status = luaL_loadfilex(sandbox->state, path, "t");
    if (status == LUA_OK)
        return 0;
    take_error(sandbox->state, error, error_size);
    return -1;
}

int sandbox_load_text(struct sandbox *sandbox, const char *chunk_name, const char *text, size_t len, char *error,
                      size_t error_size)
{
    if (luaL_loadbufferx(sandbox->state, text, len, chunk_name, "t") == LUA_OK)
        return 0;
    take_error(sandbox->state, error, error_size);
    return -1;
}

int sandbox_call(struct sandbox *sandbox, int arguments, int results, char *error, size_t error_size)
{
    uint64_t began_us = clock_monotonic_us();
    refill_budget(sandbox, sandbox->state);
    int status = lua_pcall(sandbox->state, arguments, results, 0);
    lua_meter_add_run(sandbox->meter, clock_monotonic_us() - began_us);
    if (status == LUA_OK)
        return 0;
    take_error(sandbox->state, error, error_size);
    return -1;
}

int sandbox_protect(struct sandbox *sandbox, lua_CFunction function, void *user, int results, char *error,
                    size_t error_size)
{
    /* Neither push can raise: light C functions and light userdata need no memory. */
    lua_pushcfunction(sandbox->state, function);
    lua_pushlightuserdata(sandbox->state, user);
    return sandbox_call(sandbox, 1, results, error, error_size);
}

int sandbox_resume(struct sandbox *sandbox, lua_State *coroutine, int arguments, int *results, char *error,
                   size_t error_size)
{
    uint64_t began_us = clock_monotonic_us();
    refill_budget(sandbox, coroutine);
    int status = lua_resume(coroutine, sandbox->state, arguments, results);
    lua_meter_add_run(sandbox->meter, clock_monotonic_us() - began_us);
    if (status != LUA_OK && status != LUA_YIELD)
        take_error(coroutine, error, error_size);
    return status;
}
