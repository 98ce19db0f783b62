-- Novita AI.
-- Docs: https://novita.ai/docs/api-reference/basic-get-user-balance, https://novita.ai/docs/api-reference/basic-error-code
-- Facts as collected 2026-11-23 (the pages above).
-- What proves the key: GET /openapi/v1/billing/balance/detail; the model list answers to any key. Amounts are texts, in
-- ten-thousandths of a dollar. Every model costs: at nothing or less completions are refused with 403 NOT_ENOUGH_BALANCE.
-- What the script cannot know: limits; no header tells them.

local account = require "account"
local base = require "base"
local openai = require "openai"

local PARTS_OF_A_DOLLAR = 10000

local KIND_BY_REASON = {
  INVALID_API_KEY = "key_invalid",
  NOT_ENOUGH_BALANCE = "credit",
  FAILED_TO_AUTH = "key_invalid",
  MODEL_NOT_FOUND = "model_gone",
  RATE_LIMIT_EXCEEDED = "rate",
  TOKEN_LIMIT_EXCEEDED = "rate",
  SERVICE_NOT_AVAILABLE = "capacity",
  ACCESS_DENY = "forbidden",
}

-- {code = 403, reason = "NOT_ENOUGH_BALANCE", message}
local function classify(response, text)
  local body = type(response.json) == "table" and response.json or {}
  local kind = KIND_BY_REASON[type(body.reason) == "string" and body.reason or nil]
  if not kind and response.status == 403 and (text or ""):lower():find("not enough balance", 1, true) then
    return "credit"
  end
  return kind
end

local function probe(provider, check)
  local url = base.root(provider, "/openai/v1", "/v3/openai", "/openai", "/v1") .. "/openapi/v1/billing/balance/detail"
  local result, body = account.get(provider, check, url)
  return body and account.balance(result, "usd", body.availableBalance, PARTS_OF_A_DOLLAR) or result
end

return openai.provider {
  name = "novita",
  title = "Novita AI",
  base_url = "https://api.novita.ai/openai/v1",
  keys = keys "NOVITA_API_KEY",
  docs = "https://novita.ai/docs/api-reference/basic-get-user-balance",
  classify = classify,
  probe = probe,
}
