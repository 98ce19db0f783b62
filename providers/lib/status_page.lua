-- status_page: what a provider's public status page announces, beside what was measured; never a verdict.
--
--   status_page = { url = "https://status.example.com/api/v2/summary.json", format = "statuspage",
--                   component = "API" }                         -- its name or id; optional
--   local announced = status_page.fetch(provider, check)
--
-- Formats: "statuspage" and "incident.io" (summary.json of the Statuspage v2 API), "instatus" (summary.json) and
-- "betterstack" (index.json). What comes back:
--   state       "operational", "degraded", "down", "maintenance" or "unknown"; a word that is not known is "unknown"
--   incidents   array of {name =, impact =, since = seconds since 1970 or nil}, at most 20, those that are not over
--   updated_at  the newest time in the document; nil when it has none
--   message     why the state is unknown, or what else should be known; else nil
--   stale       the document has not changed for 30 days
--
-- A component that is named counts instead of the page. Instatus says UP during incidents; so there incidents win. A page
-- on which nothing has changed for 30 days is no news: the address may have been left behind (DeepSeek's former one still
-- says "operational"), and so its state is unknown, whatever it says, and its incidents are left out. A quiet provider's
-- page looks the same from outside; then nothing is lost but an "operational" that nobody relies on. Better Stack and
-- Instatus date their settings only, or nothing: they never count as stale.
--
-- The page's host is not the provider's: no key and no header of the provider's own is sent to it.
-- Shapes: https://metastatuspage.com/api, https://instatus.com/help/api, and the pages that the provider scripts name;
-- facts as collected 2026-11-23.

local sample = require "sample"

local M = {}

local STALE_S = 30 * 86400
local INCIDENTS_MAX = 20
local ENTRIES_MAX = 1000 -- components, resources, reports that are looked at
local NAME_MAX = 200 -- bytes

-- ---- values of which nothing is known

local EMPTY = {}

local function table_of(value)
  return type(value) == "table" and value or EMPTY
end

-- The tables of an array, of which there may be too many.
local function entries_of(value)
  local list = {}
  value = table_of(value)
  for i = 1, math.min(#value, ENTRIES_MAX) do
    list[#list + 1] = type(value[i]) == "table" and value[i] or nil
  end
  return list
end

local function time_of(value)
  return type(value) == "string" and parse_time(value) or nil
end

local function shown(value)
  if type(value) ~= "string" then
    return ""
  end
  value = value:gsub("[%s%c]+", " ")
  local stop = math.min(#value, NAME_MAX)
  while stop > 0 and stop < #value and value:byte(stop + 1) & 0xC0 == 0x80 do
    stop = stop - 1
  end
  return value:sub(1, stop)
end

local function unknown(message)
  return { state = "unknown", incidents = {}, message = message, stale = false }
end

-- A state by its word; what is not known is said, not guessed.
local function state_of(word, states, found)
  local state = type(word) == "string" and states[word]
  if not state then
    found.message = string.format("the page says '%s', which is not known", shown(word))
  end
  return state or "unknown"
end

local function is_named(wish, ...)
  for i = 1, select("#", ...) do
    local name = select(i, ...)
    if type(name) == "string" and name:lower() == wish:lower() then
      return true
    end
  end
  return false
end

local function add_incident(found, name, impact, since)
  if #found.incidents < INCIDENTS_MAX then
    local list = found.incidents
    list[#list + 1] = { name = shown(name), impact = shown(impact):lower(), since = since }
  end
end

-- The state of the component that is wished for, else the page's. Where a document has no components (incident.io may
-- leave them out), the page's counts.
local function component_state(found, wish, components, names_of, word_of, states, page_state)
  if not wish then
    return page_state()
  elseif #components == 0 then
    local state = page_state()
    found.message = found.message or string.format("no components in the document; this is the page's state, not '%s'", wish)
    return state
  end
  for _, component in ipairs(components) do
    if is_named(wish, names_of(component)) then
      return state_of(word_of(component), states, found)
    end
  end
  found.message = string.format("the page has no component '%s'", shown(wish))
  return "unknown"
end

-- ---- Statuspage, and incident.io in its shape

local INDICATORS = {
  none = "operational", minor = "degraded", major = "degraded", critical = "down", maintenance = "maintenance",
}

local COMPONENT_STATES = {
  operational = "operational", degraded_performance = "degraded", partial_outage = "degraded", major_outage = "down",
  full_outage = "down", under_maintenance = "maintenance",
}

local OVER = { resolved = true, postmortem = true, completed = true }

local function id_and_name(component)
  return component.id, component.name
end

-- Whether an incident concerns the component; one that names none concerns all.
local function concerns(incident, wish)
  local components = entries_of(incident.components)
  if not wish or #components == 0 then
    return true
  end
  for _, component in ipairs(components) do
    if is_named(wish, id_and_name(component)) then
      return true
    end
  end
  return false
end

local function newest(best, entries)
  for _, entry in ipairs(entries) do
    local at = time_of(entry.updated_at)
    best = at and math.max(best or at, at) or best
  end
  return best
end

local function read_statuspage(body, wish)
  local found = unknown(nil)
  local indicator = table_of(body.status).indicator
  if type(indicator) ~= "string" then
    return unknown "not a Statuspage summary: it has no status.indicator"
  end
  local components, incidents = entries_of(body.components), entries_of(body.incidents)
  found.state = component_state(found, wish, components, id_and_name, function(component)
    return component.status
  end, COMPONENT_STATES, function()
    return state_of(indicator, INDICATORS, found)
  end)
  for _, incident in ipairs(incidents) do
    if not OVER[incident.status] and concerns(incident, wish) then
      add_incident(found, incident.name, incident.impact, time_of(incident.started_at) or time_of(incident.created_at))
    end
  end
  found.updated_at = newest(newest(time_of(table_of(body.page).updated_at), components), incidents)
  return found
end

-- ---- Instatus

local PAGE_STATES = { UP = "operational", HASISSUES = "degraded", UNDERMAINTENANCE = "maintenance" }

local INSTATUS_STATES = {
  OPERATIONAL = "operational", DEGRADEDPERFORMANCE = "degraded", PARTIALOUTAGE = "degraded", MINOROUTAGE = "degraded",
  MAJOROUTAGE = "down", UNDERMAINTENANCE = "maintenance",
}

local function read_instatus(body, wish)
  local found = unknown(nil)
  local word = table_of(body.page).status
  if type(word) ~= "string" then
    return unknown "not an Instatus summary: it has no page.status"
  end
  found.state = component_state(found, wish, entries_of(body.components), id_and_name, function(component)
    return component.status
  end, INSTATUS_STATES, function()
    return state_of(word, PAGE_STATES, found)
  end)
  for _, incident in ipairs(entries_of(body.activeIncidents)) do
    if incident.status ~= "RESOLVED" then
      add_incident(found, incident.name, incident.impact, time_of(incident.started))
      found.state = (INSTATUS_STATES[incident.impact] == "down" or found.state == "down") and "down" or "degraded"
    end
  end
  for _, maintenance in ipairs(entries_of(body.activeMaintenances)) do
    if maintenance.status == "INPROGRESS" and found.state == "operational" then
      found.state = "maintenance"
    end
  end
  return found
end

-- ---- Better Stack

local BETTERSTACK_STATES = {
  operational = "operational", degraded = "degraded", downtime = "down", maintenance = "maintenance",
}

local function attributes_of(entry)
  return table_of(entry.attributes)
end

local function of_type(entries, name)
  local list = {}
  for _, entry in ipairs(entries) do
    list[#list + 1] = entry.type == name and entry or nil
  end
  return list
end

local function resource_names(resource)
  return resource.id, attributes_of(resource).public_name
end

local function id_of(wish, resources)
  for _, resource in ipairs(wish and resources or {}) do
    if is_named(wish, resource_names(resource)) then
      return resource.id
    end
  end
  return nil
end

-- Whether a report concerns a resource; one that names none concerns all.
local function touches(report, resource_id)
  local affected = entries_of(attributes_of(report).affected_resources)
  for _, resource in ipairs(affected) do
    if tostring(resource.status_page_resource_id) == tostring(resource_id) then
      return true
    end
  end
  return #affected == 0
end

local function is_under_way(report)
  local starts, ends = time_of(attributes_of(report).starts_at), time_of(attributes_of(report).ends_at)
  return (not starts or starts <= now()) and (not ends or ends > now())
end

local function read_betterstack(body, wish)
  local found = unknown(nil)
  local attributes = attributes_of(table_of(body.data))
  if type(attributes.aggregate_state) ~= "string" then
    return unknown "not a Better Stack document: it has no data.attributes.aggregate_state"
  end
  local included = entries_of(body.included)
  local resources = of_type(included, "status_page_resource")
  local resource_id = id_of(wish, resources)
  found.state = component_state(found, wish, resources, resource_names, function(resource)
    return attributes_of(resource).status
  end, BETTERSTACK_STATES, function()
    return state_of(attributes.aggregate_state, BETTERSTACK_STATES, found)
  end)
  for _, report in ipairs(of_type(included, "status_report")) do
    local told = attributes_of(report)
    if told.report_type ~= "maintenance" and is_under_way(report) and (not resource_id or touches(report, resource_id)) then
      add_incident(found, told.title, told.aggregate_state, time_of(told.starts_at))
    end
  end
  found.updated_at = time_of(attributes.updated_at)
  return found
end

-- ---- reading

local READERS = {
  statuspage = { read = read_statuspage, dated = true },
  ["incident.io"] = { read = read_statuspage, dated = true },
  instatus = { read = read_instatus },
  betterstack = { read = read_betterstack },
}

local function mark_stale(found)
  if found.updated_at and now() - found.updated_at > STALE_S then
    found.stale = true
    found.state, found.incidents = "unknown", {}
    found.message = "the page has not changed since " .. os.date("!%Y-%m-%d", math.floor(found.updated_at))
  end
end

--- @return table see the head of this file
function M.fetch(provider)
  local page = provider.status_page
  local reader = page and READERS[page.format]
  if not reader then
    return unknown(string.format("status_page.format is '%s', expected statuspage, incident.io, instatus or betterstack",
      tostring(page and page.format)))
  end
  local response = http.get(page.url, { headers = { Accept = "application/json" }, expect = "json", keep = "always" })
  local result = sample.from(response)
  if not result.ok then
    return unknown(result.message)
  end
  local body = response.json
  if type(body) ~= "table" then
    return unknown "the document is no JSON object"
  end
  local found = reader.read(body, page.component)
  if reader.dated then
    mark_stale(found)
  end
  return found
end

return M
