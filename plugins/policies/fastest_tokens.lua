-- fastest_tokens: who writes fastest, in tokens per second as timed deep probes measured them (deep in the configuration);
-- of the model asked for, else of the model that is probed. Who was not measured comes behind.

local order = require "order"

return {
  about = "the healthy provider with the most tokens per second",
  rank = function(candidates)
    local list = order.by(candidates, {
      wary = true,
      cost = function(c)
        local rate = c.tokens_per_second
        return rate and rate > 0 and 1 / rate or nil
      end,
      why = function(c)
        return string.format("%.1f tokens/s", c.tokens_per_second)
      end,
      unknown = "its tokens per second are not measured",
      tie = function(c)
        return c.latency_ms
      end,
    })
    return order.answer(list, function(first)
      return first.cost and string.format("most tokens per second (%.1f)", 1 / first.cost)
        or "nobody's tokens per second are measured: the fastest to answer a check"
    end)
  end,
}
