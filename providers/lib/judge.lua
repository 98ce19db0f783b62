-- judge: from a sample and the time before it to a status. The default for every provider.
--
-- The rule is the original tracker's, with its two faults mended (a slow answer counts as up, a 429 is no outage):
--   ok within the latency threshold           healthy   "ok"
--   ok but slower                             degraded  "slow"
--   refused for its rate only (429)           degraded  "rate_limited"
--   a failure                                 degraded, from the n-th in a row on down; the reason is the error kind
--
-- The score, 0 to 100, orders all providers: a healthy one has 100 at 0 ms and 50 at the threshold; a slow one falls from
-- 50 towards 25 as 1/latency; a limited one has 20; a failing one has 10, and 0 from its second failure in a row on.

local M = {}

local function latency_score(latency_ms, threshold_ms)
  if latency_ms <= threshold_ms then
    return 100 - 50 * latency_ms / threshold_ms
  end
  return 25 + 25 * threshold_ms / latency_ms
end

--- @param sample table what a check found (providers/README.md, "Samples")
--- @param state table what was known before it (providers/README.md, "judge")
--- @return string status, string reason, number score
function M.judge(sample, state)
  if sample.ok then
    local score = latency_score(sample.latency_ms, state.degraded_latency_ms)
    if sample.latency_ms <= state.degraded_latency_ms then
      return "healthy", "ok", score
    end
    return "degraded", "slow", score
  end
  if sample.limited then
    return "degraded", "rate_limited", 20
  end
  local failures = state.consecutive_failures + 1
  if failures >= state.max_consecutive_failures then
    return "down", sample.kind, 0
  end
  return "degraded", sample.kind, math.max(0, 20 - 10 * failures)
end

return M
