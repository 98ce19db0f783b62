/* settings: what a configuration sets for a Lua file, laid over what the file itself has for it. Internal to who loads
 * such files. Thread: that of the state.
 */
#ifndef PROVIDERD_SCRIPT_SETTINGS_H
#define PROVIDERD_SCRIPT_SETTINGS_H

#include <lua.h>

/* Lays the table that `given` is as Lua source (NULL = none) over the table at `own`: each name must be there, and its
 * value of the same type. Raises what is wrong: "there is no setting 'ulr'; there are: topic, url". [-0, +0, e] */
void settings_merge(lua_State *L, int own, const char *given);

#endif
