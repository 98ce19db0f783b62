-- The delivered policies, as functions from candidates to an order.

package.path = "plugins/lib/?.lua;" .. package.path

local function load_policy(name)
  return dofile("plugins/policies/" .. name .. ".lua")
end

-- A healthy candidate with these fields.
local function candidate(name, fields)
  local c = {
    name = name, title = name, status = "healthy", reason = "ok", latency_ms = 100, recent_ms = 100,
    p50_ms = 100, p95_ms = 150,
    uptime_percent = 100, rate_limit_percent = 0, score = 90, risk = 0, consecutive_failures = 0, last_check_age_s = 10,
    stale = false, warmth = 1, key = 0, keys = 0, degraded_latency_ms = 1000,
  }
  for field, value in pairs(fields or {}) do
    c[field] = value
  end
  return c
end

-- What rank() says: names in order, the reason, the number of alternatives, and the entries by name.
local function rank(name, candidates, request, settings)
  local policy = load_policy(name)
  local all = {}
  for key, value in pairs(policy.settings or {}) do
    all[key] = value
  end
  for key, value in pairs(settings or {}) do
    all[key] = value
  end
  local list, reason, alternatives = policy.rank(candidates, request or {}, all)
  local names, by_name = {}, {}
  for i, entry in ipairs(list) do
    names[i], by_name[entry[1].name] = entry[1].name, entry
  end
  return names, reason, alternatives, by_name
end

local ALL = {
  "balanced", "cheapest", "explore", "fastest_tokens", "lowest_latency", "most_headroom", "sticky", "weighted",
}

describe("every policy", function()
  for _, name in ipairs(ALL) do
    it("says what it is about: " .. name, function()
      assert.is_true(#load_policy(name).about > 10)
    end)

    it("names nobody when nobody is up: " .. name, function()
      local names, reason, alternatives = rank(name, {
        candidate("a", { status = "down" }), candidate("b", { status = "unknown", last_check_age_s = nil }),
      })
      assert.same({}, names)
      assert.equal("All providers are down", reason)
      assert.equal(0, alternatives)
      assert.same({}, (rank(name, {})))
    end)

    it("puts the degraded behind the healthy, and offers them only when nobody is: " .. name, function()
      local slow = candidate("a", { status = "degraded", latency_ms = 1, recent_ms = 1, price = 0, tokens_per_second = 900,
        headroom_percent = 100 })
      local names, _, alternatives = rank(name, { slow, candidate("b"), candidate("c") })
      assert.equal("a", names[3])
      assert.equal(1, alternatives)
      local reason
      names, reason, alternatives = rank(name, { slow, candidate("b", { status = "down" }) })
      assert.same({ "a" }, names)
      assert.equal("No healthy providers available, using least degraded: a", reason)
      assert.equal(0, alternatives)
    end)

    it("gives scores from 0 to 100 that fall among equal states, and a reason for each: " .. name, function()
      local names, reason, _, by_name = rank(name, {
        candidate("a", { latency_ms = 0, recent_ms = 0 }), candidate("b", { price = 3, headroom_percent = 0 }),
        candidate("c", { tokens_per_second = 50, headroom_percent = 90, risk = 0.9 }),
        candidate("d", { status = "degraded" }),
      })
      local last, status = 100, "healthy"
      for _, each in ipairs(names) do
        local entry = by_name[each]
        if entry.status ~= status then
          last, status = 50, entry.status
        end
        assert.is_true(entry.score >= 0 and entry.score <= last + 1e-9, each .. ": " .. entry.score)
        assert.is_true(#entry.why > 0)
        last = entry.score
      end
      assert.is_true(#reason > 0)
    end)
  end
end)

describe("lowest_latency", function()
  it("goes by latency, then by name, and offers two", function()
    local names, reason, alternatives = rank("lowest_latency", {
      candidate("a", { latency_ms = 30 }), candidate("b", { latency_ms = 10 }), candidate("c", { latency_ms = 10 }),
      candidate("d", { latency_ms = 20 }),
    })
    assert.same({ "b", "c", "d", "a" }, names)
    assert.equal("lowest latency (10.0ms) + healthy status", reason)
    assert.equal(2, alternatives)
  end)
end)

describe("fastest_tokens", function()
  it("goes by tokens per second; who was not measured comes behind", function()
    local names, reason = rank("fastest_tokens", {
      candidate("a", { latency_ms = 1 }), candidate("b", { tokens_per_second = 40 }),
      candidate("c", { tokens_per_second = 80 }),
    })
    assert.same({ "c", "b", "a" }, names)
    assert.equal("most tokens per second (80.0)", reason)
  end)
end)

describe("most_headroom", function()
  it("goes by what is left; not known is half", function()
    local names, _, _, by_name = rank("most_headroom", {
      candidate("a", { headroom_percent = 10 }), candidate("b"), candidate("c", { headroom_percent = 70 }),
    })
    assert.same({ "c", "b", "a" }, names)
    assert.equal(70, by_name.c.score)
    assert.same({ "c", "a", "b" }, (rank("most_headroom", {
      candidate("a", { headroom_percent = 10 }), candidate("b"), candidate("c", { headroom_percent = 70 }),
    }, {}, { assumed_percent = 5 })))
  end)
end)

describe("cheapest", function()
  it("goes by price, then by latency", function()
    local names = rank("cheapest", {
      candidate("a", { price = 2 }), candidate("b", { price = 0, latency_ms = 50 }),
      candidate("c", { price = 0, latency_ms = 20 }),
      candidate("d", { latency_ms = 1 }),
    })
    assert.same({ "c", "b", "a", "d" }, names)
  end)
end)

describe("weighted", function()
  it("weighs what its settings say", function()
    local fast, dear = candidate("a", { recent_ms = 10, price = 50 }), candidate("b", { recent_ms = 400, price = 0.1 })
    assert.same({ "a", "b" }, (rank("weighted", { fast, dear })))
    assert.same({ "b", "a" }, (rank("weighted", { fast, dear }, {}, { price = 20 })))
  end)

  it("avoids who is at risk", function()
    assert.same({ "b", "a" }, (rank("weighted", { candidate("a", { risk = 0.9 }), candidate("b") })))
  end)

  it("has a score of 0 when nothing has a weight", function()
    local none = { latency = 0, uptime = 0, headroom = 0, calm = 0, speed = 0, price = -1 }
    local _, _, _, by_name = rank("weighted", { candidate("a") }, {}, none)
    assert.equal(0, by_name.a.score)
  end)
end)

describe("sticky", function()
  local function pair(a, b)
    return { candidate("a", { recent_ms = a }), candidate("b", { recent_ms = b }) }
  end

  it("stays within the margin, and leaves beyond it", function()
    local settings = { margin_percent = 20, margin_ms = 0 }
    assert.same({ "b", "a" }, (rank("sticky", pair(100, 119), { current = "b" }, settings)))
    assert.same({ "a", "b" }, (rank("sticky", pair(100, 121), { current = "b" }, settings)))
    assert.same({ "a", "b" }, (rank("sticky", pair(100, 119), {}, settings)))
    assert.same({ "a", "b" }, (rank("sticky", pair(100, 119), { current = "gone" }, settings)))
  end)

  it("does not stay with who is no longer as well as the fastest", function()
    local candidates = pair(100, 101)
    candidates[2].status = "degraded"
    assert.same({ "a", "b" }, (rank("sticky", candidates, { current = "b" })))
  end)
end)

describe("balanced", function()
  it("shares among the nearly equal, by headroom", function()
    local names, reason, _, by_name = rank("balanced", {
      candidate("a", { recent_ms = 100, headroom_percent = 100 }),
      candidate("b", { recent_ms = 110, headroom_percent = 50 }),
      candidate("c", { recent_ms = 400 }),
    })
    assert.same({ "a", "b", "c" }, names)
    assert.is_true(by_name.a.share > 1.8 * by_name.b.share)
    assert.is_nil(by_name.c.share)
    assert.equal("one of 2 that are nearly equally fast", reason)
  end)
end)

describe("explore", function()
  it("gives a share to those whose knowledge is oldest, and none to the hopeless", function()
    local candidates = { candidate("a", { recent_ms = 10 }), candidate("z", { recent_ms = 900, last_check_age_s = 999 }) }
    for i = 1, 9 do
      candidates[#candidates + 1] = candidate("b" .. i, { recent_ms = 20, last_check_age_s = i })
    end
    local _, _, _, by_name = rank("explore", candidates, {}, { share_percent = 7 })
    assert.equal(93, by_name.a.share)
    assert.is_nil(by_name.z.share)
    assert.is_nil(by_name.b1.share)
    assert.is_nil(by_name.b2.share)
    for i = 3, 9 do
      assert.equal(1, by_name["b" .. i].share)
    end
  end)

  it("names the fastest alone when there is nobody to explore", function()
    local _, _, _, by_name = rank("explore", { candidate("a") })
    assert.is_nil(by_name.a.share)
  end)
end)
