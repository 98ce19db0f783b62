-- Cerebras.
-- Docs: https://inference-docs.cerebras.ai/api-reference/models/list-models,
-- https://inference-docs.cerebras.ai/support/rate-limits
-- Facts as collected 2026-11-23 (CauldronUp/cauldron recipes/cerebras, recorded; measured limits of 2026-08).
-- What proves the key: GET /models. A missing key is 403, a wrong one 401. The Cloudflare edge refuses some user agents
-- with "error code: 1010": that is `waf`, and CEREBRAS_USER_AGENT is the way round it.
-- Tokens are reserved in advance from max_completion_tokens, so completions here ask for few. A full queue is a 429.
-- What the script cannot know: limits come with completions that succeed; whether /models carries them is not confirmed.
-- The list may hold archived models.

local openai = require "openai"

return openai.provider {
  name = "cerebras",
  title = "Cerebras",
  base_url = "https://api.cerebras.ai/v1",
  keys = keys "CEREBRAS_API_KEY",
  docs = "https://inference-docs.cerebras.ai/api-reference/models/list-models",
  status_page = { url = "https://status.cerebras.ai/api/v2/summary.json", format = "statuspage" },
}
