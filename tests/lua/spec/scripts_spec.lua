-- What holds for every script of providers/.

local host = require "host"

local ALWAYS = { g4f = true, g4f_main = true, g4f_groq = true, g4f_grok = true, g4f_gemini = true, g4f_nvidia = true }

-- What to set, as the script says it when nothing is set.
local MISSING = {
  groq = "set GROQ_API_KEY",
  openrouter = "set OPENROUTER_API_KEY",
  together = "set TOGETHER_API_KEY",
  nvidia = "set NVIDIA_API_KEY",
  mistral = "set MISTRAL_API_KEY",
  huggingface = "set HUGGINGFACE_API_KEY",
  gemini = "set GEMINI_API_KEY",
  google = "set GOOGLE_API_KEY",
  gemini_cli = "set GEMINI_CLI_PROJECT_ID, or log in with gemini (~/.gemini/oauth_creds.json)",
  openai = "set OPENAI_API_KEY",
  anthropic = "set ANTHROPIC_API_KEY",
  deepseek = "set DEEPSEEK_API_KEY",
  cerebras = "set CEREBRAS_API_KEY",
  cohere = "set COHERE_API_KEY",
  xai = "set XAI_API_KEY",
  fireworks = "set FIREWORKS_API_KEY",
  sambanova = "set SAMBANOVA_API_KEY",
  perplexity = "set PERPLEXITY_API_KEY",
  deepinfra = "set DEEPINFRA_API_KEY",
  cloudflare = "set CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID",
  github_models = "retired on 2026-07-30; to watch it all the same, set GITHUB_MODELS_API_KEY",
  azure_openai = "set AZURE_OPENAI_API_KEY and AZURE_OPENAI_ENDPOINT",
  bedrock = "set AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
  vertex = "set VERTEXAI_PROJECT, and VERTEX_API_KEY, VERTEX_ACCESS_TOKEN or GOOGLE_APPLICATION_CREDENTIALS",
  moonshot = "set MOONSHOT_API_KEY",
  zai = "set ZAI_API_KEY",
  dashscope = "set DASHSCOPE_API_KEY",
  minimax = "set MINIMAX_API_KEY",
  siliconflow = "set SILICONFLOW_API_KEY",
  novita = "set NOVITA_API_KEY",
  hyperbolic = "set HYPERBOLIC_API_KEY",
  chutes = "set CHUTES_API_KEY",
  ollama = "set OLLAMA_HOST, OLLAMA_API_BASE or OLLAMA_API_KEY",
  vllm = "set VLLM_API_BASE or HOSTED_VLLM_API_BASE",
  llamacpp = "set LLAMACPP_API_BASE",
  lmstudio = "set LM_STUDIO_API_BASE",
  litellm = "set LITELLM_PROXY_API_BASE",
  g4f_ollama = "set G4F_OLLAMA_API_BASE or G4F_OLLAMA_API_KEY",
  g4f_pollinations = "set G4F_POLLINATIONS_API_BASE or G4F_POLLINATIONS_API_KEY",
}

local function script_names()
  local names = {}
  local listing = assert(io.popen "ls providers/*.lua")
  for path in listing:lines() do
    names[#names + 1] = path:match "([^/]+)%.lua$"
  end
  listing:close()
  return names
end

local function text_of(name)
  local file = assert(io.open("providers/" .. name .. ".lua"))
  local text = file:read "a"
  file:close()
  return text
end

describe("without any variable", function()
  for _, name in ipairs(script_names()) do
    it(name .. " loads, and is watched always or says what to set", function()
      local provider = host.new():load(name)
      if name == "generic" then
        assert.same({}, provider)
        return
      end
      assert.equal(name, provider.name)
      assert.equal(MISSING[name], provider.missing)
      assert.equal(ALWAYS[name] == nil, provider.missing ~= nil)
      assert.truthy(provider.docs:find "^https://")
      assert.is_string(provider.title)
    end)
  end

  it("every provider that is promised has a script", function()
    local there = {}
    for _, name in ipairs(script_names()) do
      there[name] = true
    end
    for _, promised in ipairs { ALWAYS, MISSING } do
      for name in pairs(promised) do
        assert.is_true(there[name], name)
      end
    end
  end)
end)

describe("every script", function()
  for _, name in ipairs(script_names()) do
    it(name .. " begins with where its facts come from", function()
      local head = text_of(name):match "^(%-%-.-)\n\n"
      assert.truthy(head and (head:find "https://" or head:find "lib/%w+%.lua"))
    end)
  end
end)

-- Variables that make each provider watched, with a base of its own.
local function variables_for(name)
  local prefix = name:upper()
  local variables = {
    [prefix .. "_API_BASE"] = "http://127.0.0.1:9/base/",
    [prefix .. "_API_KEY"] = "test-key-0123456789abcdef",
    HF_ENDPOINT = "http://127.0.0.1:9/hub/",
  }
  if name == "gemini_cli" then
    variables.GEMINI_CLI_1_ACCESS_TOKEN = "test-token-0123456789abcdef"
  end
  return variables
end

describe("NAME_API_BASE", function()
  for _, name in ipairs(script_names()) do
    if name ~= "generic" then
      it("moves " .. name .. ", with or without a slash at its end", function()
        local h = host.new { env = variables_for(name) }
        local provider = h:load(name)
        assert.equal("http://127.0.0.1:9/base", provider.base_url)
        h:check(provider, function()
          return { error = "connect", message = "refused" }
        end)
        assert.truthy(h.requests[1].url:find("http://127.0.0.1:9/", 1, true), h.requests[1].url)
        assert.is_nil(h.requests[1].url:find("[^:]//"), h.requests[1].url)
      end)
    end
  end
end)

describe("a base_url that the configuration sets after loading", function()
  for _, name in ipairs(script_names()) do
    if name ~= "generic" then
      it("is where " .. name .. " asks", function()
        local h = host.new { env = variables_for(name) }
        local provider = h:load(name)
        provider.base_url = "https://mirror.example/v9/"
        local sample = h:check(provider, function(request)
          if request.url:find "whoami" then
            return { status = 200, body = { name = "me" } }
          end
          return { error = "timeout", message = "no answer in 10s" }
        end)
        local asked = h.requests[#h.requests].url
        assert.truthy(asked:find("https://mirror.example/v9/[^/]"), asked)
        assert.equal("timeout", sample.kind)
        assert.equal("no answer in 10s", sample.message)
      end)
    end
  end
end)

-- The README's programs have to be right, too.
describe("providers/README.md", function()
  local file = assert(io.open "providers/README.md")
  local text = file:read "a"
  file:close()
  local programs = {}
  for program in text:gmatch "```lua\n(.-)```" do
    if program:find "\nreturn " then -- whole scripts, not parts of one
      programs[#programs + 1] = program
    end
  end

  it("has two programs that load", function()
    assert.equal(2, #programs)
    for _, program in ipairs(programs) do
      assert.equal("set ACME_", host.new():run(program).missing:sub(1, 9))
    end
  end)

  it("names every library", function()
    local listing = assert(io.popen "ls providers/lib/*.lua")
    for path in listing:lines() do
      local name = path:match "([^/]+)%.lua$"
      assert.truthy(text:find("`" .. name .. ".", 1, true), name)
    end
    listing:close()
  end)

  it("names functions that the annotations declare, and the other way round", function()
    local declared = assert(io.open "providers/lib/annotations.lua"):read "a"
    local functions = text:match "\n## Functions\n(.-)\n## " or text:match "\n## Functions\n(.-)\n### "
    local named = {}
    for cell in functions:gmatch "\n| (%b``[^|]*)|" do
      for name in cell:gmatch "[%a_][%w_.]*" do
        named[name] = true
      end
    end
    local count = 0
    for name in declared:gmatch "\nfunction ([%w_.]+)%(" do
      assert.is_true(named[name], name)
      count = count + 1
    end
    for name in functions:gmatch "`([%a_][%w_.]*)%(" do
      assert.truthy(declared:find("function " .. name .. "(", 1, true) or name == "require", name) -- Lua's own
    end
    assert.is_true(count > 15)
  end)

  it("teaches a provider of one request", function()
    local h = host.new { env = { ACME_API_KEY = "test-key-0123456789abcdef" } }
    local sample = h:check(h:run(programs[1]), { { status = 200, body = { data = {} } } })
    assert.is_true(sample.ok)
    assert.equal("https://api.acme.example/v1/models", h.requests[1].url)
  end)

  it("teaches a provider that fetches a token first, and keeps it", function()
    local h = host.new { env = { ACME_CLIENT_ID = "id", ACME_CLIENT_SECRET = "test-secret-0123456789" } }
    local provider = h:run(programs[2])
    local fine = { status = 200, body = { data = {} } }
    local granted = { status = 200, body = { access_token = "test-token-0123456789", expires_in = 3600 } }
    local sample = h:check(provider, { granted, fine })
    assert.is_true(sample.ok)
    assert.equal("test-secret-0123456789", h.requests[1].form.client_secret)
    assert.equal("Bearer test-token-0123456789", h.requests[2].headers.authorization)
    assert.is_true(h:check(provider, { fine }).ok)
    assert.equal(1, #h.requests)
  end)
end)
