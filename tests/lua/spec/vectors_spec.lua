-- Every recorded answer, read for its provider: which kind of error it is, and which limits it tells.

local host = require "host"

local KEY = "test-key-0123456789abcdef"

local function has_script(name)
  local file = io.open("providers/" .. name .. ".lua")
  return file ~= nil and file:close()
end

-- Whatever a script may want to be set, so that it loads as configured.
local function environment_for(name)
  local env = { GEMINI_CLI_1_ACCESS_TOKEN = KEY, ACME_API_KEY = KEY, ACME_API_BASE = "https://acme.example/v1" }
  env[name:upper() .. "_API_KEY"] = KEY
  return env
end

-- The provider's own table where it has a script, else that of a generic one.
local function provider_for(name)
  local h = host.new { env = environment_for(name) }
  if has_script(name) then
    return h, h:load(name), true
  end
  return h, h:load "generic"[1], false
end

-- These only a script knows how to read: they are answers to calls of its own, or codes that mean nothing elsewhere.
local SCRIPT_ONLY = {
  ["deepseek-balance-false"] = true, ["xai-blocked"] = true, ["fireworks-credit"] = true, ["deepinfra-suspended"] = true,
  ["zai-401-none"] = true, ["zai-429-capacity"] = true, ["zai-429-window"] = true, ["zai-429-credit"] = true,
}

-- Clears by itself: neither a failure nor an outage.
local LIMITED = { rate = true, quota_window = true }

-- Scripts whose check is one request, or several that may all be answered alike.
local ONE_REQUEST = {}
for name in ("groq openrouter together mistral huggingface gemini nvidia g4f g4f_main g4f_groq gemini_cli"):gmatch "%S+" do
  ONE_REQUEST[name] = true
end

-- Told by the refresh of a token only (gemini_cli_spec).
local NOT_BY_CHECK = { ["cli-refresh"] = true }

local function answer_of(vector)
  return { status = math.tointeger(vector.s), headers = vector.h, body = vector.b }
end

describe("a recorded error answer", function()
  for _, vector in ipairs(host.vectors "errors") do
    local h, provider, own = provider_for(vector.p)
    if own or not SCRIPT_ONLY[vector.id] then
      it(vector.id .. " is " .. vector.kind, function()
        local sample = h:library("sample").from(h:response(answer_of(vector)), provider)
        if own and sample.ok then -- a refusal that looks like success is what the script's own probe is for
          sample = h:check(provider, function()
            return answer_of(vector)
          end)
        end
        assert.equal(vector.kind, sample.kind)
        assert.is_false(sample.ok)
        assert.equal(vector.s, sample.http_status)
        assert.equal(LIMITED[vector.kind], sample.limited)
        assert.truthy(sample.message:find(string.format("HTTP %d", vector.s), 1, true), sample.message)
        assert.is_true(#sample.message <= 250)
      end)
    end
    if ONE_REQUEST[vector.p] and not NOT_BY_CHECK[vector.id] then
      it(vector.id .. " is " .. vector.kind .. " to a whole check", function()
        local sample = h:check(provider, function()
          return answer_of(vector)
        end)
        assert.equal(vector.kind, sample.kind)
        assert.is_false(sample.ok)
      end)
    end
  end
end)

-- ---- limits

local function null_as_nil(value)
  return type(value) == "number" and value or nil
end

-- The windows found, in the form of the vectors.
local function told(windows, now)
  local list = {}
  for i, window in ipairs(windows or {}) do
    list[i] = {
      unit = window.unit, window_s = window.window_s, limit = window.limit, remaining = window.remaining,
      reset_s = window.reset_at and tonumber(string.format("%.5f", window.reset_at - now)),
    }
  end
  return list
end

local function expected(list)
  local windows = {}
  for i, window in ipairs(list) do
    local reset_s = null_as_nil(window.reset_s)
    windows[i] = {
      unit = window.unit, window_s = null_as_nil(window.window_s), limit = null_as_nil(window.limit),
      remaining = null_as_nil(window.remaining), reset_s = reset_s and tonumber(string.format("%.5f", reset_s)),
    }
  end
  return windows
end

describe("a recorded answer's headers", function()
  for _, vector in ipairs(host.vectors "headers") do
    it(vector.id .. " tell their limits", function()
      local h, provider = provider_for(vector.p)
      h.now = vector.date and h.globals.parse_time(vector.date) or host.NOW
      local sample = h:library("sample").from(h:response { status = vector.status, headers = vector.h }, provider)
      assert.same(expected(vector.expect), told(sample.limits, h.now))
      local wait = null_as_nil(vector.retry_s)
      if wait then
        assert.near(wait, sample.retry_at - h.now, 1e-3)
      else
        assert.is_nil(sample.retry_at)
      end
    end)
  end
end)
