-- Z.ai, also Zhipu and BigModel (GLM).
-- Docs: https://docs.z.ai/api-reference/api-code, https://docs.bigmodel.cn/cn/api/api-code
-- Facts as collected 2026-11-23 (the pages above, recorded errors of 2026-09; zai-org/zai-coding-plugins).
-- What proves the key: GET /models, which is not documented and leaves the free models out. For China set
-- ZAI_API_BASE=https://open.bigmodel.cn/api/paas/v4, for the coding plan https://api.z.ai/api/coding/paas/v4; keys do not
-- cross. At the coding plan the script also asks for its quota, as the vendor's own plugin does: windows of hours and of a
-- week, of which only the share used is told.
-- Errors are numbers, as texts. A text tells when a quota begins anew, in Beijing's time.
-- What the script cannot know: the balance of who pays as he goes, and limits; no header tells them.

local account = require "account"
local base = require "base"
local openai = require "openai"

local KIND_BY_CODE = {
  ["500"] = "server_error",
  ["1000"] = "key_invalid",
  ["1001"] = "key_missing",
  ["1002"] = "key_invalid",
  ["1003"] = "key_invalid",
  ["1004"] = "key_invalid",
  ["1110"] = "forbidden", -- inactive account
  ["1111"] = "key_invalid", -- no such account
  ["1112"] = "forbidden", -- locked account
  ["1113"] = "credit",
  ["1121"] = "forbidden", -- locked account
  ["1210"] = "bad_request",
  ["1211"] = "model_gone",
  ["1213"] = "bad_request",
  ["1214"] = "bad_request",
  ["1220"] = "forbidden",
  ["1221"] = "bad_path",
  ["1222"] = "bad_path",
  ["1234"] = "server_error",
  ["1261"] = "too_large",
  ["1302"] = "rate",
  ["1303"] = "rate",
  ["1304"] = "quota_window", -- a day's calls
  ["1305"] = "capacity",
  ["1308"] = "quota_window", -- some hours' quota
  ["1309"] = "credit", -- the plan has ended
  ["1310"] = "quota_window", -- a week's or month's quota
  ["1311"] = "forbidden", -- not in this plan
  ["1312"] = "capacity",
  ["1313"] = "forbidden", -- fair use
  ["1314"] = "credit", -- the plan has ended
  ["1316"] = "quota_window", -- some hours' quota, and no balance for more
}

local function classify(_, _, code)
  return KIND_BY_CODE[code]
end

local UNIT_S = { [3] = 3600, [4] = 86400, [5] = 30 * 86400, [6] = 7 * 86400 }

-- {type = "TOKENS_LIMIT", unit, number, percentage (used), nextResetTime (ms)}. TIME_LIMIT counts calls of tools.
local function add_quota(result, entry)
  local used = account.amount(entry.percentage)
  if entry.type ~= "TOKENS_LIMIT" or not used then
    return
  end
  local span_s, number = UNIT_S[entry.unit], account.amount(entry.number)
  local reset_ms = account.amount(entry.nextResetTime)
  account.add(result, {
    unit = "percent",
    window_s = span_s and number and number > 0 and span_s * number or nil,
    limit = 100,
    remaining = 100 - used,
    reset_at = reset_ms and reset_ms > 0 and reset_ms / 1000 or nil,
    name = "coding plan",
  })
end

-- Its failure says nothing about completions: the model list has answered.
local function add_quotas(provider, check, result)
  local url = base.root(provider, "/coding/paas/v4") .. "/monitor/usage/quota/limit"
  local _, body = account.get(provider, check, url)
  for _, entry in ipairs(account.part(account.part(body, "data"), "limits")) do
    if type(entry) == "table" then
      add_quota(result, entry)
    end
  end
end

local function probe(provider, check)
  local result = openai.ask(provider, check.key, "/models")
  if result.ok and provider.base_url:find("/coding/paas/v4", 1, true) then
    add_quotas(provider, check, result)
  end
  return result
end

local function alias_base()
  for _, name in ipairs { "Z_AI", "ZHIPU", "ZHIPUAI", "BIGMODEL", "GLM" } do
    local url = env(name .. "_API_BASE")
    if url then
      return url
    end
  end
  return "https://api.z.ai/api/paas/v4"
end

return openai.provider {
  name = "zai",
  title = "Z.ai",
  base_url = alias_base(),
  keys = keys("ZAI_API_KEY", "Z_AI_API_KEY", "ZHIPU_API_KEY", "ZHIPUAI_API_KEY", "BIGMODEL_API_KEY", "GLM_API_KEY"),
  time_zone = "+08:00",
  docs = "https://docs.z.ai/api-reference/api-code",
  classify = classify,
  probe = probe,
}
