local host = require "host"

local h = host.new()
local limits = h:library "limits"
local NOW = host.NOW

-- The windows of some headers, read for a provider.
local function read(headers, provider)
  return limits.read(h:response { status = 200, headers = headers }, provider)
end

local function pair(window, limit, remaining)
  return read { ["x-ratelimit-limit" .. window] = limit, ["x-ratelimit-remaining" .. window] = remaining }
end

describe("limits.read", function()
  it("finds nothing where there is nothing", function()
    assert.same({}, read {})
    assert.same({}, read { ["content-type"] = "application/json", ["x-ratelimit-over-limit"] = "yes" })
  end)

  it("knows units and lengths by the headers' names", function()
    local cases = {
      ["-requests"] = { "requests", 60 }, ["-tokens"] = { "tokens", 60 }, ["-req-minute"] = { "requests", 60 },
      ["-requests-minute"] = { "requests", 60 }, ["-requests-hour"] = { "requests", 3600 },
      ["-requests-day"] = { "requests", 86400 }, ["-tokens-minute"] = { "tokens", 60 },
      ["-tokens-hour"] = { "tokens", 3600 }, ["-tokens-day"] = { "tokens", 86400 },
      ["-tokens-month"] = { "tokens", 2592000 }, ["-requests-second"] = { "requests", 1 },
      ["-minute"] = { "requests", 60 }, ["-hour"] = { "requests", 3600 }, ["-day"] = { "requests", 86400 },
      ["-input-tokens"] = { "input_tokens", 60 }, ["-output-tokens"] = { "output_tokens", 60 },
      ["-tokens-prompt"] = { "input_tokens", 60 }, ["-tokens-generated"] = { "output_tokens", 60 },
      ["-tokens-cache-adjusted-prompt"] = { "input_tokens", 60, "cache-adjusted" },
      ["-project-tokens"] = { "tokens", 60, "project" }, [""] = { "requests" },
    }
    for suffix, case in pairs(cases) do
      local window = { unit = case[1], window_s = case[2], name = case[3], limit = 10, remaining = 4 }
      assert.same({ window }, pair(suffix, "10", "4"), suffix)
    end
  end)

  it("keeps windows of different lengths, units and names apart", function()
    assert.equal(4, #read {
      ["x-ratelimit-limit-requests-minute"] = "5", ["x-ratelimit-limit-requests-hour"] = "150",
      ["x-ratelimit-limit-tokens-minute"] = "5", ["x-ratelimit-limit-project-tokens"] = "5",
    })
  end)

  it("asks the provider's table for what the name leaves open", function()
    local groq = { name = "groq", limit_windows = { requests = 86400, tokens = 60 } }
    local headers = { ["x-ratelimit-limit-requests"] = "1000", ["x-ratelimit-limit-tokens"] = "6000" }
    local windows = read(headers, groq)
    assert.equal(86400, windows[1].window_s)
    assert.equal(60, windows[2].window_s)
    assert.equal(60, read(headers)[1].window_s)
  end)

  it("believes Azure's and GitHub's own word on the length", function()
    local headers = { ["x-ratelimit-remaining-requests"] = "9", ["x-ratelimit-renewalperiod-requests"] = "10" }
    assert.same({ { unit = "requests", window_s = 10, remaining = 9 } }, read(headers))
    headers = { ["x-ratelimit-remaining-requests"] = "9", ["x-ratelimit-type"] = "UserByModelByDay" }
    assert.equal(86400, read(headers)[1].window_s)
  end)

  it("knows resets in every form", function()
    for text, wait in pairs {
      ["2m59.56s"] = 179.56, ["6ms"] = 0.006, ["33011.382867097855"] = 33011.382867097855, ["0"] = 0, [" 24 "] = 24,
      ["2026-08-02T08:09:00Z"] = 60, [string.format("%d", NOW + 60)] = 60, [string.format("%d", (NOW + 60) * 1000)] = 60,
      ['"15"'] = 15,
    } do
      local windows = read { ["x-ratelimit-remaining-tokens"] = "1", ["x-ratelimit-reset-tokens"] = text }
      assert.near(NOW + wait, windows[1].reset_at, 1e-5, text)
    end
  end)

  it("measures moments against the answer's own clock", function()
    local windows = read {
      ["Anthropic-RateLimit-Requests-Remaining"] = "1",
      ["Anthropic-RateLimit-Requests-Reset"] = "2026-08-02T07:00:30Z",
      ["Date"] = "Sun, 02 Aug 2026 07:00:00 GMT",
    }
    assert.same({ { unit = "requests", window_s = 60, remaining = 1, reset_at = NOW + 30 } }, windows)
  end)

  it("reads all of Anthropic's kinds, and the priority tier beside them", function()
    local windows = read {
      ["anthropic-ratelimit-requests-limit"] = "50", ["anthropic-ratelimit-tokens-limit"] = "90",
      ["anthropic-ratelimit-input-tokens-limit"] = "80", ["anthropic-ratelimit-output-tokens-limit"] = "10",
      ["anthropic-priority-input-tokens-limit"] = "7", ["anthropic-priority-output-tokens-remaining"] = "3",
    }
    assert.same({
      { unit = "requests", window_s = 60, limit = 50 }, { unit = "tokens", window_s = 60, limit = 90 },
      { unit = "input_tokens", window_s = 60, limit = 80 }, { unit = "output_tokens", window_s = 60, limit = 10 },
      { unit = "input_tokens", window_s = 60, limit = 7, name = "priority" },
      { unit = "output_tokens", window_s = 60, remaining = 3, name = "priority" },
    }, windows)
  end)

  it("reads LiteLLM's own limits, those of what is behind it, and its budget", function()
    assert.same({
      { unit = "requests", window_s = 60, limit = 60, remaining = 59 },
      { unit = "requests", window_s = 60, limit = 500, remaining = 499, name = "upstream" },
      { unit = "tokens", window_s = 60, limit = 100000 },
      { unit = "usd", limit = 10, remaining = 7.5 },
    }, read {
      ["x-litellm-key-rpm-limit"] = "60", ["x-litellm-key-tpm-limit"] = "100000",
      ["x-ratelimit-api_key-remaining-requests"] = "59", ["x-ratelimit-api_key-limit-tokens"] = "None",
      ["llm_provider-x-ratelimit-limit-requests"] = "500", ["llm_provider-x-ratelimit-remaining-requests"] = "499",
      ["x-litellm-key-max-budget"] = "10.0", ["x-litellm-key-spend"] = "2.5",
    })
    assert.same({ { unit = "usd", limit = 10, remaining = 0 } },
      read { ["x-litellm-key-max-budget"] = "10", ["x-litellm-key-spend"] = "12.5" })
  end)

  it("keeps a limit of 0, and one beyond 32 bits", function()
    assert.same({ { unit = "tokens", window_s = 60, limit = 0, remaining = 0 } }, pair("-tokens-minute", "0", "0"))
    assert.equal(10000000000, pair("-tokens", "10000000000", "1")[1].limit)
  end)

  it("takes a header that came twice with one value", function()
    assert.equal(60, pair("-requests", "60, 60", "9")[1].limit)
    assert.is_nil(pair("-requests", "60, 70", "9")[1].limit)
    assert.is_nil(pair("-requests", "150,000", "9")[1].limit)
  end)

  it("makes nothing of nonsense, nor zero of the unknown", function()
    for _, text in ipairs {
      "lots", "-1", "None", "", "nan", "inf", "0x10", "1e3", "1 000", ("9"):rep(400), "12x", ";", ",",
    } do
      assert.same({}, pair("-requests", text, text), text)
      assert.same({ { unit = "requests", window_s = 60, remaining = 1 } }, pair("-requests", text, "1"), text)
    end
    assert.is_nil(read({ ["x-ratelimit-remaining-tokens"] = "1", ["x-ratelimit-reset-tokens"] = "99999999" })[1].reset_at)
  end)

  it("keeps at most sixteen windows", function()
    local items = {}
    for i = 1, 40 do
      items[i] = string.format('"p%d";r=%d', i, i)
    end
    assert.equal(16, #read { ratelimit = table.concat(items, ", ") })
  end)
end)

describe("the IETF's fields", function()
  local function window(fields)
    fields.unit = fields.unit or "requests"
    return { fields }
  end

  it("are joined with their policies by name", function()
    local policies = '"burst";q=100;w=60, "daily";q=1000;w=86400'
    assert.same({
      { unit = "requests", name = "daily", window_s = 86400, limit = 1000, remaining = 900, reset_at = NOW + 7 },
      { unit = "requests", name = "burst", window_s = 60, limit = 100, remaining = 3 },
    }, read { RateLimit = '"daily";r=900;t=7, "burst";r=3', ["RateLimit-Policy"] = policies })
  end)

  it("are not joined by anything else", function()
    assert.same(window { name = "default", remaining = 50, reset_at = NOW + 30 },
      read { RateLimit = '"default";r=50;t=30', ["RateLimit-Policy"] = '"burst";q=100;w=60' })
  end)

  it("may name their unit, go without quotes, and hold separators in a name", function()
    assert.same(window { unit = "tokens", name = "a,b;c", window_s = 60, limit = 10, remaining = 5 },
      read { RateLimit = ' "a,b;c" ; r=5', ["RateLimit-Policy"] = '"a,b;c";q=10;w=60;qu="tokens"' })
    assert.same(window { name = "default", window_s = 60, limit = 10, remaining = 5 },
      read { RateLimit = "default;r=5", ["RateLimit-Policy"] = "default;q=10;w=60" })
  end)

  it("are read as draft 7 has them", function()
    assert.same(window { window_s = 60, limit = 100, remaining = 50, reset_at = NOW + 30 },
      read { RateLimit = "limit=100, remaining=50, reset=30", ["RateLimit-Policy"] = "10;w=1, 100;w=60" })
  end)

  it("are read as drafts 3 to 6 have them, with the length of the limit that is in force", function()
    local function trio(limit, policy)
      return read { ["RateLimit-Limit"] = limit, ["RateLimit-Remaining"] = "50", ["RateLimit-Reset"] = "30",
        ["RateLimit-Policy"] = policy }
    end
    assert.same(window { limit = 100, remaining = 50, reset_at = NOW + 30 }, trio "100")
    assert.same(window { window_s = 60, limit = 100, remaining = 50, reset_at = NOW + 30 }, trio "100, 100;w=60")
    assert.same(window { window_s = 60, limit = 100, remaining = 50, reset_at = NOW + 30 },
      trio '100, 10;w=1, 100;w=60;comment="a, b", 1000;w=3600')
    assert.same(window { window_s = 60, limit = 100, remaining = 50, reset_at = NOW + 30 }, trio("100", "100;w=60"))
    assert.same(window { remaining = 50, reset_at = NOW + 30 }, trio "100, 200")
    assert.same(window { remaining = 50, reset_at = NOW + 30 }, trio "lots")
  end)

  it("count once where the same is told with and without an x-", function()
    assert.equal(1, #read { ["RateLimit-Limit"] = "60", ["X-RateLimit-Limit"] = "60", ["X-RateLimit-Remaining"] = "2" })
  end)
end)

describe("a header that is not understood", function()
  local function told(headers, provider)
    h.log = {}
    read(headers, provider)
    return h.log
  end

  it("is reported once for each provider and name", function()
    local one, two = { name = "one" }, { name = "two" }
    local headers = { ["x-ratelimit-limit-requests"] = "lots", ["x-ratelimit-remaining-requests"] = "1" }
    assert.same({ "warn: one: the value 'lots' of its header x-ratelimit-limit-requests is not understood and left out" },
      told(headers, one))
    assert.same({}, told(headers, one))
    assert.equal(1, #told(headers, two))
    headers["x-ratelimit-reset-requests"] = "soon"
    assert.truthy(told(headers, one)[1]:find("x-ratelimit-reset-requests", 1, true))
  end)

  it("is shown only when it is short, and never raw", function()
    local line = told({ ["x-ratelimit-limit-tokens"] = ("x"):rep(41) }, { name = "long" })[1]
    assert.equal("warn: long: the value of its header x-ratelimit-limit-tokens is not understood and left out", line)
    assert.truthy(told({ ["x-ratelimit-limit-tokens"] = "a\1\255%d" }, { name = "raw" })[1]:find("'a??%d'", 1, true))
  end)

  it("is not one that says that there is nothing to say", function()
    assert.same({}, told({ ["x-ratelimit-limit-tokens"] = "None", ["x-ratelimit-remaining-tokens"] = "" }, { name = "no" }))
  end)
end)

describe("limits.retry_s", function()
  local function retry(headers)
    return limits.retry_s(h:response({ status = 429, headers = headers }).headers)
  end

  it("takes the first that says something sensible", function()
    assert.equal(1.25, retry { ["retry-after-ms"] = "1250", ["retry-after"] = "2" })
    assert.equal(2, retry { ["retry-after-ms"] = "x", ["retry-after"] = "2.0", ["x-ratelimit-reset"] = "9" })
    assert.equal(28, retry { ["x-ratelimit-timeremaining"] = "28", ["x-ratelimit-reset"] = "9" })
    assert.equal(9, retry { ["retry-after"] = "-1", ["x-ratelimit-reset"] = "9" })
    assert.equal(60, retry { ["anthropic-ratelimit-unified-reset"] = string.format("%d", NOW + 60) })
    assert.is_nil(retry {})
    assert.is_nil(retry { ["retry-after"] = "99999999" })
  end)

  it("keeps a wait of days as it is", function()
    assert.equal(562476, retry { ["retry-after"] = "562476" })
  end)
end)

describe("limits.percent", function()
  it("takes the tightest window", function()
    assert.is_nil(limits.percent {})
    assert.near(90, limits.percent { { limit = 1000, remaining = 750 }, { limit = 6000, remaining = 600 }, { limit = 1 } },
      1e-9)
  end)

  it("takes a remainder above the limit as unused, and a limit of 0 as no measure", function()
    assert.equal(0, limits.percent { { limit = 1000000, remaining = 2999976 } })
    assert.is_nil(limits.percent { { limit = 0, remaining = 0 } })
    assert.is_nil(limits.used_percent("lots", "1"))
    assert.is_nil(limits.used_percent(0 / 0, 1))
    assert.is_nil(limits.used_percent(10, -1))
  end)
end)

describe("limits.wait_s", function()
  for _, vector in ipairs(host.vectors "values") do
    it("reads " .. vector.v, function()
      local wait = limits.wait_s(vector.v, NOW)
      if type(vector.s) == "number" then
        assert.near(vector.s, wait, 1e-6)
      else
        assert.is_nil(wait)
      end
    end)
  end

  it("is unknown without a header", function()
    assert.is_nil(limits.wait_s(nil, NOW))
    assert.is_nil(limits.wait_s({}, NOW))
  end)
end)
