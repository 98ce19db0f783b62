-- OpenRouter.
-- Docs: https://openrouter.ai/docs/api-reference/limits
-- https://openrouter.ai/docs/api-reference/api-keys/get-current-api-key
-- Facts as collected 2026-11-23 (steipete/CodexBar docs/openrouter.md, recorded answers).
-- What proves the key: GET /key; the model list is public. /key tells what is left of the key's credit limit and of the
-- day's free requests; its `rate_limit` is deprecated. `label` is a masked key and is never kept.
-- What the script cannot know: the limits of single models.

local base = require "base"
local limits = require "limits"
local openai = require "openai"
local sample = require "sample"

-- Overspending shows as a negative remainder: nothing is left.
local function used(limit, remaining)
  remaining = tonumber(remaining)
  return limits.used_percent(limit, remaining and math.max(0, remaining))
end

-- The tighter of the key's credit limit and, for who has never bought credit, the day's free requests; nil when neither
-- is told. A limit of 0 says nothing: free models still work.
local function used_percent(data)
  local daily = type(data.free_model_daily_requests) == "table" and data.free_model_daily_requests or {}
  local credit = used(data.limit, data.limit_remaining)
  local free = data.is_free_tier == true and used(daily.limit, daily.remaining) or nil
  return credit and free and math.max(credit, free) or credit or free
end

-- A 402 is a spent account, unless error.metadata.limit_source says that waiting helps.
local KIND_BY_LIMIT_SOURCE = {
  openrouter_in_flight_budget = "rate",
  openrouter_free_tier_daily = "quota_window",
}

local function classify(response, text)
  local err = type(response.json) == "table" and response.json.error
  local metadata = type(err) == "table" and type(err.metadata) == "table" and err.metadata or {}
  if text and text:find("No endpoints found", 1, true) then
    return "model_gone"
  end
  return KIND_BY_LIMIT_SOURCE[metadata.limit_source]
end

local function probe(provider)
  return base.with_keys(provider, function(key)
    local response = http.get(base.at(provider, "/key"), {
      headers = { ["Authorization"] = "Bearer " .. key },
      expect = "json",
      keep = "always",
    })
    local result = sample.from(response, classify)
    if not result.ok then
      return result
    end
    local data = type(response.json) == "table" and response.json.data
    if type(data) ~= "table" then
      return sample.failure("bad_response", "HTTP 200, but no key data in the answer", response)
    end
    result.rate_limit_percent = used_percent(data)
    return result
  end)
end

return openai.provider {
  name = "openrouter",
  title = "OpenRouter",
  base_url = "https://openrouter.ai/api/v1",
  keys = keys "OPENROUTER_API_KEY",
  docs = "https://openrouter.ai/docs/api-reference/limits",
  probe = probe,
}
