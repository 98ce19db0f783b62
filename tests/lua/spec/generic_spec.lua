local host = require "host"

local function load(env)
  local h = host.new { env = env }
  return h:load "generic", h
end

local function names(env)
  local list = {}
  for i, provider in ipairs(load(env)) do
    list[i] = provider.name
  end
  return list
end

local BASE = "https://api.example.com/v1"

describe("generic", function()
  it("makes a provider of a base with a key beside it", function()
    local providers, h = load { ACME_AI_API_BASE = BASE .. "/", ACME_AI_API_KEY = "test-key-0123456789abcdef" }
    assert.equal(1, #providers)
    assert.equal("acme_ai", providers[1].name)
    assert.is_true(providers[1].fallback) -- a script of that name goes first
    assert.is_nil(providers[1].missing)
    assert.is_true(h:check(providers[1], { { status = 200, body = { data = {} } } }).ok)
    assert.equal(BASE .. "/models", h.requests[1].url)
    assert.same({ authorization = "Bearer test-key-0123456789abcdef" }, h.requests[1].headers)
  end)

  it("wants both, and neither empty", function()
    assert.same({}, names { ACME_API_BASE = BASE })
    assert.same({}, names { ACME_API_KEY = "k" })
    assert.same({}, names { ACME_API_BASE = "", ACME_API_KEY = "k" })
    assert.same({}, names { ACME_API_BASE = BASE, ACME_API_KEY = "" })
  end)

  it("takes numbered keys", function()
    local providers, h = load {
      ACME_API_BASE = BASE, ACME_API_KEY_1 = "test-key-one-01234", ACME_API_KEY_2 = "test-key-two-01234",
    }
    assert.is_true(h:check(providers[1], { { status = 200, body = {} } }, { key = 2 }).ok)
    assert.equal("Bearer test-key-two-01234", h.requests[1].headers.authorization)
  end)

  it("leaves the names to their own scripts, by whatever name the key goes", function()
    local taken = { "PROXY" }
    local listing = assert(io.popen "ls providers/*.lua")
    for path in listing:lines() do
      taken[#taken + 1] = path:match("([^/]+)%.lua$"):upper()
    end
    listing:close()
    assert.is_true(#taken > 15)
    for _, name in ipairs(taken) do
      if name ~= "GENERIC" then
        assert.same({}, names { [name .. "_API_BASE"] = BASE, [name .. "_API_KEY"] = "k" }, name)
      end
    end
    for alias in ([[TOGETHERAI TOGETHER_AI NVIDIA_NIM GOOGLE_GENERATIVE_AI CO FIREWORKS_AI PERPLEXITYAI PPLX GITHUB AZURE AWS
      VERTEXAI VERTEX_AI KIMI Z_AI ZHIPU ZHIPUAI BIGMODEL GLM QWEN MINIMAX_CODING HOSTED_VLLM LLAMA_CPP LLAMA LM_STUDIO
      LITELLM_PROXY]]):gmatch "%S+" do
      assert.same({}, names { [alias .. "_API_BASE"] = BASE, [alias .. "_API_KEY"] = "k" }, alias)
    end
  end)

  it("finds all of them, in the order of their names", function()
    assert.same({ "a1", "b" }, names { B_API_BASE = BASE, B_API_KEY = "k", A1_API_BASE = BASE, A1_API_KEY = "l" })
  end)

  it("passes over names that no provider can have", function()
    local long = ("A"):rep(70)
    assert.same({}, names { [long .. "_API_BASE"] = BASE, [long .. "_API_KEY"] = "k" })
    assert.same({}, names { ["_API_BASE"] = BASE, ["_API_KEY"] = "k" })
    assert.same({}, names { ["__API_BASE"] = BASE, ["__API_KEY"] = "k" })
  end)

  it("says of a base that is no URL what is wrong with it, and of it alone", function()
    local providers = load { ACME_API_BASE = "api.example.com", ACME_API_KEY = "k", B_API_BASE = BASE, B_API_KEY = "k" }
    assert.equal(2, #providers)
    assert.truthy(providers[1].missing:find("ACME_API_BASE", 1, true))
    assert.is_nil(providers[2].missing)
  end)
end)
