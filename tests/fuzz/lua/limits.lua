-- What must hold of the sample of any answer. See ../limits.c.

local google = require "google"
local kinds = require "kinds"
local sample = require "sample"

local DAY_S = 86400
local YEAR_S = 366 * DAY_S

local PROVIDERS = {
  { name = "plain" },
  { name = "windows", limit_windows = { requests = DAY_S, tokens = 60 } },
  { name = "google", classify = google.classify },
}

local function is_finite(number)
  return type(number) == "number" and number == number and math.abs(number) < math.huge
end

local function check_window(window)
  assert(type(window.unit) == "string" and window.unit ~= "", "a window without a unit")
  for _, field in ipairs { "limit", "remaining", "window_s", "reset_at" } do
    local value = window[field]
    assert(value == nil or is_finite(value) and value >= 0, field)
  end
  assert(window.name == nil or type(window.name) == "string", "name")
  assert(window.reset_at == nil or window.reset_at < now() + 10 * YEAR_S, "a reset in ten years")
end

local function check_sample(result)
  assert(type(result.ok) == "boolean", "ok")
  assert(result.ok or kinds[result.kind], "a failure without a known kind")
  assert(result.message == nil or type(result.message) == "string", "message")
  assert(result.retry_at == nil or is_finite(result.retry_at) and result.retry_at < now() + 10 * YEAR_S, "retry_at")
  local percent = result.rate_limit_percent
  assert(percent == nil or is_finite(percent) and percent >= 0 and percent <= 100, "percent")
  for _, window in ipairs(result.limits or {}) do
    check_window(window)
  end
end

function one_input(response)
  for _, provider in ipairs(PROVIDERS) do
    check_sample(sample.from(response, provider))
  end
end

return {}
