-- SiliconFlow.
-- Docs: https://docs.siliconflow.com/en/api-reference/userinfo/get-user-info, https://docs.siliconflow.cn/cn/faqs/error-code
-- Facts as collected 2026-11-23 (the pages above; recorded errors of 2026-09).
-- What proves the key: GET /user/info, which also tells what is left, in amounts that are texts. With nothing left the free
-- models still answer: only a debt is `credit`. The answer holds personal data, of which nothing is kept.
-- The international site is another account with other keys: SILICONFLOW_API_BASE=https://api.siliconflow.com/v1.
-- What the script cannot know: limits; no header tells them.

local account = require "account"
local base = require "base"
local openai = require "openai"

local KIND_BY_CODE = {
  ["20012"] = "model_gone",
  ["30001"] = "credit",
  ["30003"] = "model_gone", -- switched off
  ["30014"] = "key_invalid",
  ["50505"] = "capacity",
  ["50603"] = "capacity",
}

local function classify(_, _, code)
  return KIND_BY_CODE[code]
end

local function probe(provider, check)
  local result, body = account.get(provider, check, base.at(provider, "/user/info"))
  if not body then
    return result
  end
  local data = account.part(body, "data")
  local left = account.amount(data.totalBalance)
  if left then
    account.add(result, { unit = provider.base_url:find "%.cn[:/]" and "cny" or "usd", remaining = left })
  end
  if type(data.status) == "string" and data.status ~= "" and data.status ~= "normal" then
    return account.refuse(result, "forbidden", "the account's status is " .. data.status)
  elseif left and left < 0 then
    return account.refuse(result, "credit", "the account is in debt")
  elseif next(data) == nil then
    return account.refuse(result, "bad_response", "no account in the answer")
  end
  return result
end

return openai.provider {
  name = "siliconflow",
  title = "SiliconFlow",
  base_url = "https://api.siliconflow.cn/v1",
  keys = keys "SILICONFLOW_API_KEY",
  docs = "https://docs.siliconflow.com/en/api-reference/userinfo/get-user-info",
  classify = classify,
  probe = probe,
}
