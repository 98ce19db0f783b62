-- Ollama, on a machine of one's own or in its cloud.
-- Docs: https://docs.ollama.com/api, https://docs.ollama.com/cloud
-- Facts as collected 2026-11-23 (ollama/ollama docs/api.md, server/routes.go; steipete/CodexBar docs/ollama.md).
-- Watched when OLLAMA_HOST (as Ollama reads it: a host, host:port or URL), OLLAMA_API_BASE or OLLAMA_API_KEY is set; a key
-- without a host is for https://ollama.com.
-- What proves it: GET /api/version, which loads no model into memory. The cloud's lists are open to anyone; there POST
-- /api/me proves the key. That call is Ollama's own client's and not documented.
-- What the script cannot know: whether a model fits into the machine; and what is left of the cloud plan's windows.

local base = require "base"
local chat = require "chat"
local models = require "models"
local openai = require "openai"
local sample = require "sample"

local PORT = 11434

-- "0.0.0.0", "gpu:8080", "[::1]", "https://ollama.example": the client's view of OLLAMA_HOST. The paths of OpenAI's API,
-- under /v1, are beside Ollama's own.
local function url_of(host)
  host = host:gsub("/+$", "")
  if host:find "^%a+://" then
    return (host:gsub("/v1$", ""))
  end
  host = host:gsub("^0%.0%.0%.0%f[:\0]", "127.0.0.1"):gsub("^:", "127.0.0.1:")
  local is_bare = host:find "^%[[^%]]*%]$" or not host:find(":", 1, true)
  return "http://" .. host .. (is_bare and ":" .. PORT or "")
end

local function probe(provider, check)
  local headers = openai.headers(provider, check.key)
  if check.key and provider.base_url:find "^https://ollama%.com" then
    local response = http.post(base.at(provider, "/api/me"), { headers = headers, body = "", expect = "json" })
    return sample.from(response, provider)
  end
  return sample.from(http.get(base.at(provider, "/api/version"), { headers = headers, expect = "json" }), provider)
end

local list = keys "OLLAMA_API_KEY"
local host = env "OLLAMA_HOST"
local is_set = host or env "OLLAMA_API_BASE" or #list > 0

local provider = openai.provider {
  name = "ollama",
  title = "Ollama",
  base_url = host and url_of(host) or #list > 0 and "https://ollama.com" or "http://127.0.0.1:11434",
  keys = list,
  key_optional = true,
  missing = not is_set and "set OLLAMA_HOST, OLLAMA_API_BASE or OLLAMA_API_KEY" or nil,
  docs = "https://docs.ollama.com/api",
  probe = probe,
  list_models = models.ollama,
  complete = chat.ollama,
}
provider.base_url = url_of(provider.base_url)
return provider
