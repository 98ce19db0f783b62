-- explore: mostly the fastest, and in share_percent of the answers another healthy one, so that what callers learn of the
-- others stays fresh. The way of Knot Resolver (lib/selection.c: epsilon-greedy with 1/20). Those whose last check is oldest
-- are explored, at most MOST of them; nobody slower than at_most_times the fastest is.

local order = require "order"

local MOST = 7

return {
  about = "mostly the fastest; now and then another, so that knowledge stays fresh",
  settings = { share_percent = 5, at_most_times = 5 },
  rank = function(candidates, _, settings)
    local age = {}
    for _, c in ipairs(candidates) do
      age[c.name] = c.last_check_age_s or math.huge
    end
    local list = order.by(candidates, {
      wary = true,
      cost = function(c)
        return c.recent_ms
      end,
      why = function(_, cost)
        return string.format("median %.1f ms", cost)
      end,
    })
    local others = {}
    for i = 2, #list do
      if list[i].status == "healthy" and list[i].cost <= settings.at_most_times * list[1].cost then
        others[#others + 1] = list[i]
      end
    end
    table.sort(others, function(a, b)
      if age[a.name] ~= age[b.name] then
        return age[a.name] > age[b.name]
      end
      return a.name < b.name
    end)
    local explored = math.min(#others, MOST)
    local share = math.max(0, math.min(100, settings.share_percent))
    for i = 1, explored do
      others[i].share = share / explored
      others[i].why = string.format("%s, explored in %.1f %% of the answers", others[i].why, share / explored)
    end
    if explored > 0 and share < 100 then
      list[1].share = 100 - share
    end
    return order.answer(list, function(first)
      return string.format("lowest median of the last hour (%.1f ms); others are explored in %g %% of the answers",
        first.cost,
        explored > 0 and share or 0)
    end)
  end,
}
