-- MiniMax.
-- Docs: https://platform.minimax.io/docs/api-reference/errorcode,
-- https://platform.minimax.io/docs/api-reference/models/openai/list-models,
-- https://platform.minimax.io/docs/token-plan/faq
-- Facts as collected 2026-11-23 (the pages above; recorded errors of 2026-10; MiniMax-AI/cli).
-- What proves the key: GET /models. For China set MINIMAX_API_BASE=https://api.minimaxi.com/v1; keys do not cross. A key in
-- MINIMAX_CODING_API_KEY is of the token plan, whose windows (five hours, and a week) are asked for besides.
-- Errors have a number at the end of their text, or in `base_resp` of a 200; it says more than the status, which has been
-- seen to be 500 for an empty account.
-- What the script cannot know: the balance, and limits outside of the plan.

local account = require "account"
local base = require "base"
local openai = require "openai"

local KIND_BY_CODE = {
  ["1000"] = "server_error",
  ["1001"] = "timeout",
  ["1002"] = "rate",
  ["1004"] = "key_invalid",
  ["1008"] = "credit",
  ["1013"] = "server_error",
  ["1024"] = "server_error",
  ["1033"] = "server_error",
  ["1039"] = "rate", -- tokens a minute
  ["1041"] = "rate", -- connections
  ["2013"] = "bad_request",
  ["2045"] = "rate", -- grew too fast
  ["2049"] = "key_invalid",
  ["2056"] = "quota_window", -- the plan's window is used up
}

local function classify(_, text, code)
  return KIND_BY_CODE[code] or KIND_BY_CODE[text and text:match "%((%d+)%)%s*$"]
end

local function add_window(result, model, part, percent, starts_ms, ends_ms)
  starts_ms, ends_ms = account.amount(starts_ms), account.amount(ends_ms)
  if not account.amount(percent) then
    return
  end
  account.add(result, {
    unit = "percent",
    window_s = starts_ms and ends_ms and ends_ms > starts_ms and (ends_ms - starts_ms) / 1000 or nil,
    limit = 100,
    remaining = account.amount(percent),
    reset_at = ends_ms and ends_ms > 0 and ends_ms / 1000 or nil,
    name = (model .. " " .. part):sub(1, 47),
  })
end

-- Its failure says nothing about completions: the model list has answered.
local function add_plan(provider, check, result)
  local _, body = account.get(provider, check, base.at(provider, "/token_plan/remains"))
  for _, entry in ipairs(account.part(body, "model_remains")) do
    if type(entry) == "table" and type(entry.model_name) == "string" and utf8.len(entry.model_name) then
      add_window(result, entry.model_name, "interval", entry.current_interval_remaining_percent, entry.start_time,
        entry.end_time)
      add_window(result, entry.model_name, "week", entry.current_weekly_remaining_percent, entry.weekly_start_time,
        entry.weekly_end_time)
    end
  end
end

local function probe(provider, check)
  local result = account.get(provider, check, base.at(provider, "/models"))
  if result.ok and check.key and check.key.label:find "^MINIMAX_CODING_API_KEY" then
    add_plan(provider, check, result)
  end
  return result
end

return openai.provider {
  name = "minimax",
  title = "MiniMax",
  base_url = env("MINIMAX_CODING_API_BASE", "https://api.minimax.io/v1"),
  keys = keys("MINIMAX_API_KEY", "MINIMAX_CODING_API_KEY"),
  docs = "https://platform.minimax.io/docs/api-reference/errorcode",
  classify = classify,
  probe = probe,
}
