-- deep: a check by a small completion. The model is asked to repeat five words, picked anew each time, so that neither a
-- cache nor a canned text can answer; and at least one of them must come back, in at most six words.
--
--   local sample = deep.run(provider, check)
--
-- `check` is that of a probe, with
--   rung         "tiny": the whole answer at once; "timed": streamed, for the time to the first token and the speed
--   model        the model that worked last, or nil; it stays while it works
--   models       the models last read (lib/models.lua), maybe empty
--   tokens_left  what may be spent now
-- The sample is that of provider.complete without the text, and has
--   rung          what was done: a timed one that was answered in one piece is a tiny one
--   model_asked, model   the id that was asked, and the model that the answer names
--   model_mismatch       true when these are two models (dates, versions and vendors beside the name do not count)
--   tokens_spent  prompt and completion of all tries
--   skipped       instead of all that: why nothing was asked
--
-- A model that is gone, overloaded or refuses the request hands over to the next one (lib/ranking.lua), three at most; an
-- empty account only to a free model. Before each try its cost is estimated, and it is not made when it is above what is
-- left. A model that was cut off while it was still reasoning has answered: it lives, and its words are not looked at.
--
-- From the provider: `complete`, `choose_model(models, provider)`, and `deep = { models =, try_next = { kind = true } }`,
-- which names further kinds of failure that another model might not meet.

local chat = require "chat"
local ranking = require "ranking"
local sample = require "sample"

local M = {}

local TRIES_MAX = 3
local ANSWER_TOKENS = 16 -- five plain words are five to ten
local PROMPT_TOKENS_MOST = 100 -- the prompt is some 20; what servers put around it is up to 80 (gpt-oss)
local WORDS = 5
local ANSWER_WORDS_MAX = 6

-- Plain words of one token each, mostly.
local VOCABULARY = {
  "apple", "river", "stone", "cloud", "table", "green", "horse", "bread", "light", "paper", "water", "chair",
  "house", "music", "field", "glass", "north", "ocean", "plant", "queen", "round", "sugar", "tiger", "uncle",
  "voice", "wheel", "youth", "beach", "candle", "desert", "engine", "forest", "garden", "harbor", "island", "jacket",
  "kitchen", "ladder", "market", "number", "orange", "pencil", "rabbit", "silver", "temple", "window", "yellow",
  "bridge", "castle", "dragon", "finger", "golden", "hammer", "insect", "jungle", "lemon", "mirror", "needle",
  "pocket", "ribbon", "school", "thunder", "valley", "winter",
}

-- ---- the question

local function pick_words()
  local words = table.move(VOCABULARY, 1, #VOCABULARY, 1, {})
  for i = 1, WORDS do
    local j = math.random(i, #words)
    words[i], words[j] = words[j], words[i]
  end
  return table.move(words, 1, WORDS, 1, {})
end

-- ---- the answer

-- Some servers leave the reasoning in the text, between <think> and </think>, or cut off before the latter. Returns the
-- text without it, and whether there was any.
local function without_thoughts(text)
  local rest, count = text:gsub("<think>.-</think>", "")
  local open = rest:find("<think>", 1, true)
  local close = rest:find("</think>", 1, true)
  if open then
    return rest:sub(1, open - 1), true
  elseif close then
    return rest:sub(close + #"</think>"), true
  end
  return rest, count > 0
end

-- Reasons to end that mean the budget, in the dialects' words.
local CUT = { length = true, max_tokens = true, MAX_TOKENS = true, model_length = true }

local function is_cut_while_reasoning(result, text, thought)
  if text:find "%S" then
    return false
  end
  return thought or result.reasoned or CUT[result.finish] ~= nil and (result.tokens or 0) > 0
end

-- Whether one of the words came back, in a text that is short enough. Numbers before the words of a list do not count.
local function has_a_word(text, words)
  local wanted = {}
  for _, word in ipairs(words) do
    wanted[word] = true
  end
  local count, found = 0, false
  for word in text:lower():gmatch "[^%s%p]+" do
    if not word:find "^%d+$" then
      count = count + 1
      found = found or wanted[word] == true
    end
  end
  return found and count <= ANSWER_WORDS_MAX
end

local QUOTED_MAX = 60 -- bytes

local function quote(text)
  text = text:sub(1, 4 * QUOTED_MAX):gsub("[%s%c]+", " ")
  local stop = math.min(#text, QUOTED_MAX)
  while stop > 0 and stop < #text and text:byte(stop + 1) & 0xC0 == 0x80 do
    stop = stop - 1
  end
  return text:sub(1, stop)
end

-- The same sample, or the failure that the text makes of it.
local function judge_text(result, words)
  local text, thought = without_thoughts(result.text or "")
  if is_cut_while_reasoning(result, text, thought) or has_a_word(text, words) then
    return result
  end
  local message = string.format('HTTP 200, but the answer is no answer: "%s"', quote(text))
  if not text:find "%S" and result.finish then
    message = string.format('%s (finish_reason "%s")', message, quote(result.finish))
  end
  local failed = sample.failure("bad_response", message)
  for field, value in pairs(failed) do
    result[field] = value
  end
  return result
end

-- ---- the model that answered

local MARKS = { ":latest$", ":free$", ":nitro$", ":floor$", "%-latest$", "%-preview$", "%-exp$", "%.gguf$" }
local VERSIONS = {
  "[-@]%d%d%d%d%-%d%d%-%d%d$", "[-@]%d%d%d%d%d%d%d%d$", "%-%d%d%-%d%d%d%d$", "%-%d%d%d%d$", "%-%d%d%d$", "%-%d%d%-%d%d$",
}

-- An id without its vendor, date and version.
local function plain_name(id)
  local name = id:lower():gsub("^.*/", "")
  for _ = 1, 3 do
    for _, list in ipairs { MARKS, VERSIONS } do
      for _, pattern in ipairs(list) do
        name = name:gsub(pattern, "")
      end
    end
  end
  return name
end

--- Whether the model that an answer names is the one that was asked for.
function M.is_same_model(asked, answered)
  return asked == answered or plain_name(asked) == plain_name(answered)
end

-- ---- which models

--- The default for provider.choose_model: ids, the best first.
function M.choose(models, provider)
  return ranking.order(models, provider.deep and provider.deep.models or provider.models)
end

-- The candidates: what worked last, then what is chosen.
local function candidates_of(provider, check)
  local models = check.models or {}
  local chosen = provider.choose_model and provider.choose_model(models, provider) or M.choose(models, provider)
  local order = { check.model }
  for _, id in ipairs(chosen) do
    if id ~= check.model then
      order[#order + 1] = id
    end
  end
  return order
end

local function free_ids(models)
  local free = {}
  for _, model in ipairs(models or {}) do
    free[model.id] = ranking.is_free(model)
  end
  return free
end

-- The answer may be about this model only.
local TRY_NEXT = { model_gone = true, bad_request = true, capacity = true }

-- Which candidates are left after this failure; none when another model would meet the same.
local function next_candidates(provider, check, left, failed)
  if failed.kind == "credit" then
    local free = free_ids(check.models)
    local rest = {}
    for _, id in ipairs(left) do
      rest[#rest + 1] = free[id] and id or nil
    end
    return rest
  end
  local further = provider.deep and provider.deep.try_next or {}
  return (TRY_NEXT[failed.kind] or further[failed.kind]) and left or {}
end

-- ---- one try

-- A refusal costs nothing; what broke off without a word about its cost may have cost all.
local function spent_by(result, prompt, most)
  if result.tokens or result.prompt_tokens then
    return (result.prompt_tokens or #prompt // 3 + 10) + (result.tokens or 0)
  end
  local refused = result.http_status and result.http_status ~= 0 and (result.http_status < 200 or result.http_status >= 300)
  local never_sent = result.kind == "dns" or result.kind == "connect" or result.kind == "tls"
  return (refused or never_sent) and 0 or most
end

local function estimate_of(model)
  return PROMPT_TOKENS_MOST + chat.max_tokens(model, ANSWER_TOKENS)
end

local function try(provider, check, model)
  local words = pick_words()
  local prompt = "Repeat these words and nothing else: " .. table.concat(words, " ")
  local result = provider.complete(provider, check, {
    model = model,
    prompt = prompt,
    max_tokens = ANSWER_TOKENS,
    stream = check.rung == "timed",
  })
  result.tokens_spent = spent_by(result, prompt, estimate_of(model))
  result.rung = result.first_token_ms and "timed" or "tiny"
  result.model_asked = model
  if result.ok then
    result.model_mismatch = result.model and not M.is_same_model(model, result.model) or nil
    result = judge_text(result, words)
  end
  result.text = nil
  return result
end

local function shortage(model, left)
  return string.format("a completion by %s may take %d tokens, and %d are left", model, estimate_of(model),
    math.max(0, math.floor(left)))
end

--- @return table a sample, see the head of this file
function M.run(provider, check)
  if not provider.complete then
    return { skipped = "the script has no complete()" }
  end
  local left, started, spent = candidates_of(provider, check), now(), 0
  local budget = check.tokens_left or math.huge
  local telling -- the last failure that says more than that a model is gone
  local result
  for _ = 1, TRIES_MAX do
    local model = table.remove(left, 1)
    if not model or result and now() - started > check.timeout_s / 2 then
      break
    end
    if estimate_of(model) > budget - spent then
      telling = telling or result or { skipped = shortage(model, budget - spent) }
      break
    end
    result = try(provider, check, model)
    spent = spent + result.tokens_spent
    if result.ok then
      telling = result
      break
    end
    telling = (result.kind ~= "model_gone" or not telling) and result or telling
    left = next_candidates(provider, check, left, result)
  end
  telling = telling or { skipped = "no model that chats is known" }
  if not telling.skipped then
    telling.tokens_spent = spent
  end
  return telling
end

return M
