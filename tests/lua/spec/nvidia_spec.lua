local host = require "host"

local function setup()
  local h = host.new { env = { NVIDIA_NIM_API_KEY = "nvapi-0123456789abcdef" } }
  return h, h:load "nvidia"
end

local fine = { status = 200, body = { choices = { { message = { content = "p" } } } } }
local gone = { status = 404, body = { title = "Not Found", detail = "Function 'x': Not found for account 'y'" } }
local degraded = { status = 400, body = { detail = "DEGRADED function cannot be invoked" } }

local function models_asked(h)
  local models = {}
  for i, request in ipairs(h.requests) do
    models[i] = request.json.model
  end
  return models
end

describe("nvidia", function()
  it("asks for one token, which proves the key", function()
    local h, provider = setup()
    assert.is_true(h:check(provider, { fine }).ok)
    local request = h.requests[1]
    assert.equal("POST", request.method)
    assert.equal("https://integrate.api.nvidia.com/v1/chat/completions", request.url)
    assert.equal("Bearer nvapi-0123456789abcdef", request.headers.authorization)
    assert.equal(1, request.json.max_tokens)
    assert.equal(1, #request.json.messages)
  end)

  it("goes on to the next model when one is gone or out of order, and starts there next time", function()
    for _, first in ipairs { gone, { status = 410, body = { detail = "Gone" } }, degraded } do
      local h, provider = setup()
      assert.is_true(h:check(provider, { first, fine }).ok)
      local models = models_asked(h)
      assert.not_equal(models[1], models[2])
      h:check(provider, { fine })
      assert.equal(models[2], models_asked(h)[1])
    end
  end)

  it("asks each model once", function()
    local h, provider = setup()
    h:check(provider, { gone, fine })
    h:check(provider, { gone, gone, gone })
    local models = models_asked(h)
    table.sort(models)
    assert.equal(3, #models)
    assert.is_true(models[1] < models[2] and models[2] < models[3])
  end)

  it("has a good key and a script that is out of date when all of its models are gone", function()
    local h, provider = setup()
    local sample = h:check(provider, { gone, gone, gone })
    assert.equal("model_gone", sample.kind)
    assert.truthy(sample.message:find("none of the models", 1, true))
    assert.equal(404, sample.http_status)
    h:check(provider, { gone, gone, gone })
    assert.equal(1, #h.log)
  end)

  it("lacks capacity when every model is out of order", function()
    local h, provider = setup()
    assert.equal("capacity", h:check(provider, { degraded, gone, gone }).kind)
  end)

  it("does not ask other models with a key that was refused", function()
    local h, provider = setup()
    local refusal = { status = 403, body = { status = 403, title = "Forbidden", detail = "Authorization failed" } }
    assert.equal("key_invalid", h:check(provider, { refusal }).kind)
    assert.equal("forbidden", h:check(provider, { { status = 403, body = { detail = "Not on this plan" } } }).kind)
    local page = { status = 403, headers = { ["content-type"] = "text/html" }, body = "<html>" }
    assert.equal("waf", h:check(provider, { page }).kind)
    assert.equal("key_missing", h:check(provider, { { status = 401 } }).kind)
  end)

  it("is not well when a 200 holds no completion", function()
    local h, provider = setup()
    assert.equal("bad_response", h:check(provider, { { status = 200, body = { object = "list" } } }).kind)
    assert.equal("server_error", h:check(provider, { { status = 200, body = { error = { message = "oops" } } } }).kind)
    local sample = h:check(provider, { { status = 200, body = { title = "Bad Gateway", detail = "no worker" } } })
    assert.equal("server_error", sample.kind)
    assert.equal("HTTP 200 with an error in it: no worker", sample.message)
  end)

  it("does not take a wrong address for a model that is gone", function()
    local h, provider = setup()
    local page = { status = 404, headers = { ["content-type"] = "text/html" }, body = "<html>" }
    assert.equal("bad_path", h:check(provider, { page }).kind)
    assert.equal("bad_path", h:check(provider, { { status = 404 } }).kind)
  end)
end)
