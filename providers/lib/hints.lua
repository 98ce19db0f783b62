-- hints: what the body of a refusal tells about limits and waits, where headers are silent.
--
--   Google         error.details: RetryInfo.retryDelay, ErrorInfo.metadata.quotaReset…, QuotaFailure.violations
--   OpenRouter     error.metadata.headers, the headers that a proxy may have stripped
--   Hugging Face   estimated_time, while a model is loading
--   texts          "try again in 3.405s" (OpenAI, Groq), "retry after 38 seconds" (Azure), "wait 46 seconds" (GitHub),
--                  "reset after 156h14m36s" (Code Assist), "regain access on 2026-09-01 at 00:00 UTC" (Anthropic);
--                  "on tokens per minute (TPM): Limit 8000, Used 2591" (Groq, OpenAI), "Rate limit of 10 per 60s" (GitHub),
--                  "max RPM: 3" (Moonshot), "20 API calls / minute" (Cohere), "Requests per day limit exceeded"
--                  (Cerebras), "daily free allocation of 10,000 neurons" (Cloudflare)
-- A time without a zone is read only when the provider's table says which one is meant: time_zone = "+08:00" (Z.ai).
-- What a text does not say in one of these ways stays unknown.
-- Sources: the providers' documentation and recorded answers, as each script cites; facts as collected 2026-11-23.

local limits = require "limits"

local M = {}

local TEXT_MAX = 2048 -- bytes of a text that are read

-- ---- Google

--- error.details of a Google API's error. The body may be an array, and error.message the JSON text of another such body,
--- which then counts.
function M.google_details(body)
  body = type(body) == "table" and type(body[1]) == "table" and body[1] or body
  local err = type(body) == "table" and body.error
  if type(err) ~= "table" then
    return {}
  end
  if type(err.details) == "table" and #err.details > 0 then
    return err.details
  end
  local inner = type(err.message) == "string" and err.message:find "^%s*[%[{]" and json.decode(err.message)
  return type(inner) == "table" and M.google_details(inner) or {}
end

local function table_in(value, field)
  return type(value) == "table" and type(value[field]) == "table" and value[field] or {}
end

-- The window of a quota id such as GenerateRequestsPerDayPerProjectPerModel-FreeTier.
local function google_window(id, value, model)
  if type(id) ~= "string" then
    return nil
  end
  local span_s = id:find "PerDay" and 86400 or id:find "PerMinute" and 60 or nil
  local unit = id:find "InputToken" and "input_tokens" or id:find "Token" and "tokens" or id:find "Request" and "requests"
  if not span_s or not unit then
    return nil
  end
  return {
    unit = unit, window_s = span_s, limit = limits.count(value), remaining = 0,
    name = type(model) == "string" and model:sub(1, 47) or nil,
  }
end

local function read_google(told, body, at)
  for _, detail in ipairs(M.google_details(body)) do
    local metadata = table_in(detail, "metadata")
    if type(detail) == "table" then
      told.wait(limits.wait_s(detail.retryDelay, at))
    end
    told.wait(limits.wait_s(metadata.quotaResetDelay, at))
    told.wait(limits.wait_s(metadata.quotaResetTimeStamp, at))
    told.window(google_window(metadata.quota_limit, metadata.quota_limit_value))
    for _, violation in ipairs(table_in(detail, "violations")) do
      if type(violation) == "table" then
        told.window(google_window(violation.quotaId, violation.quotaValue, table_in(violation, "quotaDimensions").model))
      end
    end
  end
end

-- ---- OpenRouter, Hugging Face

-- Headers in a body, with names in any case and values that may be numbers.
local function headers_in(fields)
  local lower = {}
  for name, value in pairs(fields) do
    if type(name) == "string" and (type(value) == "string" or type(value) == "number") then
      lower[name:lower()] = type(value) == "string" and value or string.format("%.0f", value)
    end
  end
  return lower
end

local function read_relayed_headers(told, body, provider)
  local fields = table_in(table_in(table_in(body, "error"), "metadata"), "headers")
  if next(fields) == nil then
    return
  end
  local headers = headers_in(fields)
  told.wait(limits.retry_s(headers, provider))
  for _, window in ipairs(limits.of_headers(headers, provider)) do
    told.window(window)
  end
end

-- ---- texts: waits

local UNIT_S = {
  ms = 0.001, millisecond = 0.001, s = 1, sec = 1, second = 1, m = 60, min = 60, minute = 60, h = 3600, hr = 3600,
  hour = 3600, d = 86400, day = 86400,
}

local BEFORE_WAIT = {
  "again in ", "again after ", "retry in ", "retry after ", "retrying in ", "reset after ", "resets after ", "reset in ",
  "resets in ", "wait ", "wait for ", "available in ",
}

-- Seconds of the amount with which a text begins: "2h31m16.752s", "38 seconds", "1 hour and 5 minutes".
local function amount_s(text)
  local amount, rest = text:match "^(%d[%d.hmsd]*)(.*)$"
  if not amount then
    return nil
  end
  local seconds = duration((amount:gsub("%.$", "")))
  if seconds then
    return seconds
  end
  local total, number = nil, tonumber((amount:gsub("%.$", "")))
  while number do
    local word, after = rest:match "^%s*(%a+)(.*)$"
    local unit_s = word and (UNIT_S[word] or UNIT_S[word:gsub("s$", "")])
    if not unit_s then
      break
    end
    total = (total or 0) + number * unit_s
    local digits, others = after:match "^,?%s*a?n?d?%s*(%d+)(.*)$"
    number, rest = tonumber(digits), others
  end
  return total
end

local function read_waits(told, text)
  for _, phrase in ipairs(BEFORE_WAIT) do
    local from, to = text:find(phrase, 1, true)
    while from do
      told.wait(amount_s(text:sub(to + 1, to + 64)))
      from, to = text:find(phrase, to + 1, true)
    end
  end
end

-- Words without which a time in a text is no promise.
local PROMISES = { "regain", "reset", "again", "until", "重置" }

local function read_moment(told, text, at, time_zone)
  local promised = false
  for _, word in ipairs(PROMISES) do
    promised = promised or text:find(word, 1, true) ~= nil
  end
  local date, time, rest = text:match "(%d%d%d%d%-%d%d%-%d%d)[ t]*a?t? ?(%d%d:%d%d[:%d]*)(.*)$"
  if not promised or not date then
    return
  end
  time = #time == 5 and time .. ":00" or time
  local zone = rest:match "^[.%d]*%s*([+-]%d%d:%d%d)"
    or (rest:find "^[.%d]*%s*%(?utc" or rest:find "^[.%d]*%s*%(?gmt" or rest:find "^[.%d]*z") and "Z" or time_zone
  local moment = zone and parse_time(date .. "T" .. time .. zone)
  told.wait(moment and math.max(0, moment - at))
end

-- ---- texts: windows

local UNIT_OF_WORDS = {
  requests = "requests", request = "requests", calls = "requests", ["api calls"] = "requests", queries = "requests",
  tokens = "tokens", ["input tokens"] = "input_tokens", ["output tokens"] = "output_tokens",
  ["prompt tokens"] = "input_tokens", ["completion tokens"] = "output_tokens", images = "images",
  ["audio seconds"] = "audio_seconds",
}

-- The unit that some words end in ("organization's rate limit of 30,000 input tokens").
local function unit_of(words)
  local two, one = words:match "(%a+ %a+)%s*$", words:match "(%a+)%s*$"
  return two and UNIT_OF_WORDS[two] or one and UNIT_OF_WORDS[one]
end

local function number_of(text)
  return text and limits.count((text:gsub(",", "")))
end

-- "on tokens per minute (TPM): Limit 8000, Used 2591, Requested 5863"
local function limit_and_used(text)
  for words, span, rest in text:gmatch "([%a ]+) per (%a+)([^\n]*)" do
    local limit, after = rest:match "^[^%d]-limit:? ?([%d,]+)(.*)$"
    limit = limit and number_of((limit:gsub(",+$", "")))
    local unit, window_s = unit_of(words), limits.span_s(span)
    if limit and unit and window_s then
      local used = number_of(after:match "used:? ?(%d+)" or after:match "current:? ?(%d+)")
      return { unit = unit, window_s = window_s, limit = limit, remaining = used and math.max(0, limit - used) }
    end
  end
  return nil
end

-- "Rate limit of 10 per 60s exceeded for UserByModelByMinute"
local function so_many_in_seconds(text)
  local limit, window_s, whose = text:match "limit of (%d+) per (%d+)s exceeded(.*)$"
  return limit and {
    unit = whose:find("token", 1, true) and "tokens" or "requests",
    window_s = limits.count(window_s), limit = limits.count(limit), remaining = 0,
  }
end

-- "organization max RPM: 3", "TPD rate limit, current: 1505241, limit: 1500000"
local SHORT_SPAN_S = { s = 1, m = 60, h = 3600, d = 86400 }

local function abbreviated(text)
  local letter, span, limit = text:match "max ([rt])p([smhd]): ?(%d+)"
  if not letter then
    letter, span, limit = text:match "%f[%a]([rt])p([smhd]) rate limit, current: ?%d+, limit: ?(%d+)"
  end
  return letter and {
    unit = letter == "r" and "requests" or "tokens",
    window_s = SHORT_SPAN_S[span], limit = limits.count(limit), remaining = 0,
  }
end

-- "Requests per day limit exceeded"
local function exceeded(text)
  local words, span = text:match "([%a ]+) per (%a+) limit exceeded"
  local unit, window_s = words and unit_of(words), span and limits.span_s(span)
  return unit and window_s and { unit = unit, window_s = window_s, remaining = 0 }
end

-- "limited to 20 API calls / minute", "Your rate limit is 60 queries per minute", "rate limit of 30,000 input tokens per
-- minute". Numbers that no limit stands before are other plans' ("to unlock 1000 free model requests per day"). A request
-- that "would exceed" it leaves something over.
local PER = { "^(%d[%d,]*) ([%a ]-) ?/ ?(%a+)", "^(%d[%d,]*) ([%a ]-) per (%a+)" }

local function so_many_per_span(text)
  local remaining = not text:find("would exceed", 1, true) and 0 or nil
  for word, rest in text:gmatch "limit%a* (%a+) (%d[^\n]*)" do
    for _, pattern in ipairs(PER) do
      local number, words, span = rest:match(pattern)
      local unit, window_s = words and unit_of(words), span and limits.span_s(span)
      if unit and window_s and (word == "to" or word == "of" or word == "is") then
        return { unit = unit, window_s = window_s, limit = number_of(number), remaining = remaining }
      end
    end
  end
  return nil
end

-- "you have used up your daily free allocation of 10,000 neurons"; the day is UTC's.
local function daily_allocation(text)
  local limit, unit = text:match "daily free allocation of (%d[%d,]*) (%l+)"
  return limit and #unit < 24 and {
    unit = unit, window_s = 86400, limit = number_of(limit), remaining = 0, reset_at = limits.next_utc_midnight(),
  }
end

local TEXT_WINDOWS = { limit_and_used, so_many_in_seconds, abbreviated, exceeded, daily_allocation, so_many_per_span }

local function read_text_window(told, text)
  for _, read in ipairs(TEXT_WINDOWS) do
    local window = read(text)
    if window then
      told.window(window)
      return
    end
  end
end

-- ---- what sample.lua calls

--- What a refusal's body tells.
--- @param text string|nil the error's own text
--- @param body table|nil the decoded body
--- @return number|nil wait_s the longest wait told, @return table windows
function M.read(response, text, body, provider)
  local wait_s, windows = nil, {}
  local told = {}
  function told.wait(seconds)
    if seconds and seconds <= limits.WAIT_MAX_S and seconds >= (wait_s or 0) then
      wait_s = seconds
    end
  end
  function told.window(window)
    if window then
      limits.add(windows, window)
      told.wait(window.remaining == 0 and window.reset_at and window.reset_at - now() or nil)
    end
  end
  local at = limits.clock(response.headers)
  if type(body) == "table" then
    read_google(told, body, at)
    read_relayed_headers(told, body, provider)
    told.wait(type(body.estimated_time) == "number" and body.estimated_time >= 0 and body.estimated_time or nil)
  end
  if text then
    local lower = text:sub(1, TEXT_MAX):lower()
    read_waits(told, lower)
    read_moment(told, lower, at, type(provider) == "table" and provider.time_zone or nil)
    read_text_window(told, lower)
  end
  return wait_s, windows
end

return M
