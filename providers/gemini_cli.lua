-- Gemini CLI: Google's Code Assist, by the CLI's own OAuth credential.
-- Docs: https://developers.google.com/gemini-code-assist/docs/deprecations (consumer accounts ended 2026-06-18),
-- https://developers.google.com/identity/protocols/oauth2/native-app#offline (refreshing a token)
-- Facts as collected 2026-11-23 from google-gemini/gemini-cli packages/core/src/code_assist/{oauth2,server,types}.ts.
--
-- What proves the credential: POST :loadCodeAssist in HEALTH_CHECK mode, with an access token that is refreshed when less
-- than five minutes are left. The CLI's file is read, never written; read anew, once in a check, when the token in it has
-- run out or was refused.
-- Where the credential comes from, first found: GEMINI_CLI_1_ACCESS_TOKEN or _REFRESH_TOKEN (also without _1), the file
-- GEMINI_CLI_OAUTH_1, ~/.gemini/oauth_creds.json.
-- The OAuth client's id and secret are not ours to embed: they come from the same place, or from GEMINI_OAUTH_CLIENT_ID
-- and GEMINI_OAUTH_CLIENT_SECRET; gemini-cli's oauth2.ts has them.
-- What the script cannot know: the quota; :retrieveUserQuota only hints at it.

local base = require "base"
local google = require "google"
local sample = require "sample"

local REFRESH_WHEN_LEFT_S = 300
local CREDENTIALS_FILE = env("GEMINI_CLI_OAUTH_1", "~/.gemini/oauth_creds.json")

-- The parts that a credential has; what is absent, null or of another type counts as not there.
local function credential_of(source, from_file)
  local function secret_part(name)
    local value = source[name]
    return value ~= json.null and value or nil
  end
  local function text_part(name)
    return type(source[name]) == "string" and source[name] or nil
  end
  return {
    access_token = secret_part "access_token",
    refresh_token = secret_part "refresh_token",
    client_secret = secret_part "client_secret",
    client_id = text_part "client_id",
    token_uri = text_part "token_uri",
    expiry_date = tonumber(source.expiry_date), -- epoch milliseconds
    from_file = from_file,
  }
end

local function from_variables(prefix)
  local access, refresh = env(prefix .. "ACCESS_TOKEN"), env(prefix .. "REFRESH_TOKEN")
  if not access and not refresh then
    return nil
  end
  return credential_of({
    access_token = access,
    refresh_token = refresh,
    client_secret = env(prefix .. "CLIENT_SECRET"),
    client_id = env(prefix .. "CLIENT_ID"),
    token_uri = env(prefix .. "TOKEN_URI"),
    expiry_date = env(prefix .. "EXPIRY_DATE"),
  }, false)
end

local function read_credential()
  local found = from_variables "GEMINI_CLI_1_" or from_variables "GEMINI_CLI_"
  if found then
    return found
  end
  local file, message = credentials(CREDENTIALS_FILE)
  if not file then
    return nil, message
  end
  return credential_of(file, true)
end

local credential, absent = read_credential()
local token_in_file = credential and credential.from_file and credential.access_token
local project = env("GEMINI_CLI_PROJECT_ID") or env("GEMINI_CLI_1_PROJECT_ID") or env("GOOGLE_CLOUD_PROJECT")
  or env("GOOGLE_CLOUD_PROJECT_ID")
local token_uri = env("GEMINI_CLI_TOKEN_URI", credential and credential.token_uri or "https://oauth2.googleapis.com/token")

local function client()
  return env("GEMINI_OAUTH_CLIENT_ID") or env("GEMINI_CLI_CLIENT_ID") or credential.client_id,
    env("GEMINI_OAUTH_CLIENT_SECRET") or env("GEMINI_CLI_CLIENT_SECRET") or credential.client_secret
end

local function seconds_left()
  return credential.expiry_date and credential.expiry_date / 1000 - now() or math.huge
end

-- Someone may have logged in anew, or the CLI may have refreshed its token: looks at the file once more. True when it holds
-- another token than it held before; a token that this script has got by itself is never given up for an old one.
local function reread()
  if not credential.from_file then
    return false
  end
  local fresh = read_credential()
  if not fresh or fresh.access_token == token_in_file then
    return false
  end
  credential, token_in_file = fresh, fresh.access_token
  return true
end

-- Gets a new access token. Returns nil, or the sample that says why not.
local function refresh()
  local id, secret_part = client()
  if not credential.refresh_token then
    return sample.failure("key_invalid",
      "the access token has expired and there is no refresh token; log in with gemini again")
  end
  if not id or not secret_part then
    return sample.failure("key_invalid", "the access token has expired; to refresh it, set GEMINI_OAUTH_CLIENT_ID and "
      .. "GEMINI_OAUTH_CLIENT_SECRET (gemini-cli's own), or run gemini once")
  end
  local response = http.post(token_uri, {
    form = {
      client_id = id,
      client_secret = secret_part,
      refresh_token = credential.refresh_token,
      grant_type = "refresh_token",
    },
    keep = "always",
  })
  local answer = type(response.json) == "table" and response.json or {}
  if response.ok and type(answer.access_token) == "string" then
    credential.access_token = secret(answer.access_token)
    credential.expiry_date = (now() + (tonumber(answer.expires_in) or 3600)) * 1000
    return nil
  end
  local failed = sample.from(response)
  if failed.ok then
    failed = sample.failure("bad_response", "HTTP 200, but no access token in the answer", response)
  elseif answer.error == "invalid_grant" then
    failed.kind = "key_invalid"
    failed.message = "the refresh token has expired or was revoked; log in with gemini again"
  end
  failed.message = "token refresh: " .. failed.message
  return failed
end

local function classify(response, text)
  if text and (text:find("UNSUPPORTED_CLIENT", 1, true) or text:find("no longer supported", 1, true)) then
    return "retired" -- consumer accounts, since 2026-06-18
  end
  return google.classify(response, text)
end

local function load_code_assist(provider)
  local response = http.post(base.at(provider, "/v1internal:loadCodeAssist"), {
    headers = { ["Authorization"] = "Bearer " .. credential.access_token },
    json = {
      cloudaicompanionProject = project,
      metadata = {
        ideType = "IDE_UNSPECIFIED",
        platform = "PLATFORM_UNSPECIFIED",
        pluginType = "GEMINI",
        duetProject = project,
      },
      mode = "HEALTH_CHECK",
    },
    expect = "json",
  })
  local result = sample.from(response, provider)
  if result.kind == "rate" and not google.has_details(response.json) then
    -- A limit of the account's own comes with details (googleQuotaErrors.ts).
    result.kind, result.limited = "capacity", nil
  end
  return result
end

-- Sees to it that there is an access token that lasts for this check. Returns nil, or the sample that says why not; and
-- whether the token is a new one.
local function ensure_token()
  if credential.access_token and seconds_left() >= REFRESH_WHEN_LEFT_S then
    return nil, false
  end
  if reread() and credential.access_token and seconds_left() >= REFRESH_WHEN_LEFT_S then
    return nil, true
  end
  local failed = refresh()
  if failed and credential.access_token and seconds_left() > 0 then
    return nil, true -- the old one still lasts for a while; it will be told when it is over
  end
  return failed, true
end

local function probe(provider)
  if not credential then
    credential, absent = read_credential()
    token_in_file = credential and credential.from_file and credential.access_token
  end
  if not credential then
    return sample.failure("key_missing", "no credential: " .. tostring(absent) .. "; log in with gemini")
  end
  local failed, is_new = ensure_token()
  if failed then
    return failed
  end
  local result = load_code_assist(provider)
  if result.kind ~= "key_invalid" or is_new then
    return result
  end
  if not reread() then
    failed = refresh()
    if failed then
      result.message = result.message .. "; " .. failed.message
      return result
    end
  end
  return load_code_assist(provider)
end

local configured = credential or env("GEMINI_CLI_PROJECT_ID")

return {
  name = "gemini_cli",
  title = "Gemini CLI (Code Assist)",
  docs = "https://developers.google.com/gemini-code-assist/docs/deprecations",
  base_url = (env("CODE_ASSIST_ENDPOINT", base.url("gemini_cli", "https://cloudcode-pa.googleapis.com")):gsub("/+$", "")),
  origins = { token_uri },
  user_agent = "GeminiCLI/0.1.0 (linux; x64)", -- other agents are counted in other buckets
  missing = not configured and "set GEMINI_CLI_PROJECT_ID, or log in with gemini (~/.gemini/oauth_creds.json)" or nil,
  classify = classify,
  probe = probe,
}
