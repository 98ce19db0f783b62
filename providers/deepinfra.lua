-- DeepInfra.
-- Docs: https://docs.deepinfra.com/api-reference/account/me
-- Facts as collected 2026-11-23 (CauldronUp/cauldron recipes/deepinfra, recorded; steipete/CodexBar docs/deepinfra.md).
-- What proves the key: GET /v1/me?checklist=true; the model list answers without a key. `checklist.stripe_balance` and
-- `recent` (not yet billed) are what is owed: negative together = prepaid money is left. To owe is normal, as one pays
-- afterwards; only `suspended` stops the key. The answer also holds personal data, of which nothing is kept.
-- What the script cannot know: rate limits; no header tells them (200 requests at a time for each model, as documented).

local account = require "account"
local base = require "base"
local openai = require "openai"

-- Suspended for what money does not mend.
local FORBIDDEN = { "abuse", "fraud", "terms", "policy" }

local function kind_of_suspension(reason)
  local said = type(reason) == "string" and reason:lower() or ""
  for _, word in ipairs(FORBIDDEN) do
    if said:find(word, 1, true) then
      return "forbidden"
    end
  end
  return "credit"
end

local function add_money(result, checklist)
  local balance, recent = account.amount(checklist.stripe_balance), account.amount(checklist.recent)
  local limit = account.amount(checklist.limit)
  if balance and balance + (recent or 0) < 0 then
    account.add(result, { unit = "usd", remaining = -(balance + (recent or 0)) })
  end
  if limit and limit > 0 and recent then
    account.add(result, { unit = "usd", limit = limit, remaining = limit - recent, name = "spending limit" })
  end
end

local function probe(provider, check)
  local url = base.root(provider, "/v1/openai", "/openai", "/v1") .. "/v1/me?checklist=true"
  local result, body = account.get(provider, check, url)
  if not body then
    return result
  end
  local checklist = account.part(body, "checklist")
  if next(checklist) == nil then
    return account.refuse(result, "bad_response", "no checklist in the answer")
  end
  add_money(result, checklist)
  if checklist.suspended == true then
    local reason = type(checklist.suspend_reason) == "string" and ": " .. checklist.suspend_reason or ""
    return account.refuse(result, kind_of_suspension(checklist.suspend_reason), "the account is suspended" .. reason)
  end
  return result
end

return openai.provider {
  name = "deepinfra",
  title = "DeepInfra",
  base_url = "https://api.deepinfra.com/v1/openai",
  keys = keys("DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN", "DEEPINFRA_API_TOKEN"),
  docs = "https://docs.deepinfra.com/api-reference/account/me",
  probe = probe,
}
