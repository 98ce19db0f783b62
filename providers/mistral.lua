-- Mistral AI.
-- Docs: https://docs.mistral.ai/api/
-- Facts as collected 2026-11-23 (answers captured 2026-07-26).
-- What proves the key: GET /models.
-- What the script cannot know: limits; they come with completions only, and never say when they reset.
-- A limit of 0 means that the plan never allows it: no rate limit that clears.

local openai = require "openai"

local function classify(response)
  local requests = response.headers["x-ratelimit-limit-req-minute"]
  local tokens = response.headers["x-ratelimit-limit-tokens-minute"]
  return response.status == 429 and (requests == "0" or tokens == "0") and "forbidden" or nil
end

return openai.provider {
  name = "mistral",
  title = "Mistral AI",
  base_url = "https://api.mistral.ai/v1",
  keys = keys "MISTRAL_API_KEY",
  docs = "https://docs.mistral.ai/api/",
  classify = classify,
}
