-- most_headroom: who has most left of its tightest rate limit. Who tells no limits is taken to have assumed_percent left.
-- Of equals the faster one.

local order = require "order"

local function used_percent(c, assumed_percent)
  return 100 - (c.headroom_percent or assumed_percent)
end

return {
  about = "the healthy provider with the most left of its rate limits",
  settings = { assumed_percent = 50 },
  rank = function(candidates, _, settings)
    local list = order.by(candidates, {
      wary = true,
      cost = function(c)
        return used_percent(c, settings.assumed_percent)
      end,
      tie = function(c)
        return c.latency_ms
      end,
      why = function(c)
        return c.headroom_percent and string.format("%.1f %% of its limits left", c.headroom_percent)
          or string.format("limits not known, taken as %g %% left", settings.assumed_percent)
      end,
    })
    for _, entry in ipairs(list) do
      local left = math.max(0, math.min(100, 100 - entry.cost))
      entry.score = entry.status == "healthy" and left or left / 2
    end
    return order.answer(list, function(first)
      return "most headroom: " .. first.why
    end)
  end,
}
