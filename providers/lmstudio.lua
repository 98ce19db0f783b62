-- LM Studio's server.
-- Docs: https://lmstudio.ai/docs/developer/openai-compat, https://lmstudio.ai/docs/developer/rest
-- Facts as collected 2026-11-23 (the pages above).
-- Watched when LM_STUDIO_API_BASE or LMSTUDIO_API_BASE is set; the key is optional, as a server asks for none unless it is
-- told to.
-- What proves it: GET /models, which loads none. A path that the server does not know is a 200 with an error in it.
-- What the script cannot know: how long the first completion takes, which loads its model.

local base = require "base"
local openai = require "openai"

local place = env "LM_STUDIO_API_BASE" or env "LMSTUDIO_API_BASE"

local provider = openai.provider {
  name = "lmstudio",
  title = "LM Studio",
  base_url = place or "http://127.0.0.1:1234/v1",
  keys = keys("LM_STUDIO_API_KEY", "LMSTUDIO_API_KEY", "LM_API_TOKEN"),
  key_optional = true,
  missing = not place and "set LM_STUDIO_API_BASE" or nil,
  docs = "https://lmstudio.ai/docs/developer/openai-compat",
  probe = function(provider, check)
    return http.get(base.at(provider, "/models"), {
      headers = openai.headers(provider, check.key), expect = "json", keep = "always",
    })
  end,
}
provider.base_url = base.versioned(provider.base_url)
return provider
