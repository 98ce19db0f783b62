local host = require "host"

local MODELS = { models = { { name = "models/gemini-2.5-flash" } } }

for _, case in ipairs {
  { "gemini", "GEMINI_API_KEY" },
  { "gemini", "GEMINI_API_KEY_1" },
  { "google", "GOOGLE_API_KEY" },
  { "google", "GOOGLE_GENERATIVE_AI_API_KEY" },
} do
  describe(case[1] .. " with " .. case[2], function()
    it("asks for one model, with the key in a header and not in the URL", function()
      local h = host.new { env = { [case[2]] = "AIza0123456789abcdef" } }
      assert.is_true(h:check(h:load(case[1]), { { status = 200, body = MODELS } }).ok)
      assert.equal("https://generativelanguage.googleapis.com/v1beta/models?pageSize=1", h.requests[1].url)
      assert.same({ ["x-goog-api-key"] = "AIza0123456789abcdef" }, h.requests[1].headers)
    end)
  end)
end

describe("an error of a Google API", function()
  local function check(status, err)
    local h = host.new { env = { GEMINI_API_KEY = "AIza0123456789abcdef" } }
    return h:check(h:load "gemini", { { status = status, body = { error = err } } })
  end

  local function info(reason, metadata)
    return { ["@type"] = "type.googleapis.com/google.rpc.ErrorInfo", reason = reason, metadata = metadata }
  end

  local function retry(delay)
    return { ["@type"] = "type.googleapis.com/google.rpc.RetryInfo", retryDelay = delay }
  end

  it("says in RetryInfo how long a minute's limit lasts", function()
    local sample = check(429, { message = "Please retry in 56.1s.", details = { retry "56.185908122s" } })
    assert.equal("rate", sample.kind)
    assert.near(host.NOW + 56.185908122, sample.retry_at, 1e-3)
  end)

  it("names some seconds for a spent day, which are not believed", function()
    local violations = { { quotaId = "GenerateRequestsPerDayPerProjectPerModel-FreeTier" } }
    local sample = check(429, { message = "quota", details = { { violations = violations }, retry "32s" } })
    assert.equal("quota_window", sample.kind)
    assert.is_true(sample.limited)
    assert.is_nil(sample.retry_at)
  end)

  it("says when Code Assist's quota comes back", function()
    local sample = check(429, { message = "x", details = { info("QUOTA_EXHAUSTED", { quotaResetDelay = "156h14m36s" }) } })
    assert.equal("quota_window", sample.kind)
    assert.near(host.NOW + 562476, sample.retry_at, 1e-3)
  end)

  it("is more than a rate when the wait is long", function()
    assert.equal("quota_window", check(429, { details = { info "RATE_LIMIT_EXCEEDED", retry "301s" } }).kind)
    assert.equal("rate", check(429, { details = { info "RATE_LIMIT_EXCEEDED", retry "300s" } }).kind)
  end)

  local cases = {
    { 403, { message = "Generative Language API has not been used", details = { info "SERVICE_DISABLED" } }, "forbidden" },
    { 400, { message = "API key expired. Please renew the API key.", status = "INVALID_ARGUMENT" }, "key_invalid" },
    { 400, { message = "User location is not supported for the API use." }, "region" },
    { 429, { message = "Your Prepay credit balance is depleted." }, "credit" },
    { 429, { message = "x", details = { info "INSUFFICIENT_G1_CREDITS_BALANCE" } }, "credit" },
    { 429, { message = "x", details = { info "MODEL_CAPACITY_EXHAUSTED" } }, "capacity" },
    { 403, { message = "x", details = { info "SECURITY_POLICY_VIOLATED" } }, "forbidden" },
    { 400, { message = "x", details = { info "API_KEY_INVALID" } }, "key_invalid" },
    { 403, { message = "x", details = { info "ACCESS_TOKEN_TYPE_UNSUPPORTED" } }, "key_invalid" },
    { 403, { message = "x", details = { info "VALIDATION_REQUIRED" } }, "forbidden" },
    { 403, { message = "x", details = { info "QUOTA_EXHAUSTED" } }, "quota_window" },
    { 429, { message = "x", details = { info("X", { quota_limit = "Gemini25ProRequestsPerDay" }) } }, "quota_window" },
    { 429, { message = "x", details = { info("X", { quota_limit = "daily requests" }) } }, "quota_window" },
    { 429, { message = "x", details = { info("X", { quota_limit = "RequestsPerMinute" }) } }, "rate" },
    { 504, { message = "Deadline expired", status = "DEADLINE_EXCEEDED" }, "server_error" },
    { 404, { message = "models/x is not found for API version v1beta" }, "model_gone" },
    { 404, { message = "Method not found." }, "bad_path" },
  }
  for _, case in ipairs(cases) do
    it(string.format("is %s at %d: %s", case[3], case[1], case[2].message), function()
      assert.equal(case[3], check(case[1], case[2]).kind)
    end)
  end

  it("is read from an array, too", function()
    local h = host.new { env = { GEMINI_API_KEY = "AIza0123456789abcdef" } }
    local body = { { error = { message = "x", details = { info "MODEL_CAPACITY_EXHAUSTED" } } } }
    assert.equal("capacity", h:check(h:load "gemini", { { status = 429, body = body } }).kind)
  end)

  it("is read from a message that is itself JSON", function()
    local h = host.new { env = { GEMINI_API_KEY = "AIza0123456789abcdef" } }
    local inner = '{"error":{"code":429,"message":"x","details":[{"reason":"QUOTA_EXHAUSTED"}]}}'
    for text, kind in pairs { [inner] = "quota_window", ["{"] = "rate", ["[]"] = "rate", ["{}"] = "rate" } do
      local answer = { status = 429, body = { error = { code = 429, message = text } } }
      assert.equal(kind, h:check(h:load "gemini", { answer }).kind, text)
    end
  end)

  it("is a bad key on the OpenAI path, too", function()
    local h = host.new { env = { GEMINI_API_KEY = "AIza0123456789abcdef" } }
    local body = { { error = { code = 400, message = "Please pass a valid API key", status = "INVALID_ARGUMENT" } } }
    assert.equal("key_invalid", h:check(h:load "gemini", { { status = 400, body = body } }).kind)
  end)

  it("is a bad answer when a 200 is cut off", function()
    local h = host.new { env = { GEMINI_API_KEY = "AIza0123456789abcdef" } }
    assert.equal("bad_response", h:check(h:load "gemini", { { status = 200, body = '{"models":[' } }).kind)
  end)

  it("survives details of any shape", function()
    for _, details in ipairs { "x", { 1, "y", false }, { { violations = "z" } }, { { violations = { 1 } } },
      { { metadata = 3, retryDelay = 7, reason = {} } } } do
      assert.equal("rate", check(429, { message = "m", details = details }).kind)
    end
  end)
end)
