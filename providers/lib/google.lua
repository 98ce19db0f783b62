-- google: the Generative Language API (Gemini), for the providers gemini and google; and what Google's errors mean, also
-- for gemini_cli.
--
-- What proves the key: GET /models, which refuses a bad key with 400 API_KEY_INVALID and a missing one with 403.
-- The key goes into x-goog-api-key, never into ?key=, which lands in logs.
-- What the script cannot know: rate limits; the API sends no headers for them, only a 429 tells. A day's quota begins anew
-- at midnight in Los Angeles.
-- Docs: https://ai.google.dev/api/models; facts as collected 2026-11-23 from google-gemini/gemini-cli
-- (packages/core/src/utils/googleQuotaErrors.ts) and from recorded answers.

local base = require "base"
local chat = require "chat"
local hints = require "hints"
local models = require "models"
local sample = require "sample"

local M = {}

-- google.rpc.ErrorInfo.reason
local KIND_BY_REASON = {
  API_KEY_INVALID = "key_invalid",
  ACCESS_TOKEN_TYPE_UNSUPPORTED = "key_invalid",
  SERVICE_DISABLED = "forbidden",
  VALIDATION_REQUIRED = "forbidden",
  SECURITY_POLICY_VIOLATED = "forbidden",
  QUOTA_EXHAUSTED = "quota_window",
  INSUFFICIENT_G1_CREDITS_BALANCE = "credit",
  MODEL_CAPACITY_EXHAUSTED = "capacity",
}

local KIND_BY_TEXT = {
  { "unregistered callers", "key_missing" },
  { "reported as leaked", "key_invalid" },
  { "pass a valid API key", "key_invalid" }, -- the OpenAI path says no more
  { "limit: 0", "forbidden" }, -- this plan has no such model: nothing clears
}

local LONG_WAIT_S = 300 -- a wait beyond it is no matter of a minute's rate (googleQuotaErrors.ts)

local function names_day(text)
  text = type(text) == "string" and text:lower() or ""
  return text:find("perday", 1, true) ~= nil or text:find("per day", 1, true) ~= nil or text:find("daily", 1, true) ~= nil
end

--- Whether an error comes with details.
function M.has_details(body)
  return #hints.google_details(body) > 0
end

-- Whether a day in UTC's calendar begins with summer time on the Pacific coast: it lasts from the second Sunday of March to
-- the first of November, and changes at 02:00, after the day has begun. Source: 15 U.S.C. 260a.
local function begins_with_summer_time(day)
  local date = os.date("!*t", day * 86400)
  local first_sunday = (date.day - date.wday) % 7 + 1
  if date.month == 3 then
    return date.day > first_sunday + 7
  elseif date.month == 11 then
    return date.day <= first_sunday
  end
  return date.month > 3 and date.month < 11
end

--- When a day's quota begins anew: the next 00:00 in Los Angeles.
function M.next_pacific_midnight(at)
  local day = (at - 8 * 3600) // 86400 -- this day there, or in summer's last hour the one before
  for candidate = day + 1, day + 2 do
    local midnight = candidate * 86400 + (begins_with_summer_time(candidate) and 7 or 8) * 3600
    if midnight > at then
      return midnight
    end
  end
  return (day + 3) * 86400
end

-- What the details tell: the reason, whether a day's quota is spent, and the waits.
local function read_details(body)
  local told = {}
  for _, detail in ipairs(hints.google_details(body)) do
    detail = type(detail) == "table" and detail or {}
    told.reason = type(detail.reason) == "string" and detail.reason or told.reason
    local metadata = type(detail.metadata) == "table" and detail.metadata or {}
    told.day = told.day or names_day(metadata.quota_limit)
    told.reset_s = type(metadata.quotaResetDelay) == "string" and duration(metadata.quotaResetDelay) or told.reset_s
    told.retry_s = type(detail.retryDelay) == "string" and duration(detail.retryDelay) or told.retry_s
    for _, violation in ipairs(type(detail.violations) == "table" and detail.violations or {}) do
      violation = type(violation) == "table" and violation or {}
      told.day = told.day or names_day(violation.quotaId)
      told.never = told.never or violation.quotaValue == "0"
    end
  end
  return told
end

--- For sample.from: what an error of a Google API means.
function M.classify(response, text)
  local told = read_details(response.json)
  for _, rule in ipairs(KIND_BY_TEXT) do
    if text and text:find(rule[1], 1, true) then
      return rule[2]
    end
  end
  local kind = KIND_BY_REASON[told.reason]
  if kind then
    return kind, told.reset_s or told.retry_s
  end
  if response.status ~= 429 then
    return nil
  end
  if told.never then
    return "forbidden" -- this plan has no such model
  end
  if told.day then
    -- RetryInfo names some seconds here, and the day is spent all the same.
    return "quota_window", told.reset_s or M.next_pacific_midnight(now()) - now()
  end
  local wait_s = told.reset_s or told.retry_s
  if wait_s and wait_s > LONG_WAIT_S then
    return "quota_window", wait_s
  end
  return nil, wait_s
end

local function probe(provider, check)
  local response = http.get(base.at(provider, "/models?pageSize=1"), {
    headers = { ["x-goog-api-key"] = check.key },
    expect = "json",
  })
  return sample.from(response, provider)
end

function M.provider(spec)
  spec.base_url = base.url(spec.name, "https://generativelanguage.googleapis.com/v1beta")
  spec.docs = "https://ai.google.dev/api/models"
  spec.missing = base.missing(spec.keys)
  spec.classify = spec.classify or M.classify
  spec.probe = probe
  spec.complete = spec.complete or chat.gemini
  spec.features = spec.features or { "streaming" }
  spec.list_models = spec.list_models or models.gemini
  return spec
end

return M
