-- limits: how much of a provider's rate limit is used up, and how long a limit lasts, from the headers of an answer.
--
-- Families read here: the OpenAI trio (x-ratelimit-{limit,remaining}-{requests,tokens}, with Cerebras' and SambaNova's
-- suffixes -minute, -hour, -day), Mistral's (…-req-minute, …-tokens-minute), the plain pair
-- (x-ratelimit-{limit,remaining}).
-- Facts as collected 2026-11-23 from the pages that the provider scripts cite.

local M = {}

local WINDOWS = {
  "-requests", "-tokens",
  "-requests-minute", "-requests-hour", "-requests-day",
  "-tokens-minute", "-tokens-hour", "-tokens-day",
  "-req-minute", "",
}

--- The share of a limit that is used up, 0 to 100; nil when the numbers say nothing (a limit of 0 means "never" at one
--- provider and "unlimited" at another; a remainder above the limit means unused).
function M.used_percent(limit, remaining)
  limit, remaining = tonumber(limit), tonumber(remaining)
  if not limit or not remaining or limit <= 0 or remaining < 0 then
    return nil
  end
  return math.max(0, 100 * (1 - remaining / limit))
end

--- The tightest window of an answer's headers, nil when there is none.
function M.percent(headers)
  local tightest
  for _, window in ipairs(WINDOWS) do
    local used = M.used_percent(headers["x-ratelimit-limit" .. window], headers["x-ratelimit-remaining" .. window])
    if used and (not tightest or used > tightest) then
      tightest = used
    end
  end
  return tightest
end

--- Seconds from `at` until the moment that a reset or retry header names: a number (seconds; epoch seconds from 1e9 on;
--- epoch milliseconds from 1e12 on), a Go duration ("2m59.56s"), an RFC 3339 time or an HTTP date. A moment that has
--- passed is 0. nil for anything else ("soon", "None", "-5"): unknown, not zero.
function M.wait_s(text, at)
  if type(text) ~= "string" then
    return nil
  end
  local number = text:match("^%d+%.?%d*$") and tonumber(text)
  if number then
    if number >= 1e12 then
      number = number / 1000 - at
    elseif number >= 1e9 then
      number = number - at
    end
    return math.max(0, number)
  end
  local seconds = duration(text)
  if seconds then
    return seconds
  end
  local moment = parse_time(text)
  return moment and math.max(0, moment - at)
end

return M
