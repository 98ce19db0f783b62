-- @NAME@: an API that takes short-lived tokens, got with an OAuth 2.0 refresh token (RFC 6749, section 6).
-- Docs: https://docs.example.com/oauth (read on what day?)
-- What proves the credential: GET /models with a fresh token.

local sample = require "sample"

local TOKEN_URL = env("@VARIABLE@_TOKEN_URL", "https://auth.example.com/oauth/token")
local refresh_token, access_token, expires = env "@VARIABLE@_REFRESH_TOKEN", nil, 0

-- A new token. Returns nil, or the sample that says why there is none.
local function refresh(provider)
  local answer = http.post(TOKEN_URL, {
    form = { grant_type = "refresh_token", refresh_token = refresh_token, client_id = env "@VARIABLE@_CLIENT_ID" },
    keep = "always",
  })
  if not answer.ok or type(answer.json) ~= "table" or not answer.json.access_token then
    return answer.ok and sample.failure("bad_response", "no access_token in the answer", answer)
      or sample.from(answer, provider)
  end
  access_token, expires = secret(answer.json.access_token), now() + (tonumber(answer.json.expires_in) or 300)
  refresh_token = answer.json.refresh_token and secret(answer.json.refresh_token) or refresh_token -- some give a new one
end

local function probe(provider)
  local failed = now() > expires - 60 and refresh(provider)
  local result = failed or sample.from(http.get(provider.base_url .. "/models", {
    headers = { Authorization = "Bearer " .. access_token }, expect = "json" }), provider)
  expires = result.kind == "key_invalid" and 0 or expires -- revoked: the next check gets a new one
  return result
end

return {
  name = "@NAME@",
  base_url = env("@VARIABLE@_API_BASE", "https://api.example.com/v1"),
  origins = { TOKEN_URL }, -- where else its secrets may go
  missing = not refresh_token and "set @VARIABLE@_CLIENT_ID and @VARIABLE@_REFRESH_TOKEN" or nil,
  probe = probe,
}
