-- GitHub Models, which is closed.
-- Docs: https://github.com/orgs/community/discussions/203602 (closed to new users 2026-06-16, retired 2026-07-30)
-- Facts as collected 2026-11-23 (the page above; recorded errors).
-- models.github.ai answered 410 during the retirement, and models.inference.ai.azure.com no longer has an address: both are
-- `retired`. A completion of one token is asked for, so that another server at GITHUB_MODELS_API_BASE can be watched.
-- Listed for a key of its own only: GITHUB_TOKEN is set on many machines for other reasons.
-- GitHub's status page no longer speaks of it.

local openai = require "openai"

local function classify(response, text, code)
  local is_retirement = (code or ""):find "retirement" or (text or ""):find "retirement"
  return (response.status == 410 or is_retirement) and "retired" or nil
end

local function probe(provider, check)
  local result = openai.one_token(provider, check.key)
  if result.kind == "dns" then
    result.kind = "retired"
    result.message = "GitHub Models was retired on 2026-07-30, and its name is gone: " .. result.message
  end
  return result
end

local list = keys("GITHUB_MODELS_API_KEY", "GITHUB_API_KEY")

return openai.provider {
  name = "github_models",
  title = "GitHub Models (retired)",
  base_url = "https://models.github.ai/inference",
  keys = list,
  missing = #list == 0 and "retired on 2026-07-30; to watch it all the same, set GITHUB_MODELS_API_KEY" or nil,
  models = { "openai/gpt-4.1-mini", "openai/gpt-4o-mini" },
  docs = "https://github.com/orgs/community/discussions/203602",
  classify = classify,
  probe = probe,
}
