-- Public status pages, in four formats, frozen ones and those that are no such page.

local host = require "host"

local h, status_page

before_each(function()
  h = host.new { env = { ACME_API_KEY = "test-key-0123456789abcdef" } }
  status_page = h:library "status_page"
end)

local function fetch(format, body, component, answer)
  local provider = {
    name = "acme", base_url = "https://api.acme.example", keys = h.globals.keys "ACME_API_KEY",
    status_page = { url = "https://status.acme.example/api/v2/summary.json", format = format, component = component },
  }
  return (h:call(status_page.fetch, provider, { answer or { status = 200, body = body } }))
end

local RECENT = "2026-08-01T00:00:00Z" -- a day before host.NOW

local function statuspage(indicator, components, incidents, updated_at)
  return { page = { id = "p", name = "Acme", updated_at = updated_at or RECENT }, status = { indicator = indicator },
    components = components, incidents = incidents }
end

describe("a Statuspage", function()
  it("tells the page's state", function()
    for indicator, state in pairs {
      none = "operational", minor = "degraded", major = "degraded", critical = "down", maintenance = "maintenance",
    } do
      local found = fetch("statuspage", statuspage(indicator))
      assert.equal(state, found.state)
      assert.is_nil(found.message)
      assert.same({}, found.incidents)
      assert.is_false(found.stale)
      assert.equal(h.globals.parse_time(RECENT), found.updated_at)
    end
  end)

  it("tells the component's state, by name or id", function()
    local components = {
      { id = "k8w3", name = "Acme API", status = "major_outage" }, { id = "x", name = "Web", status = "operational" },
    }
    assert.equal("down", fetch("statuspage", statuspage("minor", components), "acme api").state)
    assert.equal("operational", fetch("statuspage", statuspage("minor", components), "x").state)
    for status, state in pairs {
      operational = "operational", degraded_performance = "degraded", partial_outage = "degraded", full_outage = "down",
      under_maintenance = "maintenance", ["on fire"] = "unknown",
    } do
      local page = statuspage("none", { { id = "k", name = "API", status = status } })
      assert.equal(state, fetch("incident.io", page, "k").state)
    end
    local found = fetch("statuspage", statuspage("none", components), "Voice")
    assert.equal("unknown", found.state)
    assert.equal("the page has no component 'Voice'", found.message)
  end)

  it("falls back on the page's state where no components are listed", function()
    local found = fetch("incident.io", statuspage("minor", {}), "API")
    assert.equal("degraded", found.state)
    assert.truthy(found.message)
  end)

  it("tells the incidents that are not over", function()
    local incidents = {
      { name = "Slow\nanswers", impact = "minor", status = "investigating", started_at = "2026-08-02T08:00:00Z" },
      { name = "Over", impact = "major", status = "resolved" },
      { name = "Elsewhere", impact = "minor", status = "identified", components = { { id = "web", name = "Web" } } },
    }
    assert.same({
      { name = "Slow answers", impact = "minor", since = host.NOW - 480 }, { name = "Elsewhere", impact = "minor" },
    }, fetch("statuspage", statuspage("minor", nil, incidents)).incidents)
    local components = { { id = "k", name = "API", status = "operational" } }
    assert.equal(1, #fetch("statuspage", statuspage("minor", components, incidents), "API").incidents)
  end)

  it("does not guess what it does not know", function()
    local found = fetch("statuspage", statuspage "splendid")
    assert.equal("unknown", found.state)
    assert.equal("the page says 'splendid', which is not known", found.message)
  end)

  it("is no news when it is frozen", function()
    local incidents = { { name = "Old", impact = "minor", status = "investigating", updated_at = "2026-05-08T00:00:00Z" } }
    for _, indicator in ipairs { "none", "major" } do
      local found = fetch("statuspage", statuspage(indicator, nil, incidents, "2026-05-08T00:00:00Z"))
      assert.equal("unknown", found.state)
      assert.is_true(found.stale)
      assert.same({}, found.incidents)
      assert.equal("the page has not changed since 2026-05-08", found.message)
    end
  end)

  it("is not frozen when any part of it has changed", function()
    local components = { { id = "k", name = "API", status = "operational", updated_at = RECENT } }
    local found = fetch("statuspage", statuspage("none", components, nil, "2026-05-08T00:00:00Z"))
    assert.equal("operational", found.state)
    assert.is_false(found.stale)
  end)

  it("is not trusted without an indicator", function()
    local found = fetch("statuspage", { page = { status = "UP" } })
    assert.equal("unknown", found.state)
    assert.equal("not a Statuspage summary: it has no status.indicator", found.message)
  end)
end)

describe("an Instatus page", function()
  local function page(status, incidents, maintenances)
    return { page = { name = "Acme", status = status }, activeIncidents = incidents, activeMaintenances = maintenances }
  end

  it("says what it says", function()
    assert.equal("operational", fetch("instatus", page "UP").state)
    assert.equal("degraded", fetch("instatus", page "HASISSUES").state)
    assert.equal("maintenance", fetch("instatus", page "UNDERMAINTENANCE").state)
    assert.equal("unknown", fetch("instatus", page "SIDEWAYS").state)
    assert.equal("unknown", fetch("instatus", statuspage "none").state)
  end)

  it("is overruled by its incidents", function()
    local function incident(impact, status)
      return { name = "Trouble", impact = impact, status = status or "INVESTIGATING", started = "2026-08-02T08:00:00Z" }
    end
    local found = fetch("instatus", page("UP", { incident "PARTIALOUTAGE" }))
    assert.equal("degraded", found.state)
    assert.same({ { name = "Trouble", impact = "partialoutage", since = host.NOW - 480 } }, found.incidents)
    assert.equal("down", fetch("instatus", page("UP", { incident "MAJOROUTAGE", incident "MINOROUTAGE" })).state)
    assert.equal("operational", fetch("instatus", page("UP", { incident("MAJOROUTAGE", "RESOLVED") })).state)
    assert.equal("maintenance", fetch("instatus", page("UP", {}, { { status = "INPROGRESS" } })).state)
  end)
end)

describe("a Better Stack page", function()
  local function page(state, included)
    return { data = { type = "status_page", attributes = { aggregate_state = state, updated_at = "2024-01-01T00:00:00Z" } },
      included = included }
  end
  local INCLUDED = {
    { id = "1", type = "status_page_resource", attributes = { public_name = "API", status = "downtime" } },
    { id = "2", type = "status_page_resource", attributes = { public_name = "Web", status = "operational" } },
    { id = "7", type = "status_report", attributes = { title = "API down", report_type = "manual", ends_at = nil,
      aggregate_state = "downtime", starts_at = "2026-08-02T08:00:00Z",
      affected_resources = { { status_page_resource_id = "1", status = "downtime" } } } },
    { id = "8", type = "status_report", attributes = { title = "Over", report_type = "manual",
      starts_at = "2026-08-01T08:00:00Z", ends_at = "2026-08-01T09:00:00Z" } },
    { id = "9", type = "status_report", attributes = { title = "Works", report_type = "maintenance" } },
  }

  it("tells the state of all, or of a resource", function()
    for word, state in pairs { operational = "operational", degraded = "degraded", downtime = "down",
      maintenance = "maintenance", [""] = "unknown" } do
      assert.equal(state, fetch("betterstack", page(word)).state)
    end
    assert.equal("down", fetch("betterstack", page("degraded", INCLUDED), "api").state)
    assert.equal("operational", fetch("betterstack", page("degraded", INCLUDED), "2").state)
    assert.equal("unknown", fetch("betterstack", statuspage "none").state)
  end)

  it("tells the reports that are under way", function()
    local expected = { { name = "API down", impact = "downtime", since = host.NOW - 480 } }
    assert.same(expected, fetch("betterstack", page("degraded", INCLUDED)).incidents)
    assert.same(expected, fetch("betterstack", page("degraded", INCLUDED), "API").incidents)
    assert.same({}, fetch("betterstack", page("degraded", INCLUDED), "Web").incidents)
  end)
end)

describe("a status page", function()
  it("is asked without the key", function()
    fetch("statuspage", statuspage "none")
    assert.same({ accept = "application/json" }, h.requests[1].headers)
  end)

  it("that cannot be read says why", function()
    local found = fetch("statuspage", nil, nil, { status = 404, body = "" })
    assert.same({ state = "unknown", incidents = {}, message = "HTTP 404", stale = false }, found)
    assert.equal("late", fetch("statuspage", nil, nil, { error = "timeout", message = "late" }).message)
    assert.equal("unknown", fetch("statuspage", "<html>").state)
    assert.equal("unknown", fetch("statuspage", "7").state)
    assert.truthy(fetch("rss", {}).message:find("'rss'", 1, true))
  end)

  it("is read without raising when it is garbage", function()
    math.randomseed(20261123)
    local words = { "none", "UP", "downtime", "API", "", "2026-08-01T00:00:00Z", "9999-12-31T23:59:59Z", 0, -1, true }
    local names = { "page", "status", "indicator", "components", "incidents", "updated_at", "name", "id", "data",
      "attributes", "aggregate_state", "included", "type", "activeIncidents", "impact", "started", "started_at",
      "affected_resources" }
    local function any(depth)
      local pick = math.random(depth > 0 and 3 or 1)
      if pick == 1 then
        return words[math.random(#words)]
      elseif pick == 2 then
        return { any(depth - 1), any(depth - 1) }
      end
      local object = {}
      for _ = 1, math.random(5) do
        object[names[math.random(#names)]] = any(depth - 1)
      end
      return object
    end
    for _, format in ipairs { "statuspage", "incident.io", "instatus", "betterstack" } do
      for _ = 1, 300 do
        local body = { page = any(2), status = any(2), components = any(3), incidents = any(3), data = any(3),
          included = any(4), activeIncidents = any(3) }
        local found = fetch(format, body, math.random(2) == 1 and "API" or nil)
        assert.is_string(found.state)
        assert.is_true(#found.incidents <= 20)
      end
    end
  end)
end)
