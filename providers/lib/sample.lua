-- sample: from an HTTP response to a sample: did the check succeed, and if not, which kind of error was it?
--
-- The status alone does not tell (a bad key is 400 at Gemini, 403 at NVIDIA; a 429 may be an empty account; a 200 may
-- hold an error), so status, headers and body are read together. What is said here holds across OpenAI-like APIs; a
-- provider with other habits passes `classify`:
--
--   classify(response, text, code) -> kind | nil [, wait_s]
--
-- `text` and `code` are those of the error (nil when there are none). nil leaves the kind to the rules here; wait_s is
-- how long the body says to wait.
-- Facts as collected 2026-11-23 from the pages that the provider scripts cite.

local limits = require "limits"

local M = {}

local MESSAGE_MAX = 200 -- bytes
local WAIT_MAX_S = 366 * 86400 -- longer waits are nonsense

local KIND_BY_STATUS = {
  [400] = "bad_request",
  [401] = "key_invalid",
  [402] = "credit",
  [403] = "forbidden",
  [404] = "bad_path",
  [405] = "bad_path",
  [408] = "timeout",
  [410] = "model_gone",
  [412] = "forbidden",
  [413] = "too_large",
  [422] = "bad_request",
  [498] = "capacity",
  [529] = "capacity",
}

-- error.code or error.type, where it says more than the status.
local KIND_BY_CODE = {
  invalid_api_key = "key_invalid",
  wrong_api_key = "key_invalid",
  authentication_error = "key_invalid",
  missing_scope = "key_valid_restricted",
  model_not_found = "model_gone",
  model_archived = "model_gone",
  DeploymentNotFound = "model_gone",
  insufficient_quota = "credit",
  credit_balance_exhausted = "credit",
  organization_spend_limit_exceeded = "credit",
  project_spend_limit_exceeded = "credit",
  organization_usage_limit_exceeded = "credit",
  payment_required = "credit",
  billing_error = "credit",
  budget_exceeded = "credit",
  exceeded_current_quota_error = "credit",
  Arrearage = "credit",
  unsupported_country_region_territory = "region",
  overloaded_error = "capacity",
  engine_overloaded_error = "capacity",
  queue_exceeded = "capacity",
  request_too_large = "too_large",
}

-- Texts that say more than the status; Lua patterns, matched in lower case, the first that fits counts.
local KIND_BY_TEXT = {
  { "credit balance is too low", "credit" },
  { "credit balance is depleted", "credit" },
  { "insufficient balance", "credit" },
  { "run out of credits", "credit" },
  { "doesn't have any credits", "credit" },
  { "used all available credits", "credit" },
  { "missing api key", "key_missing" },
  { "must provide an api key", "key_missing" },
  { "didn't provide an api key", "key_missing" },
  { "no auth credentials", "key_missing" },
  { "no cookie auth credentials", "key_missing" },
  { "no credentials presented", "key_missing" },
  { "missing authentication header", "key_missing" },
  { "api key required", "key_missing" },
  { "^not authenticated$", "key_missing" },
  { "incorrect api key", "key_invalid" },
  { "api key not valid", "key_invalid" },
  { "api key expired", "key_invalid" },
  { "invalid .-api key", "key_invalid" },
  { "authentication error", "key_invalid" },
  { "security token .- is expired", "key_invalid" },
  { "missing scopes", "key_valid_restricted" },
  { "not authorized to perform", "key_valid_restricted" },
  { "user location is not supported", "region" },
  { "^model: ", "model_gone" },
  { "model .- was removed", "model_gone" },
  { "model .- does not exist", "model_gone" },
  { "^models/.- is not found", "model_gone" },
  { "model .- is not supported by any provider", "model_gone" },
  { "retirement", "retired" },
  { "overloaded", "capacity" },
  { "over capacity", "capacity" },
  { "no allowed providers", "capacity" },
  { "per.day", "quota_window" },
  { "per.month", "quota_window" },
  { "daily", "quota_window" },
  { "usage limits", "quota_window" },
}

-- A 429 is what its status says unless one of these is meant; a text that speaks of keys or models is then beside the
-- point.
local OVERRULES_429 = { credit = true, quota_window = true, capacity = true }

-- These statuses have one meaning, whatever the text.
local FIRM = { [402] = true, [405] = true, [413] = true }

-- Clears by itself at a known time: no failure of the provider's.
local LIMITED = { rate = true, quota_window = true }

local function first_text(...)
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    if type(value) == "string" and value ~= "" then
      return value
    end
  end
  return nil
end

--- The error in a body, in the shapes that providers use: {error = {...}}, {error = "text"}, [{error = ...}],
--- {errors = [{...}]}, {detail = ...}, {message = ...}, {title = ...}.
--- @return string|nil text, string|nil code, string|nil type
function M.error_of(body)
  if type(body) ~= "table" then
    return nil
  end
  if type(body[1]) == "table" then
    body = body[1]
  end
  local err = body.error
  if type(err) == "string" and err ~= "" then
    return first_text(body.error_description, err), first_text(body.code, body.type)
  end
  if type(err) ~= "table" and type(body.errors) == "table" then
    err = body.errors[1]
  end
  if type(err) == "table" then
    return first_text(err.message, err.detail, err.status, err.code), first_text(err.code, err.type),
      first_text(err.type, err.status)
  end
  return first_text(body.detail, body.message, body.title), first_text(body.code, body.type), first_text(body.type)
end

-- The status that an error inside a 200 stands for; nil when the body holds no error.
local function status_inside(body)
  if type(body) == "table" and type(body[1]) == "table" then
    body = body[1]
  end
  local err = type(body) == "table" and body.error
  if type(err) == "string" and err ~= "" then
    return 500
  end
  if type(err) ~= "table" then
    return nil
  end
  local status = tonumber(err.code)
  return status and status >= 400 and status < 600 and math.floor(status) or 500
end

local function cut(text)
  text = text:gsub("[%s%c]+", " ")
  if #text <= MESSAGE_MAX then
    return text
  end
  local stop = MESSAGE_MAX - #"…"
  while stop > 0 and text:byte(stop + 1) & 0xC0 == 0x80 do
    stop = stop - 1
  end
  return text:sub(1, stop) .. "…"
end

--- Seconds since 1970 at which the answer says to ask again, from retry-after-ms, retry-after and x-ratelimit-reset, in
--- this order (the first goes before the second as in OpenAI's SDKs). Times are measured against the answer's own Date,
--- so that a skewed clock does no harm. nil when the answer does not say, or nothing sensible.
--- Source: RFC 9110, 10.2.3.
function M.retry_at(response)
  local headers = response.headers
  local at = headers["date"] and parse_time(headers["date"]) or now()
  local ms = tonumber(headers["retry-after-ms"])
  local wait = ms and ms >= 0 and ms / 1000 or limits.wait_s(headers["retry-after"], at)
    or limits.wait_s(headers["x-ratelimit-reset"], at)
  return wait and wait <= WAIT_MAX_S and now() + wait or nil
end

local function is_page(response)
  local content_type = response.headers["content-type"]
  return content_type ~= nil and content_type:lower():find("text/html", 1, true) ~= nil
end

local EDGE_MARKS = { "error code: 1010", "attention required! | cloudflare", "cf-please-wait", "cf-spinner-please-wait" }
local CHALLENGE_MARK = "<title>just a moment" -- comes with 200, 403 and 503

-- Whether an edge in front of the provider answered: Cloudflare's challenge or refusal, or a page where an API's answer
-- was due. Other HTML error pages are the provider's own.
-- Marks: xtekky/gpt4free g4f/requests/raise_for_status.py.
local function is_edge(response)
  local served = response.status >= 200 and response.status < 300
  if response.headers["cf-mitigated"] or (is_page(response) and (served or response.status == 403)) then
    return true
  end
  local body = (response.body or ""):sub(1, 4096):lower()
  if body:find(CHALLENGE_MARK, 1, true) then
    return true
  end
  for _, mark in ipairs(EDGE_MARKS) do
    if response.status == 403 and body:find(mark, 1, true) then
      return true
    end
  end
  return false
end

local function kind_by_text(text)
  text = text:lower()
  for _, rule in ipairs(KIND_BY_TEXT) do
    if text:find(rule[1]) then
      return rule[2]
    end
  end
  return nil
end

local function kind_of(response, status, text, code, class)
  if FIRM[status] then
    return KIND_BY_STATUS[status]
  end
  local said = KIND_BY_CODE[code] or KIND_BY_CODE[class]
    or not is_page(response) and kind_by_text(text or response.body or "") or nil
  if status == 429 then
    return OVERRULES_429[said] and said or "rate"
  end
  if status == 503 and text then
    return "capacity" -- said by the API itself; an empty 503 or a page is a broken server
  end
  if status >= 500 then
    return KIND_BY_STATUS[status] or (said == "capacity" and said) or "server_error"
  end
  if status < 400 then
    return "bad_path"
  end
  return said or KIND_BY_STATUS[status] or "bad_request"
end

local function describe(response, text)
  if response.status >= 300 and response.status < 400 then
    return string.format("HTTP %d: redirects are not followed", response.status)
  end
  if is_page(response) then
    return string.format("HTTP %d: an HTML page instead of an API answer", response.status)
  end
  text = text or response.body
  if not text or text == "" then
    return string.format("HTTP %d", response.status)
  end
  return cut(string.format("HTTP %d%s: %s", response.status, response.ok and " with an error in it" or "", text))
end

--- A sample that failed.
function M.failure(kind, message, response)
  return {
    ok = false,
    limited = LIMITED[kind],
    kind = kind,
    message = message,
    http_status = response and response.status or nil,
  }
end

--- The failure that an answer with an error in it tells. `status` is what the error stands for, where that is not the
--- answer's own; `body` is the decoded body.
function M.refusal(response, classify, status, body)
  local text, code, class = M.error_of(body)
  local kind, wait_s
  if classify then
    kind, wait_s = classify(response, text, code)
  end
  kind = kind or kind_of(response, status, text, code, class)
  local sample = M.failure(kind, describe(response, text), response)
  if LIMITED[kind] or kind == "capacity" or kind == "server_error" then
    local told = wait_s and wait_s <= WAIT_MAX_S and now() + wait_s or nil
    sample.retry_at = M.retry_at(response) or told
    if told and told > sample.retry_at then
      sample.retry_at = told
    end
  end
  return sample
end

--- The sample of a response.
function M.from(response, classify)
  if response.error and not (response.error == "bad_response" and is_page(response)) then
    return M.failure(response.error, response.message or response.error, response)
  end
  if is_edge(response) then
    return M.failure("waf", describe(response), response)
  end
  if response.error then
    return M.failure(response.error, response.message or response.error, response)
  end
  if not response.ok then
    return M.refusal(response, classify, response.status, response.json)
  end
  local inside = status_inside(response.json)
  if inside then
    return M.refusal(response, classify, inside, response.json)
  end
  return { ok = true, http_status = response.status }
end

return M
