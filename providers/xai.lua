-- xAI (Grok).
-- Docs: https://docs.x.ai/docs/api-reference, https://api.x.ai/api-docs/openapi.json
-- Facts as collected 2026-11-23 (probe tests of clients; recorded errors of 2026-08).
-- What proves the key: GET /api-key. It answers 200 for a blocked key or team, too, and says so in three booleans. It also
-- holds a masked key and the names of its owner, of which nothing is kept.
-- A bad key is a 400. The code of a 429 is the same for a rate limit and an empty account: the text decides.
-- What the script cannot know: limits (undocumented), and the balance, which only a management key is told.

local account = require "account"
local base = require "base"
local openai = require "openai"

local function classify(response, text)
  local said = text and text:lower() or ""
  if (response.status == 403 or response.status == 429) and (said:find "credits" or said:find "spending limit") then
    return "credit"
  end
  return nil
end

local function probe(provider, check)
  local result, body = account.get(provider, check, base.at(provider, "/api-key"))
  if not body then
    return result
  elseif body.api_key_blocked == true or body.api_key_disabled == true then
    return account.refuse(result, "key_invalid", "the key is " .. (body.api_key_blocked == true and "blocked" or "disabled"))
  elseif body.team_blocked == true then
    return account.refuse(result, "credit", "the key's team is blocked: often for want of credits")
  elseif body.team_blocked ~= false and body.api_key_blocked ~= false and body.api_key_disabled ~= false then
    return account.refuse(result, "bad_response", "it does not say whether the key is blocked")
  end
  return result
end

return openai.provider {
  name = "xai",
  title = "xAI",
  base_url = "https://api.x.ai/v1",
  keys = keys "XAI_API_KEY",
  docs = "https://docs.x.ai/docs/api-reference",
  classify = classify,
  probe = probe,
}
