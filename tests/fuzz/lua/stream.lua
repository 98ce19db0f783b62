-- What must hold of any streamed answer. See ../stream.c.

local sample = require "sample"
local stream = require "stream"

local DIALECTS = { "openai", "anthropic", "gemini", "cohere", "ollama" }
local TEXT_MAX = 4096

local function is_count(number)
  return type(number) == "number" and number >= 0 and number < math.huge
end

local function check_times(answer, last_ms)
  local first, last = answer.first_token_ms, answer.last_token_ms
  assert((first == nil) == (answer.pieces == 0), "pieces without a time, or a time without pieces")
  assert(first == nil or first >= 0 and first <= last and last <= last_ms, "tokens beside the arrivals")
  local speed = answer.tokens_per_second
  assert(speed == nil or is_count(speed), "speed")
end

local function check_answer(answer, last_ms)
  assert(is_count(answer.pieces) and is_count(answer.tokens or 0), "counts")
  assert(#answer.text <= TEXT_MAX and #answer.reasoning_text <= TEXT_MAX, "too much text")
  for _, field in ipairs { "model", "finish" } do
    assert(answer[field] == nil or type(answer[field]) == "string", field)
  end
  check_times(answer, last_ms)
end

function one_input(response, choice)
  local dialect = DIALECTS[choice % #DIALECTS + 1]
  local arrivals = response.arrivals or {}
  check_answer(stream.read(response, dialect), #arrivals > 0 and arrivals[#arrivals].ms or 0)
  assert(type(sample.from(response, { name = "plain" }).ok) == "boolean", "no sample")
end

return {}
