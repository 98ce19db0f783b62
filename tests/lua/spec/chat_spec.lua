-- Completions: what is asked in each dialect, what is read, and what is learned from refusals.

local host = require "host"

local function provider_of(fields)
  local provider = { name = "acme", base_url = "https://api.acme.example/v1" }
  for name, value in pairs(fields or {}) do
    provider[name] = value
  end
  return provider
end

local h, chat

before_each(function()
  h = host.new { env = { ACME_API_KEY = "test-key-0123456789abcdef" } }
  chat = h:library "chat"
end)

local function complete(dialect, request, answers, provider)
  provider = provider or provider_of()
  provider.keys = h.globals.keys "ACME_API_KEY"
  request.prompt = request.prompt or "Say river"
  request.max_tokens = request.max_tokens or 16
  return h:call(function(of, check)
    return chat[dialect](of, check, request)
  end, provider, answers)
end

local function completion(text, finish)
  return { model = "m-1", choices = { { message = { content = text }, finish_reason = finish or "stop" } },
    usage = { prompt_tokens = 8, completion_tokens = 3 } }
end

local SSE = { ["content-type"] = "text/event-stream" }

local function sse(...)
  local body = ""
  for _, data in ipairs { ... } do
    body = body .. "data: " .. data .. "\n\n"
  end
  return body
end

local STREAMED = sse('{"model":"m-1","choices":[{"delta":{"role":"assistant"}}]}',
  '{"choices":[{"delta":{"content":"river"}}]}', '{"choices":[{"delta":{"content":" stone"},"finish_reason":"stop"}]}',
  '{"choices":[],"usage":{"prompt_tokens":8,"completion_tokens":4}}', "[DONE]")

describe("chat.openai", function()
  it("asks for one completion and reads it", function()
    local sample = complete("openai", { model = "m" }, { { status = 200, body = completion "river" } })
    assert.equal("https://api.acme.example/v1/chat/completions", h.requests[1].url)
    assert.equal("Bearer test-key-0123456789abcdef", h.requests[1].headers.authorization)
    local messages = { { role = "user", content = "Say river" } }
    assert.same({ model = "m", max_tokens = 16, messages = messages }, h.requests[1].json)
    assert.is_true(sample.ok)
    assert.equal("river", sample.text)
    assert.equal("m-1", sample.model)
    assert.equal(3, sample.tokens)
    assert.equal(8, sample.prompt_tokens)
    assert.equal("stop", sample.finish)
    assert.is_nil(sample.first_token_ms)
  end)

  it("reads a stream with its times", function()
    local second = STREAMED:find(' stone', 1, true)
    local sample = complete("openai", { model = "m", stream = true }, { {
      status = 200, headers = SSE, body = STREAMED,
      arrivals = { { bytes = second - 30, ms = 200 }, { bytes = #STREAMED, ms = 300 } },
    } })
    assert.is_true(h.requests[1].stream)
    assert.is_true(h.requests[1].json.stream)
    assert.same({ include_usage = true }, h.requests[1].json.stream_options)
    assert.equal("river stone", sample.text)
    assert.equal(4, sample.tokens)
    assert.equal(200, sample.first_token_ms)
    assert.near(20, sample.tokens_per_second, 1e-9)
  end)

  it("takes an answer in one piece where a stream was asked for", function()
    local sample = complete("openai", { model = "m", stream = true }, { { status = 200, body = completion "river" } })
    assert.is_true(sample.ok)
    assert.equal("river", sample.text)
    assert.is_nil(sample.first_token_ms)
  end)

  it("sends the key in the provider's own header", function()
    complete("openai", { model = "m" }, { { status = 200, body = completion "x" } },
      provider_of { auth_header = "api-key", headers = { ["X-Title"] = "t" } })
    assert.equal("test-key-0123456789abcdef", h.requests[1].headers["api-key"])
    assert.equal("t", h.requests[1].headers["x-title"])
    assert.is_nil(h.requests[1].headers.authorization)
  end)

  it("gives models that reason more tokens, and OpenAI's their own field", function()
    local fields = {}
    for _, model in ipairs { "o3-mini", "gpt-5-nano", "deepseek-r1", "qwq-32b", "magistral-small", "gpt-4o", "foo-1" } do
      complete("openai", { model = model }, { { status = 200, body = completion "x" } })
      local json = h.requests[1].json
      fields[#fields + 1] = json.max_tokens or -json.max_completion_tokens
    end
    assert.same({ -64, -64, 64, 64, 64, 16, 16 }, fields)
  end)

  it("learns which field a model wants, and keeps it", function()
    local refusal = { status = 400, body = { error = { code = "unsupported_parameter", message = "Unsupported parameter: "
      .. "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead." } } }
    local provider = provider_of()
    local sample = complete("openai", { model = "new" }, { refusal, { status = 200, body = completion "x" } }, provider)
    assert.is_true(sample.ok)
    assert.equal(2, #h.requests)
    assert.equal(16, h.requests[2].json.max_completion_tokens)
    assert.is_nil(h.requests[2].json.max_tokens)
    complete("openai", { model = "new" }, { { status = 200, body = completion "x" } }, provider)
    assert.equal(16, h.requests[1].json.max_completion_tokens)
    complete("openai", { model = "other" }, { { status = 200, body = completion "x" } }, provider)
    assert.equal(16, h.requests[1].json.max_tokens)
  end)

  it("learns that stream_options are not wanted", function()
    local refusal = { status = 422, body = { detail = "extra fields not permitted: stream_options" } }
    local streamed = { status = 200, headers = SSE, body = STREAMED }
    local provider = provider_of()
    assert.is_true(complete("openai", { model = "m", stream = true }, { refusal, streamed }, provider).ok)
    assert.is_nil(h.requests[2].json.stream_options)
    assert.is_true(h.requests[2].json.stream)
    assert.is_true(complete("openai", { model = "n", stream = true }, { streamed }, provider).ok)
    assert.equal(1, #h.requests)
  end)

  it("asks again at most once for each", function()
    local refusal = { status = 400, body = { error = "max_completion_tokens and stream_options are wrong" } }
    local sample = complete("openai", { model = "m", stream = true }, { refusal, refusal, refusal })
    assert.equal("bad_request", sample.kind)
    assert.equal(3, #h.requests)
  end)

  it("takes an answer without a completion as a bad one", function()
    for _, body in ipairs { {}, { choices = {} }, { id = "x", choices = { { index = 0 } } } } do
      local sample = complete("openai", { model = "m" }, { { status = 200, body = body } })
      assert.equal("bad_response", sample.kind)
      assert.equal("HTTP 200 without a completion in it", sample.message)
    end
    assert.equal("bad_response", complete("openai", { model = "m" }, { { status = 200, body = "river" } }).kind)
  end)

  it("takes a stream that breaks off as a bad answer, whose tokens count", function()
    local cut = STREAMED:sub(1, STREAMED:find(" stone", 1, true))
    local sample = complete("openai", { model = "m", stream = true }, { { status = 200, headers = SSE, body = cut } })
    assert.equal("bad_response", sample.kind)
    assert.equal("HTTP 200, but the stream broke off after 1 pieces", sample.message)
    assert.equal(1, sample.tokens)
    assert.is_nil(sample.text)
  end)

  it("reads errors in streams with the provider's own rules", function()
    local provider = provider_of { classify = function(_, text)
      return text and text:find("^RateLimitError") and "rate" or nil
    end }
    local body = sse('{"choices":[{"delta":{"content":"a"}}]}', '{"error":{"message":"RateLimitError: slow"}}', "[DONE]")
    local answer = { status = 200, headers = SSE, body = body }
    local sample = complete("openai", { model = "m", stream = true }, { answer }, provider)
    assert.equal("rate", sample.kind)
    body = sse '{"object":"error","message":"engine is overloaded","code":503}'
    sample = complete("openai", { model = "m", stream = true }, { { status = 200, headers = SSE, body = body } })
    assert.equal("capacity", sample.kind)
  end)

  it("takes the API's own 404 as a model that is gone", function()
    assert.equal("model_gone", complete("openai", { model = "m" }, { { status = 404, body = { error = "no such" } } }).kind)
    assert.equal("bad_path", complete("openai", { model = "m" }, { { status = 404, body = "" } }).kind)
  end)

  it("passes limits and transport errors on", function()
    local headers = { ["x-ratelimit-limit-requests"] = "100", ["x-ratelimit-remaining-requests"] = "25" }
    local sample = complete("openai", { model = "m" }, { { status = 200, headers = headers, body = completion "x" } })
    assert.equal(25, sample.limits[1].remaining)
    sample = complete("openai", { model = "m" }, { { status = 200, headers = headers, body = {} } })
    assert.equal(25, sample.limits[1].remaining)
    assert.equal("timeout", complete("openai", { model = "m" }, { { error = "timeout", message = "late" } }).kind)
  end)
end)

describe("chat.anthropic", function()
  it("asks for a message and reads it", function()
    local sample = complete("anthropic", { model = "claude-x" }, { { status = 200, body = {
      model = "claude-x-20260101", stop_reason = "end_turn", usage = { input_tokens = 12, output_tokens = 5 },
      content = { { type = "thinking", thinking = "hm" }, { type = "text", text = "river" } },
    } } })
    local request = h.requests[1]
    assert.equal("https://api.acme.example/v1/messages", request.url)
    assert.equal("test-key-0123456789abcdef", request.headers["x-api-key"])
    assert.equal("2023-06-01", request.headers["anthropic-version"])
    assert.equal(16, request.json.max_tokens)
    assert.equal("river", sample.text)
    assert.is_true(sample.reasoned)
    assert.equal("claude-x-20260101", sample.model)
    assert.equal(12, sample.prompt_tokens)
    assert.equal(5, sample.tokens)
  end)

  it("names what an error event says", function()
    local body = 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    local sample = complete("anthropic", { model = "m", stream = true }, { { status = 200, headers = SSE, body = body } })
    assert.equal("capacity", sample.kind)
  end)
end)

describe("chat.gemini", function()
  local ANSWER = {
    candidates = { { content = { parts = { { text = "river" } } }, finishReason = "STOP" } },
    usageMetadata = { promptTokenCount = 9, candidatesTokenCount = 2 }, modelVersion = "gemini-x",
  }

  it("names the model in the path", function()
    local sample = complete("gemini", { model = "models/gemini x/1%" }, { { status = 200, body = ANSWER } })
    assert.equal("https://api.acme.example/v1/models/gemini%20x%2F1%25:generateContent", h.requests[1].url)
    assert.equal("test-key-0123456789abcdef", h.requests[1].headers["x-goog-api-key"])
    assert.equal(16, h.requests[1].json.generationConfig.maxOutputTokens)
    assert.equal("river", sample.text)
    assert.equal(2, sample.tokens)
    assert.equal("gemini-x", sample.model)
  end)

  it("streams by another path", function()
    local body = 'data: {"candidates":[{"content":{"parts":[{"text":"river"}]},"finishReason":"STOP"}]}\r\n\r\n'
    local sample = complete("gemini", { model = "g", stream = true }, { { status = 200, headers = SSE, body = body } })
    assert.equal("https://api.acme.example/v1/models/g:streamGenerateContent?alt=sse", h.requests[1].url)
    assert.equal("river", sample.text)
  end)

  it("takes an answer that was cut before it began", function()
    local sample = complete("gemini", { model = "g" }, { { status = 200, body = {
      candidates = { { finishReason = "MAX_TOKENS" } }, usageMetadata = { promptTokenCount = 9, thoughtsTokenCount = 15 },
    } } })
    assert.is_true(sample.ok)
    assert.equal("", sample.text)
    assert.equal(15, sample.tokens)
    assert.equal("MAX_TOKENS", sample.finish)
  end)
end)

describe("chat.cohere and chat.ollama", function()
  it("ask and read in their own ways", function()
    local sample = complete("cohere", { model = "command" }, { { status = 200, body = {
      finish_reason = "COMPLETE", message = { content = { { type = "text", text = "river" } } },
      usage = { tokens = { input_tokens = 30, output_tokens = 2 } },
    } } })
    assert.equal("https://api.acme.example/v1/v2/chat", h.requests[1].url)
    assert.equal("river", sample.text)
    assert.equal(30, sample.prompt_tokens)

    sample = complete("ollama", { model = "gemma" }, { { status = 200, body = {
      model = "gemma", message = { content = "river" }, done = true, done_reason = "stop",
      prompt_eval_count = 7, eval_count = 2,
    } } })
    assert.equal(16, h.requests[1].json.options.num_predict)
    assert.is_false(h.requests[1].json.stream)
    assert.equal("river", sample.text)
    assert.equal(7, sample.prompt_tokens)
  end)

  it("read a line of NDJSON as a stream", function()
    local line = '{"model":"gemma","message":{"content":"river"},"done":true,"done_reason":"stop","eval_count":1}\n'
    local sample = complete("ollama", { model = "gemma", stream = true }, { { status = 200, body = line } })
    assert.equal(100, sample.first_token_ms)
    local gone = { status = 404, body = { error = "model 'x' not found" } }
    assert.equal("model_gone", complete("ollama", { model = "x" }, { gone }).kind)
  end)
end)
