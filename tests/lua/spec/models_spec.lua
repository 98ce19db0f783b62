-- Lists of models, in the shapes that providers answer with.

local host = require "host"

local h, models, provider

before_each(function()
  h = host.new { env = { ACME_API_KEY = "test-key-0123456789abcdef" } }
  models = h:library "models"
  provider = { name = "acme", base_url = "https://api.acme.example/v1", keys = h.globals.keys "ACME_API_KEY" }
end)

local function list(dialect, ...)
  local answers = {}
  for i, body in ipairs { ... } do
    answers[i] = { status = 200, body = body }
  end
  return h:call(models[dialect], provider, answers)
end

local function first(dialect, entry)
  return list(dialect, { data = { entry }, models = { entry }, result = { entry }, modelSummaries = { entry } })[1]
end

describe("models.openai", function()
  it("reads {data}, {models} and a bare array", function()
    for _, body in ipairs { { data = { { id = "m" } } }, { models = { { id = "m" } } }, { { id = "m" } } } do
      assert.same({ { id = "m" } }, (list("openai", body)))
      assert.equal("https://api.acme.example/v1/models", h.requests[1].url)
      assert.equal("Bearer test-key-0123456789abcdef", h.requests[1].headers.authorization)
    end
    assert.same({}, (list("openai", "[]")))
    assert.same({}, (list("openai", '{"data":[]}')))
  end)

  it("finds the context, whatever it is called", function()
    for _, field in ipairs { "context_length", "context_window", "max_context_length", "max_model_len" } do
      assert.equal(8192, first("openai", { id = "m", [field] = 8192 }).context)
    end
    assert.equal(4096, first("openai", { id = "m", top_provider = { context_length = 4096 } }).context)
    assert.is_nil(first("openai", { id = "m", context_length = -1 }).context)
  end)

  it("takes what a model can do from whoever says it", function()
    local function features(entry)
      entry.id = "m"
      return first("openai", entry).features
    end
    assert.same({ "tools", "vision", "json" }, features { -- OpenRouter
      supported_parameters = { "response_format", "max_tokens", "tools" },
      architecture = { input_modalities = { "text", "image" } },
    })
    assert.same({ "tools" }, features { capabilities = { function_calling = true, vision = false } }) -- Mistral
    assert.same({ "tools", "vision" }, features { supports_tools = true, supports_image_input = true }) -- Fireworks
    assert.same({ "tools" }, features { providers = { { provider = "a" }, { supports_tools = true } } }) -- Hugging Face
    assert.is_nil(features { capabilities = { completion_chat = true } })
    assert.is_nil(features { supported_parameters = "tools", architecture = { input_modalities = 7 } })
  end)

  it("brings prices to one unit", function()
    local function price(pricing, more)
      local entry = more or { id = "m" }
      entry.pricing = pricing
      return first("openai", entry).price
    end
    assert.near(0.28, price { prompt = "0.00000008", completion = "0.0000002" }, 1e-9) -- OpenRouter
    assert.near(0.6, price { input = 0.3, output = 0.3, hourly = 0 }, 1e-9) -- Together
    assert.near(1.0, price { prompt = 0.2, completion = 0.8 }, 1e-9) -- Chutes
    assert.equal(0, price { prompt = "0", completion = "0" })
    assert.is_nil(price { prompt = "-1", completion = "-1" }) -- a router, whose price depends
    assert.is_nil(price { prompt = "much", completion = {} })
    assert.is_nil(price(nil))
    assert.near(0.5, price(nil, { id = "m", providers = {
      { provider = "a", pricing = { input = 1, output = 2 } }, { provider = "b", pricing = { input = 0.1, output = 0.4 } },
    } }), 1e-9) -- Hugging Face
  end)

  it("says which models chat, where the list does", function()
    assert.is_true(first("openai", { id = "m", capabilities = { completion_chat = true } }).chat)
    assert.is_false(first("openai", { id = "m", capabilities = { completion_chat = false } }).chat)
    assert.is_false(first("openai", { id = "m", supports_chat = false }).chat)
    assert.is_true(first("openai", { id = "m", type = "chat" }).chat)
    assert.is_false(first("openai", { id = "m", type = "embedding" }).chat)
    assert.is_false(first("openai", { id = "m", architecture = { output_modalities = { "image" } } }).chat)
    assert.is_nil(first("openai", { id = "m", type = "model" }).chat)
  end)

  it("says which models end", function()
    for _, entry in ipairs { { active = false }, { deprecated = true }, { deprecation = "2026-12-01T00:00:00Z" } } do
      entry.id = "m"
      assert.is_true(first("openai", entry).deprecated)
    end
    local null = h.globals.json.null
    assert.is_nil(first("openai", { id = "m", active = true, deprecated = false, deprecation = null }).deprecated)
  end)

  it("reads the time of creation, but not 0", function()
    assert.equal(1754408224, first("openai", { id = "m", created = 1754408224 }).created)
    assert.is_nil(first("openai", { id = "m", created = 0 }).created)
  end)

  it("leaves out what is no id, and says so once", function()
    local body = '{"data":[{"id":"good"},{"id":"' .. ("x"):rep(128) .. '"},{"id":"a\\u0000b"},{"id":7},{},null,"text",'
      .. '{"id":"good"},{"id":"' .. ("x"):rep(127) .. '"},{"id":"bad\xff"}]}'
    local got = list("openai", body)
    assert.equal(2, #got)
    assert.equal("good", got[1].id)
    assert.equal(1, #h.log)
    assert.truthy(h.log[1]:find("7 of 9 models left out", 1, true), h.log[1])
    list("openai", body)
    assert.equal(1, #h.log)
  end)

  it("takes no more than 2000", function()
    local entries = {}
    for i = 1, 2500 do
      entries[i] = { id = "m" .. i }
    end
    assert.equal(2000, #list("openai", { data = entries }))
  end)

  it("gives the failed sample when there is no list", function()
    local got, failed = h:call(models.openai, provider, { { status = 401, body = { error = "bad key" } } })
    assert.is_nil(got)
    assert.equal("key_invalid", failed.kind)
    for _, body in ipairs { '{"data":null}', '{"object":"list"}', '"x"', "7" } do
      got, failed = h:call(models.openai, provider, { { status = 200, body = body } })
      assert.is_nil(got, body)
      assert.equal("bad_response", failed.kind)
    end
  end)
end)

describe("lists with pages", function()
  it("are read to their end at Anthropic", function()
    local got = list("anthropic",
      { data = { { type = "model", id = "a", created_at = "2026-05-22T00:00:00Z" } }, has_more = true, last_id = "a b" },
      { data = { { type = "model", id = "c" } }, has_more = false, last_id = "c" })
    assert.same({ { id = "a", created = 1779408000, chat = true }, { id = "c", chat = true } }, got)
    assert.equal("https://api.acme.example/v1/models?limit=1000", h.requests[1].url)
    assert.equal("https://api.acme.example/v1/models?limit=1000&after_id=a%20b", h.requests[2].url)
    assert.equal("test-key-0123456789abcdef", h.requests[1].headers["x-api-key"])
    assert.equal("2023-06-01", h.requests[1].headers["anthropic-version"])
  end)

  it("are read to their end at Gemini", function()
    local got = list("gemini", { nextPageToken = "t", models = {
      { name = "models/gemini-x", inputTokenLimit = 1048576, supportedGenerationMethods = { "generateContent" } },
    } }, { models = { { name = "models/embedding", supportedGenerationMethods = { "embedContent" } } } })
    assert.same({ { id = "gemini-x", context = 1048576, chat = true }, { id = "embedding", chat = false } }, got)
    assert.equal("https://api.acme.example/v1/models?pageSize=1000&pageToken=t", h.requests[2].url)
  end)

  it("are read to their end at Cohere", function()
    local got = list("cohere", { next_page_token = "t", models = {
      { name = "command-a", endpoints = { "chat" }, context_length = 256000 },
    } }, { models = { { name = "embed", endpoints = { "embed" } } }, next_page_token = "" })
    assert.same({ { id = "command-a", context = 256000, chat = true }, { id = "embed", chat = false } }, got)
  end)

  it("end after ten, even if there are more", function()
    local got = h:call(models.anthropic, provider, function()
      return { status = 200, body = { data = { { id = "m" .. #h.requests } }, has_more = true, last_id = "x" } }
    end)
    assert.equal(10, #got)
  end)

  it("fail as a whole when a page fails", function()
    local got, failed = h:call(models.anthropic, provider, {
      { status = 200, body = { data = { { id = "a" } }, has_more = true, last_id = "a" } }, { status = 500 },
    })
    assert.is_nil(got)
    assert.equal("server_error", failed.kind)
  end)
end)

describe("other lists", function()
  it("are read at Cloudflare, beside the OpenAI path", function()
    provider.base_url = "https://api.acme.example/client/v4/accounts/a/ai/v1"
    local got = list("cloudflare", { success = true, result = {
      { name = "@cf/meta/llama", task = { name = "Text Generation" },
        properties = { { property_id = "context_window", value = "7968" } } },
      { name = "@cf/baai/bge", task = { name = "Text Embeddings" } },
    } })
    assert.same({ { id = "@cf/meta/llama", context = 7968, chat = true }, { id = "@cf/baai/bge", chat = false } }, got)
    assert.equal("https://api.acme.example/client/v4/accounts/a/ai/models/search?per_page=1000", h.requests[1].url)
  end)

  it("begin with the smallest at Ollama", function()
    local got = list("ollama", { models = {
      { name = "big", size = 9608350245 }, { name = "small", model = "small:latest", size = 815319791 },
    } })
    assert.same({ { id = "small:latest" }, { id = "big" } }, got)
  end)

  it("say at Bedrock what can be called", function()
    local got = list("bedrock", { modelSummaries = {
      { modelId = "a", inferenceTypesSupported = { "ON_DEMAND" }, modelLifecycle = { status = "ACTIVE" },
        outputModalities = { "TEXT" } },
      { modelId = "b", inferenceTypesSupported = { "PROVISIONED" }, modelLifecycle = { status = "LEGACY" } },
    } })
    assert.same({ { id = "a", chat = true }, { id = "b", chat = false, deprecated = true } }, got)
  end)
end)

describe("any list", function()
  local VALUES = { "", "m", 0, -1, 1e300, true, false, { 1 }, { a = 1 }, { { id = "x" } }, { "text" }, "2026-01-01" }
  local FIELDS = { "id", "name", "model", "modelId", "context_length", "pricing", "created", "created_at", "capabilities",
    "architecture", "providers", "endpoints", "task", "properties", "size", "supportedGenerationMethods", "inputTokenLimit",
    "modelLifecycle", "inferenceTypesSupported", "outputModalities", "deprecated", "active", "type" }

  it("is read without raising when it is garbage", function()
    math.randomseed(20261123)
    for _, dialect in ipairs { "openai", "gemini", "anthropic", "cohere", "cloudflare", "ollama", "bedrock" } do
      for _ = 1, 200 do
        local entries = {}
        for i = 1, math.random(0, 4) do
          entries[i] = {}
          for _ = 1, math.random(0, 6) do
            entries[i][FIELDS[math.random(#FIELDS)]] = VALUES[math.random(#VALUES)]
          end
        end
        local body = { data = entries, models = entries, result = entries, modelSummaries = entries }
        local got, failed = h:call(models[dialect], provider, function()
          return { status = 200, body = body }
        end)
        assert.is_true(type(got) == "table" or type(failed) == "table")
        for _, model in ipairs(got or {}) do
          assert.is_string(model.id)
          assert.is_true(model.price == nil or model.price >= 0)
          assert.is_true(model.chat == nil or type(model.chat) == "boolean")
        end
      end
    end
  end)
end)
