-- host: a stand-in for what providerd gives to provider scripts, in plain Lua, so that a script can be run without the
-- daemon and without a network. It keeps to the rules of providers/README.md: secrets stay shut except towards declared
-- origins, bodies are kept only where the script asks for it, nothing but the sandbox's functions is there.
--
--   local h = host.new { env = { GROQ_API_KEY = "gsk_..." }, files = { ["~/x.json"] = "{...}" } }
--   local provider = h:load "groq"
--   local sample = h:check(provider, { { status = 200, body = { data = {} } } })
--   h.requests[1]   -- {method, url, headers, body, json, form}, with the secrets opened
--   h.log[1]        -- "warn: ..."
--
-- Other functions that ask are run by h:call(work, provider, answers).
-- A check is made with one key: the first of the provider, or another: h:check(provider, answers, { key = 2 }).
-- An answer is {status, headers, body (a text, or a table to encode), error, message, takes_s, arrivals (of a streamed
-- answer, an array of {bytes, ms})}; instead of a list of answers there may be a function from the request to the answer.
-- More requests than answers is an error.

local cjson = require "cjson"

local host = {}
local Host = {}
Host.__index = Host

local REQUESTS_MAX = 32 -- in one check, as core/script has it

host.NOW = 1785658080 -- 2026-08-02T08:08:00Z, as in the test vectors

local KINDS = dofile "providers/lib/kinds.lua"

-- ---- secrets

local contents = setmetatable({}, { __mode = "k" })
local labels = setmetatable({}, { __mode = "k" })
local Secret = {}

local function new_secret(text, label)
  if contents[text] then
    return text
  end
  assert(type(text) == "string", "secret: expected a string, got a " .. type(text))
  local secret = setmetatable({}, Secret)
  contents[secret], labels[secret] = text, label or ""
  return secret
end

local function open(value)
  return contents[value] or value
end

function Secret.__tostring()
  return "***"
end

function Secret.__concat(a, b)
  return new_secret(open(a) .. open(b))
end

function Secret.__eq(a, b)
  return contents[a] ~= nil and contents[a] == contents[b]
end

function Secret.__index(secret, name)
  if name == "label" then
    return labels[secret]
  elseif name == "last4" then
    return #contents[secret] >= 16 and contents[secret]:sub(-4) or ""
  end
  error("a secret has no field '" .. tostring(name) .. "'", 2)
end

function Secret.__len()
  error("a secret cannot be measured", 2)
end

Secret.__newindex = Secret.__len
Secret.__metatable = false

-- ---- the environment

local SECRET_WORDS = { KEY = 1, KEYS = 1, TOKEN = 1, SECRET = 1, PASSWORD = 1, CREDENTIAL = 1, CREDENTIALS = 1 }
local PLACE_WORDS = { URI = 1, URL = 1, FILE = 1, PATH = 1, BASE = 1, ENDPOINT = 1, HOST = 1, DATE = 1, TYPE = 1, ID = 1 }

local function is_credential(name)
  if name == "GOOGLE_APPLICATION_CREDENTIALS" then
    return false -- a path
  end
  local secret, place = false, false
  for word in name:upper():gmatch "[^_]+" do
    secret = secret or SECRET_WORDS[word] ~= nil
    place = PLACE_WORDS[word] ~= nil
  end
  return secret and not place
end

local function api_of_environment(self)
  local function get(name)
    local value = self.env[name]
    return value ~= "" and value or nil
  end
  local api = {}

  function api.env(name, default)
    local value = get(name)
    if not value then
      return default
    end
    return is_credential(name) and new_secret(value, name) or value
  end

  function api.env_names(pattern)
    local names = {}
    for name in pairs(self.env) do
      if get(name) and name:find("^" .. pattern .. "$") then
        names[#names + 1] = name
      end
    end
    table.sort(names)
    return names
  end

  -- Not signed, but of the form: what was claimed can be read by a test.
  function api.jwt(claims, options)
    assert(contents[options.key], "jwt: expected a secret key")
    return new_secret("jwt:" .. cjson.encode(claims))
  end

  function api.keys(...)
    local list, seen = { variable = (...) }, {}
    local function add(variable)
      local value = get(variable)
      if value and not seen[value] then
        seen[value] = true
        list[#list + 1] = new_secret(value, variable)
      end
      return value ~= nil
    end
    for _, name in ipairs { ... } do
      add(name)
      add(name .. "_0")
      local number = 1
      while add(name .. "_" .. number) do
        number = number + 1
      end
    end
    return list
  end

  local function hide(value)
    for name, inner in pairs(value) do
      if type(inner) == "table" then
        hide(inner)
      elseif type(inner) == "string" and type(name) == "string" and is_credential(name) then
        value[name] = new_secret(inner, name)
      end
    end
    return value
  end

  function api.credentials(path)
    self.reads = self.reads + 1
    local text = self.files[path]
    if not text then
      return nil, path .. ": No such file or directory"
    end
    local ok, value = pcall(cjson.decode, text)
    if not ok or type(value) ~= "table" then
      return nil, path .. ": expected a JSON object"
    end
    return hide(value)
  end

  return api
end

-- ---- times

local UNIT_S = { h = 3600, m = 60, s = 1, ms = 1e-3, us = 1e-6, ["µs"] = 1e-6, ns = 1e-9, d = 86400 }

local function duration(text)
  local rest, total = text, 0
  repeat
    local number, unit, after = rest:match "^(%d+%.?%d*)([^%d%.]+)(.*)$"
    if not number or not UNIT_S[unit] then
      return nil, "'" .. text .. "' is not a duration such as 2m59.56s"
    end
    total, rest = total + tonumber(number) * UNIT_S[unit], after
  until rest == ""
  return total
end

local MONTHS = {
  Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12,
}

-- Days since 1970 of a date (Howard Hinnant, "chrono-compatible low-level date algorithms").
local function days_from_civil(year, month, day)
  year = month <= 2 and year - 1 or year
  local era = year // 400
  local year_of_era = year - era * 400
  local day_of_year = (153 * (month + (month > 2 and -3 or 9)) + 2) // 5 + day - 1
  return era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719468
end

local function parse_time(text)
  local y, mo, d, h, mi, s, zone = text:match "^(%d%d%d%d)-(%d%d)-(%d%d)T(%d%d):(%d%d):(%d%d%.?%d*)(.+)$"
  if not y then
    d, mo, y, h, mi, s = text:match "^%a+, (%d%d) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d) GMT$"
    mo, zone = MONTHS[mo], "Z"
  end
  if not mo then
    return nil
  end
  local sign, zh, zm = zone:match "^([+-])(%d%d):(%d%d)$"
  if not sign and zone ~= "Z" then
    return nil
  end
  local offset = sign and (sign == "-" and -1 or 1) * (zh * 3600 + zm * 60) or 0
  return days_from_civil(tonumber(y), tonumber(mo), tonumber(d)) * 86400 + h * 3600 + mi * 60 + tonumber(s) - offset
end

-- ---- JSON

local function opened_copy(value)
  if contents[value] then
    return contents[value], true
  elseif type(value) ~= "table" then
    return value, false
  end
  local copy, has_secret = {}, false
  for name, inner in pairs(value) do
    local secret
    copy[name], secret = opened_copy(inner)
    has_secret = has_secret or secret
  end
  return copy, has_secret
end

local function encode(value)
  local copy, has_secret = opened_copy(value)
  local text = cjson.encode(copy)
  return has_secret and new_secret(text) or text
end

local function decode(text)
  local ok, value = pcall(cjson.decode, text)
  if ok then
    return value
  end
  return nil, value
end

-- ---- HTTP

local OPTIONS = {
  headers = 1, json = 1, form = 1, body = 1, timeout = 1, keep = 1, expect = 1, max_body = 1, stream = 1, aws_sigv4 = 1,
}

local KEEPS = { errors = true, always = true, never = true }

local function form_encode(form)
  local parts, has_secret = {}, false
  for name, value in pairs(form) do
    assert(type(name) == "string" and (type(value) == "string" or contents[value]), "http: form holds something else")
    has_secret = has_secret or contents[value] ~= nil
    local encoded = open(value):gsub("[^%w%-%._*]", function(c)
      return string.format("%%%02X", c:byte())
    end)
    parts[#parts + 1] = name .. "=" .. encoded
  end
  local text = table.concat(parts, "&")
  return has_secret and new_secret(text) or text
end

local function origin_of(url)
  local origin = url:match "^https?://[^/?#]+"
  return assert(origin, "not an http or https URL: " .. url):lower()
end

local function may_receive_secrets(provider, url)
  if origin_of(provider.base_url) == origin_of(url) then
    return true
  end
  for _, declared in ipairs(provider.origins or {}) do
    if origin_of(declared) == origin_of(url) then
      return true
    end
  end
  return false
end

local function request_of(self, method, url, options)
  assert(type(url) == "string", "http: the URL is no string")
  local request = { method = method, url = url, headers = {}, keep = options.keep or "errors", expect = options.expect,
    stream = options.stream, aws_sigv4 = opened_copy(options.aws_sigv4) }
  if request.stream then
    request.keep = "always"
  end
  local has_secret = false
  for name in pairs(options) do
    assert(OPTIONS[name], "http: no such option: " .. tostring(name))
  end
  assert(request.expect == nil or request.expect == "json", "http: expect must be json")
  assert(KEEPS[request.keep], "http: keep must be errors, always or never")
  for name, value in pairs(options.headers or {}) do
    assert(type(name) == "string", "http: a header's name is no string")
    assert(type(value) == "string" or type(value) == "number" or contents[value], "http: header " .. name)
    has_secret = has_secret or contents[value] ~= nil
    request.headers[name:lower()] = open(value)
  end
  local body = options.body
  if options.json then
    body = encode(options.json)
    request.json = cjson.decode(open(body))
    request.headers["content-type"] = "application/json"
  elseif options.form then
    body = form_encode(options.form)
    request.form = opened_copy(options.form)
    request.headers["content-type"] = "application/x-www-form-urlencoded"
  end
  request.body = open(body)
  has_secret = has_secret or contents[body] ~= nil
  if has_secret and not may_receive_secrets(self.running, url) then
    error("a secret may not go to " .. url, 3)
  end
  return request
end

local function headers_of(answer)
  local lower = {}
  for name, value in pairs(answer.headers or {}) do
    lower[name:lower()] = value
  end
  if type(answer.body) == "table" and not lower["content-type"] then
    lower["content-type"] = "application/json"
  end
  return setmetatable(lower, {
    __index = function(_, name)
      return rawget(lower, name:lower())
    end,
  })
end

local Response = {}
local fields = setmetatable({}, { __mode = "k" })

function Response.__index(response, name)
  local value = fields[response][name]
  if name == "json" and fields[response].body then
    value = decode(fields[response].body)
  end
  return value
end

Response.__metatable = false

local function response_of(request, answer)
  local body = type(answer.body) == "table" and cjson.encode(answer.body) or answer.body or ""
  local status = answer.status or 0
  local failure, message = answer.error, answer.message
  local good = status >= 200 and status < 300
  if good and not failure and request.expect == "json" and decode(body) == nil then
    failure, message = "bad_response", "the answer is not JSON"
  end
  local kept = not failure and (request.keep == "always" or request.keep == "errors" and not good)
  local response = setmetatable({}, Response)
  fields[response] = {
    status = status,
    ok = good and not failure,
    headers = headers_of(answer),
    body = kept and body or nil,
    error = failure,
    message = message,
    latency_ms = answer.latency_ms or 100,
    phases = { total_ms = answer.latency_ms or 100 },
    url = request.url,
    arrivals = request.stream and (answer.arrivals or { { bytes = #body, ms = answer.latency_ms or 100 } }) or nil,
  }
  return response
end

local function api_of_http(self)
  local function exchange(method, url, options)
    assert(self.running, "http works only inside probe()")
    local request = request_of(self, method, url, options or {})
    self.requests[#self.requests + 1] = request
    assert(#self.requests <= REQUESTS_MAX, "more requests in one check than are allowed")
    local answer = coroutine.yield(request)
    self.now = self.now + (answer.takes_s or 0)
    return response_of(request, answer)
  end
  return {
    get = function(url, options)
      return exchange("GET", url, options)
    end,
    post = function(url, options)
      return exchange("POST", url, options)
    end,
  }
end

-- ---- the sandbox

local BASE = {
  "assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget", "rawlen", "rawset", "select",
  "setmetatable", "tonumber", "tostring", "xpcall", "string", "table", "math", "utf8", "_VERSION",
}

local function globals_of(self)
  local globals = api_of_environment(self)
  for _, name in ipairs(BASE) do
    globals[name] = _G[name]
  end
  globals._G = globals
  globals.os = { time = os.time, date = os.date, clock = os.clock }
  globals.secret = new_secret
  globals.duration = duration
  globals.parse_time = parse_time
  globals.http = api_of_http(self)
  globals.json = { encode = encode, decode = decode, null = cjson.null, empty_array = cjson.empty_array }
  globals.log = {}
  for _, level in ipairs { "debug", "info", "warn", "error" } do
    globals.log[level] = function(format, ...)
      self.log[#self.log + 1] = level .. ": " .. string.format(format, ...)
    end
  end
  function globals.type(value)
    return contents[value] and "userdata" or type(value)
  end
  function globals.now()
    return self.now
  end
  local loaded = {}
  function globals.require(name)
    if loaded[name] == nil then
      loaded[name] = assert(loadfile("providers/lib/" .. name .. ".lua", "t", globals))()
    end
    return loaded[name]
  end
  return globals
end

--- @param options table env, files (path -> text), now
function host.new(options)
  options = options or {}
  local self = setmetatable({
    env = options.env or {},
    files = options.files or {},
    now = options.now or host.NOW,
    requests = {},
    log = {},
    reads = 0,
  }, Host)
  self.globals = globals_of(self)
  return self
end

--- A library of providers/lib, in this host's state.
function Host:library(name)
  return self.globals.require(name)
end

--- A library, or a whole script, from a text.
function Host:run(text)
  return assert(load(text, "=script", "t", self.globals))()
end

local function check_provider(provider)
  assert(type(provider.name) == "string" and provider.name:find "^[a-z0-9][a-z0-9_.-]*$" and #provider.name < 64)
  assert(type(provider.base_url) == "string" and origin_of(provider.base_url))
  assert(provider.missing == nil or type(provider.missing) == "string")
  assert(provider.probe or provider.missing)
  for _, url in ipairs(provider.origins or {}) do
    assert(origin_of(url))
  end
  return provider
end

--- The providers of a script: one, or an array of them.
function Host:load(name)
  local result = assert(loadfile("providers/" .. name .. ".lua", "t", self.globals))()
  assert(type(result) == "table", "the script returned no table")
  for _, provider in ipairs(result.name and { result } or result) do
    check_provider(provider)
  end
  return result
end

local function check_window(window)
  assert(type(window.unit) == "string" and #window.unit < 24, "a window's unit is no short string")
  assert(window.name == nil or (type(window.name) == "string" and #window.name < 48), "a window's name is no short string")
  assert(window.limit or window.remaining, "a window tells neither its limit nor what remains")
  for _, field in ipairs { "window_s", "limit", "remaining", "reset_at" } do
    local value = window[field]
    local is_count = type(value) == "number" and value >= 0 and value < 1e16
    assert(value == nil or is_count, "a window's " .. field .. " is no count")
  end
end

local function check_sample(sample)
  assert(type(sample) == "table", "probe returned no sample")
  assert(type(sample.ok) == "boolean", "the sample's ok is no boolean")
  assert(sample.ok or KINDS[sample.kind], "unknown kind: " .. tostring(sample.kind))
  assert(sample.message == nil or type(sample.message) == "string", "the sample's message is no string")
  assert(sample.ok or (sample.message or "") ~= "", "a failure without a message")
  for _, field in ipairs { "http_status", "latency_ms", "retry_at", "rate_limit_percent" } do
    local value = sample[field]
    assert(value == nil or (type(value) == "number" and value == value), field .. " is no number")
  end
  for _, window in ipairs(sample.limits or {}) do
    check_window(window)
  end
  return sample
end

-- What the daemon tells of a check: it makes one target of each key.
local function check_of(self, provider, options)
  local list = provider.keys or {}
  local number = options.key or (#list > 0 and 1 or nil)
  assert(number == nil or list[number], "the provider has no such key")
  return {
    name = provider.name, now = self.now, timeout_s = options.timeout_s or 10,
    key = number and list[number], key_number = number,
  }
end

-- Debian 12's Lua 5.4.4 loses a value when a __concat metamethod makes the stack grow, as joining secrets may (core/script
-- reserves stack for that reason). So a script's coroutine begins with a large stack, and nothing shrinks it meanwhile.
local function with_room(work)
  return function(...)
    select("#", table.unpack({}, 1, 200))
    return work(...)
  end
end

--- Calls a function that may make requests, as the daemon calls `probe`: work(provider, check). The requests are in
--- self.requests. Returns the first two results, and the latency of the last answer.
--- @param options table|nil key = which of the provider's keys (default: the first), timeout_s
--- @param further table|nil more fields of `check`
function Host:call(work, provider, answers, options, further)
  self.requests = {}
  self.running = provider
  local check = check_of(self, provider, options or {})
  for field, value in pairs(further or {}) do
    check[field] = value
  end
  local routine = coroutine.create(with_room(work))
  local latest
  collectgarbage "stop"
  local ok, value, second = coroutine.resume(routine, provider, check)
  while ok and coroutine.status(routine) == "suspended" do
    local answer
    if type(answers) == "function" then
      answer = answers(value)
    else
      answer = answers[#self.requests]
    end
    if not answer then
      collectgarbage "restart"
      error(string.format("no answer for request %d: %s %s", #self.requests, value.method, value.url), 2)
    end
    latest = answer.latency_ms or 100
    ok, value, second = coroutine.resume(routine, answer)
  end
  collectgarbage "restart"
  self.running = nil
  assert(ok, value)
  return value, second, latest
end

--- Makes one check and returns its sample. The requests are in self.requests.
function Host:check(provider, answers, options)
  local value, _, latest = self:call(provider.probe, provider, answers, options)
  if fields[value] then
    value = self:library("sample").from(value, provider)
  end
  check_sample(value)
  value.latency_ms = value.latency_ms or latest or 0
  return value
end

--- A response as http.get would give it: for tests of the libraries.
function Host.response(_, answer, options)
  options = options or {}
  local request = { url = "https://api.example.com/", keep = "always", expect = options.expect, stream = options.stream }
  return response_of(request, answer)
end

--- The lines of a file of JSON objects, one a line.
function host.vectors(name)
  local list = {}
  for line in io.lines("tests/lua/vectors/" .. name .. ".jsonl") do
    list[#list + 1] = cjson.decode(line)
  end
  return list
end

return host
