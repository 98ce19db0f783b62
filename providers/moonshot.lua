-- Moonshot AI (Kimi).
-- Docs: https://platform.moonshot.ai/docs/api/balance, https://platform.kimi.ai/docs/api/errors
-- Facts as collected 2026-11-23 (steipete/CodexBar docs/moonshot.md; recorded errors of 2026-09).
-- What proves the key: GET /users/me/balance, which also tells what is left; at nothing or less, completions are refused
-- with a 429, while the model list still answers. Keys of .ai and .cn are each other's strangers, 401: for China set
-- MOONSHOT_API_BASE=https://api.moonshot.cn/v1. The coding plan, https://api.kimi.com/coding/v1, has no balance; there the
-- model list is asked.
-- A 429 is an empty account, a rate limit or a busy engine, by its type.
-- What the script cannot know: limits, except in the text of a refusal.

local account = require "account"
local base = require "base"
local openai = require "openai"

local function probe(provider, check)
  if provider.base_url:find("/coding", 1, true) then
    return (openai.ask(provider, check.key, "/models"))
  end
  local result, body = account.get(provider, check, base.at(provider, "/users/me/balance"))
  local unit = provider.base_url:find "%.cn[:/]" and "cny" or "usd"
  return body and account.balance(result, unit, account.part(body, "data").available_balance) or result
end

return openai.provider {
  name = "moonshot",
  title = "Moonshot AI",
  base_url = env("KIMI_API_BASE", "https://api.moonshot.ai/v1"),
  keys = keys("MOONSHOT_API_KEY", "MOONSHOT_KEY", "KIMI_API_KEY"),
  docs = "https://platform.moonshot.ai/docs/api/balance",
  probe = probe,
  status_page = {
    url = "https://status.moonshot.cn/api/v2/summary.json",
    format = "statuspage",
    component = "8psr5dfdld0s", -- "Open API"
  },
}
