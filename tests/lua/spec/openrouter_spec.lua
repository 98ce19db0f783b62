local host = require "host"

local function check(answer)
  local h = host.new { env = { OPENROUTER_API_KEY = "sk-or-v1-0123456789abcdef" } }
  return h:check(h:load "openrouter", { answer }), h.requests
end

local function key(data)
  return { status = 200, body = { data = data } }
end

describe("openrouter", function()
  it("asks for the key, which the public model list does not prove", function()
    local sample, requests = check(key { label = "sk-or-v1-abc...123", limit = 10, limit_remaining = 10 })
    assert.is_true(sample.ok)
    assert.equal("https://openrouter.ai/api/v1/key", requests[1].url)
    assert.same({ authorization = "Bearer sk-or-v1-0123456789abcdef" }, requests[1].headers)
  end)

  it("keeps no part of the label", function()
    local sample = check(key { label = "sk-or-v1-abc...123" })
    for _, value in pairs(sample) do
      assert.is_nil(tostring(value):find("abc...123", 1, true))
    end
  end)

  local daily = { used = 45, limit = 50, remaining = 5 }
  local cases = {
    { "nothing is told", {}, nil },
    { "there is no limit", { limit = false, limit_remaining = false }, nil },
    { "a part of the credit limit is left", { limit = 10, limit_remaining = 2.5 }, 75 },
    { "the key is overdrawn", { limit = 10, limit_remaining = -0.3 }, 100 },
    { "a free key has no credit limit of its own", { limit = 0, limit_remaining = 0, is_free_tier = true }, nil },
    { "a free key has used up most of the day", { is_free_tier = true, free_model_daily_requests = daily }, 90 },
    { "a paid key has few free requests left", { is_free_tier = false, free_model_daily_requests = daily }, nil },
    { "both are told", { is_free_tier = true, limit = 10, limit_remaining = 9, free_model_daily_requests = daily }, 90 },
  }
  for _, case in ipairs(cases) do
    it("knows how much is used up when " .. case[1], function()
      local percent = check(key(case[2])).rate_limit_percent
      if case[3] then
        assert.near(case[3], percent, 1e-9)
      else
        assert.is_nil(percent)
      end
    end)
  end

  it("tells its windows: dollars of the key, requests of the day", function()
    local midnight = host.NOW - host.NOW % 86400 + 86400
    local sample = check(key {
      is_free_tier = true, limit = 10, limit_remaining = 9.5, limit_reset = "monthly", free_model_daily_requests = daily,
    })
    assert.same({
      { unit = "usd", window_s = 2592000, limit = 10, remaining = 9.5 },
      { unit = "requests", window_s = 86400, limit = 50, remaining = 5, reset_at = midnight, name = "free models" },
    }, sample.limits)
    sample = check(key { limit = 3, limit_remaining = -1, limit_reset = "daily" })
    assert.same({ { unit = "usd", window_s = 86400, limit = 3, remaining = 0, reset_at = midnight } }, sample.limits)
  end)

  it("survives null where numbers are due", function()
    local body = '{"data":{"limit":null,"limit_remaining":null,"is_free_tier":true,"free_model_daily_requests":null}}'
    local sample = check { status = 200, body = body }
    assert.is_true(sample.ok)
    assert.is_nil(sample.rate_limit_percent)
  end)

  it("tells a spent account from one that has to wait, and a missing model from a missing path", function()
    local function refusal(status, message, source)
      local metadata = source and { limit_source = source }
      return check({ status = status, body = { error = { message = message, code = status, metadata = metadata } } })
    end
    assert.equal("credit", refusal(402, "x").kind)
    assert.equal("credit", refusal(402, "x", "openrouter_credits").kind)
    assert.equal("credit", refusal(402, "x", "openrouter_key_limit").kind)
    assert.equal("rate", refusal(402, "x", "openrouter_in_flight_budget").kind)
    assert.is_true(refusal(402, "x", "openrouter_in_flight_budget").limited)
    assert.equal("quota_window", refusal(402, "x", "openrouter_free_tier_daily").kind)
    assert.equal("model_gone", refusal(404, "No endpoints found for a/b.").kind)
    assert.equal("bad_path", refusal(404, "Not Found").kind)
  end)

  it("is not well without key data", function()
    assert.equal("bad_response", check({ status = 200, body = {} }).kind)
    assert.equal("the answer is not JSON", check({ status = 200, body = "OK" }).message)
    assert.equal("HTTP 200, but no key data in the answer", check({ status = 200, body = {} }).message)
    assert.equal("bad_response", check({ status = 200, body = { data = "x" } }).kind)
  end)

  it("tells a bad key from none", function()
    local function refusal(text)
      return { status = 401, body = { error = { message = text, code = 401 } } }
    end
    assert.equal("key_invalid", check(refusal "User not found.").kind)
    assert.equal("key_missing", check(refusal "No auth credentials found").kind)
    assert.equal("key_missing", check(refusal "No cookie auth credentials found").kind)
    assert.equal("key_missing", check(refusal "Missing Authentication header").kind)
  end)

  it("reads the moment of its own 429, in epoch milliseconds", function()
    local sample = check {
      status = 429,
      headers = {
        ["X-RateLimit-Limit"] = "20", ["X-RateLimit-Remaining"] = "0",
        ["X-RateLimit-Reset"] = string.format("%d", (host.NOW + 30) * 1000),
      },
      body = { error = { message = "Rate limit exceeded: free-models-per-min.", code = 429 } },
    }
    assert.equal("rate", sample.kind)
    assert.near(host.NOW + 30, sample.retry_at, 1e-3)
    local advice = " Add 10 credits to unlock 1000 free model requests per day"
    local body = { error = { message = "Rate limit exceeded: free-models-per-min." .. advice, code = 429 } }
    assert.equal("rate", check({ status = 429, body = body }).kind)
    body = { error = { message = "Rate limit exceeded: free-models-per-day." .. advice, code = 429 } }
    assert.equal("quota_window", check({ status = 429, body = body }).kind)
  end)
end)
