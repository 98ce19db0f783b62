-- @NAME@: an API that speaks OpenAI's.
-- Docs: https://docs.example.com/api (read on what day?)
-- What proves the key: GET /models, which answers 401 without a good one. Is the list open to anyone? Then see `path` and
-- `models` below.
-- What the script cannot know: for example, how much of the month's credit is left.

return require "openai".provider {
  name = "@NAME@",
  title = "@NAME@", -- for people

  -- The address that /models and /chat/completions follow. @VARIABLE@_API_BASE overrides it.
  base_url = env("@VARIABLE@_API_BASE", "https://api.example.com/v1"),

  -- @VARIABLE@_API_KEY, @VARIABLE@_API_KEY_1 and so on. Each is watched by itself.
  keys = keys "@VARIABLE@_API_KEY",

  docs = "https://docs.example.com/api",

  -- path = "/me",                                  -- what is asked in place of /models
  -- models = { "small-3", "small-2" },             -- or: one token of the first that exists
  -- headers = { ["X-Title"] = "providerd" },       -- in every request
  -- auth_header = "api-key",                       -- takes the bare key, in place of Authorization: Bearer

  -- What its errors mean, where that is not usual. nil: the usual rules.
  -- classify = function(response, text, code)
  --   return response.status == 403 and code == "no_plan" and "credit" or nil
  -- end,

  -- Its public status page: statuspage, incident.io, instatus or betterstack.
  -- status_page = { url = "https://status.example.com/api/v2/summary.json", format = "statuspage" },
}
