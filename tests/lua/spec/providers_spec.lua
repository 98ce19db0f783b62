-- The scripts of single providers: what they ask, with which headers, and what they make of answers. Bodies are recorded
-- or documented ones, as the heads of the scripts cite; ids and amounts are replaced.

local host = require "host"

local KEY = "test-key-0123456789abcdef"
local BEARER = "Bearer " .. KEY
local MODELS = { object = "list", data = { { id = "m", object = "model" } } }
local COMPLETION = { choices = { { message = { content = "p" } } } }

local function answers_of(bodies)
  local list = {}
  for i, body in ipairs(bodies) do
    list[i] = type(body) == "table" and body.status and body.headers and body or { status = 200, body = body }
  end
  return list
end

local function only_told(windows)
  for _, window in ipairs(windows or {}) do
    window.reset_at = window.reset_at and math.floor(window.reset_at + 0.5)
  end
  return windows
end

local MIDNIGHT = 1785715200 -- 2026-08-03T00:00:00Z, the next one after host.NOW

-- name: of the script. env: besides NAME_API_KEY. asks: method and URL of each request. headers: those of the last one, as
-- sent. bodies: the answers. limits: the windows of a good check.
local GOOD = {
  { name = "openai", asks = { "GET https://api.openai.com/v1/models" }, bodies = { MODELS },
    headers = { authorization = BEARER } },
  { name = "openai", env = { OPENAI_BASE_URL = "https://eu.api.openai.com/v1/", OPENAI_ORGANIZATION = "org-1",
      OPENAI_PROJECT_ID = "proj_1" },
    asks = { "GET https://eu.api.openai.com/v1/models" }, bodies = { MODELS },
    headers = { authorization = BEARER, ["openai-organization"] = "org-1", ["openai-project"] = "proj_1" } },
  { name = "anthropic", asks = { "GET https://api.anthropic.com/v1/models?limit=1" },
    bodies = { { data = { { type = "model", id = "claude-x" } }, has_more = true } },
    headers = { ["x-api-key"] = KEY, ["anthropic-version"] = "2023-06-01" } },
  { name = "anthropic", env = { ANTHROPIC_API_KEY = "", ANTHROPIC_AUTH_TOKEN = KEY,
      ANTHROPIC_BASE_URL = "https://gateway.example/" },
    asks = { "GET https://gateway.example/v1/models?limit=1" }, bodies = { { data = {} } },
    headers = { authorization = BEARER, ["anthropic-version"] = "2023-06-01" } },
  { name = "deepseek", env = { DEEPSEEK_API_KEY = "", DEEPSEEK_KEY = KEY,
    DEEPSEEK_API_BASE = "https://api.deepseek.com/v1" },
    asks = { "GET https://api.deepseek.com/user/balance" },
    bodies = { { is_available = true, balance_infos = {
      { currency = "USD", total_balance = "49.58", granted_balance = "10.00", topped_up_balance = "39.58" },
      { currency = "CNY", total_balance = "-0.10" }, { currency = "no such", total_balance = "1" } } } },
    limits = { { unit = "usd", remaining = 49.58 }, { unit = "cny", remaining = 0 } } },
  { name = "cerebras", asks = { "GET https://api.cerebras.ai/v1/models" }, bodies = { MODELS } },
  { name = "cohere", asks = { "POST https://api.cohere.com/v1/check-api-key" },
    bodies = { { status = 200, headers = { ["x-endpoint-monthly-call-limit"] = "1000" },
      body = { valid = true, organization_id = "o" } } },
    limits = { { unit = "requests", window_s = 2592000, limit = 1000 } } },
  { name = "xai", asks = { "GET https://api.x.ai/v1/api-key" },
    bodies = { { redacted_api_key = "xai-…", team_blocked = false, api_key_blocked = false, api_key_disabled = false } } },
  { name = "fireworks", env = { FIREWORKS_API_KEY = "", FIREWORKS_AI_API_KEY = KEY },
    asks = { "GET https://api.fireworks.ai/v1/accounts" },
    bodies = { { accounts = { { name = "accounts/a", suspendState = "CREDIT_DEPLETED" },
      { name = "accounts/b", suspendState = "UNSUSPENDED" } } } } },
  { name = "sambanova",
    asks = { "GET https://api.sambanova.ai/v1/models", "POST https://api.sambanova.ai/v1/chat/completions" },
    bodies = { MODELS, COMPLETION } },
  { name = "perplexity", env = { PERPLEXITY_API_KEY = "", PPLX_API_KEY = KEY },
    asks = { "GET https://api.perplexity.ai/v1/models" }, bodies = { MODELS } },
  { name = "deepinfra", env = { DEEPINFRA_API_KEY = "", DEEPINFRA_TOKEN = KEY },
    asks = { "GET https://api.deepinfra.com/v1/me?checklist=true" },
    bodies = { { checklist = { stripe_balance = -12.5, recent = 2.5, limit = 20, suspended = false } } },
    limits = { { unit = "usd", remaining = 10 },
      { unit = "usd", limit = 20, remaining = 17.5, name = "spending limit" } } },
  { name = "deepinfra", asks = { "GET https://api.deepinfra.com/v1/me?checklist=true" }, -- who pays afterwards owes
    bodies = { { checklist = { stripe_balance = 3.1, recent = 0.4, suspended = false } } } },
  { name = "cloudflare", env = { CLOUDFLARE_API_TOKEN = KEY, CLOUDFLARE_API_KEY = "", CLOUDFLARE_ACCOUNT_ID = "abc" },
    asks = { "GET https://api.cloudflare.com/client/v4/accounts/abc/ai/models/search?per_page=1" },
    bodies = { { status = 200, headers = { ["ratelimit"] = '"default";r=50;t=30',
      ["ratelimit-policy"] = '"default";q=100;w=60' },
      body = { result = { { name = "@cf/meta/llama" } }, success = true } } },
    limits = { { unit = "requests", window_s = 60, limit = 100, remaining = 50, reset_at = host.NOW + 30,
      name = "default" } } },
  { name = "github_models", asks = { "POST https://models.github.ai/inference/chat/completions" },
    bodies = { COMPLETION } },
  { name = "azure_openai", env = { AZURE_OPENAI_ENDPOINT = "https://r.openai.azure.com/" },
    asks = { "GET https://r.openai.azure.com/openai/v1/models" },
      bodies = { MODELS }, headers = { ["api-key"] = KEY } },
  { name = "azure_openai",
    env = { AZURE_OPENAI_API_KEY = "", AZURE_API_KEY = KEY, AZURE_API_BASE = "https://r.openai.azure.com/openai/v1",
      AZURE_OPENAI_DEPLOYMENT_NAME = "gpt" },
    asks = { "POST https://r.openai.azure.com/openai/v1/chat/completions" }, bodies = { COMPLETION } },
  { name = "azure_openai",
    env = { AZURE_OPENAI_ENDPOINT = "https://r.openai.azure.com", AZURE_OPENAI_DEPLOYMENT_NAME = "gpt",
      AZURE_OPENAI_API_VERSION = "2024-10-21" },
    asks = { "POST https://r.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=2024-10-21" },
    bodies = { COMPLETION } },
  { name = "bedrock", env = { BEDROCK_API_KEY = "", AWS_BEARER_TOKEN_BEDROCK = KEY, AWS_REGION_NAME = "eu-west-1" },
    asks = { "GET https://bedrock.eu-west-1.amazonaws.com/foundation-models" }, bodies = { { modelSummaries = {} } },
    headers = { authorization = BEARER } },
  { name = "vertex",
    asks = { "POST https://aiplatform.googleapis.com/v1/publishers/google/models/gemini-2.5-flash:countTokens" },
    bodies = { { totalTokens = 1 } }, headers = { ["x-goog-api-key"] = KEY, ["content-type"] = "application/json" } },
  { name = "vertex",
    env = { VERTEX_API_KEY = "", VERTEX_ACCESS_TOKEN = KEY, VERTEXAI_PROJECT = "p", VERTEXAI_LOCATION = "europe-west4" },
    asks = { "POST https://europe-west4-aiplatform.googleapis.com/v1/projects/p/locations/europe-west4/publishers/google/"
      .. "models/gemini-2.5-flash:countTokens" },
    bodies = { { totalTokens = 1 } }, headers = { authorization = BEARER, ["content-type"] = "application/json" } },
  { name = "moonshot", env = { MOONSHOT_API_KEY = "", KIMI_API_KEY = KEY },
    asks = { "GET https://api.moonshot.ai/v1/users/me/balance" },
    bodies = { { code = 0, status = true, scode = "0x0",
      data = { available_balance = 49.58894, voucher_balance = 46.58893, cash_balance = 3.00001 } } },
    limits = { { unit = "usd", remaining = 49.58894 } } },
  { name = "moonshot", env = { MOONSHOT_API_BASE = "https://api.moonshot.cn/v1" },
    asks = { "GET https://api.moonshot.cn/v1/users/me/balance" },
    bodies = { { code = 0, status = true, data = { available_balance = 1 } } },
    limits = { { unit = "cny", remaining = 1 } } },
  { name = "moonshot", env = { MOONSHOT_API_BASE = "https://api.kimi.com/coding/v1" },
    asks = { "GET https://api.kimi.com/coding/v1/models" }, bodies = { MODELS } },
  { name = "zai", env = { ZAI_API_KEY = "", GLM_API_KEY = KEY }, asks = { "GET https://api.z.ai/api/paas/v4/models" },
    bodies = { MODELS } },
  { name = "zai", env = { ZAI_API_BASE = "https://api.z.ai/api/coding/paas/v4" },
    asks = { "GET https://api.z.ai/api/coding/paas/v4/models", "GET https://api.z.ai/api/monitor/usage/quota/limit" },
    bodies = { MODELS, { code = 200, success = true, data = { limits = {
      { type = "TOKENS_LIMIT", unit = 3, number = 5, percentage = 37.5, nextResetTime = (host.NOW + 600) * 1000 },
      { type = "TIME_LIMIT", unit = 5, number = 1, usage = 2000, currentValue = 132 } } } } },
    limits = { { unit = "percent", window_s = 18000, limit = 100, remaining = 62.5, reset_at = host.NOW + 600,
      name = "coding plan" } } },
  { name = "dashscope", env = { DASHSCOPE_API_KEY = "", QWEN_API_KEY = KEY },
    asks = { "GET https://dashscope-intl.aliyuncs.com/compatible-mode/v1/models" }, bodies = { MODELS } },
  { name = "minimax", asks = { "GET https://api.minimax.io/v1/models" }, bodies = { MODELS } },
  { name = "minimax", env = { MINIMAX_API_KEY = "", MINIMAX_CODING_API_KEY = KEY },
    asks = { "GET https://api.minimax.io/v1/models", "GET https://api.minimax.io/v1/token_plan/remains" },
    bodies = { MODELS, { base_resp = { status_code = 0 }, model_remains = { {
      model_name = "MiniMax-M2.7", start_time = (host.NOW - 3600) * 1000, end_time = (host.NOW + 14400) * 1000,
      current_interval_remaining_percent = 75, current_weekly_remaining_percent = 76 } } } },
    limits = { { unit = "percent", window_s = 18000, limit = 100, remaining = 75, reset_at = host.NOW + 14400,
        name = "MiniMax-M2.7 interval" },
      { unit = "percent", limit = 100, remaining = 76, name = "MiniMax-M2.7 week" } } },
  { name = "siliconflow", asks = { "GET https://api.siliconflow.cn/v1/user/info" },
    bodies = { { code = 20000, message = "OK", status = true, data = { id = "u", balance = "0.88", chargeBalance = "88.00",
      totalBalance = "88.88", status = "normal" } } },
    limits = { { unit = "cny", remaining = 88.88 } } },
  { name = "novita", asks = { "GET https://api.novita.ai/openapi/v1/billing/balance/detail" },
    bodies = { { availableBalance = "1234500", cashBalance = "1200000", creditLimit = "0" } },
    limits = { { unit = "usd", remaining = 123.45 } } },
  { name = "hyperbolic", asks = { "GET https://api.hyperbolic.xyz/billing/get_current_balance" },
    bodies = { { credits = 2350 } }, limits = { { unit = "usd", remaining = 23.5 } } },
  { name = "chutes", asks = { "GET https://llm.chutes.ai/v1/models", "GET https://api.chutes.ai/users/me/quota_usage/me" },
    bodies = { MODELS, { quota = 1000, used = 250.5 } },
    limits = { { unit = "requests", window_s = 86400, limit = 1000, remaining = 749.5, reset_at = MIDNIGHT } } },
  { name = "ollama", env = { OLLAMA_API_KEY = "", OLLAMA_HOST = "0.0.0.0" },
    asks = { "GET http://127.0.0.1:11434/api/version" },
    bodies = { { version = "0.12.6" } }, headers = {} },
  { name = "ollama", env = { OLLAMA_API_KEY = "", OLLAMA_HOST = "gpu:8080" },
    asks = { "GET http://gpu:8080/api/version" },
    bodies = { { version = "0.12.6" } }, headers = {} },
  { name = "ollama", env = { OLLAMA_HOST = "[::1]" }, asks = { "GET http://[::1]:11434/api/version" },
    bodies = { { version = "0.12.6" } } },
  { name = "ollama", env = { OLLAMA_API_BASE = "http://gpu:11434/v1" }, asks = { "GET http://gpu:11434/api/version" },
    bodies = { { version = "0.12.6" } } },
  { name = "ollama", asks = { "POST https://ollama.com/api/me" }, bodies = { { Name = "me" } } },
  { name = "vllm", env = { VLLM_API_BASE = "", HOSTED_VLLM_API_BASE = "http://gpu:8000" },
    asks = { "GET http://gpu:8000/health", "GET http://gpu:8000/v1/models" }, bodies = { "", MODELS } },
  { name = "vllm", env = { VLLM_API_BASE = "http://gateway/x/v1" }, -- which does not know /health
    asks = { "GET http://gateway/x/health", "GET http://gateway/x/v1/models" },
    bodies = { { status = 404, headers = {} }, MODELS } },
  { name = "llamacpp", env = { LLAMACPP_API_BASE = "http://gpu:8080/v1" },
    asks = { "GET http://gpu:8080/health", "GET http://gpu:8080/props" },
      bodies = { { status = "ok" }, { model_path = "m" } } },
  { name = "llamacpp", env = { LLAMACPP_API_BASE = "http://gpu:8080", LLAMACPP_API_KEY = "" },
    asks = { "GET http://gpu:8080/health" }, bodies = { { status = "ok" } }, headers = {} },
  { name = "lmstudio", env = { LM_STUDIO_API_BASE = "http://desk:1234", LMSTUDIO_API_KEY = "" },
    asks = { "GET http://desk:1234/v1/models" }, bodies = { MODELS }, headers = {} },
  { name = "litellm", env = { LITELLM_BASE_URL = "http://proxy:4000/v1" },
    asks = { "GET http://proxy:4000/v1/models", "GET http://proxy:4000/key/info" },
    bodies = { MODELS, { info = { spend = 2.5, max_budget = 10, budget_reset_at = "2026-08-03T00:00:00Z", rpm_limit = 60,
      tpm_limit = 100000, blocked = false } } },
    limits = { { unit = "usd", limit = 10, remaining = 7.5, reset_at = MIDNIGHT, name = "budget" },
      { unit = "requests", window_s = 60, limit = 60 }, { unit = "tokens", window_s = 60, limit = 100000 } } },
  { name = "litellm", env = { LITELLM_PROXY_API_BASE = "http://proxy:4000" }, -- a master key is in no table
    asks = { "GET http://proxy:4000/v1/models", "GET http://proxy:4000/key/info" },
    bodies = { MODELS, { status = 404, headers = {}, body = { error = { message = "Key not found in database" } } } } },
}

local function environment_of(case)
  local env = { [case.name:upper() .. "_API_KEY"] = KEY }
  for variable, value in pairs(case.env or {}) do
    env[variable] = value
  end
  return env
end

local function loaded(case)
  local h = host.new { env = environment_of(case), files = case.files }
  return h, h:load(case.name)
end

describe("a good key", function()
  for _, case in ipairs(GOOD) do
    it("of " .. case.name .. " is proven by " .. table.concat(case.asks, ", "), function()
      local h, provider = loaded(case)
      assert.is_nil(provider.missing)
      local sample = h:check(provider, answers_of(case.bodies))
      assert.is_true(sample.ok, sample.message)
      assert.equal(#case.asks, #h.requests)
      for i, request in ipairs(h.requests) do
        assert.equal(case.asks[i], request.method .. " " .. request.url)
        assert.is_nil(request.url:find(KEY, 1, true))
        if case.headers then
          assert.same(case.headers, request.headers)
        end
      end
      assert.same(case.limits, only_told(sample.limits))
    end)
  end
end)

-- name, env as above. answers: status or body of each answer. kind: what comes of it.
local BAD = {
  { name = "openai", status = 401, body = { error = { message = "Your IP address is not authorized to use this API" } },
    kind = "forbidden" },
  { name = "anthropic", status = 401, body = { error = { type = "authentication_error",
    message = "x-api-key header is required" } }, kind = "key_missing" },
  { name = "anthropic", status = 429, body = { error = { type = "rate_limit_error", message = "Spend limit",
    details = { error_code = "enforced_spend_limit_reached" } } }, kind = "quota_window",
    retry_at = 1788220800 }, -- 2026-09-01T00:00:00Z
  { name = "deepseek", status = 200, body = "[1", kind = "bad_response" },
  { name = "cohere", status = 498, body = { message = "blocked" }, kind = "key_invalid" },
  { name = "cohere", status = 200, body = { id = "x" }, kind = "bad_response" },
  { name = "cohere", status = 429, body = {
    message = "You are using a Trial key, which is limited to 1000 API calls / month." },
    kind = "quota_window" },
  { name = "xai", status = 429, body = { code = "Some resource has been exhausted",
    error = "Your team has either used all available credits or reached its monthly spending limit." },
      kind = "credit" },
  { name = "xai", status = 200, body = { api_key_disabled = true, team_blocked = false }, kind = "key_invalid" },
  { name = "xai", status = 200, body = { api_key_blocked = true, team_blocked = true }, kind = "key_invalid" },
  { name = "fireworks", status = 200, body = { accounts = { { suspendState = "BLOCKED_BY_ABUSE_RULE" } } },
    kind = "forbidden" },
  { name = "fireworks", status = 412, body = { error = { message = "Account suspended for failed payments" } },
    kind = "credit" },
  { name = "fireworks", status = 412, body = { error = { message = "Account suspended" } }, kind = "forbidden" },
  { name = "deepinfra", status = 200, body = { checklist = { suspended = true, suspend_reason = "abuse" } },
    kind = "forbidden" },
  { name = "cloudflare", env = { CLOUDFLARE_ACCOUNT_ID = "abc" }, status = 404,
    body = { success = false, errors = { { code = 7003, message = "Could not route to /accounts/abc" } } },
      kind = "bad_path" },
  { name = "cloudflare", env = { CLOUDFLARE_ACCOUNT_ID = "abc" }, status = 429,
    body = { success = false, errors = { { code = 3040,
      message = "No more data centers to forward the request to" } } },
    kind = "capacity" },
  { name = "github_models", error = "dns", message = "no such host", kind = "retired" },
  { name = "azure_openai", env = { AZURE_OPENAI_ENDPOINT = "https://r.openai.azure.com" }, status = 429,
    body = { error = { code = "429", message = "Please retry after 86400 seconds." } }, kind = "quota_window" },
  { name = "bedrock", env = { AWS_REGION = "us-east-1" }, status = 403,
    headers = { ["x-amzn-errortype"] = "AccessDeniedException" },
    body = { Message = "Authentication failed: Please make sure your API Key is valid." }, kind = "key_invalid" },
  { name = "bedrock", env = { AWS_REGION = "us-east-1" }, status = 403,
    headers = { ["x-amzn-errortype"] = "InvalidSignatureException" },
    body = { message = "Signature expired: 20260802T075500Z is now earlier than 20260802T080300Z" }, kind = "local" },
  { name = "bedrock", env = { AWS_REGION = "us-east-1" }, status = 429,
    headers = { ["x-amzn-errortype"] = "ThrottlingException" },
    body = { message = "Too many tokens per day, please wait before trying again." }, kind = "quota_window" },
  { name = "vertex", status = 429, body = { error = { code = 429, status = "RESOURCE_EXHAUSTED",
    message = "Resource exhausted. Please try again later." } }, kind = "capacity" },
  { name = "vertex", status = 403, body = { error = { code = 403, status = "PERMISSION_DENIED",
    message = "This API method requires billing to be enabled." } }, kind = "credit" },
  { name = "vertex", status = 404, body = { error = { code = 404, status = "NOT_FOUND",
    message = "Publisher Model `publishers/google/models/gemini-x` was not found" } }, kind = "model_gone" },
  { name = "moonshot", status = 200, body = { code = 0, data = { available_balance = -0.01 } }, kind = "credit" },
  { name = "moonshot", status = 200, body = { code = 0, data = {} }, kind = "bad_response" },
  { name = "zai", status = 429, body = { error = { code = "1308", message =
    "Usage limit reached for 5 hour. Your limit will reset at 2026-08-02 17:08:00" } }, kind = "quota_window",
    retry_at = host.NOW + 3600 },
  { name = "zai", status = 429, body = { error = { code = "1302", message = "High concurrency" } }, kind = "rate" },
  { name = "zai", status = 429, body = { error = { code = "1309", message = "Your plan has expired" } },
    kind = "credit" },
  { name = "dashscope", status = 429, body = { error = { code = "insufficient_quota",
    message = "You exceeded your current "
    .. "quota, please check your plan and billing details." } }, kind = "rate" },
  { name = "dashscope", status = 429, body = { code = "Throttling.AllocationQuota",
    message = "Allocated quota exceeded" },
    kind = "rate" },
  { name = "dashscope", status = 403, body = { error = { code = "AllocationQuota.FreeTierOnly",
    message = "The free tier of the model has been exhausted." } }, kind = "credit" },
  { name = "minimax", status = 500, body = { type = "error", error = { type = "api_error",
    message = "insufficient balance (1008)" } }, kind = "credit" },
  { name = "minimax", status = 200, body = { base_resp = { status_code = 2049, status_msg = "invalid api key" } },
    kind = "key_invalid" },
  { name = "minimax", status = 429, body = { error = { type = "rate_limit_error",
    message = "usage limit exceeded (2056)" } },
    kind = "quota_window" },
  { name = "siliconflow", status = 403, body = { code = 30001,
    message = "Sorry, your account balance is insufficient" },
    kind = "credit" },
  { name = "siliconflow", status = 200, body = { code = 20000, status = true, data = { totalBalance = "-1.50",
    status = "normal" } }, kind = "credit" },
  { name = "siliconflow", status = 200, body = { code = 20000, status = true, data = {
    totalBalance = "5", status = "frozen" } },
    kind = "forbidden" },
  { name = "novita", status = 403, body = { code = 403, reason = "NOT_ENOUGH_BALANCE", message = "not enough balance" },
    kind = "credit" },
  { name = "deepseek", status = 200, body = { hello = "world" }, kind = "bad_response" },
  { name = "xai", status = 200, body = { hello = "world" }, kind = "bad_response" },
  { name = "fireworks", status = 200, body = { hello = "world" }, kind = "bad_response" },
  { name = "deepinfra", status = 200, body = { hello = "world" }, kind = "bad_response" },
  { name = "chutes", status = 200, body = { hello = "world" }, kind = "bad_response" },
  { name = "novita", status = 200, body = { hello = "world" }, kind = "bad_response" },
  { name = "hyperbolic", status = 200, body = { hello = "world" }, kind = "bad_response" },
  { name = "moonshot", status = 200, body = { hello = "world" }, kind = "bad_response" },
  { name = "siliconflow", status = 200, body = { hello = "world" }, kind = "bad_response" },
  { name = "novita", status = 200, body = { availableBalance = "0" }, kind = "credit" },
  { name = "novita", status = 401, body = { code = 401, reason = "INVALID_API_KEY", message = "invalid api key" },
    kind = "key_invalid" },
  { name = "hyperbolic", status = 403, body = { detail = "Forbidden" }, kind = "key_invalid" },
  { name = "hyperbolic", status = 200, body = { credits = 0 }, kind = "credit" },
  { name = "chutes", status = 401, body = { detail = "Invalid token" }, kind = "key_invalid" },
  { name = "ollama", status = 401, body = { error = "unauthorized" }, kind = "key_invalid" },
  { name = "lmstudio", env = { LM_STUDIO_API_BASE = "http://desk:1234" }, status = 200,
    body = { error = "Unexpected endpoint or method. (GET /v1/models)" }, kind = "bad_path" },
  { name = "litellm", env = { LITELLM_PROXY_API_BASE = "http://proxy:4000" }, status = 400,
    body = { error = { message = "Budget has been exceeded! Current cost: 12, Max budget: 10", type = "budget_exceeded",
      code = "400" } }, kind = "credit" },
  { name = "litellm", env = { LITELLM_PROXY_API_BASE = "http://proxy:4000" }, status = 200,
    body = { info = { spend = 10.2, max_budget = 10 } }, kind = "credit" },
}

describe("a refusal", function()
  for i, case in ipairs(BAD) do
    it(string.format("of %s is %s (%d)", case.name, case.kind, i), function()
      local h, provider = loaded(case)
      local sample = h:check(provider, function()
        return { status = case.status, headers = case.headers,
          body = case.body, error = case.error, message = case.message }
      end)
      assert.equal(case.kind, sample.kind)
      assert.is_false(sample.ok)
      assert.equal(case.retry_at, case.retry_at and sample.retry_at)
      assert.is_nil(sample.message:find(KEY, 1, true))
    end)
  end
end)

-- What vectors_spec asks of sample.from, asked of whole checks.
describe("a recorded error answer", function()
  local by_script = {}
  for _, case in ipairs(GOOD) do
    by_script[case.name] = by_script[case.name] or case
  end
  by_script.litellm_proxy = by_script.litellm
  for _, vector in ipairs(host.vectors "errors") do
    local case = by_script[vector.p]
    if case then
      it(vector.id .. " is " .. vector.kind .. " to a whole check", function()
        local h, provider = loaded(case)
        local sample = h:check(provider, function()
          return { status = math.tointeger(vector.s), headers = vector.h, body = vector.b }
        end)
        assert.equal(vector.kind, sample.kind)
        assert.is_false(sample.ok)
        assert.truthy(sample.message:find(string.format("HTTP %d", vector.s), 1, true), sample.message)
      end)
    end
  end
end)

describe("sambanova", function()
  it("spends a token on the proof of the key every sixth hour only", function()
    local h, provider = loaded { name = "sambanova" }
    local answers = answers_of { MODELS, COMPLETION }
    h:check(provider, answers)
    h.now = h.now + 3600
    assert.is_true(h:check(provider, answers).ok)
    assert.equal(1, #h.requests)
    h.now = h.now + 6 * 3600
    local refusal = { status = 401, body = { error = { message = "Invalid API key" } } }
    assert.equal("key_invalid", h:check(provider, { answers[1], refusal }).kind)
    assert.is_true(h:check(provider, answers).ok) -- a refusal is asked about again
    assert.equal(2, #h.requests)
  end)

  it("proves each key for itself", function()
    local h, provider = loaded { name = "sambanova", env = { SAMBANOVA_API_KEY_1 = "other-key-0123456789" } }
    for key = 1, 2 do
      h:check(provider, answers_of { MODELS, COMPLETION }, { key = key })
      assert.equal(2, #h.requests)
    end
  end)
end)

describe("cloudflare", function()
  local refused = { status = 403, body = { success = false, errors = { { code = 10000,
    message = "Authentication error" } } } }
  local case = { name = "cloudflare", env = { CLOUDFLARE_ACCOUNT_ID = "abc" } }

  it("tells a token without the right from a wrong one", function()
    local h, provider = loaded(case)
    local active = { status = 200, body = { success = true, result = { id = "t", status = "active" } } }
    assert.equal("key_valid_restricted", h:check(provider, { refused, refused, active }).kind)
    assert.equal("https://api.cloudflare.com/client/v4/accounts/abc/tokens/verify", h.requests[2].url)
    assert.equal("https://api.cloudflare.com/client/v4/user/tokens/verify", h.requests[3].url)
  end)

  it("says when the day's neurons are there again", function()
    local h, provider = loaded(case)
    local spent = { status = 429, body = { success = false, errors = { { code = 4006,
      message = "you have used up your daily free allocation of 10,000 neurons" } } } }
    assert.equal(MIDNIGHT, h:check(provider, { spent }).retry_at)
  end)

  it("is not watched without an account", function()
    assert.truthy(host.new({ env = { CLOUDFLARE_API_TOKEN = KEY } }):load("cloudflare").missing)
  end)
end)

describe("github_models", function()
  it("is not listed for a token that is set for other reasons", function()
    assert.truthy(host.new({ env = { GITHUB_TOKEN = KEY } }):load("github_models").missing)
  end)
end)

describe("azure_openai", function()
  local function deployment(env)
    env.AZURE_OPENAI_ENDPOINT = "https://r.openai.azure.com"
    env.AZURE_OPENAI_DEPLOYMENT_NAME = env.AZURE_OPENAI_DEPLOYMENT_NAME or "gpt"
    return loaded { name = "azure_openai", env = env }
  end

  local function unsupported(field, other)
    return { status = 400, body = { error = { code = "unsupported_parameter",
      message = "Unsupported parameter: '" .. field .. "' is not supported with this model. Use '"
        .. other .. "' instead." } } }
  end

  it("learns which field a deployment wants", function()
    local h, provider = deployment { AZURE_API_VERSION = "2024-10-21" }
    local fine = { status = 200, body = COMPLETION }
    assert.is_true(h:check(provider, { unsupported("max_tokens", "max_completion_tokens"), fine }).ok)
    assert.equal(1, h.requests[1].json.max_tokens)
    assert.equal(16, h.requests[2].json.max_completion_tokens)
    assert.is_true(h:check(provider, { fine }).ok)
    assert.equal(16, h.requests[1].json.max_completion_tokens)
  end)

  it("takes running into the limit for an answer", function()
    local h, provider = deployment {}
    local full = { status = 400, body = { error = { message =
      "Could not finish the message because max_tokens or model output limit was reached." } } }
    assert.is_true(h:check(provider, { full }).ok)
  end)

  it("wants a completion in a 200", function()
    local h, provider = deployment {}
    assert.equal("bad_response", h:check(provider, { { status = 200, body = { object = "list" } } }).kind)
  end)

  it("is a provider for each of several deployments", function()
    local _, providers = deployment { AZURE_OPENAI_DEPLOYMENT_NAME = "gpt-4o, Mini,b$d" }
    assert.equal(2, #providers)
    assert.equal("azure_openai.gpt-4o", providers[1].name)
    assert.equal("azure_openai.mini", providers[2].name)
    assert.equal("Mini", providers[2].deployment)
  end)

  it("completes at the deployment", function()
    local h, provider = deployment { AZURE_OPENAI_API_VERSION = "2024-10-21" }
    local answer = { status = 200, body = { model = "gpt-4o", choices = { { message = { content = "hi" },
      finish_reason = "stop" } }, usage = { prompt_tokens = 3, completion_tokens = 1 } } }
    local sample = h:call(function(p, check)
      return p.complete(p, check, { model = "gpt", prompt = "hi", max_tokens = 16 })
    end, provider, { answer })
    assert.is_true(sample.ok)
    assert.equal("hi", sample.text)
    assert.equal("https://r.openai.azure.com/openai/deployments/gpt/chat/completions?api-version=2024-10-21",
      h.requests[1].url)
    assert.equal(KEY, h.requests[1].headers["api-key"])
  end)
end)

describe("bedrock", function()
  local env = {
    BEDROCK_API_KEY = "", AWS_ACCESS_KEY_ID = "AKIA0123456789", AWS_SECRET_ACCESS_KEY = KEY,
      AWS_SESSION_TOKEN = "session-token",
    AWS_DEFAULT_REGION = "eu-central-1",
  }

  it("signs with an access key", function()
    local h, provider = loaded { name = "bedrock", env = env }
    assert.is_nil(provider.missing)
    assert.is_true(h:check(provider, { { status = 200, body = { modelSummaries = {} } } }).ok)
    assert.same({ provider = "aws:amz:eu-central-1:bedrock", id = "AKIA0123456789", secret = KEY, token = "session-token" },
      h.requests[1].aws_sigv4)
    assert.is_nil(h.requests[1].headers.authorization)
  end)

  it("wants a region", function()
    local h = host.new { env = { AWS_BEARER_TOKEN_BEDROCK = KEY } }
    assert.equal("set AWS_REGION", h:load("bedrock").missing)
  end)

  it("completes by Converse, on the runtime's host", function()
    local h, provider = loaded { name = "bedrock", env = env }
    local answer = { status = 200, body = { stopReason = "max_tokens", usage = { inputTokens = 9, outputTokens = 1 },
      output = { message = { content = { { text = "apple" } } } } } }
    local sample = h:call(function(p, check)
      return p.complete(p, check, { model = "amazon.nova-micro-v1:0", prompt = "hi", max_tokens = 16, stream = true })
    end, provider, { answer })
    assert.is_true(sample.ok)
    assert.equal("https://bedrock-runtime.eu-central-1.amazonaws.com/model/amazon.nova-micro-v1%3A0/converse",
      h.requests[1].url)
    assert.equal("apple", sample.text)
    assert.equal(1, sample.tokens)
    assert.equal(9, sample.prompt_tokens)
  end)
end)

describe("vertex", function()
  local FILE = "~/.config/gcloud/application_default_credentials.json"
  local user = '{"type":"authorized_user","client_id":"id","client_secret":"s-0123456789","refresh_token":"r-0123456789"}'
  local granted = { status = 200, body = { access_token = KEY, expires_in = 3600 } }
  local fine = { status = 200, body = { totalTokens = 1 } }

  local function with_file(text, env)
    env = env or {}
    env.VERTEX_API_KEY, env.VERTEXAI_PROJECT = "", "p"
    return loaded { name = "vertex", env = env, files = { [FILE] = text, ["/sa.json"] = text } }
  end

  it("gets a token by gcloud's login, and keeps it while it lasts", function()
    local h, provider = with_file(user)
    assert.is_nil(provider.missing)
    assert.is_true(h:check(provider, { granted, fine }).ok)
    assert.equal("https://oauth2.googleapis.com/token", h.requests[1].url)
    assert.equal("r-0123456789", h.requests[1].form.refresh_token)
    assert.equal(BEARER, h.requests[2].headers.authorization)
    assert.is_true(h:check(provider, { fine }).ok)
    h.now = h.now + 3400
    assert.is_true(h:check(provider, { granted, fine }).ok)
  end)

  it("gets another token, once, when one is refused", function()
    local h, provider = with_file(user)
    h:check(provider, { granted, fine })
    local refused = { status = 401, body = { error = { code = 401, message = "expired", status = "UNAUTHENTICATED" } } }
    assert.is_true(h:check(provider, { refused, granted, fine }).ok)
    h.now = h.now + 3400
    assert.equal("key_invalid", h:check(provider, { granted, refused }).kind)
  end)

  it("says when the login is over", function()
    local h, provider = with_file(user)
    local sample = h:check(provider, { { status = 400,
      body = { error = "invalid_grant", error_description = "revoked" } } })
    assert.equal("key_invalid", sample.kind)
    assert.truthy(sample.message:find("gcloud auth", 1, true))
  end)

  it("signs an assertion with a service account's key", function()
    local account = [[{"type":"service_account","private_key":"-----BEGIN PRIVATE KEY-----","private_key_id":"k1",
      "client_email":"sa@p.iam.gserviceaccount.com"}]]
    local h, provider = with_file(account, { GOOGLE_APPLICATION_CREDENTIALS = "/sa.json" })
    assert.is_nil(provider.missing)
    assert.is_true(h:check(provider, { granted, fine }).ok)
    assert.equal("urn:ietf:params:oauth:grant-type:jwt-bearer", h.requests[1].form.grant_type)
    assert.truthy(h.requests[1].form.assertion:find("sa@p.iam.gserviceaccount.com", 1, true))
    assert.equal(BEARER, h.requests[2].headers.authorization)
  end)

  it("says what a service account's file lacks", function()
    local _, provider = with_file('{"type":"service_account","private_key":"k"}', { VERTEX_CREDENTIALS_FILE = "/sa.json" })
    assert.truthy(provider.missing:find("client_email", 1, true))
  end)

  it("asks the next model when one is gone, and stays with it", function()
    local h, provider = loaded { name = "vertex" }
    local gone = { status = 404, body = { error = { code = 404, message = "Publisher Model x was not found" } } }
    assert.is_true(h:check(provider, { gone, fine }).ok)
    local url = h.requests[2].url
    assert.is_true(h:check(provider, { fine }).ok)
    assert.equal(url, h.requests[1].url)
  end)

  it("wants a project for a token", function()
    assert.equal("set VERTEXAI_PROJECT", host.new({ env = { VERTEX_ACCESS_TOKEN = KEY } }):load("vertex").missing)
  end)
end)

describe("status pages of the scripts", function()
  it("name an address, and a format that lib/status_page.lua reads", function()
    local formats = { statuspage = true, ["incident.io"] = true, instatus = true, betterstack = true }
    local count = 0
    for _, case in ipairs(GOOD) do
      local _, provider = loaded(case)
      local page = provider.status_page
      if page then
        count = count + 1
        assert.truthy(page.url:find "^https://[^/]+/.+")
        assert.is_true(formats[page.format])
        assert.is_true(page.component == nil or type(page.component) == "string")
      end
    end
    assert.is_true(count > 5)
  end)
end)
