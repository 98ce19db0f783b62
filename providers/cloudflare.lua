-- Cloudflare Workers AI.
-- Docs: https://developers.cloudflare.com/workers-ai/platform/errors,
-- https://developers.cloudflare.com/api/resources/ai/subresources/models/methods/list
-- Facts as collected 2026-11-23 (recorded errors of 2026-07 and 2026-09; the pages above).
-- What proves the token: GET …/ai/models/search?per_page=1, which needs the token, its right to Workers AI, and the account.
-- A token without that right gets the same 10000 "Authentication error" as a wrong one; a token that Cloudflare verifies is
-- therefore `key_valid_restricted`. The account is CLOUDFLARE_ACCOUNT_ID, unless CLOUDFLARE_API_BASE names it:
-- …/client/v4/accounts/ACCOUNT/ai/v1.
-- The free plan's 10,000 neurons a day are the whole account's and begin anew at 00:00 UTC.
-- What the script cannot know: how many neurons are left. The API's own limits come in RateLimit headers.

local account = require "account"
local base = require "base"
local limits = require "limits"
local models = require "models"
local openai = require "openai"
local sample = require "sample"

local KIND_BY_CODE = {
  ["3036"] = "quota_window",
  ["4006"] = "quota_window",
  ["3040"] = "capacity",
  ["5007"] = "model_gone",
  ["7000"] = "bad_path", -- no such route
  ["7003"] = "bad_path", -- no such account
  ["6003"] = "key_invalid",
  ["6111"] = "key_invalid",
  ["9109"] = "key_invalid",
  ["9106"] = "key_missing",
  ["10000"] = "key_invalid",
}

local function classify(_, _, code)
  local kind = KIND_BY_CODE[code]
  return kind, kind == "quota_window" and limits.next_utc_midnight() - now() or nil
end

-- Whether Cloudflare knows a token that Workers AI refuses: one of a user, or of the account.
local function is_known(provider, check)
  local ai = base.root(provider, "/ai/v1", "/ai", "/v1")
  local places = { ai .. "/tokens/verify", (ai:gsub("/accounts/[^/]*$", "")) .. "/user/tokens/verify" }
  for _, url in ipairs(places) do
    local result, body = account.get(provider, check, url)
    if result.ok and account.part(body, "result").status == "active" then
      return true
    end
  end
  return false
end

local function probe(provider, check)
  local response = http.get(base.root(provider, "/v1") .. "/models/search?per_page=1", {
    headers = openai.headers(provider, check.key),
    expect = "json",
    keep = "always",
  })
  local result = sample.from(response, provider)
  if result.kind == "key_invalid" and is_known(provider, check) then
    result.kind = "key_valid_restricted"
    result.message = "the token is good, but has no right to Workers AI on this account; " .. result.message
  end
  return result
end

local id = env "CLOUDFLARE_ACCOUNT_ID"
local list = keys("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_API_KEY")
local is_set = #list > 0 and (id or env "CLOUDFLARE_API_BASE")

local provider = openai.provider {
  name = "cloudflare",
  title = "Cloudflare Workers AI",
  base_url = "https://api.cloudflare.com/client/v4",
  keys = list,
  missing = not is_set and "set CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID" or nil,
  docs = "https://developers.cloudflare.com/workers-ai/platform/errors",
  classify = classify,
  probe = probe,
  list_models = models.cloudflare,
  status_page = {
    url = "https://www.cloudflarestatus.com/api/v2/summary.json",
    format = "statuspage",
    component = "Workers AI",
  },
}
if provider.base_url:find "/client/v4$" then
  provider.base_url = string.format("%s/accounts/%s/ai/v1", provider.base_url, id or "-")
end
return provider
