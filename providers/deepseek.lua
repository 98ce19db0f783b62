-- DeepSeek.
-- Docs: https://api-docs.deepseek.com/api/get-user-balance, https://api-docs.deepseek.com/quick_start/error_codes
-- Facts as collected 2026-11-23 (the pages above; recorded errors of 2026-08).
-- What proves the key: GET /user/balance, which also tells what is left, in amounts that are texts. `is_available` false
-- means that completions will be refused with 402.
-- There are no rate limits to read: a busy server answers slowly, and sends empty lines or comments meanwhile.
-- Its code is invalid_request_error for a bad key and an empty account alike: the status decides.
-- The vendor's status page has moved to one that has no JSON; deepseek.statuspage.io still answers with old data.

local account = require "account"
local base = require "base"
local openai = require "openai"

local function add_balances(result, body)
  for _, balance in ipairs(account.part(body, "balance_infos")) do
    local left = type(balance) == "table" and account.amount(balance.total_balance)
    if left and type(balance.currency) == "string" and balance.currency:find "^%u%u%u$" then
      account.add(result, { unit = balance.currency:lower(), remaining = left })
    end
  end
end

local function probe(provider, check)
  local result, body = account.get(provider, check, base.root(provider, "/v1", "/beta") .. "/user/balance")
  if not body then
    return result
  end
  add_balances(result, body)
  if body.is_available == false then
    return account.refuse(result, "credit", "the balance is spent: is_available is false")
  elseif body.is_available ~= true then
    return account.refuse(result, "bad_response", "no balance in the answer")
  end
  return result
end

return openai.provider {
  name = "deepseek",
  title = "DeepSeek",
  base_url = "https://api.deepseek.com",
  keys = keys("DEEPSEEK_API_KEY", "DEEPSEEK_KEY"),
  docs = "https://api-docs.deepseek.com/api/get-user-balance",
  probe = probe,
}
