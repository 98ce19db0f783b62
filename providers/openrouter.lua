-- OpenRouter.
-- Docs: https://openrouter.ai/docs/api-reference/limits
-- https://openrouter.ai/docs/api-reference/api-keys/get-current-api-key
-- Facts as collected 2026-11-23 (steipete/CodexBar docs/openrouter.md, recorded answers).
-- What proves the key: GET /key; the model list is public. /key tells what is left of the key's credit limit and of the
-- day's free requests (a day ends at 00:00 UTC); its `rate_limit` is deprecated. `label` is a masked key and is never kept.
-- What the script cannot know: the limits of single models.

local base = require "base"
local limits = require "limits"
local openai = require "openai"
local sample = require "sample"

local SPAN_S = { daily = 86400, weekly = 7 * 86400, monthly = 30 * 86400 }

local function table_or_empty(value)
  return type(value) == "table" and value or {}
end

-- The key's credit limit in dollars. One of 0 says nothing: free models still work. Overspending shows as a negative
-- remainder: nothing is left.
local function credit_window(data)
  local limit, remaining = limits.count(data.limit), data.limit_remaining
  if not limit or limit == 0 then
    return {}
  end
  remaining = type(remaining) == "number" and math.max(0, remaining) or nil
  return {
    unit = "usd", window_s = SPAN_S[data.limit_reset], limit = limit, remaining = limits.count(remaining),
    reset_at = data.limit_reset == "daily" and limits.next_utc_midnight() or nil,
  }
end

-- The day's free requests, of who has never bought credit.
local function free_window(data)
  local daily = data.is_free_tier == true and table_or_empty(data.free_model_daily_requests) or {}
  local remaining = type(daily.remaining) == "number" and math.max(0, daily.remaining) or nil
  return {
    unit = "requests", window_s = 86400, limit = limits.count(daily.limit), remaining = limits.count(remaining),
    reset_at = limits.next_utc_midnight(), name = "free models",
  }
end

-- A 402 is a spent account, unless error.metadata.limit_source says that waiting helps.
local KIND_BY_LIMIT_SOURCE = {
  openrouter_in_flight_budget = "rate",
  openrouter_free_tier_daily = "quota_window",
}

local function classify(response, text)
  local metadata = table_or_empty(table_or_empty(table_or_empty(response.json).error).metadata)
  if text and text:find("No endpoints found", 1, true) then
    return "model_gone"
  end
  if text and text:find("free-models-per-min", 1, true) then
    return "rate" -- whatever it goes on to say of more requests per day
  end
  return KIND_BY_LIMIT_SOURCE[metadata.limit_source]
end

local function probe(provider, check)
  local response = http.get(base.at(provider, "/key"), {
    headers = openai.headers(provider, check.key),
    expect = "json",
    keep = "always",
  })
  local result = sample.from(response, provider)
  if not result.ok then
    return result
  end
  local data = type(response.json) == "table" and response.json.data
  if type(data) ~= "table" then
    return sample.failure("bad_response", "HTTP 200, but no key data in the answer", response)
  end
  result.limits = result.limits or {}
  limits.add(result.limits, credit_window(data))
  limits.add(result.limits, free_window(data))
  result.rate_limit_percent = limits.percent(result.limits)
  return result
end

return openai.provider {
  name = "openrouter",
  title = "OpenRouter",
  base_url = "https://openrouter.ai/api/v1",
  keys = keys "OPENROUTER_API_KEY",
  docs = "https://openrouter.ai/docs/api-reference/limits",
  classify = classify,
  probe = probe,
}
