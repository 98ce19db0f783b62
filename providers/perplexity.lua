-- Perplexity.
-- Docs: https://docs.perplexity.ai/api-reference/models-get
-- Facts as collected 2026-11-23 (CauldronUp/cauldron recipes/perplexity, recorded; steipete/CodexBar docs/perplexity.md).
-- What proves the key: GET /v1/models, 401 without a good one. It lists the models of the Agent API and not Sonar, so it
-- cannot tell whether a Sonar id exists. Completions are at /chat/completions without a version, and each one costs a
-- search fee: none are asked for here.
-- A path that does not exist is a 404 of no bytes.
-- What the script cannot know: limits and the balance; nothing tells them.

local openai = require "openai"

return openai.provider {
  name = "perplexity",
  title = "Perplexity",
  base_url = env("PERPLEXITYAI_API_BASE", "https://api.perplexity.ai"),
  keys = keys("PERPLEXITY_API_KEY", "PERPLEXITYAI_API_KEY", "PPLX_API_KEY"),
  path = "/v1/models",
  deep = { models = { "sonar" } },
  models_path = "/v1/models",
  docs = "https://docs.perplexity.ai/api-reference/models-get",
  status_page = { url = "https://status.perplexity.com/summary.json", format = "instatus" },
}
