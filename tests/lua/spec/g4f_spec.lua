local host = require "host"

local MODELS = { "gpt-4o", "gpt-4o-mini", "gpt-4", "gpt-3.5-turbo" }
local fine = { status = 200, body = { choices = { { message = { content = "pong" } } } } }

local function setup(name, env)
  local h = host.new { env = env or {} }
  return h, h:load(name or "g4f")
end

local function models_asked(h)
  local models = {}
  for i, request in ipairs(h.requests) do
    models[i] = request.json.model
  end
  return models
end

local function failed(status, text)
  return { status = status, body = { error = { message = text }, model = "m", provider = "P" } }
end

local BASES = {
  g4f = "http://localhost:1337/v1",
  g4f_main = "https://g4f.space/v1",
  g4f_groq = "https://g4f.space/api/groq",
  g4f_grok = "https://g4f.dev/api/grok",
  g4f_gemini = "https://g4f.space/api/gemini-v1beta",
  g4f_nvidia = "https://g4f.space/api/nvidia",
  g4f_ollama = "https://g4f.space/api/ollama",
  g4f_pollinations = "https://g4f.space/api/pollinations",
}

for name, base in pairs(BASES) do
  describe(name, function()
    it("sends one message to " .. base, function()
      local env = { [name:upper() .. "_API_KEY"] = "g4f_0123456789abcdef" }
      local h, provider = setup(name, env)
      assert.is_nil(provider.missing)
      assert.is_true(h:check(provider, { fine }).ok)
      local request = h.requests[1]
      assert.equal("POST", request.method)
      assert.equal(base .. "/chat/completions", request.url)
      assert.equal("Bearer g4f_0123456789abcdef", request.headers.authorization)
      assert.same({ model = "gpt-4o", messages = { { role = "user", content = "ping" } } }, request.json)
    end)
  end)
end

describe("g4f", function()
  it("needs no key", function()
    local h, provider = setup()
    assert.is_true(h:check(provider, { fine }).ok)
    assert.is_nil(h.requests[1].headers.authorization)
  end)

  it("sends the common key where there is none of its own", function()
    local h, provider = setup("g4f_nvidia", { G4F_API_KEY = "g4f_common_0123456789" })
    h:check(provider, { fine })
    assert.equal("Bearer g4f_common_0123456789", h.requests[1].headers.authorization)
  end)

  it("watches g4f_ollama and g4f_pollinations for a variable of their own, not for the common key", function()
    for _, name in ipairs { "g4f_ollama", "g4f_pollinations" } do
      local _, provider = setup(name, { G4F_API_KEY = "g4f_common_0123456789" })
      assert.is_string(provider.missing)
      _, provider = setup(name, { [name:upper() .. "_API_BASE"] = "http://127.0.0.1:9" })
      assert.is_nil(provider.missing)
    end
  end)

  it("asks the models in turn, and the one that answered first next time", function()
    local h, provider = setup()
    local gone = failed(404, "ModelNotFoundError: no such model")
    assert.is_true(h:check(provider, { gone, gone, fine }).ok)
    assert.same({ "gpt-4o", "gpt-4o-mini", "gpt-4" }, models_asked(h))
    h:check(provider, { gone, gone, gone, gone })
    assert.same({ "gpt-4", "gpt-4o", "gpt-4o-mini", "gpt-3.5-turbo" }, models_asked(h))
  end)

  it("asks on after every error that another model may not have", function()
    for _, answer in ipairs {
      failed(404, "Not found"), failed(500, "ProviderNotFoundError: x"), failed(429, "RateLimitError: x"), failed(500, "x"),
      failed(503, "overloaded"), failed(400, "x"), failed(401, "MissingAuthError: x"), { status = 200, body = "OK" },
    } do
      local h, provider = setup()
      assert.is_true(h:check(provider, { answer, fine }).ok)
    end
    local h, provider = setup()
    local sample = h:check(provider, function()
      return failed(500, "ProviderNotFoundError: x")
    end)
    assert.equal("bad_path", sample.kind)
  end)

  it("tells the last error when no model answers", function()
    local h, provider = setup()
    local limit = failed(429, "RateLimitError: slow down")
    local sample = h:check(provider, { failed(500, "x"), failed(500, "x"), limit, limit })
    assert.same(MODELS, models_asked(h))
    assert.equal("rate", sample.kind)
    assert.is_true(sample.limited)
  end)

  it("does not ask on where another model cannot help", function()
    local html = { ["content-type"] = "text/html" }
    for kind, answer in pairs {
      key_invalid = failed(403, "Invalid G4F API key"),
      waf = { status = 200, headers = html, body = "<!DOCTYPE html><title>Just a moment...</title>" },
      connect = { error = "connect", message = "refused" },
      timeout = { error = "timeout", message = "no answer" },
      credit = failed(402, "PaymentRequiredError: pay"),
    } do
      local h, provider = setup()
      assert.equal(kind, h:check(provider, { answer }).kind)
    end
  end)

  it("stops asking when half of the check's time is over", function()
    local h, provider = setup()
    local slow = { status = 500, takes_s = 3, body = "" }
    assert.equal("server_error", h:check(provider, { slow, slow }).kind)
    assert.equal(2, #h.requests)
  end)

  it("reads the class of an error before its status", function()
    local cases = {
      { failed(500, "RateLimitError: x"), "rate" },
      { failed(401, "MissingAuthError: Add a key"), "key_missing" },
      { failed(500, "ModelNotFoundError: x"), "model_gone" },
      { failed(500, "CloudflareError: x"), "waf" },
      { failed(500, "SomethingError: x"), "server_error" },
      { failed(401, "G4F API key required"), "key_missing" },
      { failed(401, "G4F API key expired"), "key_invalid" },
      { { status = 401, body = { detail = "G4F API key required" } }, "key_missing" },
      { { status = 405 }, "waf" },
      { { status = 422, body = { detail = { { msg = "field required" } } } }, "bad_request" },
    }
    for _, case in ipairs(cases) do
      local h, provider = setup()
      local sample = h:check(provider, function()
        return case[1]
      end)
      assert.equal(case[2], sample.kind)
    end
  end)

  it("finds an error inside a 200", function()
    for _, body in ipairs {
      '{"error":{"message":"RateLimitError: slow"}}',
      'data: {"error": {"message": "RateLimitError: slow"}}\n\ndata: [DONE]\n\n',
      'data: {"choices":null}\r\n\r\ndata: {"error":{"message":"RateLimitError: slow"}}\r\n\r\n',
    } do
      local h, provider = setup()
      local sample = h:check(provider, function()
        return { status = 200, body = body }
      end)
      assert.equal("rate", sample.kind)
      assert.equal("HTTP 200 with an error in it: RateLimitError: slow", sample.message)
    end
  end)

  it("takes a stream for an answer, too", function()
    local h, provider = setup()
    local body = 'data: {"error":null,"choices":[{"delta":{"content":"p"}}]}\n\ndata: [DONE]\n\n'
    assert.is_true(h:check(provider, { { status = 200, body = body } }).ok)
  end)

  it("is not well without a completion", function()
    for _, body in ipairs { "", "OK", "{}", '{"choices":[]}', "data: [DONE]\n\n", '{"choices":"x"}' } do
      local h, provider = setup()
      local sample = h:check(provider, function()
        return { status = 200, body = body }
      end)
      assert.equal("bad_response", sample.kind, body)
    end
  end)

  it("sends the key that the check is for", function()
    local h, provider = setup("g4f", { G4F_API_KEY = "g4f_aaaa_0123456789", G4F_API_KEY_1 = "g4f_bbbb_0123456789" })
    h:check(provider, { fine }, { key = 2 })
    assert.equal("Bearer g4f_bbbb_0123456789", h.requests[1].headers.authorization)
  end)
end)
