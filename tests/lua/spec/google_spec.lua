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
    assert.equal(host.NOW + 82320, sample.retry_at) -- midnight in Los Angeles, 07:00 UTC in summer
  end)

  it("knows when a day begins on the Pacific coast, in summer and winter and when the clocks change", function()
    local h = host.new()
    local google, parse_time = h:library "google", h.globals.parse_time
    for at, midnight in pairs {
      ["2026-08-02T06:59:59Z"] = "2026-08-02T07:00:00Z",
      ["2026-08-02T07:00:00Z"] = "2026-08-03T07:00:00Z",
      ["2026-12-31T09:00:00Z"] = "2027-01-01T08:00:00Z",
      ["2026-01-15T07:30:00Z"] = "2026-01-15T08:00:00Z",
      ["2026-03-07T09:00:00Z"] = "2026-03-08T08:00:00Z", -- summer begins at 02:00 of that day
      ["2026-03-08T09:00:00Z"] = "2026-03-09T07:00:00Z",
      ["2026-10-31T08:00:00Z"] = "2026-11-01T07:00:00Z", -- summer ends at 02:00 of that day
      ["2026-11-01T07:30:00Z"] = "2026-11-02T08:00:00Z",
      ["2026-11-02T07:30:00Z"] = "2026-11-02T08:00:00Z",
    } do
      assert.equal(parse_time(midnight), google.next_pacific_midnight(parse_time(at)), at)
    end
  end)

  it("names the limit of the window that is spent", function()
    local violations = {
      { quotaId = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier", quotaValue = "2",
        quotaDimensions = { model = "gemini-2.5-pro" } },
      { quotaId = "GenerateContentInputTokensPerModelPerMinute-FreeTier", quotaValue = "250000" },
    }
    local sample = check(429, { message = "quota", details = { { violations = violations }, retry "56s" } })
    assert.same({
      { unit = "requests", window_s = 60, limit = 2, remaining = 0, name = "gemini-2.5-pro", reset_at = host.NOW + 56 },
      { unit = "input_tokens", window_s = 60, limit = 250000, remaining = 0, reset_at = host.NOW + 56 },
    }, sample.limits)
    assert.equal(100, sample.rate_limit_percent)
  end)

  it("is no limit that clears when the plan's is 0", function()
    local violations = { { quotaId = "GenerateRequestsPerDayPerProjectPerModel-FreeTier", quotaValue = "0" } }
    local sample = check(429, { message = "quota", details = { { violations = violations }, retry "32s" } })
    assert.equal("forbidden", sample.kind)
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
