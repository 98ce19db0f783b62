#include "config/lua_value.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>

static bool write_value(lua_State *L, struct buf *out, unsigned depth, char *fault, size_t fault_size);

/* Every byte that is no plain character as \ddd: Lua reads back the same bytes. */
static void write_text(lua_State *L, struct buf *out)
{
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);
    buf_printf(out, "\"");
    for (size_t i = 0; i < len; ++i) {
        unsigned char c = (unsigned char)text[i];
        if (c < ' ' || c > '~' || c == '"' || c == '\\')
            buf_printf(out, "\\%03u", c);
        else
            buf_printf(out, "%c", c);
    }
    buf_printf(out, "\"");
}

static void write_number(lua_State *L, struct buf *out)
{
    double value = lua_tonumber(L, -1);
    if (lua_isinteger(L, -1))
        buf_printf(out, "%lld", (long long)lua_tointeger(L, -1));
    else if (isinf(value))
        buf_printf(out, "%s1e999", value < 0 ? "-" : "");
    else if (isnan(value))
        buf_printf(out, "(0/0)");
    else
        buf_printf(out, "%.17g", value);
}

/* The key is below the value on top. */
static bool write_field(lua_State *L, struct buf *out, unsigned depth, char *fault, size_t fault_size)
{
    char inner[96];
    int type = lua_type(L, -2);
    if (type != LUA_TSTRING && !lua_isinteger(L, -2)) {
        snprintf(fault, fault_size, "a %s as key, expected a name", luaL_typename(L, -2));
        return false;
    }
    lua_pushvalue(L, -2);
    buf_printf(out, "[");
    if (type == LUA_TSTRING)
        write_text(L, out);
    else
        write_number(L, out);
    buf_printf(out, "]=");
    lua_pop(L, 1);
    if (!write_value(L, out, depth + 1, inner, sizeof(inner))) {
        if (type == LUA_TSTRING)
            snprintf(fault, fault_size, "%.60s: %s", lua_tostring(L, -2), inner);
        else
            snprintf(fault, fault_size, "[%lld]: %s", (long long)lua_tointeger(L, -2), inner);
        return false;
    }
    buf_printf(out, ",");
    return true;
}

static bool write_value(lua_State *L, struct buf *out, unsigned depth, char *fault, size_t fault_size)
{
    luaL_checkstack(L, 4, "settings");
    switch (lua_type(L, -1)) {
    case LUA_TBOOLEAN:
        buf_printf(out, "%s", lua_toboolean(L, -1) ? "true" : "false");
        return true;
    case LUA_TNUMBER:
        write_number(L, out);
        return true;
    case LUA_TSTRING:
        write_text(L, out);
        return true;
    case LUA_TTABLE:
        if (depth == LUA_VALUE_DEPTH_MAX) {
            snprintf(fault, fault_size, "tables in tables, more than %d deep", LUA_VALUE_DEPTH_MAX);
            return false;
        }
        buf_printf(out, "{");
        for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) {
            if (!write_field(L, out, depth, fault, fault_size)) {
                lua_pop(L, 2);
                return false;
            }
        }
        buf_printf(out, "}");
        return true;
    default:
        snprintf(fault, fault_size, "expected a number, a string, a boolean or a table of them; got a %s",
                 luaL_typename(L, -1));
        return false;
    }
}

bool lua_value_write(lua_State *L, struct buf *out, char *fault, size_t fault_size)
{
    return write_value(L, out, 0, fault, fault_size);
}
