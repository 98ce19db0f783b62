-- Providers that are asked for their model list, and how keys are used.

local host = require "host"

local MODELS = { object = "list", data = { { id = "m" } } }

local CASES = {
  { script = "groq", variable = "GROQ_API_KEY", url = "https://api.groq.com/openai/v1/models" },
  { script = "together", variable = "TOGETHER_API_KEY", url = "https://api.together.xyz/v1/models" },
  { script = "together", variable = "TOGETHERAI_API_KEY", url = "https://api.together.xyz/v1/models" },
  { script = "together", variable = "TOGETHER_AI_API_KEY", url = "https://api.together.xyz/v1/models" },
  { script = "mistral", variable = "MISTRAL_API_KEY", url = "https://api.mistral.ai/v1/models" },
}

for _, case in ipairs(CASES) do
  describe(case.script .. " with " .. case.variable, function()
    local h, provider
    before_each(function()
      h = host.new { env = { [case.variable] = "test-key-0123456789abcdef" } }
      provider = h:load(case.script)
    end)

    it("asks for the models with the key", function()
      local sample = h:check(provider, { { status = 200, body = MODELS } })
      assert.is_true(sample.ok)
      assert.equal(1, #h.requests)
      local request = h.requests[1]
      assert.equal("GET", request.method)
      assert.equal(case.url, request.url)
      assert.same({ authorization = "Bearer test-key-0123456789abcdef" }, request.headers)
    end)

    it("takes a list that is no JSON as a bad answer", function()
      assert.equal("bad_response", h:check(provider, { { status = 200, body = '{"data":[{"id":' } }).kind)
      assert.equal("bad_response", h:check(provider, { { status = 200, body = "" } }).kind)
    end)

    it("takes a page in place of the list as an edge's", function()
      local page = { status = 200, headers = { ["content-type"] = "text/html" }, body = "<!DOCTYPE html>" }
      local sample = h:check(provider, { page })
      assert.equal("waf", sample.kind)
      assert.equal("HTTP 200: an HTML page instead of an API answer", sample.message)
    end)

    it("reads the limits that come along", function()
      local headers = { ["x-ratelimit-limit-requests"] = "1000", ["x-ratelimit-remaining-requests"] = "400" }
      assert.near(60, h:check(provider, { { status = 200, headers = headers, body = MODELS } }).rate_limit_percent, 1e-9)
      assert.is_nil(h:check(provider, { { status = 200, body = MODELS } }).rate_limit_percent)
    end)

    it("is limited, not failing, at a 429", function()
      local sample = h:check(provider, { { status = 429, headers = { ["retry-after"] = "4" }, body = { error = "slow" } } })
      assert.equal("rate", sample.kind)
      assert.is_true(sample.limited)
      assert.equal(host.NOW + 4, sample.retry_at)
    end)

    it("passes transport errors on", function()
      local sample = h:check(provider, { { error = "tls", message = "certificate has expired" } })
      assert.equal("tls", sample.kind)
      assert.equal("certificate has expired", sample.message)
    end)
  end)
end

describe("together", function()
  it("takes its bare array of models", function()
    local h = host.new { env = { TOGETHER_API_KEY = "test-key-0123456789abcdef" } }
    assert.is_true(h:check(h:load "together", { { status = 200, body = '[{"id":"m"}]' } }).ok)
  end)

  it("takes a text/plain refusal of a missing key", function()
    local h = host.new { env = { TOGETHER_API_KEY = "test-key-0123456789abcdef" } }
    local answer = { status = 401, headers = { ["content-type"] = "text/plain" }, body = "Missing API key" }
    assert.equal("key_missing", h:check(h:load "together", { answer }).kind)
  end)
end)

describe("mistral", function()
  local function check(headers)
    local h = host.new { env = { MISTRAL_API_KEY = "test-key-0123456789abcdef" } }
    return h:check(h:load "mistral", { { status = 429, headers = headers, body = { message = "Rate limit exceeded" } } })
  end

  it("takes a limit of 0 as what the plan never allows", function()
    for _, name in ipairs { "x-ratelimit-limit-req-minute", "x-ratelimit-limit-tokens-minute" } do
      local sample = check { [name] = "0" }
      assert.equal("forbidden", sample.kind)
      assert.is_nil(sample.limited)
    end
  end)

  it("takes any other limit as one that clears", function()
    local sample = check { ["x-ratelimit-limit-req-minute"] = "50", ["x-ratelimit-remaining-req-minute"] = "0" }
    assert.equal("rate", sample.kind)
    assert.equal(100, sample.rate_limit_percent)
  end)
end)

describe("several keys", function()
  local refused = { status = 401, body = { error = { message = "Invalid API Key" } } }
  local fine = { status = 200, body = MODELS }
  local scripts = { "groq", "together", "mistral", "gemini", "openrouter", "huggingface", "nvidia", "g4f" }

  for _, name in ipairs(scripts) do
    it("of " .. name .. " are checked one by one", function()
      local variable = name:upper() .. "_API_KEY"
      local h = host.new { env = {
        [variable .. "_1"] = "test-key-one-0123456789-aaaa",
        [variable .. "_2"] = "test-key-two-0123456789-bbbb",
        [variable .. "_4"] = "test-key-beyond-the-gap-cccc",
      } }
      local provider = h:load(name)
      assert.equal(2, #provider.keys)
      for number, text in ipairs { "test-key-one-0123456789-aaaa", "test-key-two-0123456789-bbbb" } do
        local sample = h:check(provider, { refused }, { key = number })
        assert.truthy(sample.kind == "key_invalid" or sample.kind == "key_missing")
        assert.equal(1, #h.requests)
        local headers = h.requests[1].headers
        assert.equal(text, headers["x-goog-api-key"] or headers.authorization:match "^Bearer (.*)$")
      end
      assert.same({}, h.log)
    end)
  end

  it("count once when two variables hold the same", function()
    local key = "test-key-0123456789abcdef"
    local h = host.new { env = { TOGETHER_API_KEY = key, TOGETHERAI_API_KEY = key } }
    assert.equal(1, #h:load("together").keys)
  end)

  it("say nothing of their number in a message", function()
    local h = host.new { env = { GROQ_API_KEY = "test-key-0123456789abcdef", GROQ_API_KEY_1 = "test-key-1123456789abcdef" } }
    local provider = h:load "groq"
    assert.equal("HTTP 401: Invalid API Key", h:check(provider, { refused }, { key = 2 }).message)
    assert.is_true(h:check(provider, { fine }).ok)
  end)
end)

describe("openai.provider", function()
  local function provider_with(fields, env)
    local h = host.new { env = env or {} }
    local openai = h:library "openai"
    fields.name, fields.base_url = "acme", "https://api.acme.example/v1"
    fields.keys = h.globals.keys "ACME_API_KEY"
    return h, openai.provider(fields)
  end

  it("asks without a key where that is allowed", function()
    local h, provider = provider_with { key_optional = true }
    assert.is_nil(provider.missing)
    assert.is_true(h:check(provider, { { status = 200, body = MODELS } }).ok)
    assert.same({}, h.requests[1].headers)
  end)

  it("takes another path and further headers", function()
    local fields = { path = "/me", headers = { ["X-Title"] = "providerd" } }
    local h, provider = provider_with(fields, { ACME_API_KEY = "k-123456789" })
    h:check(provider, { { status = 200, body = MODELS } })
    assert.equal("https://api.acme.example/v1/me", h.requests[1].url)
    assert.same({ authorization = "Bearer k-123456789", ["x-title"] = "providerd" }, h.requests[1].headers)
    assert.same({ ["X-Title"] = "providerd" }, provider.headers)
  end)

  it("sends the bare key in the header that auth_header names", function()
    local h, provider = provider_with({ auth_header = "api-key" }, { ACME_API_KEY = "k-123456789" })
    h:check(provider, { { status = 200, body = MODELS } })
    assert.same({ ["api-key"] = "k-123456789" }, h.requests[1].headers)
  end)

  it("does not send a key to an origin that the provider did not declare", function()
    local h, provider = provider_with({}, { ACME_API_KEY = "k-123456789" })
    function provider.probe()
      return h.globals.http.get("https://elsewhere.example/", { headers = { Authorization = provider.keys[1] } })
    end
    local sent, message = pcall(h.check, h, provider, { { status = 200 } })
    assert.is_false(sent)
    assert.truthy(message:find("a secret may not go to https://elsewhere.example/", 1, true))
    assert.same({}, h.requests)
  end)
end)
