local host = require "host"

local h = host.new()
local limits = h:library "limits"

local function percent(headers)
  return limits.percent(h:response({ status = 200, headers = headers }).headers)
end

local function pair(window, limit, remaining)
  return percent { ["x-ratelimit-limit" .. window] = limit, ["x-ratelimit-remaining" .. window] = remaining }
end

describe("limits.percent", function()
  it("is unknown without headers", function()
    assert.is_nil(percent {})
  end)

  it("reads the pairs of requests and tokens, and takes the tightest", function()
    assert.near(25, pair("-requests", "1000", "750"), 1e-9)
    assert.near(25, percent { ["X-RateLimit-Limit-Tokens"] = "8", ["X-RateLimit-Remaining-Tokens"] = "6" }, 1e-9)
    assert.near(90, percent {
      ["x-ratelimit-limit-requests"] = "1000", ["x-ratelimit-remaining-requests"] = "750",
      ["x-ratelimit-limit-tokens"] = "6000", ["x-ratelimit-remaining-tokens"] = "600",
    }, 1e-9)
  end)

  it("reads Mistral's minute pair, windows in the name and the plain pair", function()
    assert.near(50, pair("-req-minute", "188", "94"), 1e-9)
    assert.near(10, pair("-tokens-minute", "10", "9"), 1e-9)
    assert.near(75, pair("-requests-day", "4", "1"), 1e-9)
    assert.near(100, pair("", "20", "0"), 1e-9)
  end)

  it("takes a remainder above the limit as unused", function()
    assert.equal(0, pair("-tokens-day", "1000000", "2999976"))
  end)

  it("makes nothing of nonsense", function()
    for _, values in ipairs { { "lots", "1" }, { "10", "-1" }, { "0", "0" }, { "10" }, { nil, "10" }, { "None", "None" } } do
      assert.is_nil(pair("-requests", values[1], values[2]))
    end
  end)
end)

describe("limits.wait_s", function()
  for _, vector in ipairs(host.vectors "values") do
    it("reads " .. vector.v, function()
      local wait = limits.wait_s(vector.v, host.NOW)
      if type(vector.s) == "number" then
        assert.near(vector.s, wait, 1e-6)
      else
        assert.is_nil(wait)
      end
    end)
  end

  it("is unknown without a header", function()
    assert.is_nil(limits.wait_s(nil, host.NOW))
  end)
end)
