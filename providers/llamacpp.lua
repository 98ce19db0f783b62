-- A llama.cpp server (llama-server).
-- Docs: https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
-- Facts as collected 2026-11-23 (the page above).
-- Watched when LLAMACPP_API_BASE or LLAMA_CPP_API_BASE is set; the key is optional.
-- What proves it: GET /health, open to anyone, which is a 503 while the model is loading (`capacity`). /health and the model
-- list are open though the server may have a key; so with a key GET /props is asked besides, which is behind it.
-- What the script cannot know: whether a completion would be queued; /slots and /metrics have to be switched on.

local base = require "base"
local openai = require "openai"
local sample = require "sample"

local function ask(provider, check, path)
  local url = base.root(provider, "/v1") .. path
  return sample.from(http.get(url, { headers = openai.headers(provider, check.key), expect = "json" }), provider)
end

local function probe(provider, check)
  local health = ask(provider, check, "/health")
  if not health.ok or not check.key then
    return health
  end
  return ask(provider, check, "/props")
end

local place = env "LLAMACPP_API_BASE" or env "LLAMA_CPP_API_BASE"

return openai.provider {
  name = "llamacpp",
  title = "llama.cpp",
  base_url = place or "http://127.0.0.1:8080",
  keys = keys("LLAMACPP_API_KEY", "LLAMA_CPP_API_KEY", "LLAMA_API_KEY"),
  key_optional = true,
  missing = not place and "set LLAMACPP_API_BASE" or nil,
  docs = "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
  probe = probe,
}
