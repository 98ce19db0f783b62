-- @NAME@: an API with habits of its own.
-- Docs: https://docs.example.com/api (read on what day?)
-- What proves the key: which call answers 401 or 403 without a good one?
-- What the script cannot know: for example, how much of the month's credit is left.

local sample = require "sample"

-- One check, sequential code: http.get and http.post suspend it until the answer is there; nothing else waits meanwhile.
-- `check.key` is the key to try. A key can be sent and compared, never shown.
local function probe(provider, check)
  local response = http.get(provider.base_url .. "/account", {
    headers = { ["X-Api-Key"] = check.key },
    expect = "json", -- anything else in a 200 is the error bad_response
    keep = "always", -- the body, for the lines below
  })
  -- What the answer means: its error kind, limits and waits, by the usual rules and by `classify` below.
  local result = sample.from(response, provider)
  if result.ok and response.json.balance == 0 then
    return sample.failure("credit", "the account has no balance left", response)
  end
  return result
end

return {
  name = "@NAME@",
  title = "@NAME@", -- for people
  base_url = env("@VARIABLE@_API_BASE", "https://api.example.com"), -- the configuration overrides it
  keys = keys "@VARIABLE@_API_KEY", -- @VARIABLE@_API_KEY, @VARIABLE@_API_KEY_1 and so on: each is watched by itself
  missing = not env "@VARIABLE@_API_KEY" and "set @VARIABLE@_API_KEY" or nil, -- why it is not watched here; nil: it is
  docs = "https://docs.example.com/api",
  probe = probe,

  -- What its errors mean, where that is not usual: an error kind, or nil for the usual rules.
  classify = function(response, text, _code)
    return response.status == 400 and text and text:find("key", 1, true) and "key_invalid" or nil
  end,

  -- list_models = require "models".openai,   -- what it serves, asked for at a slow pace
  -- complete = require "chat".openai,        -- one completion, for deep probes
}
