local host = require "host"
local cjson = require "cjson"

local FILE = "~/.gemini/oauth_creds.json"
local ACCESS, FRESH, REFRESH = "ya29.access-0123456789", "ya29.fresh-9876543210", "1//refresh-0123456789"
local CLIENT = { GEMINI_OAUTH_CLIENT_ID = "client.apps.example", GEMINI_OAUTH_CLIENT_SECRET = "client-secret-0123456789" }

local function file(fields)
  local credential = { access_token = ACCESS, refresh_token = REFRESH, expiry_date = (host.NOW + 3600) * 1000 }
  for name, value in pairs(fields or {}) do
    credential[name] = value
  end
  return cjson.encode(credential)
end

local function setup(fields, env)
  local h = host.new { files = { [FILE] = fields and file(fields) }, env = env }
  return h, h:load "gemini_cli"
end

local fine = { status = 200, body = { currentTier = { id = "standard-tier" } } }
local refused = { status = 401, body = { error = { message = "invalid credentials", status = "UNAUTHENTICATED" } } }
local granted = { status = 200, body = { access_token = FRESH, expires_in = 3599, token_type = "Bearer" } }
local revoked = {
  status = 400,
  body = { error = "invalid_grant", error_description = "Token has been expired or revoked." },
}

local function bearer(h, i)
  return h.requests[i].headers.authorization
end

describe("gemini_cli", function()
  it("asks Code Assist with the token of the CLI's file", function()
    local h, provider = setup({}, { GEMINI_CLI_PROJECT_ID = "my-project" })
    assert.is_true(h:check(provider, { fine }).ok)
    assert.equal(1, #h.requests)
    local request = h.requests[1]
    assert.equal("POST", request.method)
    assert.equal("https://cloudcode-pa.googleapis.com/v1internal:loadCodeAssist", request.url)
    assert.equal("Bearer " .. ACCESS, request.headers.authorization)
    assert.equal("HEALTH_CHECK", request.json.mode)
    assert.equal("my-project", request.json.cloudaicompanionProject)
    assert.equal("my-project", request.json.metadata.duetProject)
    assert.truthy(provider.user_agent:find "^GeminiCLI/")
  end)

  it("does not read the file in every check", function()
    local h, provider = setup {}
    h:check(provider, { fine })
    h:check(provider, { fine })
    assert.equal(1, h.reads)
  end)

  it("takes the token from variables, with and without a number", function()
    for _, prefix in ipairs { "GEMINI_CLI_1_", "GEMINI_CLI_" } do
      local h, provider = setup(nil, { [prefix .. "ACCESS_TOKEN"] = ACCESS })
      assert.is_nil(provider.missing)
      assert.is_true(h:check(provider, { fine }).ok)
      assert.equal("Bearer " .. ACCESS, bearer(h, 1))
      assert.equal(0, h.reads)
    end
  end)

  it("takes another file, endpoint and token endpoint from variables", function()
    local h = host.new {
      files = { ["/etc/creds.json"] = file { expiry_date = 1 } },
      env = {
        GEMINI_CLI_OAUTH_1 = "/etc/creds.json", CODE_ASSIST_ENDPOINT = "http://127.0.0.1:9/cli/",
        GEMINI_CLI_TOKEN_URI = "http://127.0.0.1:9/token",
        GEMINI_CLI_CLIENT_ID = "id", GEMINI_CLI_CLIENT_SECRET = "shush-0123456789",
      },
    }
    h:check(h:load "gemini_cli", { granted, fine })
    assert.equal("http://127.0.0.1:9/token", h.requests[1].url)
    assert.equal("shush-0123456789", h.requests[1].form.client_secret)
    assert.equal("http://127.0.0.1:9/cli/v1internal:loadCodeAssist", h.requests[2].url)
  end)

  it("refreshes a token with less than five minutes left, and keeps the new one", function()
    for _, left_s in ipairs { 299, 0, -86400 } do
      local h, provider = setup({ expiry_date = (host.NOW + left_s) * 1000 }, CLIENT)
      assert.is_true(h:check(provider, { granted, fine }).ok)
      assert.equal("https://oauth2.googleapis.com/token", h.requests[1].url)
      assert.same({
        client_id = CLIENT.GEMINI_OAUTH_CLIENT_ID, client_secret = CLIENT.GEMINI_OAUTH_CLIENT_SECRET,
        refresh_token = REFRESH, grant_type = "refresh_token",
      }, h.requests[1].form)
      assert.equal("Bearer " .. FRESH, bearer(h, 2))
      assert.is_true(h:check(provider, { fine }).ok)
      assert.equal("Bearer " .. FRESH, bearer(h, 1))
      h.now = h.now + 3400
      assert.is_true(h:check(provider, { granted, fine }).ok)
    end
  end)

  it("leaves a token with more time alone", function()
    local h, provider = setup({ expiry_date = (host.NOW + 301) * 1000 }, CLIENT)
    assert.is_true(h:check(provider, { fine }).ok)
  end)

  it("takes the client from the credential where it is there", function()
    local h, provider = setup { expiry_date = 1, client_id = "own-id", client_secret = "own-secret-0123456789" }
    assert.is_true(h:check(provider, { granted, fine }).ok)
    assert.equal("own-id", h.requests[1].form.client_id)
    assert.equal("own-secret-0123456789", h.requests[1].form.client_secret)
  end)

  it("takes client, endpoint and expiry from numbered variables", function()
    local h, provider = setup(nil, {
      GEMINI_CLI_1_ACCESS_TOKEN = ACCESS, GEMINI_CLI_1_REFRESH_TOKEN = REFRESH, GEMINI_CLI_1_EXPIRY_DATE = "1",
      GEMINI_CLI_1_CLIENT_ID = "id-1", GEMINI_CLI_1_CLIENT_SECRET = "secret-1-0123456789",
      GEMINI_CLI_1_TOKEN_URI = "https://token.example/t",
    })
    assert.is_true(h:check(provider, { granted, fine }).ok)
    assert.equal("https://token.example/t", h.requests[1].url)
    assert.same({
      client_id = "id-1", client_secret = "secret-1-0123456789", refresh_token = REFRESH, grant_type = "refresh_token",
    }, h.requests[1].form)
  end)

  it("begins with a refresh when there is a refresh token only", function()
    local h, provider = setup(nil, {
      GEMINI_CLI_1_REFRESH_TOKEN = REFRESH,
      GEMINI_OAUTH_CLIENT_ID = "id", GEMINI_OAUTH_CLIENT_SECRET = "secret-0123456789",
    })
    assert.is_true(h:check(provider, { granted, fine }).ok)
    assert.equal("Bearer " .. FRESH, bearer(h, 2))
  end)

  it("takes the token endpoint of the file", function()
    local h, provider = setup {
      expiry_date = 1, token_uri = "https://token.example/t",
      client_id = "id", client_secret = "secret-0123456789",
    }
    assert.is_true(h:check(provider, { granted, fine }).ok)
    assert.equal("https://token.example/t", h.requests[1].url)
  end)

  it("finds the project by any of its names", function()
    for _, variable in ipairs {
      "GEMINI_CLI_PROJECT_ID", "GEMINI_CLI_1_PROJECT_ID", "GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_PROJECT_ID",
    } do
      local h, provider = setup({}, { [variable] = "p1" })
      h:check(provider, { fine })
      assert.equal("p1", h.requests[1].json.cloudaicompanionProject)
    end
  end)

  it("says which client asks", function()
    local h, provider = setup {}
    h:check(provider, { fine })
    assert.same({ ideType = "IDE_UNSPECIFIED", platform = "PLATFORM_UNSPECIFIED", pluginType = "GEMINI" },
      h.requests[1].json.metadata)
  end)

  it("says what to set when it cannot refresh", function()
    local h, provider = setup { expiry_date = 1 }
    local sample = h:check(provider, {})
    assert.equal("key_invalid", sample.kind)
    assert.truthy(sample.message:find("GEMINI_OAUTH_CLIENT_ID", 1, true))
    assert.truthy(sample.message:find("GEMINI_OAUTH_CLIENT_SECRET", 1, true))
  end)

  it("uses a token that cannot be refreshed to its end", function()
    local h, provider = setup { expiry_date = (host.NOW + 60) * 1000 }
    assert.is_true(h:check(provider, { fine }).ok)
    h.now = h.now + 61
    assert.equal("key_invalid", h:check(provider, {}).kind)
  end)

  it("takes the CLI's own new token when the old one has run out", function()
    local h, provider = setup { expiry_date = (host.NOW + 600) * 1000 }
    h:check(provider, { fine })
    h.now = h.now + 700
    h.files[FILE] = file { access_token = FRESH, expiry_date = (h.now + 3600) * 1000 }
    assert.is_true(h:check(provider, { fine }).ok)
    assert.equal("Bearer " .. FRESH, bearer(h, 1))
  end)

  it("says that one has to log in again when the grant is gone", function()
    local h, provider = setup({ expiry_date = 1 }, CLIENT)
    local sample = h:check(provider, { revoked })
    assert.equal("key_invalid", sample.kind)
    assert.equal(400, sample.http_status)
    assert.truthy(sample.message:find("log in with gemini again", 1, true))
  end)

  it("says so, too, when there is nothing to refresh with", function()
    local h, provider = setup({ expiry_date = 1, refresh_token = cjson.null }, CLIENT)
    assert.truthy(h:check(provider, {}).message:find("no refresh token", 1, true))
  end)

  it("tells a token endpoint that is broken from a bad credential", function()
    for kind, answer in pairs {
      server_error = { status = 500, body = "" },
      timeout = { error = "timeout", message = "no answer" },
      bad_response = { status = 200, body = { token_type = "Bearer" } },
    } do
      local h, provider = setup({ expiry_date = 1 }, CLIENT)
      local sample = h:check(provider, { answer })
      assert.equal(kind, sample.kind)
      assert.truthy(sample.message:find "^token refresh: ")
    end
  end)

  it("looks at the file once more when the token was refused", function()
    local h, provider = setup {}
    h.files[FILE] = file { access_token = FRESH }
    assert.is_true(h:check(provider, { refused, fine }).ok)
    assert.equal("Bearer " .. FRESH, bearer(h, 2))
    assert.equal(2, h.reads)
  end)

  it("refreshes a refused token when the file has no other, once", function()
    local h, provider = setup({}, CLIENT)
    local sample = h:check(provider, { refused, granted, refused })
    assert.equal("key_invalid", sample.kind)
    assert.equal(3, #h.requests)
    assert.equal("Bearer " .. FRESH, bearer(h, 3))
  end)

  it("tells both refusals when the refresh fails as well", function()
    local h, provider = setup({}, CLIENT)
    local sample = h:check(provider, { refused, revoked })
    assert.equal("key_invalid", sample.kind)
    assert.truthy(sample.message:find("invalid credentials; token refresh: the refresh token", 1, true))
  end)

  it("reports an account that Google has closed the CLI for as retired", function()
    local h, provider = setup {}
    local text = "UNSUPPORTED_CLIENT: This client is no longer supported for Gemini Code Assist for individuals."
    local sample = h:check(provider, { { status = 403, body = { error = { code = 403, message = text } } } })
    assert.equal("retired", sample.kind)
  end)

  it("does not refresh for refusals that are not about the token", function()
    for kind, answer in pairs {
      forbidden = { status = 403, body = { error = { message = "x", details = { { reason = "VALIDATION_REQUIRED" } } } } },
      capacity = { status = 429, body = { error = { details = { { reason = "MODEL_CAPACITY_EXHAUSTED" } } } } },
      rate = { status = 429, body = { error = { message = "x", details = { { reason = "RATE_LIMIT_EXCEEDED" } } } } },
      dns = { error = "dns", message = "no such host" },
    } do
      local h, provider = setup({}, CLIENT)
      assert.equal(kind, h:check(provider, { answer }).kind)
    end
  end)

  it("takes a 429 without details for lack of capacity, unless its text says more", function()
    for text, kind in pairs {
      ["Resource exhausted. Please try again later."] = "capacity",
      ["Your Prepay credit balance is depleted."] = "credit",
      ["Quota exceeded: requests per day"] = "quota_window",
    } do
      local h, provider = setup {}
      local answer = { status = 429, headers = { ["retry-after"] = "9" }, body = { error = { code = 429, message = text } } }
      local sample = h:check(provider, { answer })
      assert.equal(kind, sample.kind)
      assert.equal(kind == "quota_window" or nil, sample.limited)
    end
  end)

  it("does not give up a token of its own for the old one in the file", function()
    local h, provider = setup({ expiry_date = 1 }, CLIENT)
    assert.is_true(h:check(provider, { granted, fine }).ok)
    h.now = h.now + 100
    assert.is_true(h:check(provider, { refused, granted, fine }).ok)
    assert.equal("https://oauth2.googleapis.com/token", h.requests[2].url)
    h.now = h.now + 3400
    assert.is_true(h:check(provider, { { status = 500, body = "" }, fine }).ok)
    assert.equal("Bearer " .. FRESH, bearer(h, 2))
  end)

  it("takes a new token in the file though it has got one by itself", function()
    local h, provider = setup({ expiry_date = 1 }, CLIENT)
    assert.is_true(h:check(provider, { granted, fine }).ok)
    h.files[FILE] = file { access_token = "ya29.login-0123456789" }
    assert.is_true(h:check(provider, { refused, fine }).ok)
    assert.equal("Bearer ya29.login-0123456789", bearer(h, 2))
  end)

  it("is watched for its project alone, and finds the file when it comes", function()
    local h, provider = setup(nil, { GEMINI_CLI_PROJECT_ID = "my-project" })
    assert.is_nil(provider.missing)
    local sample = h:check(provider, {})
    assert.equal("key_missing", sample.kind)
    assert.truthy(sample.message:find(FILE, 1, true))
    h.files[FILE] = file()
    assert.is_true(h:check(provider, { fine }).ok)
  end)

  it("survives a file of any shape", function()
    local null = '{"access_token":null,"expiry_date":"soon"}'
    for _, text in ipairs { "", "null", "[]", "{}", "{", null, '{"access_token":7}' } do
      local h = host.new { files = { [FILE] = text } }
      local provider = h:load "gemini_cli"
      if not provider.missing then
        assert.is_false(h:check(provider, { refused, refused }).ok)
      end
    end
  end)
end)
