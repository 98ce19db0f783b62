local host = require "host"

local judge = host.new():library("judge").judge

local function state(failures, most)
  return {
    status = "healthy", consecutive_failures = failures or 0, degraded_latency_ms = 1000,
    max_consecutive_failures = most or 3, now = host.NOW,
  }
end

local function verdict(sample, ...)
  local status, reason, score = judge(sample, state(...))
  return { status, reason, score }
end

describe("the default judge", function()
  it("calls a success within the threshold healthy", function()
    assert.same({ "healthy", "ok", 100 }, verdict { ok = true, latency_ms = 0 })
    assert.same({ "healthy", "ok", 75 }, verdict { ok = true, latency_ms = 500 })
    assert.same({ "healthy", "ok", 50 }, verdict { ok = true, latency_ms = 1000 })
  end)

  it("calls a slower success degraded, and up whatever went before", function()
    assert.same({ "degraded", "slow", 37.5 }, verdict({ ok = true, latency_ms = 2000 }, 7))
    assert.equal("degraded", verdict({ ok = true, latency_ms = 1000.1 })[1])
  end)

  it("calls a limited provider degraded, however often", function()
    local limited = { ok = false, limited = true, kind = "rate", latency_ms = 5 }
    assert.same({ "degraded", "rate_limited", 20 }, verdict(limited, 9))
  end)

  it("calls failures degraded until the third in a row", function()
    local failure = { ok = false, kind = "server_error", latency_ms = 5 }
    assert.same({ "degraded", "server_error", 10 }, verdict(failure, 0))
    assert.same({ "degraded", "server_error", 0 }, verdict(failure, 1))
    assert.same({ "down", "server_error", 0 }, verdict(failure, 2))
    assert.same({ "down", "server_error", 0 }, verdict(failure, 3))
  end)

  it("heeds the configured number of failures", function()
    local failure = { ok = false, kind = "timeout", latency_ms = 5 }
    assert.equal("down", verdict(failure, 0, 1)[1])
    assert.equal("degraded", verdict(failure, 8, 10)[1])
    assert.equal("down", verdict(failure, 9, 10)[1])
  end)

  it("calls an error with the effect degraded so, whatever went before, and one without effect unknown", function()
    local before = state(7, 3)
    before.effect = "degraded"
    local status, reason, score = judge({ ok = false, kind = "model_gone", latency_ms = 5 }, before)
    assert.same({ "degraded", "model_gone", 15 }, { status, reason, score })
    before.effect = "none"
    assert.equal("unknown", (judge({ ok = false, kind = "cancelled", latency_ms = 5 }, before)))
  end)

  it("scores a healthy provider by the weights, and leaves out what is not known", function()
    local before = state()
    local function score(sample)
      return select(3, judge(sample, before))
    end
    before.weights, before.uptime_percent, before.rate_limit_percent = { latency = 1, uptime = 1, headroom = 2 }, 50, 20
    assert.equal(50 + 50 * (1 + 0.5 + 2 * 0.8) / 4, score { ok = true, latency_ms = 0 })
    assert.equal(50 + 50 * (1 + 0.5 + 2 * 0) / 4, score { ok = true, latency_ms = 0, rate_limit_percent = 100 })
    local windows = { { unit = "requests", limit = 100, remaining = 90 }, { unit = "tokens", limit = 100, remaining = 40 } }
    assert.equal(50 + 50 * (1 + 0.5 + 2 * 0.4) / 4, score { ok = true, latency_ms = 0, limits = windows })
    before.rate_limit_percent, before.status = -1, "unknown"
    assert.equal(75, score { ok = true, latency_ms = 500 })
    before.weights = { latency = 0, uptime = 0, headroom = 1 }
    assert.equal(100, score { ok = true, latency_ms = 500 })
  end)

  it("scores every healthy provider above every degraded one that answers, and those above the failing", function()
    local healthy = verdict({ ok = true, latency_ms = 1000 })[3]
    local slow = verdict({ ok = true, latency_ms = 600000 })[3]
    local limited = verdict({ ok = false, limited = true, kind = "rate", latency_ms = 1 })[3]
    local failing = verdict({ ok = false, kind = "timeout", latency_ms = 1 })[3]
    assert.is_true(healthy > slow and slow > limited and limited > failing)
  end)
end)
