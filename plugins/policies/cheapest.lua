-- cheapest: the lowest price of a million tokens in and a million out, as `prices` in the configuration says, or as the
-- provider's own list of models says of the model asked for. Of equal prices the faster one; without a price last.

local order = require "order"

return {
  about = "the healthy provider with the lowest price",
  rank = function(candidates)
    local list = order.by(candidates, {
      wary = true,
      cost = function(c)
        return c.price
      end,
      why = function(_, cost)
        return cost == 0 and "free" or string.format("$%.4g for a million tokens in and out", cost)
      end,
      unknown = "its price is not known",
      tie = function(c)
        return c.latency_ms
      end,
    })
    return order.answer(list, function(first)
      return first.cost and "cheapest: " .. first.why or "nobody's price is known: the fastest"
    end)
  end,
}
