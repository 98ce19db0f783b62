-- Providers that are asked for their model list, and how several keys are used.

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
  local h, provider

  before_each(function()
    h = host.new { env = {
      GROQ_API_KEY_1 = "test-key-one-0123456789-aaaa",
      GROQ_API_KEY_2 = "test-key-two-0123456789-bbbb",
      GROQ_API_KEY_4 = "test-key-beyond-the-gap-cccc",
    } }
    provider = h:load "groq"
  end)

  it("are not tried when the first works", function()
    assert.is_true(h:check(provider, { fine }).ok)
    assert.equal("Bearer test-key-one-0123456789-aaaa", h.requests[1].headers.authorization)
    assert.same({}, h.log)
  end)

  it("hand over when one is refused, and the log names it", function()
    local sample = h:check(provider, { refused, fine })
    assert.is_true(sample.ok)
    assert.is_nil(sample.message)
    assert.equal("Bearer test-key-two-0123456789-bbbb", h.requests[2].headers.authorization)
    assert.same({ "warn: groq: key 1 (GROQ_API_KEY_1, …aaaa) refused: HTTP 401: Invalid API Key" }, h.log)
  end)

  it("are told of once, and again only when something changes", function()
    h:check(provider, { refused, fine })
    h:check(provider, { refused, fine })
    assert.equal(1, #h.log)
    h:check(provider, { fine })
    assert.equal("info: groq: the first key is no longer refused", h.log[2])
    h:check(provider, { refused, fine })
    assert.equal(3, #h.log)
  end)

  it("are all named when all are refused", function()
    local sample = h:check(provider, { refused, { status = 402, body = { error = { message = "No credit" } } } })
    assert.equal("credit", sample.kind)
    assert.equal("key 1 (GROQ_API_KEY_1, …aaaa) refused: HTTP 401: Invalid API Key; "
      .. "key 2 (GROQ_API_KEY_2, …bbbb) refused: HTTP 402: No credit", sample.message)
  end)

  it("hand over for every refusal that may be the key's own", function()
    for _, answer in ipairs {
      refused,
      { status = 401, body = { error = { message = "Missing API key" } } },
      { status = 402 },
      { status = 403 },
      { status = 403, body = { error = { message = "Missing scopes: api.model.read" } } },
    } do
      assert.is_true(h:check(provider, { answer, fine }).ok)
    end
  end)

  it("stay untried when the provider is limited, broken or silent", function()
    for _, answer in ipairs { { status = 429 }, { status = 503 }, { status = 404 }, { error = "timeout" } } do
      assert.is_false(h:check(provider, { answer }).ok)
      assert.equal(1, #h.requests)
    end
  end)

  it("are tried eight in a check, and the next check goes on behind them", function()
    local env = {}
    for i = 1, 10 do
      env["GROQ_API_KEY_" .. i] = string.format("test-key-%04d", i)
    end
    h = host.new { env = env }
    provider = h:load "groq"
    local function only(good)
      return function(request)
        return request.headers.authorization == "Bearer test-key-" .. good and fine or refused
      end
    end
    local sample = h:check(provider, only "0010")
    assert.equal(8, #h.requests)
    assert.equal("key_invalid", sample.kind)
    assert.truthy(sample.message:find("key 8 (GROQ_API_KEY_8) refused", 1, true))
    assert.truthy(sample.message:find("2 more keys wait for the next check", 1, true))
    assert.is_true(h:check(provider, only "0010").ok)
    assert.equal(2, #h.requests)
    assert.equal("Bearer test-key-0009", h.requests[1].headers.authorization)
    assert.is_true(h:check(provider, only "0002").ok)
    assert.equal("Bearer test-key-0002", h.requests[4].headers.authorization)
    local told = #h.log
    assert.is_true(h:check(provider, only "0009").ok)
    assert.equal(told, #h.log)
  end)

  it("fit into the requests of one check, even at a g4f server that has each model refused", function()
    local env = {}
    for i = 1, 12 do
      env["G4F_API_KEY_" .. i] = string.format("test-key-%04d", i)
    end
    h = host.new { env = env }
    local sample = h:check(h:load "g4f", function()
      return { status = 401, body = { error = { message = "MissingAuthError: x" } } }
    end)
    assert.equal("key_missing", sample.kind)
    assert.equal(32, #h.requests)
  end)

  it("show nothing of a short key", function()
    h = host.new { env = { GROQ_API_KEY = "short", GROQ_API_KEY_1 = "other" } }
    h:check(h:load "groq", { refused, fine })
    assert.same({ "warn: groq: key 1 (GROQ_API_KEY) refused: HTTP 401: Invalid API Key" }, h.log)
  end)

  it("count once when two variables hold the same", function()
    local key = "test-key-0123456789abcdef"
    h = host.new { env = { TOGETHER_API_KEY = key, TOGETHERAI_API_KEY = key } }
    h:check(h:load "together", { refused })
    assert.equal(1, #h.requests)
  end)

  it("are one key without a number in the message", function()
    h = host.new { env = { GROQ_API_KEY = "test-key-0123456789abcdef" } }
    assert.equal("HTTP 401: Invalid API Key", h:check(h:load "groq", { refused }).message)
    assert.same({}, h.log)
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
