#include "script/settings.h"

#include <lauxlib.h>

/* Lists the names in the table at `table`, for a message. [-0, +1, m] */
static const char *push_names(lua_State *L, int table)
{
    luaL_Buffer names;
    const char *comma = "";
    lua_newtable(L);
    int list = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, table) != 0; lua_pop(L, 1)) {
        if (lua_type(L, -2) == LUA_TSTRING) {
            lua_pushvalue(L, -2);
            lua_rawseti(L, list, (lua_Integer)lua_rawlen(L, list) + 1);
        }
    }
    size_t count = lua_rawlen(L, list);
    luaL_buffinit(L, &names);
    for (size_t i = 0; i < count; ++i) {
        luaL_addstring(&names, comma);
        lua_rawgeti(L, list, (lua_Integer)i + 1);
        luaL_addvalue(&names);
        comma = ", ";
    }
    luaL_pushresult(&names);
    lua_remove(L, list);
    return lua_tostring(L, -1);
}

static void merge(lua_State *L, int own)
{
    int given = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, given) != 0; lua_pop(L, 1)) {
        lua_pushvalue(L, -2);
        int type = lua_rawget(L, own);
        const char *name = luaL_tolstring(L, -3, NULL);
        if (type == LUA_TNIL)
            luaL_error(L, "there is no setting '%s'; there are: %s", name, push_names(L, own));
        if (type != lua_type(L, -3))
            luaL_error(L, "setting %s: expected a %s, got a %s", name, lua_typename(L, type), luaL_typename(L, -3));
        lua_pop(L, 2);
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -2);
        lua_rawset(L, own);
    }
}

void settings_merge(lua_State *L, int own, const char *given)
{
    if (given == NULL)
        return;
    int top = lua_gettop(L);
    lua_pushfstring(L, "return %s", given);
    if (luaL_loadbufferx(L, lua_tostring(L, -1), lua_rawlen(L, -1), "=settings", "t") != LUA_OK)
        lua_error(L);
    lua_call(L, 0, 1);
    merge(L, own);
    lua_settop(L, top);
}
