-- Chutes.
-- Docs: https://chutes.ai/docs/getting-started/authentication, https://chutes.ai/docs/api-reference/users
-- Facts as collected 2026-11-23 (steipete/CodexBar docs/chutes.md; quota trackers of several clients).
-- What proves the key: GET /users/me/quota_usage/me at the management host (CHUTES_API_URL); the model list answers without
-- a key, and shows that the host of the completions is there. With a base of one's own and no CHUTES_API_URL, the key stays
-- at that base, and a base that does not know the call proves no more than that it answers.
-- The call tells the day's requests and how many are used; a day begins at 00:00 UTC. A quota that is used up is no
-- failure: requests are then paid from the balance. A quota of 0 is an account that pays as it goes.
-- What the script cannot know: the windows of newer plans (four hours and a month), whose form is not documented.

local account = require "account"
local base = require "base"
local limits = require "limits"
local openai = require "openai"

local OFFICIAL, OFFICIAL_MANAGEMENT = "https://llm.chutes.ai/v1", "https://api.chutes.ai"

local configured = env "CHUTES_API_URL"

local function management_of(provider)
  if configured then
    return (configured:gsub("/+$", ""))
  end
  return base.root(provider) == OFFICIAL and OFFICIAL_MANAGEMENT or base.root(provider, "/v1")
end

local function probe(provider, check)
  local listed = openai.ask(provider, check.key, "/models")
  if not listed.ok then
    return listed
  end
  local result, body = account.get(provider, check, management_of(provider) .. "/users/me/quota_usage/me")
  if result.kind == "bad_path" and not configured and base.root(provider) ~= OFFICIAL then
    return listed
  elseif not body then
    result.message = "key check: " .. result.message
    return result
  end
  local quota, used = account.amount(body.quota), account.amount(body.used)
  if not quota or not used then
    return account.refuse(result, "bad_response", "no quota in the answer of the key check")
  elseif quota > 0 then
    account.add(result, {
      unit = "requests", window_s = 86400, limit = quota, remaining = quota - used, reset_at = limits.next_utc_midnight(),
    })
  end
  return result
end

return openai.provider {
  name = "chutes",
  title = "Chutes",
  base_url = OFFICIAL,
  origins = { configured or OFFICIAL_MANAGEMENT },
  keys = keys "CHUTES_API_KEY",
  docs = "https://chutes.ai/docs/getting-started/authentication",
  probe = probe,
}
