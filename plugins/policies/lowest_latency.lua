-- lowest_latency: the fastest healthy provider; without one the fastest degraded; without those nobody.
-- The default, and what the original tracker answered. core/plugin/policy.c knows the same rule for when a policy fails.

local ALTERNATIVES = 2

local function faster(a, b)
  if a.latency_ms ~= b.latency_ms then
    return a.latency_ms < b.latency_ms
  end
  return a.name < b.name
end

local function names_with_status(candidates, status)
  local chosen = {}
  for _, candidate in ipairs(candidates) do
    if candidate.status == status then
      chosen[#chosen + 1] = candidate
    end
  end
  table.sort(chosen, faster)
  local names = {}
  for i, candidate in ipairs(chosen) do
    names[i] = candidate.name
  end
  return names, chosen[1]
end

local function rank(candidates)
  local names, best = names_with_status(candidates, "healthy")
  if best then
    return names, string.format("lowest latency (%.1fms) + healthy status", best.latency_ms), ALTERNATIVES
  end
  names, best = names_with_status(candidates, "degraded")
  if best then
    return names, "No healthy providers available, using least degraded: " .. best.name, 0
  end
  return {}, "All providers are down", 0
end

return { name = "lowest_latency", rank = rank }
