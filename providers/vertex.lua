-- Vertex AI, Google Cloud's Gemini.
-- Docs: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/multimodal/get-token-count,
-- https://docs.cloud.google.com/vertex-ai/generative-ai/docs/start/express-mode/vertex-ai-express-mode-api-reference
-- Facts as collected 2026-11-23 (the pages above; steipete/CodexBar docs/vertexai.md).
-- What proves the credential: POST …/MODEL:countTokens, which needs the credential, the project, its billing and the API,
-- and generates nothing. Of the models below, the first that exists is asked.
-- Credentials, first found:
--   VERTEX_API_KEY       an API key of express mode, without project and location
--   VERTEX_ACCESS_TOKEN  (or GOOGLE_CLOUD_ACCESS_TOKEN) an access token: gcloud auth print-access-token; it lasts an hour
--   a file of the type service_account, or authorized_user as `gcloud auth application-default login` writes it: the
--                        one that VERTEX_CREDENTIALS_FILE or GOOGLE_APPLICATION_CREDENTIALS names, else gcloud's own
--                        place. Tokens are got with its key or refresh token, and kept here; the file is only read.
-- All but an API key want VERTEXAI_PROJECT (or GOOGLE_CLOUD_PROJECT); VERTEXAI_LOCATION is "global" unless set.
-- What the script cannot know: quotas. A 429 without details is a shortage of Google's, shared by all.

local base = require "base"
local chat = require "chat"
local google = require "google"
local sample = require "sample"

local TOKEN_URI = env("VERTEX_TOKEN_URI", "https://oauth2.googleapis.com/token")
local GCLOUD_FILE = "~/.config/gcloud/application_default_credentials.json"
local REFRESH_WHEN_LEFT_S = 300
local MODELS = { "gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-3-flash-preview", "gemini-2.0-flash" }

-- VERTEX_PROJECT, VERTEXAI_PROJECT or VERTEX_AI_PROJECT.
local function vertex_env(part)
  return env("VERTEXAI_" .. part) or env("VERTEX_AI_" .. part) or env("VERTEX_" .. part)
end

local project = vertex_env "PROJECT" or env "GOOGLE_CLOUD_PROJECT"
local location = vertex_env "LOCATION" or env "GOOGLE_CLOUD_LOCATION" or "global"
local list = keys("VERTEX_API_KEY", "VERTEXAI_API_KEY", "VERTEX_AI_API_KEY")

local token = env "VERTEX_ACCESS_TOKEN" or env "GOOGLE_CLOUD_ACCESS_TOKEN"
local expires_at = token and math.huge or 0 -- of a token that was given, nobody knows

-- The path of the credentials' file. gcloud's own place counts for who has named a project of Vertex.
local function credentials_path()
  local path = env "VERTEX_CREDENTIALS_FILE" or env "GOOGLE_APPLICATION_CREDENTIALS"
  if path == nil then
    return vertex_env "PROJECT" and GCLOUD_FILE or nil
  end
  return path
end

-- The refreshable credential of a file; or nil and why not.
local function read_file()
  local path = credentials_path()
  if not path then
    return nil, "set VERTEXAI_PROJECT, and VERTEX_API_KEY, VERTEX_ACCESS_TOKEN or GOOGLE_APPLICATION_CREDENTIALS"
  end
  local file, message = credentials(path)
  if not file then
    return nil, "no credentials: " .. message
  elseif file.type == "service_account" then
    if not file.private_key or type(file.client_email) ~= "string" then
      return nil, path .. ": expected a service account's client_email and private_key"
    end
    return file
  elseif file.type ~= "authorized_user" or not file.refresh_token or not file.client_secret
    or type(file.client_id) ~= "string" then
    return nil, path .. ": expected the type authorized_user, with client_id, client_secret and refresh_token"
  end
  return file
end

local function missing(file, why)
  if #list > 0 then
    return nil
  elseif not token and not file then
    return why
  end
  return not project and "set VERTEXAI_PROJECT" or nil
end

-- What the token server is asked: a refresh token is shown, or an assertion signed by the service account's key
-- (https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests).
local function grant(file)
  if file.type ~= "service_account" then
    return {
      client_id = file.client_id,
      client_secret = file.client_secret,
      refresh_token = file.refresh_token,
      grant_type = "refresh_token",
    }
  end
  local at = math.floor(now())
  local claims = {
    iss = file.client_email, scope = "https://www.googleapis.com/auth/cloud-platform", aud = TOKEN_URI,
    iat = at, exp = at + 3600,
  }
  return {
    grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer",
    assertion = jwt(claims, { key = file.private_key, kid = file.private_key_id }),
  }
end

-- Gets a new access token. Returns nil, or the sample that says why not.
local function refresh(file)
  local response = http.post(TOKEN_URI, { form = grant(file), keep = "always" })
  local answer = type(response.json) == "table" and response.json or {}
  if response.ok and type(answer.access_token) == "string" then
    token, expires_at = secret(answer.access_token), now() + (tonumber(answer.expires_in) or 3600)
    return nil
  end
  local failed = sample.from(response)
  if failed.ok then
    failed = sample.failure("bad_response", "HTTP 200, but no access token in the answer", response)
  elseif answer.error == "invalid_grant" then
    failed.kind = "key_invalid"
    failed.message = file.type == "service_account" and "the service account's key is not accepted: " .. failed.message
      or "the login has expired or was revoked; gcloud auth application-default login makes a new one"
  end
  failed.message = "token refresh: " .. failed.message
  return failed
end

local function classify(response, text)
  if text and text:find("BILLING_DISABLED", 1, true) or (text or ""):find("requires billing to be enabled", 1, true) then
    return "credit"
  elseif response.status == 429 and not google.has_details(response.json) then
    return "capacity"
  end
  return google.classify(response, text)
end

local function address(provider, check, model)
  local publisher = "/publishers/google/models/" .. model .. ":countTokens"
  local api = base.root(provider, "/v1") .. "/v1"
  if check.key then
    return api .. publisher
  end
  return string.format("%s/projects/%s/locations/%s%s", api, project, location, publisher)
end

local function headers(_, check)
  if check.key then
    return { ["x-goog-api-key"] = check.key }
  end
  return token and { ["Authorization"] = "Bearer " .. token } or {}
end

local working_model

-- A model that is gone, or not in this region, says nothing about the next one. A project or a path that does not exist is
-- a 404, too, and so is left when none of the models is there.
local function count_tokens(provider, check)
  local result
  for i = 0, #MODELS do
    local model = i == 0 and working_model or MODELS[i]
    if model and (i == 0 or model ~= working_model) then
      local response = http.post(address(provider, check, model), {
        headers = headers(provider, check),
        json = { contents = { { role = "user", parts = { { text = "ping" } } } } },
        expect = "json",
      })
      result = sample.from(response, provider)
      if result.kind ~= "bad_path" and result.kind ~= "model_gone" then
        working_model = result.ok and model or working_model
        return result
      end
    end
  end
  result.kind = result.kind == "bad_path" and result.message:find("Publisher Model", 1, true) and "model_gone" or result.kind
  return result
end

local credential, absent = nil, nil
if #list == 0 and not token then
  credential, absent = read_file()
end

local function probe(provider, check)
  local is_new = false
  if credential and not check.key and expires_at - now() < REFRESH_WHEN_LEFT_S then
    local failed = refresh(credential)
    if failed then
      return failed
    end
    is_new = true
  end
  local result = count_tokens(provider, check)
  if result.kind == "key_invalid" and credential and not check.key and not is_new then
    return refresh(credential) or count_tokens(provider, check)
  end
  return result
end

local default_url = (location == "global" or #list > 0) and "https://aiplatform.googleapis.com"
  or string.format("https://%s-aiplatform.googleapis.com", location)

return {
  name = "vertex",
  title = "Vertex AI",
  base_url = base.url("vertex", env("VERTEXAI_API_BASE", default_url)),
  origins = { TOKEN_URI },
  keys = list,
  missing = missing(credential, absent),
  request_headers = headers,
  chat_path = (#list > 0 and "/v1" or string.format("/v1/projects/%s/locations/%s", project, location))
    .. "/publishers/google/models/%s",
  complete = chat.gemini,
  features = { "streaming" },
  deep = { models = MODELS },
  docs = "https://docs.cloud.google.com/vertex-ai/generative-ai/docs/multimodal/get-token-count",
  classify = classify,
  probe = probe,
}
