#include "script/json_value.h"

#include "base/json.h"
#include "script/secret.h"

#include <lauxlib.h>
#include <lua-cjson.h>
#include <string.h>

enum { COPY_DEPTH_MAX = 32 };

static const char encode_key, decode_key; /* registry keys: cjson's two functions */

/* cjson knows no secrets. They go through it as marks, which no script's text can hold by accident, and are put in
 * place of the marks afterwards, escaped. */
#define MARK_PREFIX "\x01providerd-secret-"
#define MARK_ESCAPED "\"\\u0001providerd-secret-"

struct copying {
    int secrets; /* stack index of the array of secrets met */
    lua_Integer count;
};

static void push_marked_copy(lua_State *L, int index, struct copying *copying, int depth)
{
    luaL_checkstack(L, 8, "json: nested too deeply");
    index = lua_absindex(L, index);
    if (secret_at(L, index) != NULL) {
        lua_pushvalue(L, index);
        lua_rawseti(L, copying->secrets, ++copying->count);
        lua_pushfstring(L, MARK_PREFIX "%d", (int)copying->count);
        return;
    }
    if (lua_type(L, index) != LUA_TTABLE) {
        lua_pushvalue(L, index);
        return;
    }
    if (depth == COPY_DEPTH_MAX)
        luaL_error(L, "json.encode: tables nested deeper than %d", COPY_DEPTH_MAX);
    lua_newtable(L);
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        lua_pushvalue(L, -2);
        push_marked_copy(L, -2, copying, depth + 1);
        lua_rawset(L, -5);
    }
    if (lua_getmetatable(L, index)) /* cjson tells an empty array by its metatable */
        lua_setmetatable(L, -2);
}

/* Replaces the JSON text on top of the stack by a secret in which the marks have become values. */
static void put_secrets_in(lua_State *L, int secrets)
{
    size_t len;
    const char *text = lua_tolstring(L, -1, &len), *end = text + len;
    struct buf out = BUF_EMPTY;

    while (text < end) {
        const char *mark = memmem(text, (size_t)(end - text), MARK_ESCAPED, sizeof(MARK_ESCAPED) - 1);
        if (mark == NULL)
            break;
        buf_append(&out, text, (size_t)(mark - text));
        text = mark + sizeof(MARK_ESCAPED) - 1;
        lua_Integer number = 0;
        for (; text < end && *text >= '0' && *text <= '9'; ++text)
            number = number * 10 + (*text - '0');
        ++text; /* the closing quote */
        lua_rawgeti(L, secrets, number);
        const struct secret *secret = secret_at(L, -1);
        struct json json = json_begin(&out);
        if (secret != NULL)
            json_bytes(&json, secret->bytes, secret->len);
        lua_pop(L, 1);
    }
    if (text < end)
        buf_append(&out, text, (size_t)(end - text));
    bool whole = buf_ok(&out);
    if (whole)
        secret_push(L, buf_text(&out), out.len, "");
    if (out.bytes != NULL)
        explicit_bzero(out.bytes, out.len);
    buf_dispose(&out);
    if (!whole)
        luaL_error(L, "json.encode: out of memory");
    lua_replace(L, -2);
}

void json_value_encode(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    lua_newtable(L);
    struct copying copying = {.secrets = lua_gettop(L)};
    lua_rawgetp(L, LUA_REGISTRYINDEX, &encode_key);
    push_marked_copy(L, index, &copying, 0);
    lua_call(L, 1, 1);
    if (copying.count != 0)
        put_secrets_in(L, copying.secrets);
    lua_remove(L, copying.secrets);
}

bool json_value_decode(lua_State *L, const char *text, size_t len)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &decode_key);
    lua_pushlstring(L, text, len);
    if (lua_pcall(L, 1, 1, 0) == LUA_OK)
        return true;
    lua_pushnil(L);
    lua_insert(L, -2);
    return false;
}

static int json_encode(lua_State *L)
{
    luaL_checkany(L, 1);
    json_value_encode(L, 1);
    return 1;
}

static int json_decode(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    return json_value_decode(L, text, len) ? 1 : 2;
}

void json_value_open(lua_State *L)
{
    static const luaL_Reg functions[] = {{"encode", json_encode}, {"decode", json_decode}, {NULL, NULL}};

    lua_pushcfunction(L, luaopen_cjson);
    lua_call(L, 0, 1);
    lua_getfield(L, -1, "decode_max_depth");
    lua_pushinteger(L, 100);
    lua_call(L, 1, 0);
    lua_getfield(L, -1, "encode");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &encode_key);
    lua_getfield(L, -1, "decode");
    lua_rawsetp(L, LUA_REGISTRYINDEX, &decode_key);

    luaL_newlib(L, functions);
    lua_getfield(L, -2, "null");
    lua_setfield(L, -2, "null");
    lua_getfield(L, -2, "empty_array");
    lua_setfield(L, -2, "empty_array");
    lua_setglobal(L, "json");
    lua_pop(L, 1);
}
