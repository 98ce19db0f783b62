-- Hugging Face Inference Providers.
-- Docs: https://huggingface.co/docs/inference-providers, https://huggingface.co/docs/hub/api
-- Facts as collected 2026-11-23 (CauldronUp/cauldron recipes/huggingface). The former api-inference.huggingface.co is
-- gone; the router took its place.
-- What proves the token: whoami-v2 of the hub (HF_ENDPOINT); the router's model list is public, and shows that the
-- router itself answers. Of whoami's answer, personal data, nothing is kept.
-- What the script cannot know: the month's credits; no call tells them.

local base = require "base"
local openai = require "openai"
local sample = require "sample"

local hub = (env("HF_ENDPOINT", "https://huggingface.co"):gsub("/+$", ""))

local function probe(provider, check)
  local headers = openai.headers(provider, check.key)
  local whoami = sample.from(http.get(hub .. "/api/whoami-v2", { headers = headers, expect = "json" }), provider)
  if not whoami.ok then
    whoami.message = "token check: " .. (whoami.message or "failed")
    return whoami
  end
  return sample.from(http.get(base.at(provider, "/models"), { headers = headers, expect = "json" }), provider)
end

return openai.provider {
  name = "huggingface",
  title = "Hugging Face",
  base_url = "https://router.huggingface.co/v1",
  origins = { hub },
  keys = keys("HUGGINGFACE_API_KEY", "HF_TOKEN", "HUGGINGFACE_HUB_TOKEN", "HUGGINGFACE_TOKEN"),
  status_page = { url = "https://status.huggingface.co/index.json", format = "betterstack" },
  docs = "https://huggingface.co/docs/inference-providers",
  probe = probe,
}
