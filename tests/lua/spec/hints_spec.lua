local host = require "host"

local h = host.new()
local hints = h:library "hints"
local NOW = host.NOW

local function of_text(text, provider)
  return hints.read(h:response { status = 429 }, text, nil, provider)
end

local function of_body(body)
  return hints.read(h:response { status = 429 }, nil, body)
end

describe("a wait in a text", function()
  local cases = {
    ["Please try again in 3.405s."] = 3.405,
    ["Please try again in 202ms. Visit x"] = 0.202,
    ["Please try again in 20s."] = 20,
    ["… tokens per day (TPD) … Please try again in 2h31m16.752s."] = 9076.752,
    ["Please retry in 44.097740004s."] = 44.097740004,
    ["Your quota will reset after 156h14m36s."] = 562476,
    ["Please wait 46 seconds before retrying."] = 46,
    ["Please retry after 38 seconds."] = 38,
    ["retry after 86400 seconds"] = 86400,
    ["please try again after 1 seconds"] = 1,
    ["Try again in 1 minute and 30 seconds."] = 90,
    ["Please wait for 2 hours, 5 minutes"] = 7500,
    ["Resets in 3 days"] = 259200,
    ["try again in 5s; or, when that fails, try again in 9s"] = 9,
    ["You will regain access on 2026-09-01 at 00:00 UTC."] = 2562720,
    ["Your limit will reset at 2026-08-02 08:09:00 UTC"] = 60,
    ["blocked until 2026-08-02T08:09:00.5Z"] = 60,
    ["try again 2026-08-02T10:09:00+02:00"] = 60,
  }
  for text, wait in pairs(cases) do
    it("is read: " .. text, function()
      assert.near(wait, (of_text(text)), 1e-6)
    end)
  end

  it("is not guessed", function()
    for _, text in ipairs {
      "Please try again later", "try again in a moment", "try again in 5", "wait 5 months", "try again in -5s", "",
      "reset at 2026-09-01 00:00:00", "reset at 2026-99-99 00:00:00 UTC", "created 2026-09-01 at 00:00 UTC",
      "try again in 9999999 hours", "retry in .s", "retry in 1.2.3s", "try again in 99999999999999999999999s",
    } do
      assert.is_nil(of_text(text), text)
    end
  end)

  it("is of the zone that the provider means where the text names none", function()
    local zai = { name = "zai", time_zone = "+08:00" }
    assert.equal(60, (of_text("您的限额将在 2026-08-02 16:09:00 重置", zai)))
    assert.equal(60, (of_text("Your limit will reset at 2026-08-02 16:09:00", zai)))
    assert.is_nil((of_text("Your limit will reset at 2026-08-02 16:09:00")))
  end)
end)

describe("a window in a text", function()
  local cases = {
    ["Rate limit reached for model `x` in organization `org_…` on tokens per minute (TPM): Limit 8000, Used 2591, "
      .. "Requested 5863. Please try again in 3.405s."] = { "tokens", 60, 8000, 5409 },
    ["on requests per day (RPD): Limit 1000, Used 1000, Requested 1."] = { "requests", 86400, 1000, 0 },
    ["on tokens per day (TPD): Limit 100000, Used 100200, Requested 5"] = { "tokens", 86400, 100000, 0 },
    ["on input tokens per minute (ITPM): Limit 10, Used 4"] = { "input_tokens", 60, 10, 6 },
    ["on audio seconds per hour (ASPH): Limit 7200, Used 7000"] = { "audio_seconds", 3600, 7200, 200 },
    ["Request too large … on tokens per min (TPM): Limit 30000, Requested 40000."] = { "tokens", 60, 30000 },
    ["on requests per min. Limit: 3 / min. Please try again in 20s."] = { "requests", 60, 3 },
    ["Rate limit of 10 per 60s exceeded for UserByModelByMinute. Please wait 46 seconds"] = { "requests", 60, 10, 0 },
    ["Rate limit of 50 per 86400s exceeded for UserByModelByDay."] = { "requests", 86400, 50, 0 },
    ["… request reached organization max RPM: 3, please try again after 1 seconds"] = { "requests", 60, 3, 0 },
    ["request reached organization TPD rate limit, current: 1505241, limit: 1500000"] = { "tokens", 86400, 1500000, 0 },
    ["You are using a Trial key, which is limited to 20 API calls / minute. …"] = { "requests", 60, 20, 0 },
    ["limited to 1,000 API calls / month"] = { "requests", 2592000, 1000, 0 },
    ["You have been rate limited. Your rate limit is 60 queries per minute."] = { "requests", 60, 60, 0 },
    ["This request would exceed your organization's rate limit of 30,000 input tokens per minute"] =
      { "input_tokens", 60, 30000 },
    ["Requests per day limit exceeded - too many requests sent."] = { "requests", 86400, nil, 0 },
  }
  for text, case in pairs(cases) do
    it("is read: " .. text:sub(1, 60), function()
      local _, windows = of_text(text)
      assert.same({ { unit = case[1], window_s = case[2], limit = case[3], remaining = case[4] } }, windows)
    end)
  end

  it("is a day of UTC's at Cloudflare", function()
    local wait, windows = of_text "you have used up your daily free allocation of 10,000 neurons, please upgrade"
    local midnight = h.globals.parse_time "2026-08-03T00:00:00Z"
    assert.same({ { unit = "neurons", window_s = 86400, limit = 10000, remaining = 0, reset_at = midnight } }, windows)
    assert.equal(midnight - NOW, wait)
  end)

  it("is not guessed", function()
    for _, text in ipairs {
      "Rate limit exceeded", "limited to 5 apples per minute", "10 requests per fortnight", "per per per",
      "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day",
    } do
      local _, windows = of_text(text)
      assert.same({}, windows)
    end
  end)
end)

describe("a body", function()
  it("repeats OpenRouter's headers", function()
    local headers = { ["X-RateLimit-Limit"] = "20", ["X-RateLimit-Remaining"] = "0",
      ["X-RateLimit-Reset"] = string.format("%d", (NOW + 30) * 1000) }
    local wait, windows = of_body { error = { code = 429, metadata = { headers = headers } } }
    assert.near(30, wait, 1e-6)
    assert.same({ { unit = "requests", limit = 20, remaining = 0, reset_at = NOW + 30 } }, windows)
    headers["X-RateLimit-Reset"] = (NOW + 30) * 1000 -- as a number
    assert.near(30, (of_body { error = { metadata = { headers = headers } } }), 1e-6)
  end)

  it("tells how long Hugging Face takes to load a model", function()
    assert.equal(20, (of_body { error = "Model x is currently loading", estimated_time = 20 }))
  end)

  it("tells Google's waits, wherever they stand", function()
    local function google(detail)
      return (of_body { error = { details = { detail } } })
    end
    assert.near(34.074824224, google { retryDelay = "34.074824224s" }, 1e-9)
    assert.near(562476.752463453, google { metadata = { quotaResetDelay = "156h14m36.752463453s" } }, 1e-6)
    assert.equal(60, google { metadata = { quotaResetTimeStamp = "2026-08-02T08:09:00Z" } })
  end)

  it("may be of any shape", function()
    for _, body in ipairs {
      { error = { metadata = { headers = "x" } } }, { error = { metadata = 1 } }, { error = "x", estimated_time = "20" },
      { estimated_time = -1 }, { error = { metadata = { headers = { 1, {}, ["retry-after"] = {} } } } },
      { error = { details = { { violations = { { quotaId = 1 }, { quotaId = "TokensPerDay", quotaValue = {} } } } } } },
    } do
      assert.is_nil((of_body(body)))
    end
  end)
end)
