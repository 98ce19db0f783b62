-- Anthropic.
-- Docs: https://docs.claude.com/en/api/models-list, https://docs.claude.com/en/api/errors,
-- https://docs.claude.com/en/api/rate-limits
-- Facts as collected 2026-11-23 (recorded errors of 2026-09; developersdigest.tech/errors/api of 2026-10).
-- What proves the key: GET /models?limit=1. Keys go into x-api-key; a token in ANTHROPIC_AUTH_TOKEN is a bearer.
-- ANTHROPIC_BASE_URL, as Anthropic's SDKs read it, is without /v1; ANTHROPIC_API_BASE goes first.
-- Spend limits are errors 400 or 429 that last to the first of the month, 00:00 UTC; an empty account is a 400, too.
-- What the script cannot know: what is left of the credit (an admin key's call), and whether /models carries the limits
-- that Messages do.

local base = require "base"
local chat = require "chat"
local models = require "models"
local openai = require "openai"
local sample = require "sample"

local function request_headers(provider, check)
  local is_token = check.key and check.key.label:find "^ANTHROPIC_AUTH_TOKEN"
  return openai.headers({ headers = provider.headers, auth_header = not is_token and "x-api-key" or nil }, check.key)
end

-- Seconds until the first of the next month, 00:00 UTC.
local function rest_of_month_s()
  local today = os.date("!*t", math.floor(now()))
  local year, month = today.year, today.month + 1
  if month == 13 then
    year, month = year + 1, 1
  end
  return parse_time(string.format("%04d-%02d-01T00:00:00Z", year, month)) - now()
end

local function classify(response, text)
  local err = type(response.json) == "table" and response.json.error
  local details = type(err) == "table" and type(err.details) == "table" and err.details or {}
  if details.error_code == "enforced_spend_limit_reached" then
    return "quota_window", rest_of_month_s()
  end
  return text and text:find("x-api-key header is required", 1, true) and "key_missing" or nil
end

local function probe(provider, check)
  local response = http.get(base.at(provider, "/models?limit=1"), {
    headers = request_headers(provider, check),
    expect = "json",
  })
  return sample.from(response, provider)
end

local provider = openai.provider {
  name = "anthropic",
  title = "Anthropic",
  base_url = env("ANTHROPIC_BASE_URL", "https://api.anthropic.com"),
  keys = keys("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
  headers = { ["anthropic-version"] = "2023-06-01" },
  request_headers = request_headers,
  list_models = models.anthropic,
  complete = chat.anthropic,
  docs = "https://docs.claude.com/en/api/models-list",
  classify = classify,
  probe = probe,
  status_page = {
    url = "https://status.claude.com/api/v2/summary.json",
    format = "statuspage",
    component = "k8w3r06qmzrp", -- "Claude API"
  },
}
provider.base_url = base.versioned(provider.base_url)
return provider
