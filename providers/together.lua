-- Together AI.
-- Docs: https://docs.together.ai/docs/rate-limits, https://docs.together.ai/reference/models-1
-- Facts as collected 2026-11-23 (CauldronUp/cauldron recipes/together, recorded).
-- What proves the key: GET /models (a bare array). A missing key is 401 as text/plain.
-- What the script cannot know: limits are dynamic, and told only when a request is refused.

local openai = require "openai"

return openai.provider {
  name = "together",
  title = "Together AI",
  base_url = "https://api.together.xyz/v1",
  keys = keys("TOGETHER_API_KEY", "TOGETHERAI_API_KEY", "TOGETHER_AI_API_KEY"),
  status_page = { url = "https://status.together.ai/index.json", format = "betterstack" },
  docs = "https://docs.together.ai/reference/models-1",
}
