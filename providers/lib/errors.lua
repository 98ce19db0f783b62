-- errors: the error in an answer's body, in the shapes that providers use, and the kind (lib/kinds.lua) that status, code
-- and text together stand for.
--
-- The status alone does not tell: a bad key is 400 at Gemini and xAI and 403 at NVIDIA; a 429 may be an empty account; a
-- 200 may hold an error. What is said here holds across providers; what means something else at one provider is in the
-- `classify` of its script.
--
-- Shapes: {error = {message, code, type}}, {error = "text"} (xAI, Hugging Face, Ollama, vLLM), the same in an array
-- (Gemini's OpenAI path), flat {message, code, type} (Cerebras, Cohere, Mistral, SiliconFlow), {detail = "text" or list}
-- (FastAPI), RFC 9457 {status, title, detail} (NVIDIA), {success = false, errors = {...}} (Cloudflare), {valid = false}
-- (Cohere's check of a key), {base_resp = {status_code, status_msg}} (MiniMax), {message} with the header x-amzn-errortype
-- (AWS), plain text, and any of these as an event of a stream or a line of NDJSON.
-- Sources: the providers' documentation and recorded answers, as each script cites; facts as collected 2026-11-23.

local M = {}

local KIND_BY_STATUS = {
  [400] = "bad_request",
  [401] = "key_invalid",
  [402] = "credit",
  [403] = "forbidden",
  [404] = "bad_path",
  [405] = "bad_path",
  [408] = "timeout",
  [410] = "model_gone",
  [412] = "forbidden",
  [413] = "too_large",
  [422] = "bad_request",
  [498] = "capacity",
  [499] = "server_error", -- given up on their side
  [529] = "capacity",
}

-- error.code or error.type, where it says more than the status.
local KIND_BY_CODE = {
  invalid_api_key = "key_invalid",
  wrong_api_key = "key_invalid",
  authentication_error = "key_invalid",
  invalid_authentication_error = "key_invalid",
  expired_key = "key_invalid",
  missing_scope = "key_valid_restricted",
  model_not_found = "model_gone",
  model_archived = "model_gone",
  model_not_available = "model_gone",
  invalid_model = "model_gone",
  ip_not_authorized = "forbidden",
  DeploymentNotFound = "model_gone",
  insufficient_quota = "credit",
  credit_balance_exhausted = "credit",
  organization_spend_limit_exceeded = "credit",
  project_spend_limit_exceeded = "credit",
  organization_usage_limit_exceeded = "credit",
  insufficient_balance_error = "credit",
  payment_required = "credit",
  billing_error = "credit",
  budget_exceeded = "credit",
  exceeded_current_quota_error = "credit",
  Arrearage = "credit",
  unsupported_country_region_territory = "region",
  overloaded_error = "capacity",
  engine_overloaded_error = "capacity",
  queue_exceeded = "capacity",
  request_too_large = "too_large",
  context_length_exceeded = "too_large",
  exceed_context_size_error = "too_large",
  rate_limit_error = "rate",
  rate_limit_exceeded = "rate",
  invalid_grant = "key_invalid", -- OAuth
  invalid_client = "key_invalid",
  -- AWS
  UnrecognizedClientException = "key_invalid",
  InvalidSignatureException = "key_invalid",
  ExpiredTokenException = "key_invalid",
  MissingAuthenticationTokenException = "key_missing",
  AccessDeniedException = "key_valid_restricted",
  ResourceNotFoundException = "model_gone",
  ThrottlingException = "rate",
  ModelNotReadyException = "capacity",
  ServiceUnavailableException = "capacity",
}

-- Texts that say more than the status; Lua patterns, matched in lower case, the first that fits counts.
local KIND_BY_TEXT = {
  { "credit balance is too low", "credit" },
  { "credit balance is depleted", "credit" },
  { "insufficient balance", "credit" },
  { "balance is insufficient", "credit" },
  { "run out of credits", "credit" },
  { "doesn't have any credits", "credit" },
  { "used all available credits", "credit" },
  { "missing api key", "key_missing" },
  { "must provide an api key", "key_missing" },
  { "didn't provide an api key", "key_missing" },
  { "no api key supplied", "key_missing" },
  { "no auth credentials", "key_missing" },
  { "no cookie auth credentials", "key_missing" },
  { "no credentials presented", "key_missing" },
  { "missing authentication header", "key_missing" },
  { "api key required", "key_missing" },
  { "^not authenticated$", "key_missing" },
  { "incorrect api key", "key_invalid" },
  { "api key not valid", "key_invalid" },
  { "api key expired", "key_invalid" },
  { "api key is invalid", "key_invalid" },
  { "api key you provided is invalid", "key_invalid" },
  { "invalid .-api key", "key_invalid" },
  { "authentication error", "key_invalid" },
  { "security token .- is expired", "key_invalid" },
  { "missing scopes", "key_valid_restricted" },
  { "not authorized to perform", "key_valid_restricted" },
  { "user location is not supported", "region" },
  { "^model: ", "model_gone" },
  { "model .- was removed", "model_gone" },
  { "model .- does not exist", "model_gone" },
  { "model .-not found", "model_gone" },
  { "not found the model", "model_gone" },
  { "no such model", "model_gone" },
  { "^models/.- is not found", "model_gone" },
  { "model .- is not supported by any provider", "model_gone" },
  { "unexpected endpoint or method", "bad_path" },
  { "retirement", "retired" },
  { "overloaded", "capacity" },
  { "over capacity", "capacity" },
  { "no capacity available", "capacity" },
  { "capacity .-exceeded", "capacity" },
  { "queue .-full", "capacity" },
  { "server busy", "capacity" },
  { "no allowed providers", "capacity" },
  { "maximum context length", "too_large" },
  { "max_new_tokens", "too_large" },
  { "per.day", "quota_window" },
  { "per.month", "quota_window" },
  { "/ ?day", "quota_window" },
  { "/ ?month", "quota_window" },
  { "daily", "quota_window" },
  { "weekly", "quota_window" },
  { "usage limit", "quota_window" },
  { "byday%f[%A]", "quota_window" },
  { "rate.?limit", "rate" },
  { "too many requests", "rate" },
}

-- A 429 is what its status says unless one of these is meant; a text that speaks of keys or models is then beside the
-- point.
local OVERRULES_429 = { credit = true, quota_window = true, capacity = true }

-- These statuses have one meaning, whatever the text.
local FIRM = { [402] = true, [405] = true, [413] = true }

-- ---- the error in a body

local function first_text(...)
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    if type(value) == "string" and value ~= "" then
      return value
    end
  end
  return nil
end

-- Codes may be numbers: 10000, 401.0.
local function code_text(value)
  if type(value) == "number" then
    return tostring(math.tointeger(value) or value)
  end
  return value
end

-- AWS's name of an error, out of "com.amazon.service#Name" or "Name:http://…".
local function aws_name(text)
  return type(text) == "string" and text:match "^[^:]*":match "[^#]*$" or nil
end

local function unwrapped(body)
  return type(body) == "table" and type(body[1]) == "table" and body[1] or body
end

-- FastAPI's list of what is wrong with a request.
local function detail_text(detail)
  local first = type(detail) == "table" and detail[1]
  return type(first) == "table" and first.msg or detail
end

--- The error in a decoded body.
--- @return string|nil text, string|nil code, string|nil type
function M.error_of(body)
  body = unwrapped(body)
  if type(body) ~= "table" then
    return nil
  end
  local err = body.error
  if type(err) == "string" and err ~= "" then
    local code = type(body.error_description) == "string" and err or nil -- RFC 6749, 5.2
    return first_text(body.error_description, err), first_text(code_text(body.code), code, body.type)
  end
  if type(err) ~= "table" and type(body.errors) == "table" then
    err = body.errors[1]
    if type(err) == "string" then
      return err
    end
  end
  if type(err) == "table" then
    local code = code_text(err.code)
    return first_text(err.message, err.detail, err.status, code), first_text(code, err.type),
      first_text(err.type, err.status)
  end
  if type(body.base_resp) == "table" then
    return first_text(body.base_resp.status_msg), first_text(code_text(body.base_resp.status_code))
  end
  return first_text(detail_text(body.detail), body.message, body.title),
    first_text(code_text(body.code), aws_name(body.__type), body.type), first_text(body.type)
end

--- The error that an answer tells by its body, and where that is silent by its headers.
function M.error_in(response, body)
  local text, code, class = M.error_of(body)
  local headers = response.headers
  return text or headers["x-error-message"], code or aws_name(headers["x-amzn-errortype"]), class
end

-- The first event of a stream, or line of NDJSON, that holds an error.
local function error_event(text)
  if not text:find('"error"', 1, true) then
    return nil
  end
  for line in text:gmatch "[^\r\n]+" do
    local event = line:match "^data:%s*({.*)$" or line:match "^{.*$"
    local value = event and event:find('"error"', 1, true) and json.decode(event)
    if type(value) == "table" and (type(value.error) == "table" or type(value.error) == "string") then
      return value
    end
  end
  return nil
end

--- The decoded body of an answer; of a stream, the event that holds an error. nil where there is neither.
function M.body_of(response)
  local body = response.json
  if body == nil and response.body then
    body = error_event(response.body)
  end
  return type(body) == "table" and body or nil
end

-- base_resp.status_code of MiniMax's older paths.
local STATUS_BY_MINIMAX = { [1002] = 429, [1004] = 401, [1008] = 402, [1026] = 422, [2013] = 400 }

local function status_of(...)
  for i = 1, select("#", ...) do
    local status = tonumber((select(i, ...)))
    if status and status >= 400 and status < 600 then
      return math.floor(status)
    end
  end
  return nil
end

-- The error of one of the answers' choices (OpenRouter).
local function error_of_choice(body)
  local choice = type(body.choices) == "table" and body.choices[1]
  return type(choice) == "table" and type(choice.error) == "table" and choice or nil
end

--- Whether the body of a 2xx holds an error.
--- @return table|nil body that holds it, @return number|nil status that it stands for, where it says so
function M.inside(body)
  body = unwrapped(body)
  if type(body) ~= "table" then
    return nil
  end
  body = error_of_choice(body) or body
  local err, base = body.error, type(body.base_resp) == "table" and tonumber(body.base_resp.status_code)
  if type(err) == "table" and next(err) ~= nil then
    return body, status_of(err.code, err.status, err.http_code, err.type)
  elseif type(err) == "string" and err ~= "" then
    return body, status_of(body.code, body.status)
  elseif base and base ~= 0 then
    return body, STATUS_BY_MINIMAX[base]
  elseif body.valid == false then
    return body, 401
  elseif body.success == false or body.object == "error" or (body.status == false and first_text(body.message)) then
    return body, status_of(body.raw_status_code, body.code)
  end
  return nil
end

-- ---- its kind

local function kind_by_text(text)
  text = text:lower()
  for _, rule in ipairs(KIND_BY_TEXT) do
    if text:find(rule[1]) then
      return rule[2]
    end
  end
  return nil
end

local function kind_at(status, said, is_explained)
  if status == 429 then
    return OVERRULES_429[said] and said or "rate"
  end
  if status == 503 and is_explained then
    return "capacity" -- said by the API itself; an empty 503 or a page is a broken server
  end
  if status >= 500 then
    return KIND_BY_STATUS[status] or (said == "capacity" and said) or "server_error"
  end
  if status < 400 then
    return "bad_path"
  end
  return said or KIND_BY_STATUS[status] or "bad_request"
end

--- The kind of an error.
--- @param status number|nil nil = not told: an error inside a 200
--- @param text string|nil the error's text, or what else may be read as one
--- @param is_explained boolean the text is that of an error in the API's own shape
function M.kind_of(status, text, code, class, is_explained)
  if FIRM[status] then
    return KIND_BY_STATUS[status]
  end
  local said = KIND_BY_CODE[code] or KIND_BY_CODE[class] or text and kind_by_text(text) or nil
  if not status then
    return said or "server_error"
  end
  return kind_at(status, said, is_explained)
end

return M
