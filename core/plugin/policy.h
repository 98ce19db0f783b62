/* policy: who is best, as Lua files in plugins/policies say.
 *
 * A policy file returns { name = ..., rank = function(candidates, request) ... end }; rank gives an ordered list of
 * provider names and a reason (plugins/README.md is the manual). The loop thread makes a policy_host for each
 * generation: it reads the sources, and has compiled and tried each of them. Each HTTP thread builds a policy_state
 * from it: a Lua state of its own, so that ranking takes no lock.
 *
 * A policy that raises, loops, eats memory or returns nonsense harms nothing: the built-in rule answers in its place,
 * and the result says so.
 */
#ifndef PROVIDERD_PLUGIN_POLICY_H
#define PROVIDERD_PLUGIN_POLICY_H

#include "health/snapshot.h"
#include "script/sandbox.h"

#include <stdbool.h>
#include <stddef.h>

struct policy_host;
struct policy_state;

enum {
    POLICY_NAME_MAX = 64,
    POLICY_REASON_MAX = 256,
};

/* Loads policies/NAME.lua for every such file of the plugin paths (ended by NULL). NULL with every fault in `error`, a
 * line each: a file that does not compile or returns no policy, two of one name, no policy named `default_name`.
 * Loop thread. Counted references, any thread. */
struct policy_host *policy_host_new(const char *const *plugin_paths, const char *default_name,
                                    const struct sandbox_limits *limits, char *error, size_t error_size);
struct policy_host *policy_host_retain(struct policy_host *host);
void policy_host_release(struct policy_host *host); /* NULL is allowed */

const char *policy_default_name(const struct policy_host *host);

/* The i-th policy's name in ascending order, NULL past the last. */
const char *policy_name(const struct policy_host *host, size_t i);

struct policy_result {
    char policy[POLICY_NAME_MAX]; /* which one was asked */
    char reason[POLICY_REASON_MAX];
    char error[POLICY_REASON_MAX]; /* why the built-in rule answered instead; "" when it did not */
    size_t count;
    const struct provider_view *
        *ranking;        /* best first; owned by the state, valid until the next call; borrowed views */
    size_t alternatives; /* how many after the first are offered as alternatives */
};

/* One per HTTP thread; retains the host. NULL when memory ran out. */
struct policy_state *policy_state_new(struct policy_host *host);
void policy_state_free(struct policy_state *state); /* NULL is allowed */

/* Ranks the providers of a snapshot by the policy `name` (NULL = the default). False when there is no such policy.
 * On the thread that made the state. */
bool policy_rank(struct policy_state *state, const char *name, const struct snapshot *snapshot,
                 struct policy_result *result);

/* The built-in rule, which plugins/policies/lowest_latency.lua says in Lua: the healthy by latency; without any, the
 * degraded by latency; without those, nobody. `ranking` has room for all providers of the snapshot. */
void policy_lowest_latency(const struct snapshot *snapshot, const struct provider_view **ranking,
                           struct policy_result *result);

#endif
