/* candidate_lua: candidates as policies see them: values with fields that are read and never written, made in a moment
 * whatever the number of fields. Internal to plugin/.
 *
 * A candidate is good within the call of rank() that it was given to; one that a policy keeps says so when it is read.
 */
#ifndef PROVIDERD_PLUGIN_CANDIDATE_LUA_H
#define PROVIDERD_PLUGIN_CANDIDATE_LUA_H

#include "plugin/candidate.h"

#include <lua.h>

/* What the candidates of one state read from. Outlives the state. */
struct candidate_set {
    const struct candidate *candidates; /* NULL = outside of a call */
    size_t count;
    uint64_t call; /* grows with each */
    int64_t now_us;
};

/* Prepares a state, once. [-0, +0, m] */
void candidate_lua_open(lua_State *L, struct candidate_set *set);

/* Pushes the list of all that are not left out. [-0, +1, m] */
void candidate_lua_push_all(lua_State *L, struct candidate_set *set);

/* The index in the set of the candidate at `index`; SIZE_MAX when it is none of this call. [-0, +0, -] */
size_t candidate_lua_at(lua_State *L, int index, const struct candidate_set *set);

#endif
