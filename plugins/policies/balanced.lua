-- balanced: spreads the answers over those that are nearly as fast as the fastest, rather than herding everybody onto one.
-- Each gets a share by what is left of its rate limits (not known: half), the slower ones a little less. The daemon draws
-- by the power of two choices (core/plugin/spread.h).

local order = require "order"

return {
  about = "the nearly equal share the answers, by speed and headroom",
  settings = { within_percent = 30, within_ms = 30 },
  rank = function(candidates, _, settings)
    local headroom = {}
    for _, c in ipairs(candidates) do
      headroom[c.name] = c.headroom_percent or 50
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
    local near = 0
    for _, entry in ipairs(list) do
      local most = list[1].cost * (1 + settings.within_percent / 100) + settings.within_ms
      if entry.status == list[1].status and entry.cost <= most then
        near = near + 1
        entry.share = math.max(1, headroom[entry.name]) * (list[1].cost + 1) / (entry.cost + 1)
        entry.why = string.format("%s, shares the calls, %.0f %% headroom", entry.why, headroom[entry.name])
      end
    end
    return order.answer(list, function()
      return near == 1 and "nobody is nearly as fast" or string.format("one of %d that are nearly equally fast", near)
    end)
  end,
}
