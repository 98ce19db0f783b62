-- Hyperbolic.
-- Docs: https://docs.hyperbolic.xyz/docs/rest-api,
-- https://www.mintlify.com/HyperbolicLabs/Hyperbolic-AgentKit/api/hyperbolic/get-current-balance
-- Facts as collected 2026-11-23 (HyperbolicLabs/Hyperbolic-AgentKit, its get_current_balance.py).
-- What proves the key: GET /billing/get_current_balance, as the vendor's own kit asks it; it is in no REST documentation.
-- It tells `credits`, in cents, and refuses a wrong key with 403.
-- What the script cannot know: limits; no header tells them. The vendor is moving to hyperbolic.ai: HYPERBOLIC_API_BASE is
-- the way there when the host moves too.

local account = require "account"
local base = require "base"
local openai = require "openai"

local CENTS = 100

local function classify(response)
  local asked_balance = response.url and response.url:find("/billing/", 1, true)
  return response.status == 403 and asked_balance and "key_invalid" or nil
end

local function probe(provider, check)
  local result, body = account.get(provider, check, base.root(provider, "/v1") .. "/billing/get_current_balance")
  return body and account.balance(result, "usd", body.credits, CENTS) or result
end

return openai.provider {
  name = "hyperbolic",
  title = "Hyperbolic",
  base_url = "https://api.hyperbolic.xyz/v1",
  keys = keys "HYPERBOLIC_API_KEY",
  docs = "https://docs.hyperbolic.xyz/docs/rest-api",
  classify = classify,
  probe = probe,
}
