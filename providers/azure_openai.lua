-- Azure OpenAI.
-- Docs: https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle,
-- https://learn.microsoft.com/azure/ai-foundry/openai/latest
-- Facts as collected 2026-11-23 (steipete/CodexBar docs/azure-openai.md, recorded errors, the pages above).
-- What proves the key: one token from the deployment, which proves key, resource and deployment together. Several names in
-- AZURE_OPENAI_DEPLOYMENT_NAME, with commas between them, are a provider each. Without a name the resource's model list is
-- asked for, which proves the key only.
-- Where: AZURE_OPENAI_API_BASE, AZURE_OPENAI_ENDPOINT or AZURE_API_BASE, as https://RESOURCE.openai.azure.com. Of the two
-- generations of addresses the new one, /openai/v1, is used unless AZURE_OPENAI_API_VERSION (or AZURE_API_VERSION) names
-- the date of an old one: /openai/deployments/NAME/…?api-version=DATE.
-- Reasoning models want max_completion_tokens and older API versions know max_tokens only; a refusal tells, and is
-- remembered. Running into that limit is an answer.
-- What the script cannot know: limits without a completion. Of content filters it sees none.

local base = require "base"
local chat = require "chat"
local openai = require "openai"
local sample = require "sample"

local version = env "AZURE_OPENAI_API_VERSION" or env "AZURE_API_VERSION" or env "OPENAI_API_VERSION"
local is_dated = version ~= nil and version:find "^%d%d%d%d%-%d%d" ~= nil

-- Where the calls of a deployment begin, and what follows their path.
local function place(provider, deployment)
  local resource = base.root(provider, "/openai/v1", "/openai")
  if not is_dated then
    return resource .. "/openai/v1", ""
  elseif deployment then
    return resource .. "/openai/deployments/" .. deployment, "?api-version=" .. version
  end
  return resource .. "/openai", "?api-version=" .. version
end

local function classify(response, text)
  local said = text and text:lower() or ""
  if response.status == 400 and (said:find "content management policy" or said:find "content_filter") then
    return "forbidden"
  end
  local wait_s = response.status == 429 and tonumber(said:match "retry after (%d+) seconds")
  if wait_s and wait_s >= 3600 then
    return "quota_window", wait_s
  end
  return nil
end

-- The field that a deployment wants, as learned from a refusal.
local field_of = {}
local OTHER_FIELD = { max_tokens = "max_completion_tokens", max_completion_tokens = "max_tokens" }

local function one_token(provider, check, field)
  local address, query = place(provider, provider.deployment)
  local response = http.post(address .. "/chat/completions" .. query, {
    headers = openai.headers(provider, check.key),
    json = {
      model = provider.deployment,
      messages = { { role = "user", content = "ping" } },
      [field] = field == "max_tokens" and 1 or 16,
    },
    expect = "json",
    keep = "always",
  })
  return sample.from(response, provider), response
end

local function refuses_field(response)
  local text = response.status == 400 and sample.error_of(response.json) or ""
  local names_it = text:find("max_tokens", 1, true) or text:find("max_completion_tokens", 1, true)
  return names_it, text:find("output limit was reached", 1, true)
end

local function ask_deployment(provider, check)
  local name = provider.name
  local field = field_of[name] or (is_dated and "max_tokens" or "max_completion_tokens")
  local result, response = one_token(provider, check, field)
  local refused, answered = refuses_field(response)
  if refused and not answered then
    field_of[name] = OTHER_FIELD[field]
    result, response = one_token(provider, check, field_of[name])
    answered = select(2, refuses_field(response))
  end
  if answered then
    return { ok = true, http_status = response.status, limits = result.limits,
      rate_limit_percent = result.rate_limit_percent }
  elseif result.ok and type(response.json.choices) ~= "table" then
    return sample.failure("bad_response", "HTTP 200 without a completion in it", response)
  end
  return result
end

local function probe(provider, check)
  if provider.deployment then
    return ask_deployment(provider, check)
  end
  local address, query = place(provider, nil)
  local response = http.get(address .. "/models" .. query, {
    headers = openai.headers(provider, check.key),
    expect = "json",
  })
  return sample.from(response, provider)
end

-- What is deployed is all that there is; the resource's own list tells what could be.
local function list_models(provider)
  return { provider.deployment and { id = provider.deployment, chat = true } }
end

local function complete(provider, check, request)
  local address, query = place(provider, provider.deployment)
  local there = { base_url = address, chat_path = "/chat/completions" .. query }
  return chat.openai(setmetatable(there, { __index = provider }), check, request)
end

local list = keys("AZURE_OPENAI_API_KEY", "AZURE_API_KEY")
local endpoint = env "AZURE_OPENAI_ENDPOINT" or env "AZURE_API_BASE"
local is_set = #list > 0 and (endpoint or env "AZURE_OPENAI_API_BASE")

local function provider_of(deployment, name)
  local provider = openai.provider {
    name = "azure_openai",
    title = "Azure OpenAI" .. (deployment and " (" .. deployment .. ")" or ""),
    base_url = endpoint or "https://resource.openai.azure.com",
    keys = list,
    missing = not is_set and "set AZURE_OPENAI_API_KEY and AZURE_OPENAI_ENDPOINT" or nil,
    auth_header = "api-key",
    deployment = deployment,
    list_models = list_models,
    complete = complete,
    deep = { models = { deployment } },
    docs = "https://learn.microsoft.com/azure/ai-foundry/openai/latest",
    classify = classify,
    probe = probe,
  }
  provider.name = name or provider.name
  return provider
end

local deployments = {}
local names = env "AZURE_OPENAI_DEPLOYMENT_NAME" or env "AZURE_OPENAI_DEPLOYMENT" or ""
for name in names:gmatch "[^,%s]+" do
  if name:find "^[%w._-]+$" then
    deployments[#deployments + 1] = name
  else
    log.warn("azure_openai: the deployment '%s' is left out: expected letters, digits, '.', '_' and '-'", name)
  end
end
if #deployments < 2 then
  return provider_of(deployments[1])
end
local providers = {}
for i, deployment in ipairs(deployments) do
  providers[i] = provider_of(deployment, ("azure_openai." .. deployment:lower()):sub(1, 63))
end
return providers
