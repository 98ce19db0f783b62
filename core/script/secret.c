#include "script/secret.h"

#include <lauxlib.h>
#include <string.h>

#define SECRET_TYPE "secret"

static const char redactor_key; /* its address is the registry key */

static struct redactor *redactor_of(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &redactor_key);
    struct redactor *redactor = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return redactor;
}

static struct secret *push_unregistered(lua_State *L, size_t len)
{
    struct secret *secret = lua_newuserdatauv(L, sizeof(*secret) + len, 0);
    secret->len = len;
    secret->label[0] = '\0';
    luaL_setmetatable(L, SECRET_TYPE);
    return secret;
}

struct secret *secret_push(lua_State *L, const char *bytes, size_t len, const char *label)
{
    struct secret *secret = push_unregistered(L, len);
    memcpy(secret->bytes, bytes, len);
    strncpy(secret->label, label, sizeof(secret->label) - 1);
    secret->label[sizeof(secret->label) - 1] = '\0';
    if (!redactor_add(redactor_of(L), bytes, len))
        luaL_error(L, "out of memory for a secret");
    return secret;
}

const struct secret *secret_at(lua_State *L, int index)
{
    return luaL_testudata(L, index, SECRET_TYPE);
}

static int secret_from_text(lua_State *L)
{
    if (secret_at(L, 1) != NULL) {
        lua_settop(L, 1);
        return 1;
    }
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    secret_push(L, text, len, luaL_optstring(L, 2, ""));
    return 1;
}

static int secret_tostring(lua_State *L)
{
    lua_pushliteral(L, "***");
    return 1;
}

static const char *part_bytes(lua_State *L, int index, size_t *len)
{
    const struct secret *secret = secret_at(L, index);
    if (secret != NULL) {
        *len = secret->len;
        return secret->bytes;
    }
    return luaL_checklstring(L, index, len);
}

/* The parts are known to the redactor; the whole ("Bearer ...") need not be. */
static void push_joined(lua_State *L, const char *left, size_t left_len, const char *right, size_t right_len)
{
    struct secret *whole = push_unregistered(L, left_len + right_len);
    memcpy(whole->bytes, left, left_len);
    memcpy(whole->bytes + left_len, right, right_len);
}

void secret_push_prefixed(lua_State *L, const char *prefix, size_t prefix_len, const struct secret *secret)
{
    push_joined(L, prefix, prefix_len, secret->bytes, secret->len);
}

static int secret_concat(lua_State *L)
{
    size_t left_len, right_len;
    const char *left = part_bytes(L, 1, &left_len), *right = part_bytes(L, 2, &right_len);
    push_joined(L, left, left_len, right, right_len);
    return 1;
}

static int secret_equal(lua_State *L)
{
    const struct secret *a = secret_at(L, 1), *b = secret_at(L, 2);
    lua_pushboolean(L, a != NULL && b != NULL && a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0);
    return 1;
}

static int secret_field(lua_State *L)
{
    const struct secret *secret = luaL_checkudata(L, 1, SECRET_TYPE);
    const char *name = lua_tostring(L, 2);
    if (name != NULL && strcmp(name, "label") == 0) {
        lua_pushstring(L, secret->label);
    } else if (name != NULL && strcmp(name, "last4") == 0) {
        /* Four of fewer than sixteen characters would tell too much. */
        if (secret->len >= 16)
            lua_pushlstring(L, secret->bytes + secret->len - 4, 4);
        else
            lua_pushliteral(L, "");
    } else {
        return luaL_error(L, "a secret has no field '%s': it can be joined with .., sent and compared, not read",
                          name != NULL ? name : luaL_typename(L, 2));
    }
    return 1;
}

static int secret_refuse(lua_State *L)
{
    return luaL_error(L, "a secret can be joined with .., sent and compared, not measured or changed");
}

static int secret_collect(lua_State *L)
{
    struct secret *secret = luaL_checkudata(L, 1, SECRET_TYPE);
    explicit_bzero(secret->bytes, secret->len);
    secret->len = 0;
    return 0;
}

void secret_open(lua_State *L, struct redactor *redactor)
{
    static const luaL_Reg methods[] = {
        {"__tostring", secret_tostring}, {"__concat", secret_concat},
        {"__eq", secret_equal},          {"__index", secret_field},
        {"__newindex", secret_refuse},   {"__len", secret_refuse},
        {"__gc", secret_collect},        {NULL, NULL},
    };
    lua_pushlightuserdata(L, redactor);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &redactor_key);
    luaL_newmetatable(L, SECRET_TYPE);
    luaL_setfuncs(L, methods, 0);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable"); /* getmetatable(secret) must not lead to __gc or __index */
    lua_pop(L, 1);
    lua_register(L, "secret", secret_from_text);
}
