-- Every other OpenAI-compatible API: a variable NAME_API_BASE with a NAME_API_KEY beside it makes the provider `name`,
-- asked at BASE/models with its key. Numbered keys count too. A NAME that has a script of its own is left to it.
-- What proves the key: GET /models at most such APIs; some list their models to anyone, and then only a script of its own
-- can tell (see lib/openai.lua, `models`). What the script cannot know: anything that is not common to them.

local openai = require "openai"

-- Names that the scripts beside this one take, by whatever name their keys go; those of other things that have keys
-- and bases; and the proxy that the original tracker lived in.
local TAKEN = {}
for name in ([[
  groq openrouter together togetherai together_ai nvidia nvidia_nim mistral huggingface gemini google
  google_generative_ai gemini_cli g4f g4f_main g4f_groq g4f_grok g4f_gemini g4f_nvidia g4f_ollama g4f_pollinations proxy
  openai anthropic deepseek cerebras cohere co xai fireworks fireworks_ai sambanova perplexity perplexityai pplx deepinfra
  cloudflare github github_models azure azure_openai bedrock aws vertex vertexai vertex_ai google_cloud moonshot kimi zai
  z_ai zhipu zhipuai bigmodel glm dashscope qwen minimax minimax_coding siliconflow novita hyperbolic chutes ollama vllm
  hosted_vllm llamacpp llama_cpp llama lmstudio lm_studio litellm litellm_proxy
]]):gmatch "%S+" do
  TAKEN[name] = true
end

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
