-- Mistral AI.
-- Docs: https://docs.mistral.ai/api/
-- Facts as collected 2026-11-23 (answers captured 2026-07-26).
-- What proves the key: GET /models.
-- What the script cannot know: limits; they come with completions only, and never say when they reset.

local openai = require "openai"

return openai.provider {
  name = "mistral",
  title = "Mistral AI",
  base_url = "https://api.mistral.ai/v1",
  keys = keys "MISTRAL_API_KEY",
  docs = "https://docs.mistral.ai/api/",
}
