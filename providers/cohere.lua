-- Cohere.
-- Docs: https://docs.cohere.com/reference/checkapikey, https://docs.cohere.com/reference/errors,
-- https://docs.cohere.com/docs/rate-limits
-- Facts as collected 2026-11-23 (CauldronUp/cauldron recipes/cohere, recorded; the pages above).
-- What proves the key: POST /v1/check-api-key, where a bad key is a 200 with `valid` false.
-- A trial key has 1000 calls a month, and all calls of the API carry that limit's header. Checked every hour, no more than
-- three quarters of it go into checks; set `interval` for a production key.
-- What the script cannot know: how much of the month is used; the headers tell only its limit.

local account = require "account"
local base = require "base"
local chat = require "chat"
local models = require "models"
local openai = require "openai"

local function classify(response, text)
  if response.status == 498 then
    return "key_invalid" -- a token that was blocked
  end
  return text and text:find("^too many tokens") and response.status == 400 and "too_large" or nil
end

local function probe(provider, check)
  local response = http.post(base.root(provider, "/v1", "/v2", "/compatibility/v1") .. "/v1/check-api-key", {
    headers = openai.headers(provider, check.key),
    body = "",
    expect = "json",
    keep = "always",
  })
  local result, body = account.read(response, provider)
  if body and body.valid ~= true then
    return account.refuse(result, "bad_response", "it does not say whether the key is valid")
  end
  return result
end

return openai.provider {
  name = "cohere",
  title = "Cohere",
  base_url = "https://api.cohere.com",
  keys = keys("COHERE_API_KEY", "CO_API_KEY"),
  interval = "1h",
  docs = "https://docs.cohere.com/reference/checkapikey",
  classify = classify,
  probe = probe,
  list_models = models.cohere,
  complete = chat.cohere,
  status_page = { url = "https://status.cohere.com/api/v2/summary.json", format = "statuspage" },
}
