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
-- `key_optional` (watched without a key too), `headers` (added to each request), `classify` (see sample.from).

local base = require "base"
local limits = require "limits"
local sample = require "sample"

local M = {}

local function headers_for(provider, key)
  local headers = {}
  for name, value in pairs(provider.headers or {}) do
    headers[name] = value
  end
  if key then
    headers["Authorization"] = "Bearer " .. key
  end
  return headers
end

local function sample_with_limits(response, classify)
  local result = sample.from(response, classify)
  result.rate_limit_percent = limits.percent(response.headers)
  return result
end

--- Asks a path of the API with a key.
function M.ask(provider, key, path)
  local response = http.get(provider.base_url .. path, { headers = headers_for(provider, key), expect = "json" })
  return sample_with_limits(response, provider.classify)
end

-- The model that answered last, by provider: tried first.
local working_model = {}

local function one_token(provider, key, model)
  local response = http.post(provider.base_url .. "/chat/completions", {
    headers = headers_for(provider, key),
    json = { model = model, messages = { { role = "user", content = "ping" } }, max_tokens = 1 },
    expect = "json",
    keep = "always",
  })
  local result = sample_with_limits(response, provider.classify)
  -- Some gateways put an error into a 200 (OpenRouter, g4f): only a completion is one.
  local body = type(response.json) == "table" and response.json or {}
  if result.ok and type(body.choices) ~= "table" then
    local text = sample.error_of(body)
    result.ok, result.kind = false, text and "server_error" or "bad_response"
    result.message = text and "HTTP 200 with an error in it: " .. text or "HTTP 200 without a completion in it"
  end
  -- An unknown model proves the key: a 404 here is about the model.
  if response.status == 404 then
    result.kind = "model_gone"
  end
  return result
end

--- A completion of one token, by the first model of the list that exists.
function M.complete(provider, key)
  local order = { working_model[provider.name] }
  for _, model in ipairs(provider.models) do
    if model ~= order[1] then
      order[#order + 1] = model
    end
  end
  local result
  for _, model in ipairs(order) do
    result = one_token(provider, key, model)
    if result.kind ~= "model_gone" then
      working_model[provider.name] = result.ok and model or working_model[provider.name]
      return result
    end
  end
  result.message = "none of the models that the script knows exists any more; the last: " .. (result.message or "")
  return result
end

local function probe(provider)
  return base.with_keys(provider, function(key)
    if provider.models then
      return M.complete(provider, key)
    end
    return M.ask(provider, key, provider.path)
  end)
end

--- @param spec table see the head of this file
--- @return table a provider
function M.provider(spec)
  spec.base_url = base.url(spec.name, spec.base_url)
  spec.path = spec.path or "/models"
  spec.probe = spec.probe or probe
  if not spec.key_optional then
    spec.missing = spec.missing or base.missing(spec.keys)
  end
  return spec
end

return M
