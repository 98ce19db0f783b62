/* json_value: JSON for scripts, by lua-cjson, and for request bodies that hold secrets.
 *
 * json.encode(value) gives a string, or a secret when a secret is inside; json.decode(text) gives the value, or nil and
 * a message; json.null stands for null. Decoding stops at 100 levels.
 */
#ifndef PROVIDERD_SCRIPT_JSON_VALUE_H
#define PROVIDERD_SCRIPT_JSON_VALUE_H

#include "base/buf.h"

#include <lua.h>
#include <stdbool.h>

/* Adds the global `json`. [-0, +0, m] */
void json_value_open(lua_State *L);

/* Encodes the value at `index` and pushes it: a string, or a secret. [-0, +1, e] */
void json_value_encode(lua_State *L, int index);

/* Decodes, pushing the value, or nil and a message. [-0, +1 or +2, m] Returns whether it was JSON. */
bool json_value_decode(lua_State *L, const char *text, size_t len);

#endif
