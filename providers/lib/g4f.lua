-- g4f: gpt4free servers, local or hosted. They answer model lists to anyone, so only a completion shows that the site
-- behind works: one message, "ping", asked of gpt-4o, gpt-4o-mini, gpt-4 and gpt-3.5-turbo in turn; the model that
-- answered last is asked first.
--
-- Errors come in many shapes: {"error":{"message":"RateLimitError: ..."}} with 429, with 500 (older servers), inside a
-- 200, or as an event of a stream that ends well; an edge's HTML page may come with status 200. The class name at the
-- text's beginning says more than the status.
-- Docs: https://github.com/xtekky/gpt4free/blob/main/docs/interference-api.md; facts as collected 2026-11-23 from
-- xtekky/gpt4free (g4f/api/__init__.py, g4f/requests/raise_for_status.py, g4f/config.py).
-- A deep check is the default here: nothing else shows that words come back.
-- What the script cannot know: limits; and whether a hosted endpoint still exists before it has asked.

local base = require "base"
local chat = require "chat"
local models = require "models"

local M = {}

local MODELS = { "gpt-4o", "gpt-4o-mini", "gpt-4", "gpt-3.5-turbo" }

local KIND_BY_CLASS = {
  RateLimitError = "rate",
  MissingAuthError = "key_missing",
  ModelNotFoundError = "model_gone",
  ProviderNotFoundError = "bad_path",
  PaymentRequiredError = "credit",
  CloudflareError = "waf",
}

local function classify(response, text)
  if response.status == 405 then
    return "waf" -- g4f.dev to whatever is no browser
  end
  return text and KIND_BY_CLASS[text:match("^(%a+Error): ")]
end

local function ping(provider, check, model)
  return chat.openai(provider, check, { model = model, prompt = "ping" })
end

-- The model that answered last, by provider.
local working_model = {}

local function models_in_order(provider)
  local order = { working_model[provider.name] }
  for _, model in ipairs(MODELS) do
    if model ~= order[1] then
      order[#order + 1] = model
    end
  end
  return order
end

-- Another model may work where this one is missing, limited or broken; a transport error or a refused key is the
-- server's, whatever the model.
local TRY_NEXT = {
  model_gone = true, bad_path = true, rate = true, server_error = true, capacity = true, bad_response = true,
  key_missing = true, bad_request = true,
}

local function probe(provider, check)
  local started = now()
  local result
  for _, model in ipairs(models_in_order(provider)) do
    result = ping(provider, check, model)
    if result.ok then
      working_model[provider.name] = model
      return result
    end
    local answered = result.http_status and result.http_status ~= 0
    if not answered or not TRY_NEXT[result.kind] or now() - started > check.timeout_s / 2 then
      return result
    end
  end
  return result
end

--- @param spec table name, title, base_url, and `always` = false when it is watched only if one of its variables is set
function M.provider(spec)
  local variable = spec.name:upper()
  local own_keys = keys(variable .. "_API_KEY")
  local configured = env(variable .. "_API_BASE") or #own_keys > 0
  spec.base_url = base.url(spec.name, spec.base_url)
  spec.keys = #own_keys > 0 and own_keys or keys "G4F_API_KEY" -- the common key is for those without one of their own
  spec.docs = "https://github.com/xtekky/gpt4free/blob/main/docs/interference-api.md"
  if spec.always == false and not configured then
    spec.missing = string.format("set %s_API_BASE or %s_API_KEY", variable, variable)
  end
  spec.classify = classify
  spec.probe = probe
  spec.complete = chat.openai
  spec.features = { "streaming" }
  spec.list_models = models.openai
  spec.deep = spec.deep or { enabled = true, models = MODELS, try_next = TRY_NEXT }
  return spec
end

return M
