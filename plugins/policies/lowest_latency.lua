-- lowest_latency: the fastest healthy provider; without one the fastest degraded; without those nobody.
-- The default, and what the original tracker answered. core/plugin/builtin_rule.c knows the same rule for when a policy
-- fails.

local order = require "order"

local ALTERNATIVES = 2

return {
  about = "the healthy provider whose last check was answered fastest",
  rank = function(candidates)
    local list = order.by(candidates, {
      cost = function(c)
        return c.latency_ms
      end,
      why = function(_, cost)
        return string.format("%.1f ms", cost)
      end,
    })
    return order.answer(list, function(first)
      return string.format("lowest latency (%.1fms) + healthy status", first.cost)
    end, ALTERNATIVES)
  end,
}
