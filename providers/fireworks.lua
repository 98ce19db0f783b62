-- Fireworks AI.
-- Docs: https://docs.fireworks.ai/api-reference/list-accounts, https://docs.fireworks.ai/api-reference/get-account
-- Facts as collected 2026-11-23 (the pages above; CauldronUp/cauldron recipes/fireworks, recorded).
-- What proves the key: GET /v1/accounts, outside of /inference. It answers 200 for a suspended account, too, and tells why
-- in `suspendState`. A month's spend limit counts as `credit`: raising it helps at once, and waiting may take weeks.
-- What the script cannot know: limits, which come with completions only and never say when they reset; the balance.

local account = require "account"
local base = require "base"
local openai = require "openai"

local KIND_BY_STATE = {
  CREDIT_DEPLETED = "credit",
  FAILED_PAYMENTS = "credit",
  MONTHLY_SPEND_LIMIT_EXCEEDED = "credit",
  BLOCKED_BY_ABUSE_RULE = "forbidden",
}

local PAID_BY_TEXT = { "spend limit", "spending", "credit", "billing", "payment" }

local function classify(response, text)
  local said = response.status == 412 and text and text:lower() or ""
  for _, word in ipairs(PAID_BY_TEXT) do
    if said:find(word, 1, true) then
      return "credit" -- 412 is a suspended account
    end
  end
  return nil
end

-- The state of the best of the accounts that the key sees; nil when one is not suspended.
local function suspended(body)
  local state
  for _, entry in ipairs(account.part(body, "accounts")) do
    local its = type(entry) == "table" and entry.suspendState or nil
    if not KIND_BY_STATE[its] then
      return nil
    end
    state = state or its
  end
  return state
end

local function probe(provider, check)
  local result, body = account.get(provider, check, base.root(provider, "/inference/v1") .. "/v1/accounts")
  if body and type(body.accounts) ~= "table" then
    return account.refuse(result, "bad_response", "no accounts in the answer")
  end
  local state = body and suspended(body)
  return state and account.refuse(result, KIND_BY_STATE[state], "the account is suspended: " .. state) or result
end

return openai.provider {
  name = "fireworks",
  title = "Fireworks AI",
  base_url = env("FIREWORKS_AI_API_BASE", "https://api.fireworks.ai/inference/v1"),
  keys = keys("FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY"),
  docs = "https://docs.fireworks.ai/api-reference/list-accounts",
  classify = classify,
  probe = probe,
}
