-- models: a provider's list of models, in the shapes that providers answer with.
--
--   provider.list_models = models.openai        -- or gemini, anthropic, cohere, cloudflare, ollama, bedrock
--   local list, failed = provider.list_models(provider, check)
--
-- The list is an array of
--   id          at most 127 bytes of UTF-8 without control characters
--   context     tokens; nil when not told
--   price       USD for a million tokens in and a million out together; nil when not told
--   created     seconds since 1970; nil when not told
--   chat        true or false where the list says whether the model chats, else nil
--   deprecated  true when the list says so, or that an end is set
--   features    what it can do, where the list says so: some of "tools", "vision", "audio", "json", "structured_outputs",
--               "reasoning"
-- of at most 2000 models, each once; what is dropped is said in the log, once for each change. When the list could not
-- be read: nil, and the sample that says why.
--
-- From the provider: `models_path` (in place of the dialect's own), and the headers as in lib/chat.lua.
-- Facts as collected 2026-11-23 from the pages that the provider scripts cite.

local base = require "base"
local chat = require "chat"
local sample = require "sample"

local M = {}

local MODELS_MAX = 2000
local ENTRIES_MAX = 4000 -- of a page, that are looked at
local ID_MAX = 127 -- bytes
local PAGES_MAX = 10
local CONTEXT_MAX = 1e9
local PRICE_MAX = 1e5 -- USD for a million tokens: more is another unit
local PER_TOKEN_MAX = 1e-3 -- USD: a number below it is a price per token, one above it a price per million

-- ---- single values

local EMPTY = {}

local function table_of(value)
  return type(value) == "table" and value or EMPTY
end

local function is_good_id(id)
  return type(id) == "string" and #id > 0 and #id <= ID_MAX and utf8.len(id) ~= nil and not id:find "%c"
end

local function first_context(...)
  for i = 1, select("#", ...) do
    local value = tonumber((select(i, ...)))
    if value and value > 0 and value <= CONTEXT_MAX then
      return math.floor(value)
    end
  end
  return nil
end

local function created_of(value)
  if type(value) == "string" then
    value = parse_time(value)
  end
  return type(value) == "number" and value >= 1e9 and value < 1e10 and math.floor(value) or nil
end

-- tonumber, but not of userdata and tables, and nothing that is no price.
local function price_number(value)
  value = (type(value) == "number" or type(value) == "string") and tonumber(value) or nil
  return value and value >= 0 and value <= PRICE_MAX and value or nil
end

local function sum(a, b, factor)
  a, b = price_number(a), price_number(b)
  return a and b and (a + b) * factor or nil
end

-- {prompt, completion}: USD per token as a text (OpenRouter, SambaNova), or per million as a number (Chutes).
-- {input, output}, {input_tokens, output_tokens}: USD per million (Together, Hugging Face; DeepInfra).
local function price_of(pricing)
  pricing = table_of(pricing)
  local prompt, completion = price_number(pricing.prompt), price_number(pricing.completion)
  if prompt and completion then
    local per_token = prompt <= PER_TOKEN_MAX and completion <= PER_TOKEN_MAX
    return sum(prompt, completion, per_token and 1e6 or 1)
  end
  return sum(pricing.input, pricing.output, 1) or sum(pricing.input_tokens, pricing.output_tokens, 1)
end

-- A date on which it ends, or a model that takes its place, says so as well as `true`.
local function is_set(value)
  return value == true or type(value) == "string" and value ~= ""
end

-- ---- the list

local told = {} -- by provider, what was dropped from its list last

local function tell_dropped(provider, list)
  local text = list.dropped > 0 and string.format("%d of %d models left out (first: %s)", list.dropped,
    list.dropped + #list.models, list.first_dropped or "beyond " .. ENTRIES_MAX) or ""
  if text ~= (told[provider.name] or "") then
    told[provider.name] = text
    log.info("%s: %s", provider.name, text ~= "" and text or "no models left out any more")
  end
end

local function new_list()
  return { models = {}, seen = {}, dropped = 0 }
end

local function drop(list, why)
  list.dropped = list.dropped + 1
  list.first_dropped = list.first_dropped or why
end

local function add(list, model)
  if not is_good_id(model.id) then
    drop(list, "no usable id")
  elseif list.seen[model.id] then
    return -- an alias that is listed twice
  elseif #list.models >= MODELS_MAX then
    drop(list, "more than " .. MODELS_MAX)
  else
    list.seen[model.id] = true
    list.models[#list.models + 1] = model
  end
end

local function add_all(list, entries, model_of)
  local looked_at = math.min(#entries, ENTRIES_MAX)
  for i = 1, looked_at do
    add(list, type(entries[i]) == "table" and model_of(entries[i]) or {})
  end
  list.dropped = list.dropped + #entries - looked_at
end

-- ---- asking

-- The entries of a page, and the whole body; or nil and a failed sample.
local function page(provider, url, headers, entries_of)
  local response = http.get(url, { headers = headers, expect = "json", keep = "always" })
  local result = sample.from(response, provider)
  if not result.ok then
    return nil, result
  end
  local body = response.json
  local entries = type(body) == "table" and entries_of(body) or nil
  if type(entries) ~= "table" then
    return nil, sample.failure("bad_response", "HTTP 200 without a list of models in it", response)
  end
  return entries, body
end

local function in_query(text)
  return (text:gsub("[^%w%-._~]", function(c)
    return string.format("%%%02X", c:byte())
  end))
end

-- Reads a list page by page. `dialect`: path (or url, where it is not below base_url), header, headers, entries(body),
-- model(entry), and where lists have pages next(body), the query that asks for the next one, or nil.
local function list_of(provider, check, dialect)
  local headers = chat.headers(provider, check, dialect.header)
  for name, value in pairs(dialect.headers or {}) do
    headers[name] = headers[name] or value
  end
  local first = not provider.models_path and dialect.url or base.at(provider, provider.models_path or dialect.path)
  local list, url = new_list(), first
  for _ = 1, PAGES_MAX do
    local entries, body = page(provider, url, headers, dialect.entries)
    if not entries then
      return nil, body
    end
    add_all(list, entries, dialect.model)
    local query = dialect.next and dialect.next(body)
    if type(query) ~= "string" or #list.models >= MODELS_MAX then
      break
    end
    url = first .. (first:find("?", 1, true) and "&" or "?") .. query
  end
  tell_dropped(provider, list)
  return list.models
end

local function next_query(name, token)
  return type(token) == "string" and token ~= "" and name .. "=" .. in_query(token) or nil
end

-- ---- the dialects

-- What `type` says of chatting. Together's `language` completes, and does not chat.
local CHATS_BY_TYPE = { chat = true, llm = true, vlm = true }
for _, name in ipairs {
  "embedding", "embeddings", "image", "rerank", "moderation", "audio", "video", "transcribe", "tts", "language",
} do
  CHATS_BY_TYPE[name] = false
end

local function makes_text(modalities)
  for i = 1, type(modalities) == "table" and #modalities or 0 do
    if type(modalities[i]) == "string" and modalities[i]:lower() == "text" then
      return true
    end
  end
  return false
end

-- Mistral, Fireworks, Together and LM Studio, OpenRouter: each says it in its own way, most others not at all.
local function openai_chat(entry)
  local capabilities, architecture = table_of(entry.capabilities), table_of(entry.architecture)
  local said = capabilities.completion_chat
  if type(said) ~= "boolean" then
    said = entry.supports_chat
  end
  if type(said) == "boolean" then
    return said
  end
  if type(architecture.output_modalities) == "table" then
    return makes_text(architecture.output_modalities)
  end
  return CHATS_BY_TYPE[entry.type or ""]
end

local function holds(list, wanted)
  for i = 1, type(list) == "table" and #list or 0 do
    if list[i] == wanted then
      return true
    end
  end
  return false
end

-- By feature, what says that a model has it.
--   OpenRouter    supported_parameters, architecture.input_modalities
--                 (https://openrouter.ai/docs/overview/models, read 2026-11-24)
--   Mistral       capabilities.function_calling, .vision (https://docs.mistral.ai/api/#tag/models, read 2026-11-24)
--   Hugging Face  supports_tools of one of the providers behind it
--   Fireworks     supports_tools, supports_image_input (https://docs.fireworks.ai/api-reference/list-models)
local PARAMETERS = {
  tools = "tools", json = "response_format", structured_outputs = "structured_outputs", reasoning = "reasoning",
}
local MODALITIES = { vision = "image", audio = "audio" }
local FLAGS = {
  tools = { "function_calling", "supports_tools" }, vision = { "vision", "supports_image_input" },
}
local FEATURES = { "tools", "vision", "audio", "json", "structured_outputs", "reasoning" }

local function any_behind(entry, flag)
  local behind = table_of(entry.providers)
  for i = 1, #behind do
    if table_of(behind[i])[flag] == true then
      return true
    end
  end
  return false
end

local function openai_features(entry)
  local capabilities, architecture = table_of(entry.capabilities), table_of(entry.architecture)
  local features = {}
  for _, feature in ipairs(FEATURES) do
    local has = holds(entry.supported_parameters, PARAMETERS[feature] or "")
      or holds(architecture.input_modalities, MODALITIES[feature] or "")
    for _, flag in ipairs(FLAGS[feature] or EMPTY) do
      has = has or capabilities[flag] == true or entry[flag] == true or any_behind(entry, flag)
    end
    if has then
      features[#features + 1] = feature
    end
  end
  return features[1] and features or nil
end

-- Hugging Face names the providers behind a model: the cheapest that is live.
local function cheapest_behind(entry)
  local best, context
  local behind = table_of(entry.providers)
  for i = 1, #behind do
    local one = table_of(behind[i])
    local price = one.status ~= "error" and price_of(one.pricing) or nil
    best = price and math.min(best or price, price) or best
    context = context or first_context(one.context_length)
  end
  return best, context
end

local function openai_model(entry)
  local top, metadata = table_of(entry.top_provider), table_of(entry.metadata)
  local price, context = cheapest_behind(entry)
  return {
    id = entry.id or entry.name,
    context = first_context(entry.context_length, entry.context_window, entry.max_context_length, entry.max_model_len,
      top.context_length, metadata.context_length, context),
    price = price_of(entry.pricing) or price_of(metadata.pricing) or price,
    created = created_of(entry.created),
    chat = openai_chat(entry),
    features = openai_features(entry),
    deprecated = (entry.active == false or is_set(entry.deprecated) or is_set(entry.deprecation)
      or is_set(entry.archived) or is_set(entry.expiration_date)) or nil,
  }
end

--- {data = [...]}, {models = [...]} or a bare array.
function M.openai(provider, check)
  return list_of(provider, check, {
    path = "/models",
    entries = function(body)
      return body.data or body.models or (body[1] or next(body) == nil) and body or nil
    end,
    model = openai_model,
  })
end

function M.gemini(provider, check)
  return list_of(provider, check, {
    path = "/models?pageSize=1000",
    header = "x-goog-api-key",
    entries = function(body)
      return body.models
    end,
    model = function(entry)
      local chats = false
      for _, method in ipairs(table_of(entry.supportedGenerationMethods)) do
        chats = chats or method == "generateContent"
      end
      return {
        id = type(entry.name) == "string" and entry.name:gsub("^models/", "") or nil,
        context = first_context(entry.inputTokenLimit),
        chat = chats,
      }
    end,
    next = function(body)
      return next_query("pageToken", body.nextPageToken)
    end,
  })
end

function M.anthropic(provider, check)
  return list_of(provider, check, {
    path = "/models?limit=1000",
    header = "x-api-key",
    headers = { ["anthropic-version"] = "2023-06-01" },
    entries = function(body)
      return body.data
    end,
    model = function(entry)
      return {
        id = entry.id,
        context = first_context(entry.max_input_tokens),
        created = created_of(entry.created_at),
        chat = entry.type == "model" or nil,
      }
    end,
    next = function(body)
      return body.has_more == true and next_query("after_id", body.last_id) or nil
    end,
  })
end

function M.cohere(provider, check)
  return list_of(provider, check, {
    path = "/v1/models?page_size=1000",
    entries = function(body)
      return body.models
    end,
    model = function(entry)
      local chats = false
      for _, endpoint in ipairs(table_of(entry.endpoints)) do
        chats = chats or endpoint == "chat"
      end
      return {
        id = entry.name,
        context = first_context(entry.context_length),
        chat = chats and entry.finetuned ~= true,
        deprecated = is_set(entry.is_deprecated) or nil,
      }
    end,
    next = function(body)
      return next_query("page_token", body.next_page_token)
    end,
  })
end

--- base_url is that of the OpenAI path, .../accounts/{account}/ai/v1; the list is beside it.
function M.cloudflare(provider, check)
  return list_of(provider, check, {
    url = provider.base_url:gsub("/+$", ""):gsub("/v1$", "") .. "/models/search?per_page=1000",
    entries = function(body)
      return body.result
    end,
    model = function(entry)
      local context
      local properties = table_of(entry.properties)
      for i = 1, #properties do
        local property = table_of(properties[i])
        context = context or property.property_id == "context_window" and first_context(property.value) or nil
      end
      local task = table_of(entry.task).name
      return { id = entry.name, context = context, chat = task == "Text Generation" }
    end,
  })
end

local function size_of(entry)
  local size = table_of(entry).size
  return type(size) == "number" and size == size and size or 0
end

--- The small ones first: nothing but this order tells which is small, where ids do not say.
function M.ollama(provider, check)
  return list_of(provider, check, {
    path = "/api/tags",
    entries = function(body)
      if type(body.models) == "table" then
        table.sort(body.models, function(a, b)
          return size_of(a) < size_of(b)
        end)
      end
      return body.models
    end,
    model = function(entry)
      return { id = entry.model or entry.name }
    end,
  })
end

function M.bedrock(provider, check)
  return list_of(provider, check, {
    path = "/foundation-models",
    entries = function(body)
      return body.modelSummaries
    end,
    model = function(entry)
      local on_demand = type(entry.inferenceTypesSupported) ~= "table"
      for _, kind in ipairs(table_of(entry.inferenceTypesSupported)) do
        on_demand = on_demand or kind == "ON_DEMAND"
      end
      local status = table_of(entry.modelLifecycle).status
      return {
        id = entry.modelId,
        chat = on_demand and (type(entry.outputModalities) ~= "table" or makes_text(entry.outputModalities)),
        deprecated = type(status) == "string" and status ~= "ACTIVE" or nil,
      }
    end,
  })
end

return M
