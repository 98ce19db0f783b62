-- weighted: a score of everything, 0 to 100, as the mean of its parts with the weights of the settings:
--   latency    100 at nothing, 50 at half_ms, by the median of the last hour
--   uptime     of 24 hours, with 90 % as 0: that is where nobody wants to be
--   headroom   what is left of the tightest limit; not known: 50
--   calm       100 % less the risk that it fails or slows down soon
--   speed      tokens per second against the fastest; not measured: 50
--   price      100 for free, 50 for half_usd; not known: 50

local order = require "order"

local function half_life(value, half)
  return 100 * half / (half + math.max(0, value))
end

local function parts_of(c, fastest, settings)
  return {
    latency = half_life(c.recent_ms, settings.half_ms),
    uptime = math.max(0, (c.uptime_percent - 90) * 10),
    headroom = c.headroom_percent or 50,
    calm = 100 * (1 - c.risk),
    speed = c.tokens_per_second and fastest > 0 and 100 * c.tokens_per_second / fastest or 50,
    price = c.price and half_life(c.price, settings.half_usd) or 50,
  }
end

local PARTS = { "latency", "uptime", "headroom", "calm", "speed", "price" }

local function mean(parts, settings)
  local sum, weights, said = 0, 0, {}
  for _, name in ipairs(PARTS) do
    local weight = math.max(0, settings[name])
    if weight > 0 then
      sum, weights = sum + weight * parts[name], weights + weight
      said[#said + 1] = string.format("%s %.0f", name, parts[name])
    end
  end
  return weights > 0 and sum / weights or 0, table.concat(said, ", ")
end

return {
  about = "the best of a weighted mean of latency, uptime, headroom, risk, tokens per second and price",
  settings = {
    latency = 5, uptime = 1, headroom = 1, calm = 2, speed = 1, price = 1,
    half_ms = 500, half_usd = 5,
  },
  rank = function(candidates, _, settings)
    local fastest, scores, said = 0, {}, {}
    for _, c in ipairs(candidates) do
      fastest = math.max(fastest, c.tokens_per_second or 0)
    end
    for _, c in ipairs(candidates) do
      scores[c.name], said[c.name] = mean(parts_of(c, fastest, settings), settings)
    end
    local list = order.by(candidates, {
      wary = true,
      cost = function(c)
        return 100 - scores[c.name]
      end,
      why = function(c)
        return said[c.name]
      end,
    })
    for _, entry in ipairs(list) do
      entry.score = entry.status == "healthy" and scores[entry.name] or scores[entry.name] / 2
    end
    return order.answer(list, function(first)
      return string.format("best weighted score (%.1f)", first.score)
    end)
  end,
}
