-- Every recorded error answer, met by the script of its provider: what kind does it make of it?

local host = require "host"

local OWN_SCRIPT = {}
for name in ("groq openrouter together mistral huggingface gemini nvidia g4f g4f_main g4f_groq"):gmatch "%S+" do
  OWN_SCRIPT[name] = true
end

local KEY = "test-key-0123456789abcdef"

local function provider_for(vector)
  local name = vector.p
  if name == "gemini_cli" then
    local h = host.new { env = { GEMINI_CLI_1_ACCESS_TOKEN = KEY } }
    return h, h:load "gemini_cli"
  end
  if OWN_SCRIPT[name] then
    local h = host.new { env = { [name:upper() .. "_API_KEY"] = KEY } }
    return h, h:load(name)
  end
  local h = host.new { env = { ACME_API_KEY = KEY, ACME_API_BASE = "https://acme.example/v1" } }
  return h, h:load "generic"[1]
end

local function sample_of(vector)
  local h, provider = provider_for(vector)
  local answer = { status = math.tointeger(vector.s), headers = vector.h, body = vector.b }
  return h:check(provider, function()
    return answer
  end)
end

-- Told by the refresh of a token (gemini_cli_spec), and by a completion where others follow (nvidia_spec).
local ELSEWHERE = { ["cli-refresh"] = true, ["nvidia-404"] = true }

-- Clears by itself: neither a failure nor an outage.
local LIMITED = { rate = true, quota_window = true }

describe("a recorded error answer", function()
  for _, vector in ipairs(host.vectors "errors") do
    if not ELSEWHERE[vector.id] then
      it(vector.id .. " is " .. vector.kind, function()
        local sample = sample_of(vector)
        assert.equal(vector.kind, sample.kind)
        assert.is_false(sample.ok)
        assert.equal(vector.s, sample.http_status)
        assert.equal(LIMITED[vector.kind], sample.limited)
        assert.truthy(sample.message:find(string.format("HTTP %d", vector.s), 1, true), sample.message)
        assert.is_true(#sample.message <= 250)
      end)
    end
  end
end)
