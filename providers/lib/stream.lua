-- stream: from a streamed answer to its tokens, each with the time of its arrival.
--
--   local answer = stream.read(response, "openai")      -- response of a request with `stream = true`
--
-- Dialects: "openai" (SSE, [DONE]), "anthropic" (SSE with named events), "gemini" (SSE, no end mark), "cohere" (its v2
-- chat, SSE) and "ollama" (NDJSON). What comes back:
--   pieces            how many events carried at least one token, of the answer or of the reasoning before it
--   text, reasoning_text   the first 4 KB of each
--   first_token_ms, last_token_ms   from the sending of the request to the first and the last piece; nil without any
--   usage             {prompt =, completion =} as told, each nil where it was not; nil when nothing was told
--   tokens            usage.completion, else pieces
--   tokens_per_second nil with fewer than two pieces, or when all came at once
--   model, finish     nil where they were not told
--   error             the decoded body of an error inside the stream
--   ended             the stream came to its proper end: [DONE], a finish reason, message_stop, done
--   cut               there was more than is read here (20000 lines, 3000 events)
--
-- Not tokens: comments (": keep-alive"), chunks with a role only, empty deltas, `choices: []` (Azure's filter results,
-- usage), signatures, pings. Tokens: text, reasoning, refusals and tool calls.
--
-- A piece has come when the last byte of its data line has come. The speed leaves out the first piece, whose time is the
-- queue's and the prompt's: tokens * (pieces - 1) / pieces, by the time from the first piece to the last. Ollama tells
-- the speed of the generation itself, which then counts.
--
-- Lines and events are those of https://html.spec.whatwg.org/multipage/server-sent-events.html, but for one thing: an
-- event that the end of the stream leaves without its empty line is read, as the vendors' clients do.
-- Nothing raises here, whatever the body holds. Facts as collected 2026-11-23 from the pages that the scripts cite.

local M = {}

-- Together these keep the work on any body of 1 MB below the instructions that one call into a script may take.
local LINES_MAX = 20000
local EVENTS_MAX = 3000
local BLOCKS_MAX = 6 -- of one event; they hold one or two
local TEXT_MAX = 4096 -- bytes of text that are kept
local COUNT_MAX = 1e7 -- no answer has more tokens

-- ---- values of which nothing is known

local EMPTY = {}

local function table_of(value)
  return type(value) == "table" and value or EMPTY
end

local function text_of(value)
  return type(value) == "string" and value ~= "" and value or nil
end

local function count_of(value)
  if type(value) == "number" and value >= 0 and value < COUNT_MAX then
    return math.floor(value)
  end
  return nil
end

local function has_entries(value)
  return type(value) == "table" and next(value) ~= nil
end

-- ---- lines and events

-- The line that begins at `from`, the number of the byte that ends it, and where the next one begins.
local function line_at(body, from)
  local stop = body:find("[\r\n]", from)
  if not stop then
    return body:sub(from), #body, #body + 1
  end
  local crlf = body:byte(stop) == 13 and body:byte(stop + 1) == 10
  return body:sub(from, stop - 1), stop, stop + (crlf and 2 or 1)
end

-- Calls handle(data, name, at) for each event, until it returns true. Returns whether the body was cut.
local function each_event(body, handle)
  local from = body:sub(1, 3) == "\xEF\xBB\xBF" and 4 or 1
  local data, name, at = {}, nil, nil
  local lines, events = 0, 0
  local function dispatch()
    events = events + 1
    local text, event = table.concat(data, "\n"), name
    data, name = {}, nil
    return handle(text, event, at)
  end
  while from <= #body do
    lines = lines + 1
    if lines > LINES_MAX or events >= EVENTS_MAX then
      return true
    end
    local line, stop, after = line_at(body, from)
    from = after
    if line == "" then
      if at and dispatch() then
        return false
      end
      name, at = nil, nil
    else
      local field, value = line:match "^([^:]+):? ?(.*)$" -- nothing in a comment
      if field == "data" then
        data[#data + 1], at = value, stop
      elseif field == "event" then
        name = value
      end
    end
  end
  if at then
    dispatch()
  end
  return false
end

-- The same for NDJSON, where each line is an event.
local function each_line(body, handle)
  local from, lines = 1, 0
  while from <= #body do
    lines = lines + 1
    if lines > EVENTS_MAX then
      return true
    end
    local line, stop, after = line_at(body, from)
    from = after
    if line:find "%S" and handle(line, nil, stop) then
      return false
    end
  end
  return false
end

-- ---- times

-- A function from a number of bytes, which must not fall from call to call, to the time by which so many had come.
local function clock_of(arrivals)
  arrivals = table_of(arrivals)
  local index, ms = 1, nil
  return function(bytes)
    local arrival = arrivals[index]
    while arrival do
      ms = arrival.ms
      if arrival.bytes >= bytes then
        break
      end
      index = index + 1
      arrival = arrivals[index]
    end
    return ms
  end
end

-- ---- what each dialect's events say

local function add(kept, text)
  if #kept >= TEXT_MAX then
    return kept
  end
  return (kept .. text):sub(1, TEXT_MAX)
end

-- Text as it is, or in blocks: {type = "text", text =}, {type = "thinking", thinking = "..." or {blocks}}.
-- Returns the text and the reasoning, nil where there is none.
local function read_content(content)
  if type(content) ~= "table" then
    return text_of(content), nil
  end
  local text, reasoning = "", ""
  for i = 1, math.min(#content, BLOCKS_MAX) do
    local block = table_of(content[i])
    local thought = block.thinking
    if type(thought) == "table" then
      thought = table_of(thought[1]).text
    end
    text = add(text, text_of(block.text) or "")
    reasoning = add(reasoning, text_of(thought) or "")
  end
  return text_of(text), text_of(reasoning)
end

-- Takes what an event brought: text, reasoning, and whether there is something else that was generated.
local function take(result, text, reasoning, other)
  result.text = text and add(result.text, text) or result.text
  result.reasoning_text = reasoning and add(result.reasoning_text, reasoning) or result.reasoning_text
  result.brought = result.brought or text ~= nil or reasoning ~= nil or other or false
end

local function take_usage(result, prompt, completion)
  prompt, completion = count_of(prompt), count_of(completion)
  if prompt or completion then
    local usage = result.usage or {}
    result.usage = { prompt = prompt or usage.prompt, completion = completion or usage.completion }
  end
end

-- Another name or finish reason never comes later; an empty one may.
local function take_end(result, model, finish)
  result.model = result.model or text_of(model)
  result.finish = result.finish or text_of(finish)
end

local DIALECTS = {}

function DIALECTS.openai(result, chunk)
  local choice = table_of(table_of(chunk.choices)[1])
  local delta = table_of(choice.delta)
  local text, thought = read_content(delta.content)
  local reasoning = text_of(delta.reasoning_content) or text_of(delta.reasoning) or thought
  take(result, text or text_of(delta.refusal) or text_of(choice.text), reasoning,
    has_entries(delta.tool_calls) or has_entries(delta.function_call))
  for _, usage in ipairs { table_of(choice.usage), table_of(table_of(chunk.x_groq).usage), table_of(chunk.usage) } do
    take_usage(result, usage.prompt_tokens, usage.completion_tokens)
  end
  take_end(result, chunk.model, choice.finish_reason)
  result.ended = result.ended or result.finish ~= nil
  if choice.finish_reason == "error" then
    result.error = chunk
  end
end

function DIALECTS.anthropic(result, event, name)
  local kind = text_of(event.type) or name
  local delta = table_of(event.delta)
  if kind == "message_start" then
    local message = table_of(event.message)
    take_end(result, message.model)
    take_usage(result, table_of(message.usage).input_tokens)
  elseif kind == "content_block_start" then
    local block = table_of(event.content_block)
    take(result, text_of(block.text), text_of(block.thinking), text_of(block.data)) -- data: thinking not to be read
  elseif kind == "content_block_delta" then
    take(result, text_of(delta.text), text_of(delta.thinking), text_of(delta.partial_json))
  elseif kind == "message_delta" then
    take_end(result, nil, delta.stop_reason)
    take_usage(result, table_of(event.usage).input_tokens, table_of(event.usage).output_tokens)
  elseif kind == "message_stop" then
    result.ended = true
  end
end

-- Parts of a Gemini answer: text, reasoning, and whether there is a call.
local function read_parts(parts)
  local text, reasoning, other = "", "", false
  parts = table_of(parts)
  for i = 1, math.min(#parts, BLOCKS_MAX) do
    local part = table_of(parts[i])
    if part.thought == true then
      reasoning = add(reasoning, text_of(part.text) or "")
    else
      text = add(text, text_of(part.text) or "")
    end
    other = other or has_entries(part.functionCall) or has_entries(part.executableCode)
  end
  return text_of(text), text_of(reasoning), other
end

-- Tokens of the answer and of the thoughts before it are told apart, and both were generated.
local function take_gemini_usage(result, usage)
  local candidates, thoughts = count_of(usage.candidatesTokenCount), count_of(usage.thoughtsTokenCount)
  take_usage(result, usage.promptTokenCount, (candidates or thoughts) and (candidates or 0) + (thoughts or 0))
end

function DIALECTS.gemini(result, chunk)
  chunk = type(chunk.response) == "table" and chunk.response or chunk -- Code Assist wraps it
  local candidate = table_of(table_of(chunk.candidates)[1])
  take(result, read_parts(table_of(candidate.content).parts))
  take_gemini_usage(result, table_of(chunk.usageMetadata))
  take_end(result, chunk.modelVersion, candidate.finishReason or table_of(chunk.promptFeedback).blockReason)
  result.ended = result.finish ~= nil
end

function DIALECTS.cohere(result, event, name)
  local kind = text_of(event.type) or name
  local delta = table_of(event.delta)
  local message = table_of(delta.message)
  local content = table_of(message.content)
  if kind == "message-end" then
    local usage = table_of(delta.usage)
    local tokens = has_entries(usage.tokens) and usage.tokens or table_of(usage.billed_units)
    take_usage(result, tokens.input_tokens, tokens.output_tokens)
    take_end(result, nil, delta.finish_reason)
    result.ended = true
    if delta.finish_reason == "ERROR" then
      result.error = { error = text_of(delta.error) or "the stream ended with finish_reason ERROR" }
    end
  elseif kind ~= "message-start" then
    take(result, text_of(content.text), text_of(content.thinking),
      text_of(message.tool_plan) or has_entries(message.tool_calls))
  end
end

function DIALECTS.ollama(result, line)
  local message = table_of(line.message)
  take(result, text_of(message.content) or text_of(line.response), text_of(message.thinking) or text_of(line.thinking),
    has_entries(message.tool_calls))
  take_end(result, line.model, line.done_reason)
  if line.done == true then
    result.ended = true
    take_usage(result, line.prompt_eval_count, line.eval_count)
    local ns = line.eval_duration
    result.generation_s = type(ns) == "number" and ns > 0 and ns / 1e9 or nil
  end
end

-- Whether an event is an error, in any dialect: {error = ...}, {type = "error"}, {object = "error"}.
local function is_error(value, name)
  return name == "error" or has_entries(value.error) or text_of(value.error) ~= nil or value.object == "error"
    or value.type == "error"
end

-- ---- reading

local function speed_of(result)
  local completion = result.usage and result.usage.completion
  if result.generation_s and completion and completion > 0 then
    return completion / result.generation_s
  end
  local pieces = result.pieces
  local seconds = pieces >= 2 and result.first_token_ms and (result.last_token_ms - result.first_token_ms) / 1000
  if not seconds or seconds <= 0 then
    return nil
  end
  return result.tokens * (pieces - 1) / pieces / seconds
end

local function new_result()
  return { pieces = 0, text = "", reasoning_text = "", ended = false, cut = false }
end

-- Counts what was generated: as told, else by the pieces.
local function finish(result)
  if result.brought and result.pieces == 0 then
    result.pieces = 1
  end
  local completion = result.usage and result.usage.completion or 0
  result.tokens = completion > 0 and completion or result.pieces
  result.brought = nil
  return result
end

local function handler_of(result, dialect, clock)
  return function(data, name, at)
    if data == "[DONE]" then
      result.ended = true
      return true
    end
    local value = json.decode(data)
    if type(value) ~= "table" then
      if name == "error" then
        result.error = { error = data:sub(1, TEXT_MAX) }
      end
      return result.error ~= nil
    end
    value = type(value[1]) == "table" and value[1] or value -- Gemini's errors come in an array
    if is_error(value, name) then
      result.error = value
      return true
    end
    result.brought = false
    dialect(result, value, name)
    if result.brought then
      result.pieces = result.pieces + 1
      result.last_token_ms = clock(at)
      result.first_token_ms = result.first_token_ms or result.last_token_ms
    end
    return result.error ~= nil
  end
end

--- @param response table with `body` and `arrivals`
--- @param name string the dialect
--- @return table see the head of this file
function M.read(response, name)
  local dialect = assert(DIALECTS[name], "stream: no such dialect")
  local result = new_result()
  local handle = handler_of(result, dialect, clock_of(response.arrivals))
  result.cut = (name == "ollama" and each_line or each_event)(response.body or "", handle)
  result.ended = result.ended and not result.error
  finish(result)
  result.tokens_per_second = speed_of(result)
  result.generation_s = nil
  return result
end

-- ---- answers that were not streamed

-- What they say beyond what a stream's last event says in the same dialect.
local WHOLE = {}

function WHOLE.openai(result, body)
  local choice = table_of(table_of(body.choices)[1])
  DIALECTS.openai(result, {
    model = body.model,
    usage = body.usage,
    choices = { { delta = choice.message, text = choice.text, finish_reason = choice.finish_reason } },
  })
end

function WHOLE.anthropic(result, body)
  local text, reasoning = read_content(body.content)
  take(result, text, reasoning, has_entries(body.content))
  take_usage(result, table_of(body.usage).input_tokens, table_of(body.usage).output_tokens)
  take_end(result, body.model, body.stop_reason)
end

function WHOLE.cohere(result, body)
  local message = table_of(body.message)
  local text, reasoning = read_content(message.content)
  take(result, text, reasoning, has_entries(message.tool_calls))
  DIALECTS.cohere(result, { type = "message-end", delta = body })
end

WHOLE.gemini, WHOLE.ollama = DIALECTS.gemini, DIALECTS.ollama

--- The same table for a whole answer; without times, and with no pieces when nothing was generated, else one.
--- @param value table the decoded body
function M.whole(value, name)
  local result = new_result()
  WHOLE[name](result, value)
  result.generation_s, result.ended = nil, result.error == nil
  return finish(result)
end

return M
