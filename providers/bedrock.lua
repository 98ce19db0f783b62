-- Amazon Bedrock.
-- Docs: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListFoundationModels.html,
-- https://docs.aws.amazon.com/bedrock/latest/userguide/api-keys.html,
-- https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html
-- Facts as collected 2026-11-23 (the pages above; steipete/CodexBar docs/bedrock.md).
-- What proves the credential: GET /foundation-models on the control host. It wants bedrock:ListFoundationModels; a
-- credential that may only invoke models is refused there, and good all the same: `key_valid_restricted`.
-- Credentials, first found: AWS_BEARER_TOKEN_BEDROCK (an API key, sent as a bearer); AWS_ACCESS_KEY_ID with
-- AWS_SECRET_ACCESS_KEY and, when temporary, AWS_SESSION_TOKEN, by which the request is signed. Profiles and roles are not
-- read: let `aws configure export-credentials` make variables of them.
-- The region is AWS_REGION, AWS_REGION_NAME or AWS_DEFAULT_REGION.
-- What the script cannot know: quotas, which another service tells; and whether a model is open to the account.

local account = require "account"
local base = require "base"
local chat = require "chat"
local models = require "models"
local openai = require "openai"
local sample = require "sample"

local id, secret_key = env "AWS_ACCESS_KEY_ID", env "AWS_SECRET_ACCESS_KEY"
local region = env "AWS_REGION" or env "AWS_REGION_NAME" or env "AWS_DEFAULT_REGION"

-- Errors that lib/errors.lua does not know, or that mean something else in their text.
local KIND_BY_CODE = {
  InvalidClientTokenId = "key_invalid",
  SignatureDoesNotMatch = "key_invalid",
  IncompleteSignature = "key_invalid",
  MissingAuthenticationToken = "key_missing",
  OptInRequired = "forbidden",
  FTUFormNotFilled = "forbidden",
  ServiceQuotaExceededException = "quota_window",
  ModelErrorException = "server_error",
  ModelTimeoutException = "timeout",
  RequestExpired = "local", -- our clock
}

local function classify(response, text, code)
  local said = (text or response.body or ""):lower()
  if said:find("signature expired", 1, true) or said:find("signature not yet current", 1, true) then
    return "local" -- our clock is off by more than five minutes
  elseif response.status == 403 and (said:find("api key is valid", 1, true) or said:find("token has expired", 1, true)) then
    return "key_invalid"
  elseif code == "ThrottlingException" and said:find("per day", 1, true) then
    return "quota_window"
  end
  return KIND_BY_CODE[code]
end

--- The options of a request to Bedrock. Both of its hosts are signed for by the service's name bedrock.
local function signed(provider, check, options)
  if check.key then
    options.headers = openai.headers(provider, check.key)
    return options
  end
  local host_region = provider.base_url:match "^https?://bedrock[%w-]*%.([%w-]+)%.amazonaws%."
  options.aws_sigv4 = {
    provider = string.format("aws:amz:%s:bedrock", host_region or region or "us-east-1"),
    id = id,
    secret = secret_key,
    token = env "AWS_SESSION_TOKEN",
  }
  return options
end

local function probe(provider, check)
  local response = http.get(base.at(provider, "/foundation-models"), signed(provider, check, { expect = "json" }))
  return sample.from(response, provider)
end

-- The list of models by a signed request, which lib/models.lua does not make.
local function list_signed(provider, check)
  local options = signed(provider, check, { expect = "json", keep = "always" })
  local result, body = account.read(http.get(base.at(provider, "/foundation-models"), options), provider)
  if not body then
    return nil, result
  end
  local list = {}
  for _, entry in ipairs(account.part(body, "modelSummaries")) do
    if type(entry) == "table" and type(entry.modelId) == "string" and #entry.modelId < 128 then
      local gone = account.part(entry, "modelLifecycle").status == "LEGACY"
      list[#list + 1] = { id = entry.modelId, deprecated = gone or nil }
    end
  end
  return list
end

-- Streams are binary frames of AWS's own: the whole answer is asked for at once.
local function complete(provider, check, request)
  local path = "/model/" .. request.model:gsub("[^%w._-]", function(c)
    return string.format("%%%02X", c:byte())
  end) .. "/converse"
  local runtime = base.root(provider):gsub("^(https?://bedrock)%.", "%1-runtime.") -- another host, unless it is a stand-in
  local response = http.post(runtime .. path, signed(provider, check, {
    json = {
      messages = { { role = "user", content = { { text = request.prompt } } } },
      inferenceConfig = { maxTokens = chat.max_tokens(request.model, request.max_tokens) },
    },
    expect = "json",
    keep = "always",
  }))
  local result, body = account.read(response, provider)
  if not body then
    return result
  end
  local usage = account.part(body, "usage")
  local parts = {}
  for _, part in ipairs(account.part(account.part(account.part(body, "output"), "message"), "content")) do
    parts[#parts + 1] = type(part) == "table" and type(part.text) == "string" and part.text or nil
  end
  if body.stopReason == nil then
    return account.refuse(result, "bad_response", "no completion in the answer")
  end
  result.text, result.finish = table.concat(parts):sub(1, 4096), tostring(body.stopReason)
  result.tokens, result.prompt_tokens = account.amount(usage.outputTokens), account.amount(usage.inputTokens)
  return result
end

local list = keys("AWS_BEARER_TOKEN_BEDROCK", "BEDROCK_API_KEY")

local function missing()
  if #list == 0 and not (id and secret_key) then
    return "set AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
  elseif not region and not env "BEDROCK_API_BASE" then
    return "set AWS_REGION"
  end
  return nil
end

local host = "https://bedrock%s." .. (region or "us-east-1") .. ".amazonaws.com"

return openai.provider {
  name = "bedrock",
  title = "Amazon Bedrock",
  base_url = host:format "",
  origins = { host:format "-runtime" },
  keys = list,
  key_optional = true,
  missing = missing(),
  list_models = #list > 0 and models.bedrock or list_signed,
  complete = complete,
  features = {},
  docs = "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListFoundationModels.html",
  classify = classify,
  probe = probe,
}
