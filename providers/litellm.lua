-- A LiteLLM proxy.
-- Docs: https://docs.litellm.ai/docs/proxy/virtual_keys, https://docs.litellm.ai/docs/proxy/health
-- Facts as collected 2026-11-23 (the pages above; steipete/CodexBar docs/litellm.md).
-- Watched when LITELLM_PROXY_API_BASE, LITELLM_API_BASE or LITELLM_BASE_URL is set; the key is optional.
-- What proves the key: GET /v1/models. For a virtual key, GET /key/info then tells its budget and limits; a master key has
-- none there, which is no failure. /health is never asked: it calls every model for real.
-- What the script cannot know: whether the providers behind the proxy work.

local account = require "account"
local base = require "base"
local openai = require "openai"

-- The key's budget, in dollars, and its limits a minute; and whether the budget is spent.
local function add_limits(result, info)
  local spend, budget = account.amount(info.spend), account.amount(info.max_budget)
  if budget and budget > 0 then
    account.add(result, {
      unit = "usd",
      limit = budget,
      remaining = spend and budget - spend,
      reset_at = type(info.budget_reset_at) == "string" and parse_time(info.budget_reset_at) or nil,
      name = "budget",
    })
  end
  account.add(result, { unit = "requests", window_s = 60, limit = account.amount(info.rpm_limit) })
  account.add(result, { unit = "tokens", window_s = 60, limit = account.amount(info.tpm_limit) })
  return budget and budget > 0 and spend and spend >= budget
end

local function probe(provider, check)
  local root = base.root(provider, "/v1")
  local result = account.get(provider, check, root .. "/v1/models")
  if not result.ok or not check.key then
    return result
  end
  local _, body = account.get(provider, check, root .. "/key/info")
  local info = account.part(body, "info")
  if add_limits(result, info) then
    return account.refuse(result, "credit", "the key's budget is spent")
  elseif info.blocked == true then
    return account.refuse(result, "forbidden", "the key is blocked")
  end
  return result
end

local place = env "LITELLM_PROXY_API_BASE" or env "LITELLM_BASE_URL" or env "LITELLM_API_BASE"

return openai.provider {
  name = "litellm",
  title = "LiteLLM proxy",
  base_url = place or "http://127.0.0.1:4000",
  keys = keys("LITELLM_PROXY_API_KEY", "LITELLM_API_KEY"),
  key_optional = true,
  missing = not place and "set LITELLM_PROXY_API_BASE" or nil,
  docs = "https://docs.litellm.ai/docs/proxy/virtual_keys",
  probe = probe,
}
