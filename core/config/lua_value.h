/* lua_value: plain Lua values (numbers, texts, booleans, tables of them) as Lua source, so that one Lua state can hand
 * them to another.
 */
#ifndef PROVIDERD_CONFIG_LUA_VALUE_H
#define PROVIDERD_CONFIG_LUA_VALUE_H

#include "base/buf.h"

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

enum { LUA_VALUE_DEPTH_MAX = 8 };

/* Appends the value on top of the stack as an expression. False with what is wrong in `fault`: "field 'x' is a
 * function". Raises nothing but memory errors. [-0, +0, m] */
bool lua_value_write(lua_State *L, struct buf *out, char *fault, size_t fault_size);

#endif
