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

local function used_percent(data)
  local daily = type(data.free_model_daily_requests) == "table" and data.free_model_daily_requests or {}
  local credit = limits.used_percent(data.limit, data.limit_remaining)
  local free = data.is_free_tier == true and limits.used_percent(daily.limit, daily.remaining) or nil
  return math.max(credit or 0, free or 0)
end

local function probe(provider)
  return base.with_keys(provider, function(key)
    local response = http.get(provider.base_url .. "/key", {
      headers = { ["Authorization"] = "Bearer " .. key },
      keep = "always",
    })
    local result = sample.from(response)
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
