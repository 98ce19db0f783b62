-- openai: providers that speak OpenAI's API. A script is a table and this call:
--
--   local openai = require "openai"
--   return openai.provider {
--     name = "groq", title = "Groq",
--     base_url = "https://api.groq.com/openai/v1",   -- GROQ_API_BASE overrides it
--     keys = keys "GROQ_API_KEY",
--     docs = "https://console.groq.com/docs/api-reference",
--   }
--
-- Further fields: `path` (default "/models": what is asked, with the key, to see whether it is good), `models` (a list:
-- the check is then a one-token completion of the first that exists, for providers whose model list proves nothing),
-- `key_optional` (watched without a key too), `headers` (added to each request), `auth_header` (the header that takes the
-- bare key, such as "api-key", in place of Authorization: Bearer), `classify` and `limit_windows` (see lib/sample.lua),
-- `probe`, `complete`, `list_models` (in place of the ones here, of lib/chat.lua and of lib/models.lua), `features` (what
-- every model of it can do; default {"streaming"}).

local base = require "base"
local chat = require "chat"
local models = require "models"
local sample = require "sample"

local M = {}

--- The headers of a request with a key (or none).
function M.headers(provider, key)
  return chat.headers(provider, { key = key })
end

--- Asks a path of the API with a key.
--- @return table sample, table response
function M.ask(provider, key, path)
  local response = http.get(base.at(provider, path), { headers = M.headers(provider, key), expect = "json" })
  return sample.from(response, provider), response
end

-- The model that answered last, by provider: tried first.
local working_model = {}

-- Says something about one model only; the next one may work. A model that is gone proves the key.
local TRY_NEXT = { model_gone = true, capacity = true }

local function ask_model(provider, key, model)
  local response = http.post(base.at(provider, "/chat/completions"), {
    headers = M.headers(provider, key),
    json = { model = model, messages = { { role = "user", content = "ping" } }, max_tokens = 1 },
    expect = "json",
    keep = "always",
  })
  local result = sample.from(response, provider)
  local body = response.json
  if result.ok and (type(body) ~= "table" or type(body.choices) ~= "table") then
    return sample.error_of(body) and sample.refusal(response, provider, nil, body)
      or sample.failure("bad_response", "HTTP 200 without a completion in it", response)
  elseif result.kind == "bad_path" and sample.error_of(body) then
    result.kind = "model_gone" -- a 404 of the API itself, which knows this path
  end
  return result
end

-- Providers of which it has been told that none of the models is left.
local told_models_gone = {}

-- Ids rot within weeks. When none of those that the script knows is left, the provider is up and the key is good, but the
-- script wants new ids.
local function all_models_gone(provider, result)
  if not told_models_gone[provider.name] then
    told_models_gone[provider.name] = true
    log.warn("%s: none of the models that its script asks for exists any more (%s)", provider.name, result.message)
  end
  result.message = "none of the models that the script asks for exists any more; the last answer: " .. result.message
  return result
end

--- A completion of one token, by the first of `provider.models` that works; the kind model_gone when none is left.
function M.one_token(provider, key)
  local order = { working_model[provider.name] }
  for _, model in ipairs(provider.models) do
    if model ~= order[1] then
      order[#order + 1] = model
    end
  end
  local result, failed
  for _, model in ipairs(order) do
    result = ask_model(provider, key, model)
    if result.ok then
      working_model[provider.name] = model
      told_models_gone[provider.name] = nil
      return result
    end
    if not TRY_NEXT[result.kind] then
      return result
    end
    failed = result.kind ~= "model_gone" and result or failed
  end
  return failed or all_models_gone(provider, result)
end

local function probe(provider, check)
  if provider.models then
    return M.one_token(provider, check.key)
  end
  return (M.ask(provider, check.key, provider.path))
end

--- @param spec table see the head of this file
--- @return table a provider
function M.provider(spec)
  spec.base_url = base.url(spec.name, spec.base_url)
  spec.path = spec.path or "/models"
  spec.probe = spec.probe or probe
  spec.complete = spec.complete or chat.openai
  spec.list_models = spec.list_models or models.openai
  spec.features = spec.features or { "streaming" }
  if not spec.key_optional then
    spec.missing = spec.missing or base.missing(spec.keys)
  end
  return spec
end

return M
