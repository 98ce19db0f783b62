-- What must hold of any list of models and of any status page. See ../listings.c.

local models = require "models"
local status_page = require "status_page"

local MODEL_DIALECTS = { "openai", "gemini", "anthropic", "cohere", "cloudflare", "ollama", "bedrock" }
local PAGE_FORMATS = { "statuspage", "incident.io", "instatus", "betterstack" }
local STATES = { operational = true, degraded = true, down = true, maintenance = true, unknown = true }

local function is_optional(value, kind)
  return value == nil or math.type(value) ~= nil and kind == "number" and value == value or type(value) == kind
end

local function check_models(list, failed)
  assert(list == nil and failed.kind or #list <= 2000, "neither a list nor a failure")
  local seen = {}
  for _, model in ipairs(list or {}) do
    assert(type(model.id) == "string" and #model.id > 0 and #model.id <= 127 and utf8.len(model.id), "id")
    assert(not model.id:find "%c" and not seen[model.id], "a control character in an id, or a double")
    seen[model.id] = true
    assert(is_optional(model.context, "number") and is_optional(model.price, "number"), "figures")
    assert(is_optional(model.created, "number") and is_optional(model.chat, "boolean"), "created, chat")
  end
end

local function check_page(page)
  assert(STATES[page.state], "state")
  assert(#page.incidents <= 20, "too many incidents")
  for _, incident in ipairs(page.incidents) do
    assert(type(incident.name) == "string" and #incident.name <= 200, "name of an incident")
    assert(is_optional(incident.impact, "string") and is_optional(incident.since, "number"), "incident")
  end
  assert(is_optional(page.message, "string") and is_optional(page.updated_at, "number"), "message, updated_at")
end

function one_input(response, choice)
  http.get = function()
    return response
  end
  local n = choice % (#MODEL_DIALECTS + #PAGE_FORMATS) + 1
  if n <= #MODEL_DIALECTS then
    local provider = { name = "p" .. n, base_url = "https://api.example.com/v1" }
    check_models(models[MODEL_DIALECTS[n]](provider, {}))
  else
    local page = { url = "https://status.example.com/summary.json", format = PAGE_FORMATS[n - #MODEL_DIALECTS] }
    check_page(status_page.fetch { name = "p", status_page = page })
  end
end

return {}
