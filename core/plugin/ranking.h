/* ranking: the order that a policy made of the candidates, each with its score and the reason why it stands there; and,
 * behind them, who was left out and why. Internal to plugin/, but for struct ranked.
 */
#ifndef PROVIDERD_PLUGIN_RANKING_H
#define PROVIDERD_PLUGIN_RANKING_H

#include "plugin/candidate.h"
#include "plugin/candidate_lua.h"

struct ranked {
    const struct candidate *candidate;
    double score; /* by the policy; NAN = it gave none */
    double share; /* of the answers that name it first; 0 = it gave none */
    bool left_out;
    char why[CANDIDATE_WHY_MAX];
};

/* Rows and marks have room for all candidates of the set. */
struct ranking {
    struct ranked *rows;
    bool *named;   /* by the candidate's index: it has a row */
    size_t ranked; /* rows in order of preference; */
    size_t count;  /* those behind are left out */
};

/* Reads the list of names, candidates or tables at `list`: [-0, +0, e] raises a text that says what is wrong. Nothing
 * is allocated outside of Lua. */
void ranking_read(lua_State *L, int list, const struct candidate_set *set, struct ranking *ranking);

/* Gives everybody else a row behind those that are ranked: who is likely back first comes first. Those without a reason
 * get one. */
void ranking_add_rest(const struct candidate_set *set, struct ranking *ranking);

#endif
