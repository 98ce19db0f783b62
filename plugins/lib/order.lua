-- order: what policies have in common: who comes into question, in which order, and what is said of it.
--
--   local order = require "order"
--   local list = order.by(candidates, {
--     cost = function(c) return c.price end,                       -- the lower the better; nil: not known
--     why = function(c, cost) return string.format("$%.2f", cost) end,
--   })
--   return order.answer(list, function(first) return "cheapest: " .. first.why end)
--
-- The healthy come before the degraded; of equal states who has a known cost before who has none; then the cost, then
-- `tie(c)`, where it is given, then the name. Nobody else is ranked. With `wary = true` those that are likely to fail soon
-- (risk from 0.5 on, or a limit that is all but used up) come behind the other healthy ones.

local M = {}

local RANK = { healthy = 1, wary = 2, degraded = 3 }

local RISK_MOST, HEADROOM_LEAST_PERCENT = 0.5, 3

-- Why to be wary of a healthy one; nil when there is no reason.
local function doubt(c)
  if c.risk >= RISK_MOST then
    return string.format("at risk %.2f", c.risk)
  elseif c.headroom_percent and c.headroom_percent < HEADROOM_LEAST_PERCENT then
    return string.format("%.1f %% of its limits left", c.headroom_percent)
  end
  return nil
end

local function before(a, b)
  if a.status ~= b.status then
    return RANK[a.status] < RANK[b.status]
  elseif (a.cost == nil) ~= (b.cost == nil) then
    return a.cost ~= nil
  elseif a.cost ~= b.cost then
    return a.cost < b.cost
  elseif a.tie ~= b.tie then
    return a.tie < b.tie
  end
  return a.name < b.name
end

--- The entries for rank(), best first. An entry is { candidate, score =, why =, cost = (nil: not known), status = }.
--- The score is 100 for the first one's cost, 50 for twice that; half of that for the degraded; 0 when not known.
--- @param candidates table of candidates
--- @param how table cost(candidate) -> number or nil; why(candidate, cost) -> string, only of known costs;
---   unknown string for the others; tie(candidate) -> number
function M.by(candidates, how)
  local list = {}
  for _, c in ipairs(candidates) do
    local status = c.status
    if RANK[status] then
      local cost = how.cost(c)
      local why = status .. ", " .. (cost and how.why(c, cost) or how.unknown or "not measured")
      local reason = how.wary and status == "healthy" and doubt(c)
      if reason then
        status, why = "wary", why .. ", but " .. reason
      end
      list[#list + 1] = {
        c, name = c.name, status = status, cost = cost, tie = how.tie and how.tie(c) or 0, why = why,
      }
    end
  end
  table.sort(list, before)
  local least = list[1] and list[1].cost
  for _, entry in ipairs(list) do
    local cost = entry.cost
    local score = not (cost and least) and 0 or cost <= least and 100 or 100 * math.max(least, 0) / cost
    entry.score = entry.status == "healthy" and score or score / 2
  end
  return list
end

-- How many of the entries from the front on have one of these states.
local function leading(list, one, other)
  local count = 0
  while list[count + 1] and (list[count + 1].status == one or list[count + 1].status == other) do
    count = count + 1
  end
  return count
end

--- What rank() returns: the list, the reason and how many alternatives to offer. Nobody who is degraded is an alternative.
--- @param list table as from by()
--- @param reason function(first entry) -> string, of who is healthy
--- @param most number|nil of alternatives
function M.answer(list, reason, most)
  local healthy = leading(list, "healthy", "wary")
  if healthy > 0 then
    return list, reason(list[1]), math.min(most or healthy, healthy - 1)
  elseif list[1] then
    return list, "No healthy providers available, using least degraded: " .. list[1].name, 0
  end
  return {}, "All providers are down", 0
end

return M
