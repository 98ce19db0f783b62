-- judge: from a sample and the time before it to a status. The default for every provider.
--
-- The rule is the original tracker's, with its two faults mended (a slow answer counts as up, a 429 is no outage):
--   ok within the latency threshold           healthy   "ok"
--   ok but slower                             degraded  "slow"
--   refused for its rate only (429)           degraded  "rate_limited"
--   a failure                                 degraded, from the n-th in a row on down; the reason is the error kind
--   an error with the effect "degraded"       degraded, never down; likewise
--   an error with the effect "none"           unknown; likewise
-- What effect a kind has, lib/kinds.lua and the configuration say.
--
-- The score, 0 to 100, orders all providers: a healthy one has 100 at its best and 50 at its worst; a slow one falls from
-- 50 towards 25 as 1/latency; a limited one has 20; one that answers, but not as it should, 15; a failing one has 10, and 0
-- from its second failure in a row on. What is best for a healthy one, score_weights say: a latency of 0 ms (the worst is
-- the threshold), an uptime of 100 %, limits that are not used at all. Parts that are not known are left out.

local limits = require "limits"

local M = {}

local LATENCY_ONLY = { latency = 1, uptime = 0, headroom = 0 }

local function headroom(sample, state)
  local used = sample.rate_limit_percent or limits.percent(sample.limits) or state.rate_limit_percent
  return used and used >= 0 and 1 - used / 100 or nil
end

local function healthy_score(sample, state)
  local weights = state.weights or LATENCY_ONLY
  local sum, weight = 0, 0
  local function add(share, share_weight)
    if share then
      sum, weight = sum + share * share_weight, weight + share_weight
    end
  end
  add(1 - sample.latency_ms / state.degraded_latency_ms, weights.latency)
  add(state.status ~= "unknown" and state.uptime_percent and state.uptime_percent / 100, weights.uptime)
  add(headroom(sample, state), weights.headroom)
  return weight > 0 and 50 + 50 * sum / weight or 100
end

--- @param sample table what a check found (providers/README.md, "Samples")
--- @param state table what was known before it (providers/README.md, "judge")
--- @return string status, string reason, number score
function M.judge(sample, state)
  if sample.ok then
    if sample.latency_ms <= state.degraded_latency_ms then
      return "healthy", "ok", healthy_score(sample, state)
    end
    return "degraded", "slow", 25 + 25 * state.degraded_latency_ms / sample.latency_ms
  end
  if sample.limited then
    return "degraded", "rate_limited", 20
  elseif state.effect == "degraded" then
    return "degraded", sample.kind, 15
  elseif state.effect == "none" then
    return "unknown", sample.kind, 0
  end
  local failures = state.consecutive_failures + 1
  if failures >= state.max_consecutive_failures then
    return "down", sample.kind, 0
  end
  return "degraded", sample.kind, math.max(0, 20 - 10 * failures)
end

return M
