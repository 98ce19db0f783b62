/* builtin_rule: the rule that answers when a policy cannot, and which plugins/policies/lowest_latency.lua says in Lua:
 * the healthy by latency, behind them the degraded by latency; nobody else. Internal to plugin/.
 */
#ifndef PROVIDERD_PLUGIN_BUILTIN_RULE_H
#define PROVIDERD_PLUGIN_BUILTIN_RULE_H

#include "plugin/policy.h"

/* `ranking` is empty before, and has room for all. */
void builtin_rule_rank(const struct candidate_set *set, struct ranking *ranking, struct policy_result *result);

#endif
