-- Groq.
-- Docs: https://console.groq.com/docs/api-reference, https://console.groq.com/docs/rate-limits
-- Facts as collected 2026-11-23 (recorded answers of 2026-07 and 2026-08).
-- What proves the key: GET /models, 401 without a good one. Its Cloudflare edge refuses some user agents with
-- "error code: 1010": that is `waf`, and GROQ_USER_AGENT is the way round it.
-- Its requests are counted by the day, its tokens by the minute.
-- What the script cannot know: limits are sent on completions; whether /models carries them too is not confirmed.

local openai = require "openai"

return openai.provider {
  name = "groq",
  title = "Groq",
  base_url = "https://api.groq.com/openai/v1",
  keys = keys "GROQ_API_KEY",
  limit_windows = { requests = 86400, tokens = 60 },
  status_page = { url = "https://groqstatus.com/api/v2/summary.json", format = "incident.io", component = "API" },
  docs = "https://console.groq.com/docs/api-reference",
}
