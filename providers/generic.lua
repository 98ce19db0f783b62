-- Every other OpenAI-compatible API: a variable NAME_API_BASE with a NAME_API_KEY beside it makes the provider `name`,
-- asked at BASE/models with its key. Numbered keys count too. A NAME that has a script of its own is left to it.
-- What proves the key: GET /models at most such APIs; some list their models to anyone, and then only a script of its own
-- can tell (see lib/openai.lua, `models`). What the script cannot know: anything that is not common to them.

local openai = require "openai"

-- Names that the scripts beside this one take, and the proxy that the original tracker lived in.
local TAKEN = {
  groq = true, openrouter = true, together = true, togetherai = true, together_ai = true, nvidia = true,
  nvidia_nim = true, mistral = true, huggingface = true, gemini = true, google = true, google_generative_ai = true,
  gemini_cli = true, g4f = true, g4f_main = true, g4f_groq = true, g4f_grok = true, g4f_gemini = true,
  g4f_nvidia = true, g4f_ollama = true, g4f_pollinations = true, proxy = true,
}

local function provider_of(name, prefix, list)
  local variable = prefix .. "_API_BASE"
  local provider = openai.provider {
    name = name,
    fallback = true,
    title = prefix,
    base_url = env(variable),
    keys = list,
    docs = "https://platform.openai.com/docs/api-reference/models",
  }
  if not provider.base_url:find "^[Hh][Tt][Tt][Pp][Ss]?://[%w%[]" then
    -- One wrong variable must not take the other providers of this file with it.
    provider.missing =
      string.format("%s is '%s', expected a URL such as https://api.example.com/v1", variable, provider.base_url)
    provider.base_url = "https://base.invalid"
  end
  return provider
end

local providers = {}
for _, variable in ipairs(env_names "[A-Z][A-Z0-9_]*_API_BASE") do
  local prefix = variable:match "^(.+)_API_BASE$"
  local name = prefix:lower()
  local list = keys(prefix .. "_API_KEY")
  if not TAKEN[name] and #list > 0 and #name < 64 then
    providers[#providers + 1] = provider_of(name, prefix, list)
  end
end
return providers
