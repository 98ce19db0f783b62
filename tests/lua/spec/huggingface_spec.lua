local host = require "host"

local function setup(env)
  env = env or {}
  env.HF_TOKEN = env.HF_TOKEN or "hf_0123456789abcdef"
  local h = host.new { env = env }
  return h, h:load "huggingface"
end

local whoami = { status = 200, body = { type = "user", name = "me" } }
local models = { status = 200, body = { data = {} } }

describe("huggingface", function()
  it("proves the token at the hub, then asks the router", function()
    local h, provider = setup()
    assert.is_true(h:check(provider, { whoami, models }).ok)
    assert.equal("https://huggingface.co/api/whoami-v2", h.requests[1].url)
    assert.equal("https://router.huggingface.co/v1/models", h.requests[2].url)
    assert.equal("Bearer hf_0123456789abcdef", h.requests[1].headers.authorization)
  end)

  it("takes each of the names that the token has", function()
    for _, variable in ipairs { "HUGGINGFACE_API_KEY", "HF_TOKEN", "HUGGINGFACE_HUB_TOKEN", "HUGGINGFACE_TOKEN" } do
      local h = host.new { env = { [variable] = "hf_0123456789abcdef" } }
      assert.is_nil(h:load("huggingface").missing)
    end
  end)

  it("asks another hub when HF_ENDPOINT says so", function()
    local h, provider = setup { HF_ENDPOINT = "http://127.0.0.1:8080/hub/" }
    h:check(provider, { whoami, models })
    assert.equal("http://127.0.0.1:8080/hub/api/whoami-v2", h.requests[1].url)
  end)

  it("does not ask the router with a bad token", function()
    local h, provider = setup()
    local sample = h:check(provider, { { status = 401, body = { error = "Invalid username or password." } } })
    assert.equal("key_invalid", sample.kind)
    assert.equal("token check: HTTP 401: Invalid username or password.", sample.message)
  end)

  it("is failing when either answer is cut off", function()
    local h, provider = setup()
    assert.equal("bad_response", h:check(provider, { { status = 200, body = '{"type":' } }).kind)
    assert.equal("bad_response", h:check(provider, { whoami, { status = 200, body = '{"data":' } }).kind)
  end)

  it("is failing when the router is, though the token is good", function()
    local h, provider = setup()
    local sample = h:check(provider, { whoami, { status = 503 } })
    assert.equal("server_error", sample.kind)
    assert.equal(503, sample.http_status)
  end)

  it("keeps nothing of whoami's answer", function()
    local h, provider = setup()
    h:check(provider, { whoami, models })
    assert.equal("errors", h.requests[1].keep)
  end)
end)
