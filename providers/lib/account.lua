-- account: calls that tell about the key itself: whether it is good, blocked, and what is left of its money.
--
--   local function probe(provider, check)
--     local result, body = account.get(provider, check, base.at(provider, "/user/balance"))
--     if body and body.is_available == false then
--       return account.refuse(result, "credit", "the balance is spent")
--     end
--     return result
--   end
--
-- Such answers hold names and addresses: a script takes what it judges by and keeps nothing else.

local limits = require "limits"
local openai = require "openai"
local sample = require "sample"

local M = {}

--- The sample of an answer and, when it is good, its body.
--- @return table sample, table|nil body
function M.read(response, provider)
  local result = sample.from(response, provider)
  if not result.ok then
    return result
  end
  local body = response.json
  if type(body) ~= "table" then
    return sample.failure("bad_response", string.format("HTTP %d, but no account in the answer", response.status), response)
  end
  return result, body
end

--- GET of an address with the key, its body kept.
--- @return table sample, table|nil body when the sample is ok
function M.get(provider, check, url)
  return M.read(http.get(url, {
    headers = openai.headers(provider, check.key),
    expect = "json",
    keep = "always",
  }), provider)
end

--- Makes a failure of an answer that looked like success. Its limits stay.
function M.refuse(result, kind, message)
  local failed = sample.failure(kind, string.format("HTTP %d, but %s", result.http_status, message))
  failed.http_status, failed.limits, failed.rate_limit_percent = result.http_status, result.limits, result.rate_limit_percent
  return failed
end

--- Adds a window to a sample (see lib/limits.lua). What is overdrawn counts as nothing left.
function M.add(result, window)
  if type(window.remaining) == "number" then
    window.remaining = math.max(0, window.remaining)
  end
  window.limit, window.remaining = limits.count(window.limit), limits.count(window.remaining)
  if not window.limit and not window.remaining then
    return
  end
  result.limits = result.limits or {}
  limits.add(result.limits, window)
  result.rate_limit_percent = limits.percent(result.limits)
end

--- An amount of money that is a number or its text, "-0.50"; nil for anything else.
function M.amount(value)
  local number = (type(value) == "number" or type(value) == "string") and tonumber(value) or nil
  return number and number == number and math.abs(number) < 1e15 and number or nil
end

--- What a prepaid account has left, as its answer tells it: added to the sample, and nothing left is a failure.
--- @param unit string the currency: "usd"
--- @param value any number or its text
--- @param parts number|nil into how many parts the currency is divided: 100 for cents; default 1
--- @return table sample
function M.balance(result, unit, value, parts)
  local left = M.amount(value)
  if not left then
    return M.refuse(result, "bad_response", "no balance in the answer")
  end
  M.add(result, { unit = unit, remaining = left / (parts or 1) })
  return left > 0 and result or M.refuse(result, "credit", "the balance is spent")
end

--- A table's field that is a table itself; else an empty one, so that fields can be asked for.
function M.part(body, field)
  return type(body) == "table" and type(body[field]) == "table" and body[field] or {}
end

return M
