-- Whatever comes: reading an answer never raises, and what is read is a number that can be a count or a time.

local host = require "host"

local SEED, ROUNDS = 20261123, 1000

-- Pieces of which providers' values are made, and some that they are not.
local PIECES = {
  "0", "1", "60", "100", "9999999999999999999999", "1785658140", "1785658140000", "-1", ".", "5.5", "s", "m", "h", "ms", "d",
  "µs", ";", ",", "=", '"', " ",
  "w=60", "q=100", "r=5", "t=30", "limit=5", "remaining=", "reset=9", '"a"', "default", "None",
  "nan", "inf", "2026-08-02T08:09:00Z", "2026-99-99T99:99:99Z", "Sun, 02 Aug 2026 08:08:45 GMT", "\0", "\255", "1e9",
  "try again in ", "retry after ", " seconds", " per ", "minute", "day", "Limit ", "Used ", "on tokens",
  "requests", "max RPM: ", "limit of ", " exceeded", "until ", " at ", "UTC", "{", "}", "[", "]", ":",
  '"error"', '"message"', '"code"', "null", "true",
  "data: ", "\n", "daily free allocation of ", " neurons", "%", "(", ")",
}

local NAMES = {
  "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-ratelimit-limit-requests", "ratelimit",
  "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests", "x-ratelimit-renewalperiod-requests", "ratelimit-policy",
  "x-ratelimit-type", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "retry-after", "retry-after-ms", "date",
  "anthropic-ratelimit-tokens-limit", "anthropic-ratelimit-tokens-reset", "x-litellm-key-max-budget", "x-litellm-key-spend",
  "x-ratelimit-timeremaining", "anthropic-ratelimit-unified-reset", "ratelimitbysize-limit", "ratelimitbysize-reset",
  "x-amzn-errortype", "x-error-message", "content-type",
}

local STATUSES = { 200, 400, 401, 403, 404, 429, 500, 503 }

local function any(list)
  return list[math.random(#list)]
end

local function text_of(most)
  local parts = {}
  for i = 1, math.random(0, most) do
    parts[i] = any(PIECES)
  end
  return table.concat(parts)
end

-- A value as JSON may hold one, to some depth.
local function json_of(depth)
  local kind = math.random(depth > 0 and 6 or 4)
  if kind == 1 then
    return text_of(4)
  elseif kind == 2 then
    return any { 0, -1, 60, 429, 1e300, 0.5 }
  elseif kind <= 4 then
    return any { true, false, text_of(2) }
  elseif kind == 5 then
    return { json_of(depth - 1), json_of(depth - 1) }
  end
  local object = {}
  for _ = 1, math.random(4) do
    object[any { "error", "errors", "message", "code", "type", "detail", "details", "metadata", "headers", "violations",
      "quotaId", "quotaValue", "retryDelay", "base_resp", "status_code", "status", "success", "valid", "estimated_time",
      "choices", "X-RateLimit-Reset", "X-RateLimit-Limit" }] = json_of(depth - 1)
  end
  return object
end

local function is_time(value, now)
  return value == nil or (value == value and value >= now and value <= now + 366 * 86400 + 86400)
end

local function check(sample, now)
  assert.is_boolean(sample.ok)
  assert.is_true(sample.ok or type(sample.message) == "string")
  assert.is_true(is_time(sample.retry_at, now), "retry_at")
  local percent = sample.rate_limit_percent
  assert.is_true(percent == nil or (percent >= 0 and percent <= 100), "rate_limit_percent")
  for _, window in ipairs(sample.limits or {}) do
    assert.is_string(window.unit)
    for _, field in ipairs { "window_s", "limit", "remaining" } do
      local value = window[field]
      assert.is_true(value == nil or (value >= 0 and value <= 1e15), field)
    end
    assert.is_true(window.window_s ~= 0, "a window of no length")
    assert.is_true(is_time(window.reset_at, now), "reset_at")
  end
end

describe("an answer of garbage", function()
  it("is read without raising, and tells nothing that cannot be", function()
    math.randomseed(SEED)
    for _, name in ipairs { "groq", "openrouter", "gemini", "mistral", "nvidia", "g4f" } do
      local h = host.new { env = { [name:upper() .. "_API_KEY"] = "test-key-0123456789abcdef" } }
      local provider, sample = h:load(name), h:library "sample"
      for _ = 1, ROUNDS do
        local headers = {}
        for _ = 1, math.random(0, 6) do
          headers[any(NAMES)] = text_of(4)
        end
        local body = math.random(2) == 1 and json_of(4) or text_of(12)
        if type(body) ~= "table" then
          body = tostring(body)
        end
        check(sample.from(h:response { status = any(STATUSES), headers = headers, body = body }, provider), h.now)
      end
    end
  end)
end)
