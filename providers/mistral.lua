-- Mistral AI.
-- Docs: https://docs.mistral.ai/api/
-- Facts as collected 2026-11-23 (answers captured 2026-07-26).
-- What proves the key: GET /models.
-- What the script cannot know: limits; they come with completions only, and never say when they reset.
-- A limit of 0 means that the plan never allows it: no rate limit that clears.

local limits = require "limits"
local openai = require "openai"

local function classify(response)
  for _, window in ipairs(response.status == 429 and limits.read(response) or {}) do
    if window.limit == 0 then
      return "forbidden"
    end
  end
  return nil
end

return openai.provider {
  name = "mistral",
  title = "Mistral AI",
  base_url = "https://api.mistral.ai/v1",
  keys = keys "MISTRAL_API_KEY",
  docs = "https://docs.mistral.ai/api/",
  classify = classify,
}
