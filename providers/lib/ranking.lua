-- ranking: which models of a list are worth a small completion, the best first.
--
-- Left out by their id are those that do not chat (embeddings, speech, images, guards, base models, ...), fine-tunes, and
-- those of which the list says that they do not chat. The others are ordered
--   by class      ordinary models, then those that reason (they spend the budget before they answer), then deprecated ones
--   by money      those with a price of up to 1 USD, or with none told; then free ones; then dear ones. Free ones stand
--                 behind because they eat a daily allowance that is shared with real work (OpenRouter: 50 requests), while
--                 a small completion of a cheap one costs some thousandth of a cent
--   by price      the lowest first, told ones before others
--   by size       as the id says: 3b, 8x7b, nano, mini, small, flash, large ...
--   by age        the newest first, else as listed
-- What a script prefers (`deep = { models = { "id", "gpt-*-mini" } }`, or its `models`) stands before all of them; a "*"
-- stands for any text. A preferred id that is not listed is kept, behind the preferred ones that are.

local chat = require "chat"

local M = {}

local CHEAP_USD = 1 -- for a million tokens in and a million out

-- Anywhere in the id.
local NO_CHAT_PARTS = {
  "embed", "rerank", "whisper", "speech", "transcri", "image", "dall%-e", "flux", "diffusion", "video", "moderation",
  "guard", "safety", "realtime", "codex", "audio", "retriev", "parakeet", "minilm", "mpnet", "orpheus", "kontext",
  "deep%-research", "computer%-use", "turbo%-instruct", "shield", "seedream", "playai", "translate",
}

-- A word of the id, between what is neither letter nor digit.
local NO_CHAT_WORDS = {
  tts = true, stt = true, ocr = true, search = true, base = true, pt = true, bge = true, gte = true, e5 = true,
  clip = true, veo = true, imagen = true, sora = true, lyria = true, aqa = true, babbage = true, davinci = true,
  reward = true, live = true, music = true, robotics = true, auto = true, router = true, compound = true, asr = true,
  parse = true, detector = true, colpali = true, vad = true, tokenizer = true, sdxl = true, lora = true,
}

local function is_no_chat(id)
  if id:find "^ft:" then
    return true
  end
  for _, part in ipairs(NO_CHAT_PARTS) do
    if id:find(part) then
      return true
    end
  end
  for word in id:gmatch "%w+" do
    if NO_CHAT_WORDS[word] then
      return true
    end
  end
  return false
end

-- Billions of parameters that a word stands for, roughly: only the order counts.
local SIZE_OF_WORD = {
  nano = 2, micro = 2, tiny = 2, mini = 6, lite = 6, small = 24, flash = 10, haiku = 10, instant = 8, fast = 20, air = 30,
  turbo = 40, medium = 80, plus = 150, sonnet = 200, pro = 200, large = 250, max = 300, ultra = 400, opus = 500,
}
local SIZE_UNKNOWN = 100

--- Billions of parameters, as far as an id tells.
function M.size(id)
  id = id:lower()
  local experts, each = id:match "%f[%d](%d+)x(%d+%.?%d*)b%f[%W]"
  if experts then
    return tonumber(experts) * tonumber(each)
  end
  local billions = id:match "%f[%d](%d+%.?%d*)b%f[%W]"
  if billions then
    return tonumber(billions)
  end
  local smallest
  for word in id:gmatch "%a+" do
    local size = SIZE_OF_WORD[word]
    smallest = size and math.min(size, smallest or size) or smallest
  end
  return smallest or SIZE_UNKNOWN
end

--- Whether it costs nothing, and so has an allowance.
function M.is_free(model)
  return model.price == 0 or model.id:find ":free$" ~= nil
end

local function money_class(model)
  if M.is_free(model) then
    return 2
  end
  return model.price and model.price > CHEAP_USD and 3 or 1
end

local function class_of(model)
  return model.deprecated and 3 or chat.looks_reasoning(model.id) and 2 or 1
end

-- What is compared, in this order; the lowest comes first.
local function keys_of(model, index)
  local created = type(model.created) == "number" and model.created or 0
  return { class_of(model), money_class(model), model.price or math.huge, M.size(model.id), -created, index }
end

local function comes_before(a, b)
  for i = 1, #a.keys do
    if a.keys[i] ~= b.keys[i] then
      return a.keys[i] < b.keys[i]
    end
  end
  return false
end

local function ranked_ids(models)
  local list = {}
  for index, model in ipairs(models) do
    if model.chat ~= false and not is_no_chat(model.id:lower()) then
      list[#list + 1] = { id = model.id, keys = keys_of(model, index) }
    end
  end
  table.sort(list, comes_before)
  for i, entry in ipairs(list) do
    list[i] = entry.id
  end
  return list
end

-- "gpt-*-mini" as a Lua pattern.
local function pattern_of(glob)
  return "^" .. glob:gsub("[^%w*]", "%%%0"):gsub("%*", ".*") .. "$"
end

local function put(order, id)
  if not order.has[id] then
    order.has[id] = true
    order.ids[#order.ids + 1] = id
  end
end

local function put_wished(order, wishes, ranked, listed)
  for _, wish in ipairs(wishes) do
    if listed[wish] then
      put(order, wish)
    elseif wish:find("*", 1, true) then
      local pattern = pattern_of(wish)
      for _, id in ipairs(ranked) do
        if id:find(pattern) then
          put(order, id)
        end
      end
    end
  end
  for _, wish in ipairs(wishes) do
    if not wish:find("*", 1, true) then
      put(order, wish)
    end
  end
end

--- @param models table array of models (lib/models.lua), maybe empty
--- @param wishes table|nil what the script prefers
--- @return table array of ids, the best first
function M.order(models, wishes)
  local order, listed, ranked = { ids = {}, has = {} }, {}, ranked_ids(models)
  for _, model in ipairs(models) do
    listed[model.id] = true
  end
  put_wished(order, wishes or {}, ranked, listed)
  for _, id in ipairs(ranked) do
    put(order, id)
  end
  return order.ids
end

return M
