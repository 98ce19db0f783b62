-- chat: one completion, in the dialects that providers speak.
--
--   provider.complete = chat.openai             -- or chat.anthropic, gemini, cohere, ollama
--   local sample = provider.complete(provider, check, { model =, prompt =, max_tokens =, stream = bool })
--
-- The sample is that of lib/sample.lua and, when ok, also has
--   text, model      the answer's first 4 KB, and the model as the answer names it (nil when it does not)
--   tokens           of the completion: as told, else the pieces that were counted
--   prompt_tokens    as told, else nil
--   first_token_ms, tokens_per_second   of a streamed answer (lib/stream.lua)
--   finish, reasoned the finish reason as told, and whether there was reasoning that is not in the text
-- A failure has `tokens` and `prompt_tokens` too where they were told before it.
--
-- From the provider: `base_url`, `headers` (added to each request), `auth_header` (the header that takes the bare key),
-- `request_headers(provider, check)` (all headers, in place of these), `chat_path` (in place of the dialect's own), and
-- what lib/sample.lua reads.
--
-- Two fields of OpenAI's are not everybody's, and are learned from refusals that name them, and kept: max_tokens or
-- max_completion_tokens (by model; OpenAI's reasoning models want the latter), and stream_options (by provider).
-- A reasoning model spends a small budget before the answer begins; so what looks like one by its id gets 64 tokens.
-- Facts as collected 2026-11-23 from the pages that the provider scripts cite.

local base = require "base"
local errors = require "errors"
local sample = require "sample"
local stream = require "stream"

local M = {}

local REASONING_TOKENS_MIN = 64
local MAX_BODY = 1024 * 1024 -- a few words come back, and some servers send much around them
local ATTEMPTS = 3 -- the request, and once again for each of the two fields that may be refused

-- ---- what a model's id tells

-- Lua patterns over the id in lower case between two dashes.
local REASONING_MARKS = {
  "%-o[134]%-", "%-gpt%-5", "%-gpt%-oss", "%-r1%-", "reasoner", "%-reasoning", "%-think", "%-qwq", "magistral",
  "%-grok%-4", "%-grok%-3%-mini", "%-gemini%-[%d.]+%-pro", "%-gemini%-3",
}

-- OpenAI's own, which refuse max_tokens.
local COMPLETION_TOKENS_MARKS = { "%-o[134]%-", "%-gpt%-5" }

local NOT_REASONING = { "non%-reasoning", "no%-think", "nothink", "%-chat%-latest" }

local function matches(id, marks)
  local text = "-" .. id:lower():gsub("[^%w.]+", "-") .. "-"
  for _, mark in ipairs(marks) do
    if text:find(mark) then
      return true
    end
  end
  return false
end

--- Whether an id looks like that of a model that reasons before it answers.
function M.looks_reasoning(id)
  return matches(id, REASONING_MARKS) and not matches(id, NOT_REASONING)
end

--- The tokens that are asked for in place of `wanted` (nil: as many as it likes).
function M.max_tokens(id, wanted)
  return wanted and M.looks_reasoning(id) and math.max(wanted, REASONING_TOKENS_MIN) or wanted
end

-- ---- from a response to a sample

local function add_answer(result, answer)
  result.tokens = answer.tokens
  result.prompt_tokens = answer.usage and answer.usage.prompt
  if result.ok then
    result.text = answer.text
    result.model = answer.model
    result.finish = answer.finish
    result.reasoned = answer.reasoning_text ~= ""
    result.first_token_ms = answer.first_token_ms
    result.tokens_per_second = answer.tokens_per_second
  end
  return result
end

-- A server may answer in one piece although a stream was asked for, and the other way round. A line of NDJSON is JSON too.
local function read(response, dialect, streamed)
  local body = response.json
  if type(body) == "table" and not (streamed and dialect == "ollama") then
    return stream.whole(body, dialect)
  end
  local has_events = streamed or (response.body or ""):find "^%s*data:" or (response.body or ""):find "^%s*event:"
  return has_events and stream.read(response, dialect) or nil
end

local function fault_of(answer)
  if not answer then
    return "HTTP 200, but the answer is not JSON"
  elseif answer.pieces == 0 and not answer.finish then
    return "HTTP 200 without a completion in it"
  elseif answer.cut then
    return "HTTP 200, but the stream does not end"
  elseif not answer.ended then
    return string.format("HTTP 200, but the stream broke off after %d pieces", answer.pieces)
  end
  return nil
end

-- The failure that an error in a stream tells, where lib/sample.lua did not find it.
local function refusal_of(provider, response, body)
  local inside, status = errors.inside(body)
  return sample.refusal(response, provider, status, inside or body)
end

-- What the headers told stays when the body makes a failure of a success.
local function failed_instead(result, response, fault)
  local failure = sample.failure("bad_response", fault, response)
  failure.limits, failure.rate_limit_percent = result.limits, result.rate_limit_percent
  return failure
end

-- Whether a bad_path is about the model: a 404 of the API itself, which knows this path, and of which the script does not
-- say that it means something else.
local function is_about_model(provider, response)
  local text, code, class = errors.error_in(response, response.json)
  return text ~= nil and not (provider.classify and provider.classify(response, text, code, class))
end

local function sample_of(provider, response, dialect, streamed)
  local result = sample.from(response, provider)
  if result.kind == "bad_path" and is_about_model(provider, response) then
    result.kind = "model_gone"
  end
  if not result.ok and not (response.ok and streamed) then
    return result
  end
  local answer = read(response, dialect, streamed)
  local fault = fault_of(answer)
  if not answer then
    return failed_instead(result, response, fault)
  elseif result.ok and answer.error then
    result = refusal_of(provider, response, answer.error)
  elseif result.ok and fault then
    result = sample.error_of(response.json) and sample.refusal(response, provider, nil, response.json)
      or failed_instead(result, response, fault)
  end
  return add_answer(result, answer)
end

-- ---- requests

--- The headers of a provider's own, and the one that carries the key: the provider's `auth_header`, else `name`, else
--- `Authorization: Bearer`.
function M.headers(provider, check, name)
  if provider.request_headers then
    return provider.request_headers(provider, check)
  end
  local headers = {}
  for header, value in pairs(provider.headers or {}) do
    headers[header] = value
  end
  name = provider.auth_header or name
  if check.key and name then
    headers[name] = check.key
  elseif check.key then
    headers["Authorization"] = "Bearer " .. check.key
  end
  return headers
end

-- Model ids stand in some paths.
local function in_path(id)
  return (id:gsub("[^%w%-._~:@]", function(c)
    return string.format("%%%02X", c:byte())
  end))
end

local function post(provider, path, headers, body, request)
  return http.post(base.at(provider, path), {
    headers = headers,
    json = body,
    keep = "always",
    stream = request.stream or nil,
    max_body = MAX_BODY,
  })
end

local function user_says(prompt)
  return { { role = "user", content = prompt } }
end

-- ---- the OpenAI dialect

-- What was learned from refusals: by provider, whether stream_options is refused, and each model's field for max_tokens.
local learned = {}

local function learned_of(provider)
  local known = learned[provider.name]
  if not known then
    known = { field = {} }
    learned[provider.name] = known
  end
  return known
end

local function openai_body(request, known)
  local field = known.field[request.model]
    or matches(request.model, COMPLETION_TOKENS_MARKS) and "max_completion_tokens" or "max_tokens"
  local body = { model = request.model, messages = user_says(request.prompt) }
  body[field] = M.max_tokens(request.model, request.max_tokens)
  if request.stream then
    body.stream = true
    body.stream_options = not known.without_stream_options and { include_usage = true } or nil
  end
  return body, field
end

-- Whether a refusal names one of the two fields, so that asking again without it is worth a try.
local function learn(response, known, request, field)
  if response.error or (response.status ~= 400 and response.status ~= 422) then
    return false
  end
  local text = response.body or ""
  if text:find("max_completion_tokens", 1, true) and known.field[request.model] == nil then
    known.field[request.model] = field == "max_tokens" and "max_completion_tokens" or "max_tokens"
    return true
  end
  if request.stream and not known.without_stream_options
    and (text:find("stream_options", 1, true) or text:find("include_usage", 1, true)) then
    known.without_stream_options = true
    return true
  end
  return false
end

function M.openai(provider, check, request)
  local known = learned_of(provider)
  local response
  for _ = 1, ATTEMPTS do
    local body, field = openai_body(request, known)
    response = post(provider, provider.chat_path or "/chat/completions", M.headers(provider, check), body, request)
    if not learn(response, known, request, field) then
      break
    end
  end
  return sample_of(provider, response, "openai", request.stream)
end

-- ---- the others

function M.anthropic(provider, check, request)
  local headers = M.headers(provider, check, "x-api-key")
  headers["anthropic-version"] = headers["anthropic-version"] or "2023-06-01"
  local response = post(provider, provider.chat_path or "/messages", headers, {
    model = request.model,
    messages = user_says(request.prompt),
    max_tokens = M.max_tokens(request.model, request.max_tokens),
    stream = request.stream or nil,
  }, request)
  return sample_of(provider, response, "anthropic", request.stream)
end

--- `chat_path` stands before ":generateContent", with %s for the model.
function M.gemini(provider, check, request)
  local model = in_path((request.model:gsub("^models/", "")))
  local path = (provider.chat_path or "/models/%s"):gsub("%%s", (model:gsub("%%", "%%%%")))
  local call = request.stream and ":streamGenerateContent?alt=sse" or ":generateContent"
  local response = post(provider, path .. call, M.headers(provider, check, "x-goog-api-key"), {
    contents = { { role = "user", parts = { { text = request.prompt } } } },
    generationConfig = { maxOutputTokens = M.max_tokens(request.model, request.max_tokens) },
  }, request)
  return sample_of(provider, response, "gemini", request.stream)
end

function M.cohere(provider, check, request)
  local response = post(provider, provider.chat_path or "/v2/chat", M.headers(provider, check), {
    model = request.model,
    messages = user_says(request.prompt),
    max_tokens = M.max_tokens(request.model, request.max_tokens),
    stream = request.stream or false,
  }, request)
  return sample_of(provider, response, "cohere", request.stream)
end

--- The model is loaded into memory by this, and stays there for the server's own time.
function M.ollama(provider, check, request)
  local response = post(provider, provider.chat_path or "/api/chat", M.headers(provider, check), {
    model = request.model,
    messages = user_says(request.prompt),
    stream = request.stream or false,
    options = { num_predict = M.max_tokens(request.model, request.max_tokens) },
  }, request)
  return sample_of(provider, response, "ollama", request.stream)
end

return M
