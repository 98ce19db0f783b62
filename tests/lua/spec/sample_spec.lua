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
    for _, code in ipairs { 1006, 1010, 1020 } do
      assert.equal("waf", from({ status = 403, body = "error code: " .. code }).kind)
    end
    assert.equal("region", from({ status = 403, body = "error code: 1009" }).kind)
    assert.equal("server_error", from({ status = 502, body = "error code: 502" }).kind)
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

  it("goes by what the text of an error inside a 200 says, where no status is told", function()
    local cases = {
      ['{"error":"RateLimitError: slow"}'] = "rate",
      ['{"error":{"message":"Rate limit reached on requests per day (RPD): Limit 5, Used 5"}}'] = "quota_window",
      ['{"error":"Unexpected endpoint or method. (GET /v1/x)"}'] = "bad_path",
      ['{"error":{"message":"x","code":401}}'] = "key_invalid",
      ['{"error":{"message":"x","http_code":"402"}}'] = "credit",
      ['{"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}'] = "credit",
      ['{"base_resp":{"status_code":1002,"status_msg":"x"}}'] = "rate",
      ['{"base_resp":{"status_code":9999,"status_msg":"x"}}'] = "server_error",
      ['{"valid":false}'] = "key_invalid",
      ['{"success":false,"errors":[{"code":10000,"message":"Authentication error"}]}'] = "key_invalid",
      ['{"object":"error","message":"x","code":404}'] = "bad_path",
      ['{"code":30014,"message":"Insufficient balance","data":null,"status":false}'] = "credit",
      ['{"choices":[{"error":{"code":502,"message":"upstream"}}]}'] = "server_error",
      ['[{"error":{"code":429,"message":"x"}}]'] = "rate",
    }
    for body, kind in pairs(cases) do
      assert.equal(kind, from({ status = 200, body = body }).kind, body)
    end
  end)

  it("takes no success for an error", function()
    for _, body in ipairs {
      '{"error":{}}', '{"error":[]}', '{"error":""}', '{"error":false}',
      '{"base_resp":{"status_code":0,"status_msg":"success"}}',
      '{"code":20000,"message":"OK","status":true,"data":{}}', '{"valid":true}', '{"success":true,"errors":[],"result":[]}',
      '{"status":false}', '{"detail":"fine"}', '{"choices":[{"message":{"content":"\\"error\\": yes"}}]}', '"error"',
      'data: {"choices":[{"delta":{"content":"\\"error\\""}}]}', 'data: {"error":null,"choices":[]}', '{"error": 5}',
    } do
      assert.is_true(from({ status = 200, body = body }).ok, body)
    end
  end)

  it("finds an error in a stream that began well", function()
    local chunk = '{"choices":[{"delta":{"content":"Hel"}}]}'
    local cases = {
      ["data: " .. chunk .. '\n\ndata: {"error":{"code":502,"message":"Provider disconnected"}}\n\ndata: [DONE]\n\n'] =
        "server_error",
      ['event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'] = "capacity",
      ['{"message":{"content":"Hel"}}\n{"error":"model \'x\' not found"}\n'] = "model_gone",
      ['data:{"error":"rate limit reached"}\r\n\r\n'] = "rate",
    }
    for body, kind in pairs(cases) do
      local result = from { status = 200, body = body }
      assert.equal(kind, result.kind, body)
      assert.truthy(result.message:find("HTTP 200 with an error in it", 1, true))
    end
  end)

  it("goes by AWS's name of the error, in the header or the body", function()
    local function aws(status, name, body)
      return from({ status = status, headers = { ["x-amzn-ErrorType"] = name }, body = body or { message = "x" } }).kind
    end
    assert.equal("key_invalid", aws(403, "UnrecognizedClientException"))
    assert.equal("key_invalid", aws(403, "InvalidSignatureException:http://internal.amazon.com/x"))
    assert.equal("key_valid_restricted", aws(403, "AccessDeniedException"))
    assert.equal("rate", aws(400, "ThrottlingException"))
    assert.equal("capacity", aws(429, "ModelNotReadyException"))
    assert.equal("model_gone", aws(404, "ResourceNotFoundException"))
    assert.equal("bad_request", aws(400, "ValidationException"))
    assert.equal("key_invalid", aws(403, nil, { __type = "com.amazon.coral.service#ExpiredTokenException", message = "x" }))
  end)

  it("takes what a header says where the body is silent", function()
    local result = from { status = 401, headers = { ["X-Error-Message"] = "Invalid username or password." } }
    assert.equal("HTTP 401: Invalid username or password.", result.message)
  end)

  it("tells the limits of every answer, good or bad", function()
    local headers = { ["x-ratelimit-limit-requests"] = "10", ["x-ratelimit-remaining-requests"] = "4" }
    local windows = { { unit = "requests", window_s = 60, limit = 10, remaining = 4 } }
    assert.same({ ok = true, http_status = 200, limits = windows, rate_limit_percent = 60 },
      from { status = 200, headers = headers })
    assert.same(windows, from({ status = 500, headers = headers }).limits)
    assert.is_nil(from({ status = 200 }).limits)
  end)

  it("refuses a kind that there is not", function()
    assert.has_error(function()
      sample.failure("broken", "x")
    end)
    assert.has_error(function()
      from({ status = 400 }, function()
        return "no_such_kind"
      end)
    end)
  end)

  it("takes a provider's table as well as its classify", function()
    local seen
    local provider = { name = "acme", limit_windows = { requests = 86400 }, classify = function(_, _, _, class)
      seen = class
      return "region"
    end }
    local answer = { status = 403, headers = { ["x-ratelimit-remaining-requests"] = "1" },
      body = { error = { message = "m", type = "t" } } }
    local result = from(answer, provider)
    assert.equal("region", result.kind)
    assert.equal("t", seen)
    assert.equal(86400, result.limits[1].window_s)
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

  it("is a spent day when a day's window is at its end, or the wait is long", function()
    local function day(name, remaining)
      return at({ ["x-ratelimit-limit-" .. name] = "50", ["x-ratelimit-remaining-" .. name] = remaining }).kind
    end
    assert.equal("quota_window", day("requests-day", "0"))
    assert.equal("rate", day("requests-day", "1"))
    assert.equal("rate", day("requests-hour", "0"))
    assert.equal("quota_window", at({}, { error = { message = "Please retry after 86400 seconds." } }).kind)
    assert.equal("rate", at({}, { error = { message = "Please retry after 38 seconds." } }).kind)
    assert.equal("quota_window", at({}, { message = "Trial key, which is limited to 1000 API calls / month" }).kind)
    assert.equal("quota_window", at({}, { message = "organization TPD rate limit, current: 7, limit: 5" }).kind)
  end)

  it("ends when its windows do, where nothing else is told", function()
    local headers = {
      ["x-ratelimit-remaining-requests"] = "0", ["x-ratelimit-reset-requests"] = "7s",
      ["x-ratelimit-remaining-tokens"] = "10", ["x-ratelimit-reset-tokens"] = "50s",
    }
    assert.equal(host.NOW + 7, at(headers).retry_at)
    headers["retry-after"] = "3"
    assert.equal(host.NOW + 3, at(headers).retry_at)
  end)

  it("tells the windows of its text, where no header does", function()
    local text = "Rate limit reached on tokens per minute (TPM): Limit 8000, Used 2591. Please try again in 3.5s."
    local result = at({}, { error = { message = text } })
    assert.same({ { unit = "tokens", window_s = 60, limit = 8000, remaining = 5409 } }, result.limits)
    assert.equal(host.NOW + 3.5, result.retry_at)
    result = at({ ["x-ratelimit-remaining-tokens"] = "0" }, { error = { message = text } })
    assert.same({ { unit = "tokens", window_s = 60, limit = 8000, remaining = 0 } }, result.limits)
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
