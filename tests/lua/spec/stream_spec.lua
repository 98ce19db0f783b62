-- Streams: which events are tokens, when each came, and what the end was; whatever the body holds.

local host = require "host"

local h = host.new()
local stream = h:library "stream"

local function response_of(body, arrivals)
  return h:response({ status = 200, body = body, arrivals = arrivals }, { stream = true })
end

-- A body out of pieces of {ms, text}, each come at its time.
local function timed(parts)
  local body, arrivals = "", {}
  for _, part in ipairs(parts) do
    body = body .. part[2]
    arrivals[#arrivals + 1] = { bytes = #body, ms = part[1] }
  end
  return response_of(body, arrivals)
end

local function read(body, dialect)
  return stream.read(response_of(body), dialect or "openai")
end

local function delta(text)
  return 'data: {"model":"m","choices":[{"index":0,"delta":{"content":"' .. text .. '"},"finish_reason":null}]}\n\n'
end

local ROLE = 'data: {"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
local STOP = 'data: {"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
local USAGE = 'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":12}}\n\n'
local DONE = "data: [DONE]\n\n"

describe("a stream in the OpenAI dialect", function()
  it("gives text, usage, model and end", function()
    local result = read(ROLE .. delta "river " .. delta "stone" .. STOP .. USAGE .. DONE)
    assert.equal("river stone", result.text)
    assert.equal(2, result.pieces)
    assert.same({ prompt = 9, completion = 12 }, result.usage)
    assert.equal(12, result.tokens)
    assert.equal("m", result.model)
    assert.equal("stop", result.finish)
    assert.is_true(result.ended)
    assert.is_nil(result.error)
  end)

  it("takes the first token's time from the first token, not from what comes before it", function()
    local result = stream.read(timed {
      { 50, ": OPENROUTER PROCESSING\n\n" },
      { 60, 'data: {"choices":[],"prompt_filter_results":[{"prompt_index":0}]}\n\n' },
      { 70, ROLE },
      { 80, 'data: {"choices":[{"delta":{"content":null}}]}\n\n' },
      { 300, delta "a" },
      { 400, delta "b" },
      { 500, delta "c" },
      { 900, STOP .. USAGE .. DONE },
    }, "openai")
    assert.equal(3, result.pieces)
    assert.equal(300, result.first_token_ms)
    assert.equal(500, result.last_token_ms)
    -- 12 tokens of which two thirds came in 0.2 s
    assert.near(40, result.tokens_per_second, 1e-9)
  end)

  it("counts pieces where the usage is not told", function()
    local result = stream.read(timed { { 100, delta "a" }, { 200, delta "b" }, { 300, delta "c" .. DONE } }, "openai")
    assert.equal(3, result.tokens)
    assert.is_nil(result.usage)
    assert.near(10, result.tokens_per_second, 1e-9)
  end)

  it("tells no speed of one piece, or of pieces that came at once", function()
    assert.is_nil(read(delta "a" .. USAGE .. DONE).tokens_per_second)
    assert.is_nil(read(delta "a" .. delta "b" .. USAGE .. DONE).tokens_per_second)
  end)

  it("dates a piece by the byte that ends its line", function()
    local chunk = delta "a"
    local parts = { { 100, chunk:sub(1, 20) }, { 200, chunk:sub(21, -3) }, { 300, chunk:sub(-2) } }
    local result = stream.read(timed(parts), "openai")
    assert.equal(300, result.first_token_ms)
    result = stream.read(timed { { 100, chunk:sub(1, -2) }, { 300, "\n" } }, "openai")
    assert.equal(100, result.first_token_ms)
  end)

  it("counts reasoning, refusals and tool calls as tokens", function()
    for _, piece in ipairs {
      '{"reasoning":"hm"}', '{"reasoning_content":"hm"}', '{"tool_calls":[{"index":0}]}', '{"refusal":"no"}',
      '{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]}',
      '{"content":[{"type":"text","text":"x"}]}',
    } do
      local result = read('data: {"choices":[{"delta":' .. piece .. "}]}\n\n" .. DONE)
      assert.equal(1, result.pieces, piece)
    end
    for _, piece in ipairs { "{}", '{"content":""}', '{"tool_calls":[]}', '{"reasoning":null}', "null", "[]", '"x"' } do
      assert.equal(0, read('data: {"choices":[{"delta":' .. piece .. "}]}\n\n" .. DONE).pieces, piece)
    end
    assert.equal("hm", read('data: {"choices":[{"delta":{"reasoning":"hm"}}]}\n\n').reasoning_text)
  end)

  it("finds the usage where Groq and Moonshot put it, too", function()
    assert.equal(7, read('data: {"x_groq":{"usage":{"completion_tokens":7}},"choices":[]}\n\n').usage.completion)
    assert.equal(7, read('data: {"choices":[{"delta":{},"usage":{"completion_tokens":7}}]}\n\n').usage.completion)
  end)

  it("knows a stream that breaks off", function()
    assert.is_false(read(delta "a" .. delta "b").ended)
    assert.is_false(read("").ended)
    assert.is_true(read(delta "a" .. STOP).ended)
    assert.is_true(read(delta "a" .. DONE).ended)
    assert.is_true(read(delta "a" .. "data: [DONE]").ended)
  end)

  it("stops at an error, and ends not well", function()
    for _, event in ipairs {
      'data: {"error":{"message":"overloaded"}}\n\n', 'data: {"error":"overloaded"}\n\n',
      'data: {"object":"error","message":"overloaded"}\n\n', 'event: error\ndata: {"message":"overloaded"}\n\n',
      'data: {"choices":[{"delta":{"content":""},"finish_reason":"error"}]}\n\n', "event: error\ndata: overloaded\n\n",
    } do
      local result = read(delta "a" .. event .. delta "b" .. DONE)
      assert.is_table(result.error, event)
      assert.is_false(result.ended)
      assert.equal("a", result.text)
    end
  end)
end)

describe("the lines of a stream", function()
  local plain = delta "a" .. delta "b" .. STOP .. DONE

  it("may end with CR, LF or both", function()
    for _, ending in ipairs { "\r", "\r\n", "\n" } do
      local result = read((plain:gsub("\n", ending)))
      assert.equal("ab", result.text)
      assert.is_true(result.ended)
    end
  end)

  it("may begin with a byte order mark, and leave out the space", function()
    assert.equal("ab", read("\xEF\xBB\xBF" .. plain).text)
    assert.equal("ab", read((plain:gsub("data: ", "data:"))).text)
  end)

  it("may spread one event over several data lines", function()
    assert.equal("x", read('data: {"choices":[\ndata: {"delta":\ndata: {"content":"x"}}]}\n\n').text)
  end)

  it("may hold fields and comments of other kinds", function()
    local result = read("retry: 5\nid: 7\n: keep-alive\n\nevent: message\n" .. delta "x" .. "\n\n\ndata\n\nfoo\n\n" .. DONE)
    assert.equal("x", result.text)
    assert.equal(1, result.pieces)
    assert.is_true(result.ended)
  end)

  it("may lack the empty line at the very end", function()
    assert.equal("ab", read(delta "a" .. delta("b"):sub(1, -3)).text)
  end)

  it("are not read without end", function()
    local result = read(("\n"):rep(30000) .. delta "a")
    assert.is_true(result.cut)
    assert.equal(0, result.pieces)
    result = read(delta("ab"):rep(4000) .. DONE)
    assert.is_true(result.cut)
    assert.is_false(result.ended)
    assert.equal(4096, #result.text)
  end)
end)

describe("a stream in the Anthropic dialect", function()
  local function event(name, data)
    return "event: " .. name .. "\ndata: " .. data .. "\n\n"
  end
  local start = event("message_start", '{"type":"message_start","message":{"model":"claude-x","usage":{"input_tokens":9,'
    .. '"output_tokens":1}}}') .. event("content_block_start", '{"type":"content_block_start","content_block":'
    .. '{"type":"text","text":""}}') .. event("ping", '{"type":"ping"}')
  local function text(piece)
    return event("content_block_delta",
      '{"type":"content_block_delta","delta":{"type":"text_delta","text":"' .. piece .. '"}}')
  end
  local ending = event("content_block_stop", '{"type":"content_block_stop"}') .. event("message_delta",
    '{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":6}}')
    .. event("message_stop", '{"type":"message_stop"}')

  it("gives text, usage, model and end", function()
    local result = stream.read(timed { { 10, start }, { 100, text "a" }, { 200, text "b" }, { 250, ending } }, "anthropic")
    assert.equal("ab", result.text)
    assert.same({ prompt = 9, completion = 6 }, result.usage)
    assert.equal("claude-x", result.model)
    assert.equal("end_turn", result.finish)
    assert.is_true(result.ended)
    assert.equal(100, result.first_token_ms)
    assert.near(30, result.tokens_per_second, 1e-9)
  end)

  it("counts thinking and tool input, and not the signature", function()
    local function piece(data)
      return read(event("content_block_delta", '{"type":"content_block_delta","delta":' .. data .. "}"), "anthropic").pieces
    end
    assert.equal(1, piece '{"type":"thinking_delta","thinking":"hm"}')
    assert.equal(1, piece '{"type":"input_json_delta","partial_json":"{"}')
    assert.equal(0, piece '{"type":"input_json_delta","partial_json":""}')
    assert.equal(0, piece '{"type":"signature_delta","signature":"abc"}')
  end)

  it("has an error event, and does not end without message_stop", function()
    local overloaded = '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
    local result = read(start .. event("error", overloaded), "anthropic")
    assert.equal("overloaded_error", result.error.error.type)
    assert.is_false(read(start .. text "a", "anthropic").ended)
  end)
end)

describe("a stream in the Gemini dialect", function()
  local function chunk(parts, more)
    return 'data: {"candidates":[{"content":{"parts":[' .. parts .. '],"role":"model"},"index":0' .. (more or "")
      .. '}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":5,"thoughtsTokenCount":3},'
      .. '"modelVersion":"gemini-x"}\r\n\r\n'
  end

  it("ends by its finish reason, and counts thoughts", function()
    local result = read(chunk '{"text":"hm","thought":true}' .. chunk('{"text":"a"}', ',"finishReason":"STOP"'), "gemini")
    assert.equal("a", result.text)
    assert.equal("hm", result.reasoning_text)
    assert.equal(2, result.pieces)
    assert.same({ prompt = 4, completion = 8 }, result.usage)
    assert.equal("gemini-x", result.model)
    assert.is_true(result.ended)
    assert.is_false(read(chunk '{"text":"a"}', "gemini").ended)
  end)

  it("may be wrapped, and refuse the prompt", function()
    local wrapped = 'data: {"response":{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}}\r\n\r\n'
    assert.equal("a", read(wrapped, "gemini").text)
    assert.equal("SAFETY", read('data: {"promptFeedback":{"blockReason":"SAFETY"}}\n\n', "gemini").finish)
    assert.equal("slow", read('data: [{"error":{"message":"slow"}}]\n\n', "gemini").error.error.message)
  end)
end)

describe("a stream in the Cohere dialect", function()
  it("gives text, usage and end", function()
    local body = 'event: message-start\ndata: {"type":"message-start","delta":{"message":{"content":[]}}}\n\n'
      .. 'event: content-start\ndata: {"type":"content-start","delta":{"message":{"content":{"type":"text","text":""}}}}\n\n'
      .. 'event: content-delta\ndata: {"type":"content-delta","delta":{"message":{"content":{"text":"a"}}}}\n\n'
      .. 'event: content-delta\ndata: {"type":"content-delta","delta":{"message":{"content":{"thinking":"hm"}}}}\n\n'
      .. 'event: content-end\ndata: {"type":"content-end"}\n\n'
    local ending = 'event: message-end\ndata: {"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":'
      .. '{"billed_units":{"output_tokens":1},"tokens":{"input_tokens":20,"output_tokens":3}}}}\n\n'
    local result = read(body .. ending, "cohere")
    assert.equal("a", result.text)
    assert.equal(2, result.pieces)
    assert.same({ prompt = 20, completion = 3 }, result.usage)
    assert.equal("COMPLETE", result.finish)
    assert.is_true(result.ended)
    assert.is_false(read(body, "cohere").ended)
    local failed = read('data: {"type":"message-end","delta":{"finish_reason":"ERROR","error":"broke"}}\n\n', "cohere")
    assert.equal("broke", failed.error.error)
  end)
end)

describe("a stream in the Ollama dialect", function()
  local function line(text)
    return '{"model":"gemma","message":{"role":"assistant","content":"' .. text .. '"},"done":false}\n'
  end

  it("tells its own speed", function()
    local result = stream.read(timed {
      { 100, line "a" }, { 101, line "b" },
      { 110, '{"model":"gemma","message":{"content":""},"done":true,"done_reason":"stop","prompt_eval_count":11,'
        .. '"eval_count":30,"eval_duration":1500000000}' },
    }, "ollama")
    assert.equal("ab", result.text)
    assert.same({ prompt = 11, completion = 30 }, result.usage)
    assert.near(20, result.tokens_per_second, 1e-9)
    assert.equal(100, result.first_token_ms)
    assert.is_true(result.ended)
  end)

  it("may break off or tell an error", function()
    assert.is_false(read(line "a", "ollama").ended)
    assert.equal("gone", read(line "a" .. '{"error":"gone"}\n', "ollama").error.error)
  end)
end)

-- ---- whatever comes

local DIALECTS = { "openai", "anthropic", "gemini", "cohere", "ollama" }

local PIECES = {
  "data: ", "data:", "event: ", "error", "message_start", "content_block_delta", "message-end", ": x", "\n", "\n\n",
  "\r\n", "\r", "{", "}", "[", "]", ":", ",", '"', '"choices"', '"delta"', '"content"', '"type"', '"error"', '"usage"',
  '"message"', "null",
  "true", "1e300", "-1", "nan", "[DONE]", '"candidates"', '"parts"', '"text"', '"done"', '"eval_count"', '"eval_duration"',
  'data: {"choices":[{"delta":{"content":[{"text":7}]}}]}\n\n', 'data: {"choices":{"a":1}}\n\n', 'data: [[[]]]\n\n',
  'data: {"usage":{"completion_tokens":-5}}\n\n', 'data: {"usage":{"completion_tokens":1e308},"choices":[]}\n\n',
  'data: {"candidates":[{"content":{"parts":{"text":1}}}]}\n\n', '{"done":true,"eval_count":3,"eval_duration":-1}\n',
  "\255\0",
}

local function check(result)
  assert.is_string(result.text)
  assert.is_boolean(result.ended)
  assert.is_true(result.pieces >= 0)
  assert.is_true(result.tokens >= 0 and result.tokens < 1e7 + 1)
  local speed = result.tokens_per_second
  assert.is_true(speed == nil or (speed == speed and speed > 0 and speed < math.huge))
  assert.is_true(#result.text <= 4096 and #result.reasoning_text <= 4096)
end

describe("any stream", function()
  it("is read without raising when it is garbage", function()
    math.randomseed(20261123)
    for _ = 1, 3000 do
      local parts = {}
      for i = 1, math.random(0, 14) do
        parts[i] = PIECES[math.random(#PIECES)]
      end
      check(read(table.concat(parts), DIALECTS[math.random(#DIALECTS)]))
    end
  end)

  it("gives the same wherever it was cut into arrivals, and times in order", function()
    math.randomseed(20261123)
    local body = ROLE .. delta "a" .. ": x\n\n" .. delta "b" .. delta "c" .. STOP .. USAGE .. DONE
    for _ = 1, 300 do
      local parts, from, ms = {}, 1, 0
      while from <= #body do
        local to = math.min(#body, from + math.random(0, 200))
        ms = ms + math.random(1, 50)
        parts[#parts + 1] = { ms, body:sub(from, to) }
        from = to + 1
      end
      local result = stream.read(timed(parts), "openai")
      assert.equal("abc", result.text)
      assert.equal(3, result.pieces)
      assert.is_true(result.first_token_ms <= result.last_token_ms and result.last_token_ms <= ms)
      check(result)
    end
  end)

  it("is read without raising when it is broken off anywhere", function()
    local body = ROLE .. delta "a" .. delta "b" .. STOP .. USAGE .. DONE
    for stop = 0, #body do
      local result = read(body:sub(1, stop))
      check(result)
      assert.equal(("ab"):sub(1, #result.text), result.text)
    end
  end)
end)
