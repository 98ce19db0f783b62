-- A vLLM server.
-- Docs: https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
-- Facts as collected 2026-11-23 (vllm-project/vllm vllm/entrypoints/openai/{api_server,server_utils}.py).
-- Watched when VLLM_API_BASE or HOSTED_VLLM_API_BASE is set; the key is optional.
-- What proves it: GET /health, a 503 of no bytes when the engine is dead, though the model list would still answer; then
-- GET /models, which is behind the key where the server has one. A gateway in front may not know /health: never mind.
-- What the script cannot know: how long the queue is, without reading /metrics.

local base = require "base"
local openai = require "openai"
local sample = require "sample"

local function probe(provider, check)
  local health = sample.from(http.get(base.root(provider, "/v1") .. "/health", {
    headers = openai.headers(provider, check.key),
    keep = "errors",
  }), provider)
  if not health.ok and health.kind ~= "bad_path" then
    return health
  end
  return (openai.ask(provider, check.key, "/models"))
end

local place = env "VLLM_API_BASE" or env "HOSTED_VLLM_API_BASE"

local provider = openai.provider {
  name = "vllm",
  title = "vLLM",
  base_url = place or "http://127.0.0.1:8000/v1",
  keys = keys("VLLM_API_KEY", "HOSTED_VLLM_API_KEY"),
  key_optional = true,
  missing = not place and "set VLLM_API_BASE or HOSTED_VLLM_API_BASE" or nil,
  docs = "https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
  probe = probe,
}
provider.base_url = base.versioned(provider.base_url)
return provider
