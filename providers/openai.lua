-- OpenAI.
-- Docs: https://platform.openai.com/docs/api-reference/models/list, https://platform.openai.com/docs/guides/error-codes
-- Facts as collected 2026-11-23 (error table of 2026-08-31; developersdigest.tech/errors/api of 2026-10).
-- What proves the key: GET /models. A restricted key without the scope api.model.read is refused there, and good all the
-- same: `key_valid_restricted`.
-- OPENAI_BASE_URL is what OpenAI's own SDKs read; OPENAI_API_BASE goes first. OPENAI_ORG_ID (or OPENAI_ORGANIZATION) and
-- OPENAI_PROJECT_ID are sent along where set.
-- What the script cannot know: what is left of the credit (only a browser session is told), and limits, which come with
-- completions only. On low tiers requests are counted by the day; the headers do not say so.

local openai = require "openai"

-- Refusals of a key that is good, but not from here or not in this organization.
local FORBIDDEN = { "ip not authorized", "ip address is not authorized", "must be a member of an organization" }

local function classify(response, text)
  local said = response.status == 401 and text and text:lower() or ""
  for _, part in ipairs(FORBIDDEN) do
    if said:find(part, 1, true) then
      return "forbidden"
    end
  end
  return nil
end

return openai.provider {
  name = "openai",
  title = "OpenAI",
  base_url = env("OPENAI_BASE_URL", "https://api.openai.com/v1"),
  keys = keys "OPENAI_API_KEY",
  headers = {
    ["OpenAI-Organization"] = env "OPENAI_ORG_ID" or env "OPENAI_ORGANIZATION",
    ["OpenAI-Project"] = env "OPENAI_PROJECT_ID",
  },
  docs = "https://platform.openai.com/docs/api-reference/models/list",
  classify = classify,
  status_page = { url = "https://status.openai.com/api/v2/summary.json", format = "incident.io" },
}
