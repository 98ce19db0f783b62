/* host_api: what scripts may know of the world: variables, keys, credential files, the time, the log. */
#include "base/clock.h"
#include "base/duration.h"
#include "base/log.h"
#include "script/json_value.h"
#include "script/script_internal.h"
#include "script/secret.h"

#include <curl/curl.h>
#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CREDENTIALS_FILE_MAX = 256 * 1024,
    NUMBERED_KEYS_MAX = 1000,
};

/* env(name [, default]) */
static int host_env(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    const char *value = environment_get(script_of(L)->environment, name);
    if (value == NULL)
        lua_settop(L, 2);
    else if (environment_is_credential(name))
        secret_push(L, value, strlen(value), name);
    else
        lua_pushstring(L, value);
    return 1;
}

/* env_names(pattern): names of variables that are set and match as a whole. */
static int host_env_names(lua_State *L)
{
    const struct environment *environment = script_of(L)->environment;
    luaL_checkstring(L, 1);
    lua_pushfstring(L, "^%s$", lua_tostring(L, 1));
    lua_replace(L, 1);
    lua_getglobal(L, "string");
    lua_getfield(L, -1, "find");
    lua_replace(L, 2);
    lua_settop(L, 2);
    lua_newtable(L);
    lua_Integer count = 0;
    const char *name;
    for (size_t i = 0; (name = environment_name(environment, i)) != NULL; ++i) {
        if (environment_get(environment, name) == NULL)
            continue;
        lua_pushvalue(L, 2);
        lua_pushstring(L, name);
        lua_pushvalue(L, 1);
        lua_call(L, 2, 1);
        bool matches = lua_toboolean(L, -1);
        lua_pop(L, 1);
        if (matches) {
            lua_pushstring(L, name);
            lua_rawseti(L, 3, ++count);
        }
    }
    return 1;
}

/* Appends the value of one variable to the array on top, unless it is unset or there already. */
static bool add_key(lua_State *L, const char *variable)
{
    const char *value = environment_get(script_of(L)->environment, variable);
    if (value == NULL)
        return false;
    size_t len = strlen(value);
    lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
    for (lua_Integer i = 1; i <= count; ++i) {
        lua_rawgeti(L, -1, i);
        const struct secret *known = secret_at(L, -1);
        bool same = known != NULL && known->len == len && memcmp(known->bytes, value, len) == 0;
        lua_pop(L, 1);
        if (same)
            return true;
    }
    secret_push(L, value, len, variable);
    lua_rawseti(L, -2, count + 1);
    return true;
}

/* keys(name [, alias ...]): NAME, NAME_0, NAME_1, NAME_2 ... up to the first gap, then the same of each alias. */
static int host_keys(lua_State *L)
{
    int names = lua_gettop(L);
    luaL_checkstring(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, 1);
    lua_setfield(L, -2, "variable");
    for (int i = 1; i <= names; ++i) {
        const char *name = luaL_checkstring(L, i);
        char variable[SECRET_LABEL_MAX];
        add_key(L, name);
        for (int number = 0; number < NUMBERED_KEYS_MAX; ++number) {
            snprintf(variable, sizeof(variable), "%s_%d", name, number);
            if (!add_key(L, variable) && number > 0)
                break;
        }
    }
    return 1;
}

/* Turns every string under a secret-looking name into a secret, in the table on top and below it. */
static void hide_credentials(lua_State *L, int depth)
{
    if (depth > 8)
        return;
    luaL_checkstack(L, 6, "credentials nested too deeply");
    int table = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, table) != 0; lua_pop(L, 1)) {
        if (lua_type(L, -1) == LUA_TTABLE) {
            hide_credentials(L, depth + 1);
        } else if (lua_type(L, -1) == LUA_TSTRING && lua_type(L, -2) == LUA_TSTRING &&
                   environment_is_credential(lua_tostring(L, -2))) {
            size_t len;
            const char *value = lua_tolstring(L, -1, &len);
            lua_pushvalue(L, -2);
            secret_push(L, value, len, lua_tostring(L, -3));
            lua_rawset(L, table); /* assigning to a field that exists is allowed while traversing */
        }
    }
}

static size_t read_file(const char *path, char *bytes, size_t size)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    size_t len = fread(bytes, 1, size, file);
    if (ferror(file))
        len = 0;
    else
        errno = len == 0 ? ENODATA : len == size ? EFBIG : 0;
    fclose(file);
    return len == size ? 0 : len;
}

/* credentials(path): the JSON object in a file, its secrets hidden; or nil and a message. */
static int host_credentials(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    struct script *script = script_of(L);
    const char *home = environment_get(script->environment, "HOME");
    if (script->running == NULL) /* what it declares may depend on it */
        script->impure = true;
    if (path[0] == '~' && path[1] == '/' && home != NULL)
        path = lua_pushfstring(L, "%s%s", home, path + 1);
    char *bytes = lua_newuserdatauv(L, CREDENTIALS_FILE_MAX, 0);
    size_t len = read_file(path, bytes, CREDENTIALS_FILE_MAX);
    if (len == 0) {
        lua_pushnil(L);
        lua_pushfstring(L, "%s: %s", path, strerror(errno));
        return 2;
    }
    bool decoded = json_value_decode(L, bytes, len);
    explicit_bzero(bytes, len);
    if (!decoded || lua_type(L, -1) != LUA_TTABLE) {
        lua_pushnil(L);
        lua_pushfstring(L, "%s: expected a JSON object", path);
        return 2;
    }
    hide_credentials(L, 0);
    return 1;
}

static int host_now(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)clock_wall_us() / 1e6);
    return 1;
}

static int host_duration(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    int64_t ns;
    if (duration_parse_ns(text, len, &ns) == 0) {
        lua_pushnumber(L, (lua_Number)ns / 1e9);
        return 1;
    }
    lua_pushnil(L);
    lua_pushfstring(L, "'%s' is not a duration such as 2m59.56s", text);
    return 2;
}

/* parse_time(text): epoch seconds of an RFC 3339 time or an HTTP date (RFC 9110, 5.6.7), else nil. */
static int host_parse_time(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    int64_t wall_us;
    time_t seconds;
    if (clock_parse_iso(text, len, &wall_us) == 0)
        lua_pushnumber(L, (lua_Number)wall_us / 1e6);
    else if (strchr(text, ',') != NULL && (seconds = curl_getdate(text, NULL)) != -1)
        lua_pushnumber(L, (lua_Number)seconds);
    else
        lua_pushnil(L);
    return 1;
}

static int log_at(lua_State *L, enum log_level level)
{
    lua_getglobal(L, "string");
    lua_getfield(L, -1, "format");
    lua_remove(L, -2);
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    const char *slash = strrchr(script_of(L)->path, '/');
    log_line(level, slash != NULL ? slash + 1 : script_of(L)->path, "%s", lua_tostring(L, -1));
    return 0;
}

static int log_debug_line(lua_State *L)
{
    return log_at(L, LOG_DEBUG);
}

static int log_info_line(lua_State *L)
{
    return log_at(L, LOG_INFO);
}

static int log_warn_line(lua_State *L)
{
    return log_at(L, LOG_WARNING);
}

static int log_error_line(lua_State *L)
{
    return log_at(L, LOG_ERROR);
}

void host_api_open(lua_State *L)
{
    static const luaL_Reg globals[] = {
        {"env", host_env},
        {"env_names", host_env_names},
        {"keys", host_keys},
        {"credentials", host_credentials},
        {"now", host_now},
        {"duration", host_duration},
        {"parse_time", host_parse_time},
        {NULL, NULL},
    };
    static const luaL_Reg log_functions[] = {
        {"debug", log_debug_line},
        {"info", log_info_line},
        {"warn", log_warn_line},
        {"error", log_error_line},
        {NULL, NULL},
    };
    lua_pushglobaltable(L);
    luaL_setfuncs(L, globals, 0);
    luaL_newlib(L, log_functions);
    lua_setfield(L, -2, "log");
    lua_pop(L, 1);
}
