/* policy: who is best, as Lua files in plugins/policies say.
 *
 * A policy file returns { rank = function(candidates, request, settings) ... end, about = ..., settings = {...} }; rank
 * gives an ordered list and a reason (plugins/README.md is the manual). The loop thread makes a policy_host for each
 * generation: it reads the sources, and has compiled and tried each of them. Each HTTP thread builds a policy_state
 * from it: a Lua state of its own, so that ranking takes no lock.
 *
 * A policy is a function of what is known and of what is asked; what varies from answer to answer (shares, warming up)
 * is spread.h's. One that raises, loops, eats memory or returns nonsense harms nothing: the built-in rule answers in
 * its place, and the result says so.
 */
#ifndef PROVIDERD_PLUGIN_POLICY_H
#define PROVIDERD_PLUGIN_POLICY_H

#include "config/config.h"
#include "plugin/candidate.h"
#include "plugin/ranking.h"
#include "script/sandbox.h"

#include <stdbool.h>
#include <stddef.h>

struct policy_host;
struct lua_meter;
struct policy_state;

enum {
    POLICY_NAME_MAX = 64,
    POLICY_REASON_MAX = 256,
    POLICY_ABOUT_MAX = 160,
};

/* What policies are loaded with. Everything is copied or retained. */
struct policy_setup {
    const char *const *plugin_paths; /* ended by NULL */
    const char *const *files;        /* further policy files, known by their names with .lua; NULL = none */
    const char *default_name;
    struct sandbox_limits limits;
    const struct policy_settings *settings; /* of the configuration */
    size_t settings_count;
    struct price_list *prices; /* NULL = none */
    int64_t warm_up_us;
};

/* What a configuration says of it. Borrows from the configuration. */
struct policy_setup policy_setup_of(const struct config *config);

/* Loads policies/NAME.lua for every such file of the plugin paths. NULL with every fault in `error`, a line each: a
 * file that does not compile or returns no policy, two of one name, no policy of the default name, settings for a
 * policy that is not there or does not know them. Loop thread. Counted references, any thread. */
struct policy_host *policy_host_new(const struct policy_setup *setup, char *error, size_t error_size);
struct policy_host *policy_host_retain(struct policy_host *host);
void policy_host_release(struct policy_host *host); /* NULL is allowed */

const char *policy_default_name(const struct policy_host *host);

/* What the i-th policy took on all threads (lua_meter.h), the host's reference; NULL past the last. */
struct lua_meter *policy_meter(const struct policy_host *host, size_t i);

/* The i-th policy's name in ascending order, NULL past the last. */
const char *policy_name(const struct policy_host *host, size_t i);

/* What the policy says of itself; "" when nothing. */
const char *policy_about(const struct policy_host *host, size_t i);

/* Whether there is one; `name` "" = the default. */
bool policy_exists(const struct policy_host *host, const char *name);

struct policy_result {
    char policy[POLICY_NAME_MAX]; /* which one was asked */
    char reason[POLICY_REASON_MAX];
    char error[POLICY_REASON_MAX]; /* why the built-in rule answered instead; "" when it did not */
    const struct ranking *ranking; /* owned by the state, valid until the next call; it borrows from the snapshot */
    size_t alternatives;           /* how many after the first are offered, at most */
    bool nobody;                   /* nobody is up: who is ranked first is who is likely back first */
};

/* One per HTTP thread; retains the host. NULL when memory ran out. */
struct policy_state *policy_state_new(struct policy_host *host);
void policy_state_free(struct policy_state *state); /* NULL is allowed */

/* Ranks the providers of a snapshot. `current`: whom the last answer to such a request named; "" = there was none.
 * False when there is no such policy. On the thread that made the state. */
bool policy_rank(struct policy_state *state, const struct policy_request *request, const char *current,
                 const struct snapshot *snapshot, int64_t now_us, struct policy_result *result);

#endif
