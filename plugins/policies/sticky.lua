-- sticky: stays with who was best, for as long as it is as well as the fastest and not slower by more than a margin: a
-- switch costs its caller connections and caches. Measured by the median latency of the last hour, which a single slow
-- check does not move.

local order = require "order"

local function position_of(list, name)
  for i, entry in ipairs(list) do
    if entry.name == name then
      return i
    end
  end
  return nil
end

return {
  about = "the fastest by the median of the last hour, without a switch for gains below a margin",
  settings = { margin_percent = 20, margin_ms = 20 },
  rank = function(candidates, request, settings)
    local list = order.by(candidates, {
      wary = true,
      cost = function(c)
        return c.recent_ms
      end,
      why = function(_, cost)
        return string.format("median %.1f ms", cost)
      end,
    })
    local at = request.current and position_of(list, request.current)
    local fastest, current = list[1], at and list[at]
    local kept = at and at > 1 and current.status == fastest.status
      and current.cost <= fastest.cost * (1 + settings.margin_percent / 100) + settings.margin_ms
    if kept then
      table.insert(list, 1, table.remove(list, at))
      current.why = string.format("%s, kept: %s is faster by %.1f ms only", current.why, fastest.name,
        current.cost - fastest.cost)
    end
    return order.answer(list, function(first)
      return kept and first.why or "fastest by the median of the last hour: " .. first.why
    end)
  end,
}
