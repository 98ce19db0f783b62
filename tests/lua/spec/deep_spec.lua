-- Checks by a small completion: which model is asked, what counts as an answer, what it costs.

local host = require "host"

local h, deep, provider

before_each(function()
  h = host.new { env = { ACME_API_KEY = "test-key-0123456789abcdef" } }
  deep = h:library "deep"
  provider = {
    name = "acme", base_url = "https://api.acme.example/v1", keys = h.globals.keys "ACME_API_KEY",
    complete = h:library "chat".openai,
  }
end)

local MODELS = { { id = "tiny-1b" }, { id = "small-7b" }, { id = "big-70b" }, { id = "huge-400b" } }

local function run(answers, check)
  check = check or {}
  check.rung = check.rung or "tiny"
  check.models = check.models or MODELS
  check.tokens_left = check.tokens_left or 1000
  return (h:call(deep.run, provider, answers, nil, check))
end

local function words_of(request)
  return request.json.messages[1].content:match "^Repeat these words and nothing else: (.+)$"
end

local function says(text, more)
  local body = { model = "tiny-1b", choices = { { message = { content = text }, finish_reason = "stop" } },
    usage = { prompt_tokens = 20, completion_tokens = 6 } }
  for name, value in pairs(more or {}) do
    body[name] = value
  end
  return { status = 200, body = body }
end

local function echo(request)
  return says(words_of(request), { model = request.json.model })
end

local GONE = { status = 404, body = { error = { message = "no such model", code = "model_not_found" } } }
local BUSY = { status = 503, body = { error = { message = "overloaded" } } }

describe("deep.run", function()
  it("asks for five words and takes them back", function()
    local sample = run(echo)
    assert.is_true(sample.ok)
    assert.equal("tiny", sample.rung)
    assert.equal("tiny-1b", sample.model_asked)
    assert.equal("tiny-1b", sample.model)
    assert.is_nil(sample.model_mismatch)
    assert.is_nil(sample.text)
    assert.equal(26, sample.tokens_spent)
    assert.equal(16, h.requests[1].json.max_tokens)
    assert.is_nil(h.requests[1].json.stream)
    local _, count = words_of(h.requests[1]):gsub("%a+", "")
    assert.equal(5, count)
  end)

  it("never asks twice for the same", function()
    local seen, different = {}, 0
    for _ = 1, 20 do
      run(echo)
      local words = words_of(h.requests[1])
      different = different + (seen[words] and 0 or 1)
      seen[words] = true
    end
    assert.is_true(different >= 19)
  end)

  it("times a stream", function()
    local sample = run(function(request)
      local body, arrivals = "", {}
      for i, word in ipairs { words_of(request):match "(%a+) (%a+)" } do
        body = body .. 'data: {"model":"tiny-1b","choices":[{"delta":{"content":"' .. word .. ' "}}]}\n\n'
        arrivals[i] = { bytes = #body, ms = 100 * i }
      end
      body = body .. 'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
      arrivals[#arrivals + 1] = { bytes = #body, ms = 300 }
      return { status = 200, headers = { ["content-type"] = "text/event-stream" }, body = body, arrivals = arrivals }
    end, { rung = "timed" })
    assert.is_true(sample.ok)
    assert.equal("timed", sample.rung)
    assert.equal(100, sample.first_token_ms)
    assert.near(10, sample.tokens_per_second, 1e-9)
    assert.is_true(h.requests[1].json.stream)
  end)

  it("says that a timed check was a tiny one, when the answer came in one piece", function()
    assert.equal("tiny", run(echo, { rung = "timed" }).rung)
  end)

  it("takes one of the words in at most six as an answer, whatever surrounds it", function()
    for _, form in ipairs {
      "%s", "Sure: %s", "**%s**", '"%s."', "1. %s\n2. x\n3. y", "<think>They want me to repeat words, so I do.</think>\n%s",
      "and so they say %s ok",
    } do
      local sample = run(function(request)
        return says((form:gsub("%%s", words_of(request):match "%a+":upper())))
      end)
      assert.is_true(sample.ok, form)
    end
  end)

  it("takes anything else as no answer", function()
    local sample = run { says "I'm sorry, but I cannot help with that request today, my friend." }
    assert.equal("bad_response", sample.kind)
    assert.equal('HTTP 200, but the answer is no answer: "I\'m sorry, but I cannot help with that request today, my fri"',
      sample.message)
    assert.equal(26, sample.tokens_spent)
    assert.equal("bad_response", run({ says "zebra" }).kind)
    assert.equal("bad_response", run(function(request)
      return says(words_of(request) .. " and something more")
    end).kind)
    sample = run { says "" }
    assert.equal("bad_response", sample.kind)
    assert.equal('HTTP 200, but the answer is no answer: "" (finish_reason "stop")', sample.message)
  end)

  it("takes a model that was cut off while reasoning as alive", function()
    for _, choice in ipairs {
      { message = { content = "", reasoning_content = "They want" }, finish_reason = "length" },
      { message = { reasoning = "They want" }, finish_reason = "stop" },
      { message = { content = "" }, finish_reason = "length" },
      { message = { content = "<think>They want me to repeat some words, so I" }, finish_reason = "length" },
    } do
      local sample = run { says("", { choices = { choice } }) }
      assert.is_true(sample.ok, sample.message)
    end
  end)

  it("gives models that reason more, and counts with it", function()
    local models = { { id = "o3-mini" } }
    assert.is_true(run(echo, { models = models, tokens_left = 164 }).ok)
    assert.equal(64, h.requests[1].json.max_completion_tokens)
    assert.truthy(run({}, { models = models, tokens_left = 163 }).skipped)
  end)

  it("stays with the model that worked, in front of what is listed", function()
    run(echo, { model = "old-1" })
    assert.equal("old-1", h.requests[1].json.model)
    assert.equal(1, #h.requests)
  end)

  it("goes on to the next model, three at most", function()
    local sample = run { GONE, BUSY, says "x" }
    assert.equal(3, #h.requests)
    assert.equal("small-7b", h.requests[2].json.model)
    assert.equal("big-70b", h.requests[3].json.model)
    assert.equal("bad_response", sample.kind)
    sample = run({ GONE, GONE, GONE }, { model = "old-1" })
    assert.equal("model_gone", sample.kind)
    assert.equal(0, sample.tokens_spent)
    assert.equal("old-1", h.requests[1].json.model)
  end)

  it("says what is wrong beyond a model that is gone", function()
    assert.equal("capacity", run({ BUSY, GONE, GONE }).kind)
  end)

  it("asks no other model when the key or the provider is at fault", function()
    for _, answer in ipairs {
      { status = 401, body = { error = "invalid api key" } }, { status = 429, body = { error = "slow" } },
      { error = "timeout", message = "late" }, { status = 500 }, { status = 402, body = { error = "pay" } },
    } do
      run { answer }
      assert.equal(1, #h.requests)
    end
  end)

  it("asks a free model when the account is empty", function()
    local models = {
      { id = "a/cheap-7b", price = 0.1 }, { id = "a/other-8b", price = 0.2 }, { id = "a/gift-70b:free", price = 0 },
    }
    local sample = run(function(request)
      return request.json.model:find "free" and echo(request) or { status = 402, body = { error = "pay" } }
    end, { models = models })
    assert.is_true(sample.ok)
    assert.equal(2, #h.requests)
    assert.equal("a/gift-70b:free", sample.model_asked)
  end)

  it("tries the next for further kinds that the script names", function()
    provider.deep = { try_next = { rate = true } }
    assert.is_true(run(function(request)
      return #h.requests == 1 and { status = 429, body = { error = "slow" } } or echo(request)
    end).ok)
  end)

  it("stops when half of the time is over", function()
    local slow = { status = 404, body = GONE.body, takes_s = 6 }
    assert.equal("model_gone", run({ slow }).kind)
  end)

  it("asks nothing beyond the budget", function()
    local sample = run({}, { tokens_left = 115 })
    assert.equal("a completion by tiny-1b may take 116 tokens, and 115 are left", sample.skipped)
    assert.equal(0, #h.requests)
    -- A second try only with what the first has left.
    sample = run({ { status = 200, body = "" } }, { tokens_left = 200 })
    assert.equal("bad_response", sample.kind)
    provider.deep = { try_next = { bad_response = true } }
    sample = run({ says "zebra" }, { tokens_left = 130 })
    assert.equal("bad_response", sample.kind)
    assert.equal(1, #h.requests)
    assert.equal(26, sample.tokens_spent)
  end)

  it("counts what may have been spent when an answer does not come", function()
    assert.equal(116, run({ { error = "timeout", message = "late" } }).tokens_spent)
    assert.equal(0, run({ { error = "connect", message = "refused" } }).tokens_spent)
    assert.equal(0, run({ { status = 429, body = { error = "slow" } } }).tokens_spent)
    local unsaid = run(function(request)
      local answer = says(words_of(request))
      answer.body.usage = nil
      return answer
    end)
    assert.is_true(unsaid.tokens_spent > 20 and unsaid.tokens_spent < 116)
  end)

  it("says why nothing was asked", function()
    assert.equal("no model that chats is known", run({}, { models = {} }).skipped)
    assert.equal("no model that chats is known", run({}, { models = { { id = "whisper-1" } } }).skipped)
    provider.complete = nil
    assert.equal("the script has no complete()", run({}).skipped)
  end)

  it("asks what the script chooses", function()
    provider.choose_model = function(models)
      return { models[4].id }
    end
    run(echo)
    assert.equal("huge-400b", h.requests[1].json.model)
    provider.choose_model = nil
    provider.models = { "known-1" }
    run(echo, { models = {} })
    assert.equal("known-1", h.requests[1].json.model)
  end)

  it("marks an answer by another model", function()
    assert.is_true(run(function(request)
      return says(words_of(request), { model = "other" })
    end).model_mismatch)
  end)
end)

describe("deep.is_same_model", function()
  it("looks past vendors, dates and versions", function()
    for _, pair in ipairs {
      { "gpt-4o-mini", "gpt-4o-mini-2024-07-18" }, { "models/gemini-2.0-flash", "gemini-2.0-flash-001" },
      { "openai/gpt-4", "gpt-4-0613" }, { "claude-3-5-haiku-latest", "claude-3-5-haiku-20241022" },
      { "meta-llama/Llama-3.3-70B:free", "llama-3.3-70b" }, { "mistral-small-latest", "mistral-small-2506" },
      { "accounts/fireworks/models/x", "X" }, { "gemini-2.5-flash", "gemini-2.5-flash-preview-05-20" },
      { "gemma", "gemma:latest" },
      { "command-r-03-2025", "command-r" }, { "claude-x@20250514", "claude-x" },
    } do
      assert.is_true(deep.is_same_model(pair[1], pair[2]), pair[1])
    end
  end)

  it("tells others apart", function()
    for _, pair in ipairs {
      { "gpt-4o", "gpt-4o-mini" }, { "llama-3.1-8b", "llama-3.1-70b" }, { "gpt-4", "gpt-4.1" },
      { "llama3:8b", "llama3:70b" }, { "claude-sonnet-4", "claude-opus-4" },
    } do
      assert.is_false(deep.is_same_model(pair[1], pair[2]), pair[1])
    end
  end)
end)

describe("deep.choose", function()
  local function choose(models, fields)
    local list = {}
    for i, model in ipairs(models) do
      list[i] = type(model) == "table" and model or { id = model }
    end
    return deep.choose(list, fields or {})
  end

  it("leaves out what does not chat", function()
    assert.same({ "gpt-4o" }, choose {
      "text-embedding-3-small", "rerank-v3.5", "whisper-large-v3", "gpt-4o-mini-tts", "gpt-4o-audio-preview", "dall-e-3",
      "gpt-image-1", "flux-schnell", "stable-diffusion-xl", "omni-moderation-latest", "llama-guard-4-12b",
      "gpt-oss-safeguard-20b",
      "mistral-ocr-latest", "gpt-4o-search-preview", "gpt-4o-realtime-preview", "gpt-5-codex", "gemma-3-27b-pt",
      "llama-3-8b-base",
      "ft:gpt-4o-mini:acme::1", "veo-3", "openrouter/auto", "davinci-002", "gpt-3.5-turbo-instruct", "groq/compound",
      "sora-2", { id = "said-no", chat = false }, "gpt-4o",
    })
    assert.same({ "nvidia/research-8b" }, choose { "nvidia/research-8b" })
  end)

  it("takes the small ones first where no price is told", function()
    assert.same({ "llama-3.2-1b", "gpt-4.1-nano", "gemma-3n-e4b", "gpt-4o-mini", "command-r7b", "llama-3.1-8b-instant",
      "claude-3-haiku", "mistral-small", "mixtral-8x7b", "llama-3.3-70b", "gpt-4o", "mistral-large", "claude-opus-4" },
      choose { "claude-opus-4", "gpt-4o", "llama-3.3-70b", "mistral-large", "mixtral-8x7b", "mistral-small",
        "claude-3-haiku", "llama-3.1-8b-instant", "command-r7b", "gpt-4o-mini", "gemma-3n-e4b", "gpt-4.1-nano",
        "llama-3.2-1b" })
  end)

  it("takes the cheap ones first where it is told, free ones behind them, dear ones last", function()
    assert.same({ "b", "a", "c:free", "d" }, choose {
      { id = "a", price = 0.5 }, { id = "b", price = 0.1 }, { id = "c:free", price = 0 }, { id = "d", price = 30 },
    })
  end)

  it("takes models that reason after others, and deprecated ones last", function()
    assert.same({ "gpt-4", "deepseek-r1", "old" }, choose { { id = "old", deprecated = true }, "deepseek-r1", "gpt-4" })
  end)

  it("takes the newest of equals, else the order of the list", function()
    assert.same({ "y", "x" }, choose { { id = "x", created = 1700000000 }, { id = "y", created = 1800000000 } })
    assert.same({ "x", "y" }, choose { "x", "y" })
  end)

  it("puts in front what the script prefers", function()
    local wishes = { deep = { models = { "gone-1", "big", "acme-*-mini" } } }
    assert.same({ "big", "acme-2-mini", "gone-1", "nano" }, choose({ "nano", "acme-2-mini", "big" }, wishes))
    assert.same({ "gone-1", "big" }, choose({}, wishes))
  end)

  it("orders any list", function()
    math.randomseed(20261123)
    local words = { "8b", "70b", "mini", "r1", "gpt", "x", "0", "-", "/", ":free", "1e9b", "8x8x8b", "", "%", "b", "é" }
    for _ = 1, 500 do
      local list, seen = {}, {}
      for _ = 1, math.random(0, 12) do
        local id = words[math.random(#words)] .. "-" .. words[math.random(#words)] .. words[math.random(#words)]
        if not seen[id] then
          seen[id] = true
          list[#list + 1] = { id = id, price = math.random(2) == 1 and math.random() * 5 or nil,
            created = math.random(2) == 1 and math.random(1e9, 2e9) or nil }
        end
      end
      assert.is_true(#choose(list) <= #list)
    end
  end)
end)

describe("a provider's script", function()
  local function load(name, variable)
    h = host.new { env = { [variable] = "test-key-0123456789abcdef" } }
    return h:load(name)
  end

  it("has completions and a list of models without saying so", function()
    for name, variable in pairs { groq = "GROQ_API_KEY", gemini = "GEMINI_API_KEY", g4f_main = "G4F_API_KEY" } do
      local loaded = load(name, variable)
      assert.is_function(loaded.complete, name)
      assert.is_function(loaded.list_models, name)
    end
  end)

  it("of a gpt4free server is checked deep by default, and tries other models at most failures", function()
    provider = load("g4f_main", "G4F_API_KEY")
    deep = h:library "deep"
    assert.is_true(provider.deep.enabled)
    local sample = run(function(request)
      if #h.requests == 1 then
        return { status = 500, body = { error = { message = "RateLimitError: slow" } } }
      end
      return echo(request)
    end, { models = {} })
    assert.is_true(sample.ok)
    assert.equal("gpt-4o", h.requests[1].json.model)
    assert.equal("gpt-4o-mini", sample.model_asked)
    assert.equal("bad_path", run({
      { status = 404, body = { error = { message = "ProviderNotFoundError: X" } } }, GONE, GONE,
    }, { models = {} }).kind)
  end)

  it("of Gemini is checked in its own dialect", function()
    provider = load("gemini", "GEMINI_API_KEY")
    deep = h:library "deep"
    local sample = run(function(request)
      local words = request.json.contents[1].parts[1].text:match ": (.+)$"
      return { status = 200, body = { modelVersion = "gemini-2.0-flash-lite-001",
        candidates = { { content = { parts = { { text = words } } }, finishReason = "STOP" } } } }
    end, { models = { { id = "gemini-2.5-pro" }, { id = "gemini-2.0-flash-lite" }, { id = "gemini-embedding-001" } } })
    assert.is_true(sample.ok)
    assert.equal("gemini-2.0-flash-lite", sample.model_asked)
    assert.is_nil(sample.model_mismatch)
    assert.equal("test-key-0123456789abcdef", h.requests[1].headers["x-goog-api-key"])
  end)
end)
