local host = require "host"

local h = host.new()
local sample = h:library "sample"

local function from(answer, classify)
  return sample.from(h:response(answer), classify)
end

describe("sample.from", function()
  it("takes a 2xx as success", function()
    assert.same({ ok = true, http_status = 200 }, from { status = 200, body = { data = {} } })
    assert.same({ ok = true, http_status = 204 }, from { status = 204 })
  end)

  it("passes transport errors on, with their text", function()
    for _, kind in ipairs { "timeout", "dns", "connect", "tls", "bad_response" } do
      local result = from { error = kind, message = "because" }
      assert.is_false(result.ok)
      assert.equal(kind, result.kind)
      assert.equal("because", result.message)
    end
  end)

  it("names the error itself when the transport gives no text", function()
    assert.equal("timeout", from({ error = "timeout" }).message)
  end)

  it("shows where the text of the error is", function()
    local shapes = {
      { { error = { message = "Invalid API Key", code = "x" } }, "HTTP 400: Invalid API Key" },
      { { error = "Invalid API Key" }, "HTTP 400: Invalid API Key" },
      { { error = "invalid_grant", error_description = "Token expired." }, "HTTP 400: Token expired." },
      { { { error = { message = "In an array" } } }, "HTTP 400: In an array" },
      { { detail = "Unauthorized" }, "HTTP 400: Unauthorized" },
      { { message = "flat" }, "HTTP 400: flat" },
      { { title = "Too Many Requests", status = 400 }, "HTTP 400: Too Many Requests" },
      { { errors = { { code = 10000, message = "Authentication error" } } }, "HTTP 400: Authentication error" },
      { "plain text\nin two lines", "HTTP 400: plain text in two lines" },
      { "", "HTTP 400" },
    }
    for _, shape in ipairs(shapes) do
      assert.equal(shape[2], from({ status = 400, body = shape[1] }).message)
    end
  end)

  it("survives bodies of any shape", function()
    for _, body in ipairs {
      "null", "[]", "{}", "[1,2]", '"text"', '{"error":null}', '{"error":[]}', '{"error":{"message":7}}',
      '{"detail":[{"loc":["body"]}]}', '{"errors":["x"]}', "{", '{"error":{"message":{"a":1},"code":{}}}',
    } do
      assert.equal("bad_request", from({ status = 400, body = body }).kind, body)
      assert.is_string(from({ status = 200, body = body }).message or "")
    end
  end)

  it("cuts a long text at 200 bytes, between two characters", function()
    local message = from({ status = 500, body = { error = { message = ("ä"):rep(500) } } }).message
    assert.is_true(#message <= 200 and #message > 190)
    assert.truthy(utf8.len(message))
    assert.equal("…", message:sub(-3))
  end)

  it("goes by the status when the body says nothing", function()
    local kinds = {
      [301] = "bad_path", [400] = "bad_request", [401] = "key_invalid", [402] = "credit", [403] = "forbidden",
      [404] = "bad_path", [405] = "bad_path", [408] = "timeout", [410] = "model_gone", [412] = "forbidden",
      [413] = "too_large", [418] = "bad_request", [422] = "bad_request", [429] = "rate", [498] = "capacity",
      [499] = "server_error", [500] = "server_error", [502] = "server_error", [503] = "server_error",
      [504] = "server_error", [520] = "server_error", [529] = "capacity",
    }
    for status, kind in pairs(kinds) do
      assert.equal(kind, from({ status = status }).kind, tostring(status))
    end
  end)

  it("goes by the code or type of the error where it says more than the status", function()
    local kinds = {
      invalid_api_key = "key_invalid", wrong_api_key = "key_invalid", authentication_error = "key_invalid",
      missing_scope = "key_valid_restricted", model_not_found = "model_gone", model_archived = "model_gone",
      DeploymentNotFound = "model_gone", insufficient_quota = "credit", credit_balance_exhausted = "credit",
      organization_spend_limit_exceeded = "credit", project_spend_limit_exceeded = "credit",
      organization_usage_limit_exceeded = "credit", payment_required = "credit", billing_error = "credit",
      budget_exceeded = "credit", exceeded_current_quota_error = "credit", Arrearage = "credit",
      unsupported_country_region_territory = "region", overloaded_error = "capacity",
      engine_overloaded_error = "capacity", queue_exceeded = "capacity", request_too_large = "too_large",
    }
    for code, kind in pairs(kinds) do
      assert.equal(kind, from({ status = 400, body = { error = { message = "x", code = code } } }).kind, code)
      assert.equal(kind, from({ status = 400, body = { error = { message = "x", type = code, code = 7 } } }).kind, code)
      assert.equal(kind, from({ status = 400, body = { message = "x", code = code } }).kind, code)
    end
  end)

  it("goes by the text of the error where it says more than the status", function()
    local kinds = {
      ["The security token included in the request is expired"] = "key_invalid",
      ["User x is not authorized to perform: list"] = "key_valid_restricted",
      ["The engine is currently overloaded"] = "capacity",
      ["Invalid xAI API key"] = "key_invalid",
      ["You have reached your specified API usage limits."] = "quota_window",
      ["This account doesn't have any credits"] = "credit",
      ["You must provide an API key"] = "key_missing",
      ["Quota for this month: 5 per month"] = "quota_window",
    }
    for text, kind in pairs(kinds) do
      assert.equal(kind, from({ status = 400, body = { error = { message = text } } }).kind, text)
      assert.equal(kind, from({ status = 400, body = text }).kind, text)
    end
  end)

  it("keeps to a status that has one meaning only", function()
    local text = { error = { message = "Incorrect API key: tokens per day" } }
    assert.equal("credit", from({ status = 402, body = text }).kind)
    assert.equal("too_large", from({ status = 413, body = text }).kind)
    assert.equal("bad_path", from({ status = 405, body = text }).kind)
  end)

  it("reads the error object before a list of errors", function()
    local body = { error = { message = "first" }, errors = { { message = "second" } } }
    assert.equal("HTTP 400: first", from({ status = 400, body = body }).message)
  end)

  it("does not take a page that was broken off for an edge's, nor a page with another failure", function()
    local html = { ["content-type"] = "text/html" }
    assert.equal("timeout", from({ status = 200, headers = html, error = "timeout", message = "late" }).kind)
    assert.equal("bad_response", from({ status = 404, headers = html, error = "bad_response", message = "x" }).kind)
    assert.equal("bad_response", from({ status = 200, error = "bad_response", message = "x" }).kind)
  end)

  it("takes a 503 that the API explains as lack of capacity, a page as a broken server", function()
    assert.equal("capacity", from({ status = 503, body = { error = { message = "try later" } } }).kind)
    assert.equal("server_error",
      from({ status = 503, headers = { ["Content-Type"] = "text/html" }, body = "<h1>503</h1>" }).kind)
  end)

  it("tells an edge's page from an API's answer", function()
    local html = { ["Content-Type"] = "text/html; charset=UTF-8" }
    assert.equal("waf", from({ status = 200, headers = html, body = "<html>" }).kind)
    assert.equal("waf", from({ status = 403, headers = html, body = "<html>" }).kind)
    assert.equal("waf", from({ status = 503, headers = html, body = "<title>Just a moment...</title>" }).kind)
    assert.equal("waf", from({ status = 403, body = "error code: 1010" }).kind)
    assert.equal("waf", from({ status = 403, headers = { ["CF-Mitigated"] = "challenge" } }).kind)
    assert.equal("bad_path", from({ status = 404, headers = html, body = "<html>missing api key</html>" }).kind)
    assert.equal("server_error", from({ status = 502, headers = html, body = "<html>" }).kind)
    assert.equal("rate", from({ status = 429, body = "error code: 1015" }).kind)
  end)

  it("finds an error inside a 200, and goes by the status that it names", function()
    local result = from { status = 200, body = { error = { message = "No credits", code = 402 } } }
    assert.equal("credit", result.kind)
    assert.equal(200, result.http_status)
    assert.equal("HTTP 200 with an error in it: No credits", result.message)
    assert.equal("server_error", from({ status = 200, body = { error = "broken" } }).kind)
    assert.equal("rate", from({ status = 200, body = { error = { code = "429", message = "slow down" } } }).kind)
    assert.is_true(from({ status = 200, body = '{"error":null,"data":[]}' }).ok)
  end)

  it("lets classify speak first, and go on when it has nothing to say", function()
    local seen
    local result = from({ status = 400, body = { error = { message = "m", code = "c" } } }, function(response, text, code)
      seen = { response.status, text, code }
      return "retired"
    end)
    assert.equal("retired", result.kind)
    assert.same({ 400, "m", "c" }, seen)
    assert.equal("bad_request", from({ status = 400 }, function() end).kind)
  end)
end)

describe("a 429", function()
  local function at(headers, body)
    return from { status = 429, headers = headers, body = body }
  end

  it("is a limit that clears, no failure", function()
    local result = at({}, { error = { message = "Rate limit reached" } })
    assert.equal("rate", result.kind)
    assert.is_true(result.limited)
    assert.is_nil(result.retry_at)
  end)

  it("is a matter of the plan or of credit when the body says so", function()
    local result = at({ ["retry-after"] = "5" }, { error = { message = "quota", code = "insufficient_quota" } })
    assert.equal("credit", result.kind)
    assert.is_nil(result.limited)
    assert.is_nil(result.retry_at)
  end)

  it("is not about keys, whatever words its text holds", function()
    assert.equal("rate", at({}, { error = { message = "Too many requests with an incorrect API key" } }).kind)
  end)

  it("tells a spent day from a minute's rate", function()
    local result = at({}, { error = { message = "Limit reached on tokens per day (TPD): Limit 100000" } })
    assert.equal("quota_window", result.kind)
    assert.is_true(result.limited)
  end)

  it("says when to ask again", function()
    local now = host.NOW
    local cases = {
      { { ["Retry-After"] = "30" }, 30 },
      { { ["retry-after"] = "2.5" }, 2.5 },
      { { ["retry-after"] = "0" }, 0 },
      { { ["retry-after-ms"] = "1250", ["retry-after"] = "2" }, 1.25 },
      { { ["retry-after"] = "Sun, 02 Aug 2026 08:08:45 GMT" }, 45 },
      -- Measured against the answer's own clock, which here is an hour slow.
      { { ["retry-after"] = "Sun, 02 Aug 2026 07:08:45 GMT", date = "Sun, 02 Aug 2026 07:08:00 GMT" }, 45 },
      { { ["retry-after"] = "Sun, 02 Aug 2026 08:00:00 GMT" }, 0 },
      { { ["x-ratelimit-reset"] = "7" }, 7 },
      { { ["x-ratelimit-reset"] = tostring(now) .. "500" }, 0.5 },
    }
    for _, case in ipairs(cases) do
      assert.near(now + case[2], at(case[1]).retry_at, 1e-3)
    end
  end)

  it("asks for the longer wait when header and body disagree", function()
    local function wait(header, body_s)
      local answer = { status = 429, headers = { ["retry-after"] = header } }
      return sample.from(h:response(answer), function()
        return "rate", body_s
      end).retry_at
    end
    assert.equal(host.NOW + 9, wait("2", 9))
    assert.equal(host.NOW + 9, wait("9", 2))
    assert.equal(host.NOW + 5, wait(nil, 5))
    assert.is_nil(wait(nil, 1e12))
  end)

  it("tells when to ask again of a server in trouble, too", function()
    for _, status in ipairs { 500, 503, 529 } do
      local answer = { status = status, headers = { ["retry-after"] = "7" }, body = { error = { message = "overloaded" } } }
      assert.equal(host.NOW + 7, from(answer).retry_at)
    end
    assert.is_nil(from({ status = 401, headers = { ["retry-after"] = "7" } }).retry_at)
  end)

  it("does not say when it is nonsense", function()
    for _, text in ipairs { "-5", "soon", "", "nan", "inf", "99999999", "0x10", "1e3" } do
      assert.is_nil(at({ ["retry-after"] = text }).retry_at, text)
    end
  end)

  it("has no time at which a request that is too large would pass", function()
    local result = from { status = 413, headers = { ["retry-after"] = "65" } }
    assert.is_nil(result.retry_at)
    assert.is_nil(result.limited)
  end)
end)
