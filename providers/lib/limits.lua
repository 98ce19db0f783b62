-- limits: the rate limits and quotas that an answer's headers tell, and how long a wait they name.
--
-- A limit is a window: { unit = "requests"|"tokens"|"input_tokens"|"output_tokens"|"usd"|..., window_s, limit, remaining,
-- reset_at (seconds since 1970), name }, where everything but the unit may be nil: not told. `name` is the policy or the
-- part of the account that the window is for.
--
-- The families read here, by their headers:
--   OpenAI, Groq       x-ratelimit-{limit,remaining,reset}-{requests,tokens}; resets like "2m59.56s". Which window it is
--                      the provider's table says: limit_windows = { requests = 86400, tokens = 60 } (default 60 each)
--   OpenAI, project    …-project-tokens
--   Cerebras, SambaNova, Mistral, Kong   …-{requests,req,tokens}-{second,…,month}, and the span alone
--   Fireworks          …-tokens-{prompt,cache-adjusted-prompt,generated}
--   Azure, GitHub      x-ratelimit-renewalperiod-{requests,tokens}, x-ratelimit-type tell the window
--   Anthropic          anthropic-ratelimit-KIND-{limit,remaining,reset}, anthropic-priority-…; RFC 3339 times
--   Mistral of 2025    ratelimitbysize-…, x-ratelimitbysize-…-{minute,month}
--   Cohere             x-trial-endpoint-call-…, x-endpoint-monthly-call-limit
--   the plain trio     x-ratelimit-{limit,remaining,reset} (OpenRouter, Together, GitHub); window not told
--   IETF, draft 3 to 6 ratelimit-{limit,remaining,reset}, where the limit may be "100, 100;w=60"
--   IETF, draft 7 on   ratelimit: "name";r=50;t=30 and ratelimit-policy: "name";q=100;w=60, joined by name; and draft 7's
--                      own "limit=100, remaining=50, reset=30"
--   LiteLLM            x-litellm-key-…, x-ratelimit-api_key-…, llm_provider-x-ratelimit-…
--
-- Rules: a negative or unreadable number is unknown, never zero. A remainder above the limit is unused. A limit of 0 is
-- kept as it is: "never" at one provider, "unlimited" at another. What is there but not understood is left out, and
-- reported once for each provider and header.
-- Reading happens at every answer: of the headers that came each is looked up in a list of names, and resets are read only
-- where a limit was found.
--
-- Sources: vendors' pages on rate limits (each script cites its own), draft-ietf-httpapi-ratelimit-headers-03, -07 and -10,
-- RFC 9110 10.2.3 (Retry-After); facts as collected 2026-11-23.

local M = {}

M.WAIT_MAX_S = 366 * 86400 -- a longer wait is nonsense
local NUMBER_MAX = 1e15 -- beyond it, a double is no longer exact, and no limit is meant
local WINDOWS_MAX = 16 -- what the daemon keeps of one answer
local LIST_MAX = 1024 -- bytes of an IETF field
local NAME_MAX = 47 -- bytes of a policy's name

local SPAN_S = {
  second = 1, minute = 60, hour = 3600, day = 86400, week = 604800, month = 2592000, year = 31536000,
}

local SHORT = { sec = "second", min = "minute", hr = "hour" }

--- Seconds of a span by its English name ("minute", "min", "days"); nil for what is none.
function M.span_s(word)
  local name = word:lower()
  name = SHORT[name] or name
  return SPAN_S[name] or SPAN_S[name:gsub("s$", "")]
end

-- ---- single values

-- Providers' ways to say that there is nothing to say.
local NOTHING = { [""] = true, none = true, null = true, unlimited = true }

local reported = {} -- provider and header

-- Tells, once, that a header is not understood. `source` is what is being read: { headers, provider }.
local function report(source, name, value)
  local provider = type(source.provider) == "table" and source.provider.name or "a provider"
  local id = provider .. " " .. name
  if NOTHING[value:lower()] or reported[id] then
    return
  end
  reported[id] = true
  local shown = #value <= 40 and string.format("'%s' ", value:gsub("[^\32-\126]", "?")) or ""
  log.warn("%s: the value %sof its header %s is not understood and left out", provider, shown, name)
end

local function unquoted(text)
  text = text:match "^%s*(.-)%s*$"
  return text:match '^"(.*)"$' or text
end

-- A count: digits, with a fraction where there must be one. A header that came twice is a list of equal values.
local function count_of(text)
  text = unquoted(text)
  local first, rest = text:match "^([^,]+),(.*)$"
  if first then
    for other in rest:gmatch "[^,]+" do
      if unquoted(other) ~= unquoted(first) then
        return nil
      end
    end
    text = unquoted(first)
  end
  local number = text:find "^%d+%.?%d*$" and tonumber(text)
  return number and number <= NUMBER_MAX and (math.tointeger(number) or number) or nil
end

--- A count by its text or as a number; nil for what is none: negative, too large, no number.
function M.count(value)
  if type(value) == "string" then
    return count_of(value)
  end
  local is_count = type(value) == "number" and value >= 0 and value <= NUMBER_MAX
  return is_count and (math.tointeger(value) or value) or nil
end

--- Seconds from `at` until the moment that a reset or retry header names: a number (seconds; epoch seconds from 1e9 on;
--- epoch milliseconds from 1e12 on), a Go duration ("2m59.56s"), an RFC 3339 time or an HTTP date. A moment that has
--- passed is 0. nil for anything else ("soon", "None", "-5"): unknown, not zero.
function M.wait_s(text, at)
  if type(text) ~= "string" then
    return nil
  end
  text = unquoted(text)
  local number = text:find "^%d+%.?%d*$" and tonumber(text)
  if number then
    if number > NUMBER_MAX then
      return nil
    elseif number >= 1e12 then
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

--- The provider's own time, by the answer's Date, so that a skewed clock does no harm; else ours.
function M.clock(headers)
  local date = headers["date"]
  return date and parse_time(date) or now()
end

local function read_count(source, name)
  local text = source.headers[name]
  local value = text and count_of(text)
  if text and not value then
    report(source, name, text)
  end
  return value
end

local function sensible_wait(source, name, text)
  source.at = source.at or M.clock(source.headers)
  local wait = M.wait_s(text, source.at)
  if wait and wait <= M.WAIT_MAX_S then
    return wait
  end
  report(source, name, text)
  return nil
end

local function read_wait(source, name)
  local text = source.headers[name]
  return text and sensible_wait(source, name, text) or nil
end

local function read_reset(source, name)
  local wait = name and read_wait(source, name)
  return wait and now() + wait or nil
end

-- ---- windows

--- Adds a window to a list. One that is there already (same unit, length and name) is completed instead.
function M.add(windows, window)
  if not window.limit and not window.remaining then
    return
  end
  for _, known in ipairs(windows) do
    if known.unit == window.unit and known.window_s == window.window_s and known.name == window.name then
      for field, value in pairs(window) do
        if known[field] == nil then
          known[field] = value
        end
      end
      return
    end
  end
  if #windows < WINDOWS_MAX then
    windows[#windows + 1] = window
  end
end

-- Header names and what they tell. `open`: the length is not in the name.
local PAIRS = {}
local PAIR_AT = {} -- name of a limit or a remainder -> its place in PAIRS

local function pair(limit, remaining, reset, fields)
  fields.limit_name, fields.remaining_name, fields.reset_name = limit, remaining, reset
  PAIRS[#PAIRS + 1] = fields
  PAIR_AT[limit], PAIR_AT[remaining] = #PAIRS, #PAIRS
end

local function x_ratelimit(prefix, suffix, fields)
  pair(prefix .. "limit" .. suffix, prefix .. "remaining" .. suffix, prefix .. "reset" .. suffix, fields)
end

local KINDS = { -- of x-ratelimit-…-KIND, with the span in the name or open
  { "-requests", "requests" }, { "-req", "requests" }, { "", "requests" }, { "-tokens", "tokens" },
}
local SPANS = { "second", "minute", "hour", "day", "month", "year" }

for _, kind in ipairs(KINDS) do
  local suffix, unit = kind[1], kind[2]
  if suffix == "-requests" or suffix == "-tokens" then
    x_ratelimit("x-ratelimit-", suffix, { unit = unit, open = suffix })
  end
  for _, span in ipairs(SPANS) do
    x_ratelimit("x-ratelimit-", suffix .. "-" .. span, { unit = unit, window_s = SPAN_S[span] })
  end
end
for _, kind in ipairs {
  { "-input-tokens", "input_tokens" }, { "-output-tokens", "output_tokens" }, { "-tokens-prompt", "input_tokens" },
  { "-tokens-cache-adjusted-prompt", "input_tokens", "cache-adjusted" }, { "-tokens-generated", "output_tokens" },
  { "-project-requests", "requests", "project" }, { "-project-tokens", "tokens", "project" },
} do
  x_ratelimit("x-ratelimit-", kind[1], { unit = kind[2], name = kind[3], open = kind[1] })
end

for _, kind in ipairs { "requests", "tokens", "input-tokens", "output-tokens" } do
  local prefix = "anthropic-ratelimit-" .. kind .. "-"
  x_ratelimit(prefix, "", { unit = kind:gsub("-", "_"), window_s = 60 })
end
for _, kind in ipairs { "input-tokens", "output-tokens" } do
  x_ratelimit("anthropic-priority-" .. kind .. "-", "", { unit = kind:gsub("-", "_"), window_s = 60, name = "priority" })
end

x_ratelimit("ratelimitbysize-", "", { unit = "tokens", window_s = 60 })
x_ratelimit("x-ratelimitbysize-", "-minute", { unit = "tokens", window_s = 60 })
x_ratelimit("x-ratelimitbysize-", "-month", { unit = "tokens", window_s = SPAN_S.month })
pair("x-trial-endpoint-call-limit", "x-trial-endpoint-call-remaining", nil, { unit = "requests", window_s = 60 })
pair("x-endpoint-monthly-call-limit", "x-endpoint-monthly-call-remaining", nil,
  { unit = "requests", window_s = SPAN_S.month })
pair("x-tokenlimit-limit", "x-tokenlimit-remaining", nil, { unit = "tokens" }) -- Together's of old

for _, unit in ipairs { "requests", "tokens" } do
  x_ratelimit("x-ratelimit-api_key-", "-" .. unit, { unit = unit, window_s = 60 })
  x_ratelimit("llm_provider-x-ratelimit-", "-" .. unit, { unit = unit, window_s = 60, name = "upstream" })
end
pair("x-litellm-key-rpm-limit", "x-litellm-key-rpm-remaining", nil, { unit = "requests", window_s = 60 })
pair("x-litellm-key-tpm-limit", "x-litellm-key-tpm-remaining", nil, { unit = "tokens", window_s = 60 })

-- The window that the name leaves open: told by Azure's and GitHub's own headers, else known of the provider.
local function open_window_s(source, entry)
  local period = read_count(source, "x-ratelimit-renewalperiod" .. entry.open)
  if period and period > 0 then
    return period
  end
  local span = (source.headers["x-ratelimit-type"] or ""):match ".*By(%a+)$" -- UserByModelByMinute
  local known = type(source.provider) == "table" and source.provider.limit_windows or {}
  return span and M.span_s(span) or known[entry.unit] or 60
end

-- The places of those pairs of which something came, ascending.
local function pairs_in(headers)
  local places, seen = {}, {}
  for name in pairs(headers) do
    local at = PAIR_AT[name]
    if at and not seen[at] then
      seen[at] = true
      places[#places + 1] = at
    end
  end
  table.sort(places)
  return places
end

local function read_pairs(source, windows)
  for _, at in ipairs(pairs_in(source.headers)) do
    local entry = PAIRS[at]
    M.add(windows, {
      unit = entry.unit,
      name = entry.name,
      window_s = entry.open and open_window_s(source, entry) or entry.window_s,
      limit = read_count(source, entry.limit_name),
      remaining = read_count(source, entry.remaining_name),
      reset_at = read_reset(source, entry.reset_name),
    })
  end
end

-- LiteLLM's budget of a key, in dollars.
local function read_budget(source, windows)
  local budget = read_count(source, "x-litellm-key-max-budget")
  if budget then
    local spent = read_count(source, "x-litellm-key-spend")
    M.add(windows, { unit = "usd", limit = budget, remaining = spent and math.max(0, budget - spent) })
  end
end

-- ---- IETF fields

-- The parts of a text between separators that are not within quotes.
local function split(text, separator)
  local parts, from, is_quoted = {}, 1, false
  for at = 1, #text + 1 do
    local c = text:sub(at, at)
    if c == '"' then
      is_quoted = not is_quoted
    elseif c == "" or (c == separator and not is_quoted) then
      parts[#parts + 1] = text:sub(from, at - 1)
      from = at + 1
    end
  end
  return parts
end

-- The members of a list, each { names = {...}, params = {...} }. More lenient than RFC 8941: names may stand anywhere and
-- go without quotes, as they do at some.
local function members_of(text)
  local members = {}
  for _, part in ipairs(#text <= LIST_MAX and split(text, ",") or {}) do
    local member = { names = {}, params = {} }
    for _, piece in ipairs(split(part, ";")) do
      local key, value = piece:match "^%s*([%w_*.-]+)%s*=%s*(.*)$"
      if key then
        member.params[key:lower()] = unquoted(value)
      elseif unquoted(piece) ~= "" then
        member.names[#member.names + 1] = unquoted(piece)
      end
    end
    members[#members + 1] = member
  end
  return members
end

local function shared_name(one, other)
  for _, name in ipairs(one.names) do
    for _, candidate in ipairs(other.names) do
      if name == candidate then
        return name
      end
    end
  end
  return nil
end

local function param(source, header, member, name)
  local text = member and member.params[name]
  local value = text and count_of(text)
  if text and not value then
    report(source, header, text)
  end
  return value
end

local function unit_of(text)
  local unit = text and text:lower():gsub("-", "_")
  return unit and #unit < 24 and unit:find "^[%l_]+$" and unit or "requests"
end

-- The first window length above 0 among the members whose quota is the limit.
local function window_of_quota(source, header, members, limit)
  for _, member in ipairs(members) do
    local window_s = member.names[1] and count_of(member.names[1]) == limit and param(source, header, member, "w")
    if window_s and window_s > 0 then
      return window_s
    end
  end
  return nil
end

-- Draft 7's dictionary: limit=100, remaining=50, reset=30.
local function read_dictionary(source, windows, members, policies)
  local all = { names = {}, params = {} }
  for _, member in ipairs(members) do
    for key, value in pairs(member.params) do
      all.params[key] = value
    end
  end
  local limit = param(source, "ratelimit", all, "limit")
  local wait = all.params.reset and sensible_wait(source, "ratelimit", all.params.reset)
  M.add(windows, {
    unit = "requests",
    window_s = limit and window_of_quota(source, "ratelimit-policy", policies, limit),
    limit = limit,
    remaining = param(source, "ratelimit", all, "remaining"),
    reset_at = wait and now() + wait,
  })
end

local function read_structured(source, windows)
  local text = source.headers["ratelimit"]
  if not text then
    return
  end
  local members, policies = members_of(text), members_of(source.headers["ratelimit-policy"] or "")
  local before = #windows
  for _, member in ipairs(members) do
    local policy, name = nil, member.names[1]
    for _, candidate in ipairs(policies) do
      local shared = shared_name(member, candidate)
      if shared and not policy then
        policy, name = candidate, shared
      end
    end
    local wait = member.params.t and sensible_wait(source, "ratelimit", member.params.t)
    local window_s = param(source, "ratelimit-policy", policy, "w")
    M.add(windows, {
      unit = unit_of(policy and policy.params.qu or member.params.qu),
      name = name and name:sub(1, NAME_MAX),
      window_s = window_s ~= 0 and window_s or nil,
      limit = param(source, "ratelimit-policy", policy, "q"),
      remaining = param(source, "ratelimit", member, "r"),
      reset_at = wait and now() + wait,
    })
  end
  if #windows == before then
    read_dictionary(source, windows, members, policies)
  end
  if #windows == before then
    report(source, "ratelimit", text)
  end
end

-- The limit of a trio: "100", or drafts 3 to 6's "100, 100;w=60": the limit in force, then the policies.
local function read_trio_limit(source, name)
  local text = source.headers[name]
  local members = text and members_of(text) or {}
  local limit
  for _, member in ipairs(members) do
    local quota = member.names[1] and count_of(member.names[1])
    if not quota or (limit and quota ~= limit and not member.params.w) then
      limit = nil
      break
    end
    limit = limit or quota
  end
  if text and not limit then
    report(source, name, text)
  end
  return limit, limit and window_of_quota(source, name, members, limit)
end

local function read_trio(source, windows, prefix)
  local headers = source.headers
  if not headers[prefix .. "limit"] and not headers[prefix .. "remaining"] then
    return
  end
  local limit, window_s = read_trio_limit(source, prefix .. "limit")
  local policies = headers["ratelimit-policy"]
  if limit and not window_s and policies then
    window_s = window_of_quota(source, "ratelimit-policy", members_of(policies), limit)
  end
  M.add(windows, {
    unit = "requests",
    window_s = window_s or nil,
    limit = limit,
    remaining = read_count(source, prefix .. "remaining"),
    reset_at = read_reset(source, prefix .. "reset"),
  })
end

-- ---- what scripts call

--- The windows of a table of headers, whose names are in lower case; empty when there are none.
--- @param provider table|nil whose they are: its name for reports, its limit_windows
function M.of_headers(headers, provider)
  local source, windows = { headers = headers, provider = provider }, {}
  read_pairs(source, windows)
  read_trio(source, windows, "x-ratelimit-")
  read_trio(source, windows, "ratelimit-")
  read_structured(source, windows)
  read_budget(source, windows)
  return windows
end

--- The windows that an answer's headers tell.
function M.read(response, provider)
  return M.of_headers(response.headers, provider)
end

local RETRY_NAMES = { "retry-after", "x-ratelimit-timeremaining", "x-ratelimit-reset", "anthropic-ratelimit-unified-reset" }

--- Seconds after which the headers of a refusal say to ask again: the first that says something sensible of retry-after-ms
--- (before retry-after, as in OpenAI's SDKs), retry-after, GitHub's x-ratelimit-timeremaining, the plain x-ratelimit-reset
--- and Anthropic's unified reset. nil when none does.
function M.retry_s(headers, provider)
  local source = { headers = headers, provider = provider }
  local ms = read_count(source, "retry-after-ms")
  if ms and ms / 1000 <= M.WAIT_MAX_S then
    return ms / 1000
  end
  for _, name in ipairs(RETRY_NAMES) do
    local wait = read_wait(source, name)
    if wait then
      return wait
    end
  end
  return nil
end

--- The share of a limit that is used up, 0 to 100; nil when the numbers say nothing (a limit of 0 means "never" at one
--- provider and "unlimited" at another; a remainder above the limit means unused).
function M.used_percent(limit, remaining)
  limit, remaining = tonumber(limit), tonumber(remaining)
  if not limit or not remaining or not (limit > 0 and remaining >= 0) then
    return nil
  end
  return math.max(0, 100 * (1 - remaining / limit))
end

--- How much of the tightest of some windows is used up, 0 to 100; nil when no window tells.
function M.percent(windows)
  local tightest
  for _, window in ipairs(windows or {}) do
    local used = M.used_percent(window.limit, window.remaining)
    if used and (not tightest or used > tightest) then
      tightest = used
    end
  end
  return tightest
end

--- The next 00:00 UTC, in seconds since 1970: when many a day's allowance begins anew.
function M.next_utc_midnight()
  return (now() // 86400 + 1) * 86400
end

return M
