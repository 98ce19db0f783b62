-- SambaNova Cloud.
-- Docs: https://docs.sambanova.ai/docs/en/models/rate-limits,
-- https://docs.sambanova.ai/docs/en/api-reference/using-the-api/api-error-codes
-- Facts as collected 2026-11-23 (the pages above, as stored in 2026).
-- What proves the key: nothing but a completion; GET /models answers to anyone. A free account has about 20 completions a
-- day and model. So each check asks for the list, which shows that the API answers, and every sixth hour one token is
-- asked for besides, of the first model that works; a refusal is asked about again at the next check.
-- Limits come with completions, by the minute, and by the day with a suffix. The developer tier also has 20 million tokens
-- a day that no header tells.
-- What the script cannot know: the form of their resets, which is not documented (lib/limits.lua tells by its size).

local openai = require "openai"

local PROOF_LASTS_S = 6 * 3600

-- When each key was proven last.
local proven_at = {}

local function probe(provider, check)
  local listed = openai.ask(provider, check.key, "/models")
  local number = check.key_number or 1
  if not listed.ok or now() - (proven_at[number] or 0) < PROOF_LASTS_S then
    return listed
  end
  local result = openai.one_token(provider, check.key)
  proven_at[number] = result.ok and now() or nil
  return result
end

return openai.provider {
  name = "sambanova",
  title = "SambaNova Cloud",
  base_url = "https://api.sambanova.ai/v1",
  keys = keys "SAMBANOVA_API_KEY",
  models = { "Meta-Llama-3.3-70B-Instruct", "gpt-oss-120b", "DeepSeek-V3.1", "Meta-Llama-3.1-8B-Instruct" },
  docs = "https://docs.sambanova.ai/docs/en/models/rate-limits",
  probe = probe,
}
