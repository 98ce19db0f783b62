"""How often who is asked: quickly in doubt, seldom where nothing is to be expected, as told where a reset is told, more often
who may be best; never too much at once; and what is fast for whom."""
import sqlite3

import pytest

from harness import lua, wait_for
from observing import arrivals, gaps, moment

INTERVAL_S, QUICK_S, DOWN_S = 0.5, 0.15, 1.5
SLACK_S = 0.35  # for a busy machine
PACE = {"interval": "500ms", "quick_interval": "150ms", "down_interval": "1500ms", "jitter_percent": 0}
RESET_S = 1  # as told; another half second is given to the other clock
SPENT = {"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": f"{RESET_S}s"}


def asked(simulator, name, count):
    """When a provider was asked, once that was so many times."""
    wait_for(lambda: len(arrivals(simulator, name)) >= count, f"{count} checks of {name}")
    return arrivals(simulator, name)[:count]


def assert_gaps(found, expected):
    assert len(found) == len(expected), found
    assert all(wanted - 0.06 <= gap <= wanted + SLACK_S for gap, wanted in zip(found, expected)), (found, expected)


# -- by state --

def test_who_fails_is_asked_quickly_until_it_is_down_and_then_as_its_kind_says(simulator, daemon):
    """All of these are one provider's story each, at the same time."""
    behaviours = {"broken": "500", "walled": "html", "refused": "401", "well": "ok"}
    for name, behaviour in behaviours.items():
        simulator.behave(name, behaviour)
    running = daemon(simulator.generic(*behaviours), **PACE)
    # Twice in doubt; then server_error at the interval (the first time at its grid's next point), waf by backoff.
    doubtful = [QUICK_S, QUICK_S]
    broken = gaps(asked(simulator, "broken", 7))
    assert_gaps(broken[:2], doubtful)
    assert INTERVAL_S / 2 - 0.06 <= broken[2] <= 1.5 * INTERVAL_S + SLACK_S
    assert_gaps(broken[3:], [INTERVAL_S] * 3)
    walled = gaps(asked(simulator, "walled", 6))
    assert_gaps(walled, [*doubtful, INTERVAL_S, 2 * INTERVAL_S, DOWN_S])
    entries = running.get("/api/providers/status").json["providers"]
    assert {name: entries[name]["status"] for name in behaviours} == {"broken": "down", "walled": "down", "refused": "down",
                                                                      "well": "healthy"}
    # A key that is refused waits for a human: nothing in all this time, and for an hour.
    assert_gaps(gaps(arrivals(simulator, "refused")), doubtful)
    assert moment(entries["refused"]["next_check"]) - moment(entries["refused"]["last_check"]) == pytest.approx(3600, abs=5)
    assert_gaps(gaps(arrivals(simulator, "well"))[1:], [INTERVAL_S] * (len(arrivals(simulator, "well")) - 2))


def test_who_comes_back_is_asked_quickly_until_it_is_back(simulator, daemon):
    simulator.behave("acme", "500")
    running = daemon(simulator.generic("acme"), successes_to_recover=4, **PACE)
    running.wait_for_provider("acme", lambda entry: entry["status"] == "down")
    simulator.behave("acme", "ok")
    back = running.wait_for_provider("acme", lambda entry: entry["status"] != "down")
    assert (back["status"], back["reason"], back["consecutive_failures"]) == ("degraded", "recovering", 0)
    entry = running.wait_for_provider("acme", lambda entry: entry["status"] == "healthy")
    assert moment(entry["next_check"]) - moment(entry["last_check"]) > INTERVAL_S / 2 - 0.06
    times = [t for t in arrivals(simulator, "acme")]
    assert_gaps(gaps(times[-4:]), [QUICK_S] * 3)


@pytest.mark.usefixtures("one_utc_day")
def test_a_reset_that_was_told_is_waited_for(simulator, daemon):
    after = f"retry-after={RESET_S}"
    behaviours = {"rate": f"429 {after}", "daily": "429 rpd", "busy": f"503 {after}"}
    for name, behaviour in behaviours.items():
        simulator.behave(name, behaviour)
    simulator.answer("spent", 429, SPENT, {"error": {"message": "Rate limit reached"}})
    simulator.behave("silent", "429")  # says nothing of a reset
    names = [*behaviours, "spent", "silent"]
    running = daemon(simulator.generic(*names), **PACE)
    kinds = {"rate": "rate", "daily": "quota_window", "busy": "capacity", "spent": "rate", "silent": "rate"}
    for name, kind in kinds.items():
        entry = running.wait_for_provider(name, lambda entry: True)
        assert (entry["status"], entry["error_kind"]) == ("degraded", kind), (name, entry)
    daily = running.provider("daily")
    reset_at, next_check = moment(daily["retry_at"]), moment(daily["next_check"])
    assert reset_at - moment(daily["last_check"]) > 60 and 0 < next_check - reset_at < 2
    for name in ("rate", "busy", "spent"):
        wait, = gaps(asked(simulator, name, 2))
        assert RESET_S <= wait <= RESET_S + 1 + SLACK_S, (name, wait)  # whole seconds, in the answer's time
    assert_gaps(gaps(asked(simulator, "silent", 3)), [INTERVAL_S, 2 * INTERVAL_S])
    assert len(arrivals(simulator, "daily")) == 1


def test_a_reset_is_no_reason_to_ask_without_end(simulator, daemon):
    simulator.behave("acme", "429 retry-after=0")
    daemon(simulator.generic("acme"), **{**PACE, "interval": "800ms", "quick_interval": "700ms"})
    assert min(gaps(asked(simulator, "acme", 3))) >= 0.64  # half a second by its word


# -- by worth --

# Providers that tell how fast they are, or that they are broken, and let the simulator count how often they are asked.
TOLD = """
local base = env "ACME_API_BASE"
local function provider(name, latency_ms)
  return { name = name, base_url = base, probe = function()
    http.get((base:gsub("/x/acme/", "/x/" .. name .. "/")) .. "/models")
    return latency_ms and { ok = true, latency_ms = latency_ms } or { kind = "server_error", message = "no" }
  end }
end
return { %s }"""


def test_contenders_are_asked_more_often_the_hopeless_less_and_the_sum_stays(simulator, providers, daemon):
    latencies = {"fast": 10, "middling": 900, "slow": 3000, "broken": None}  # the threshold is a second
    names = {group: [f"{group}{n}" for n in range(3)] for group in latencies}
    made = [f'provider("{name}", {lua(ms) if ms else "nil"})' for group, ms in latencies.items() for name in names[group]]
    (providers / "told.lua").write_text(TOLD % ", ".join(made))
    running = daemon({"ACME_API_BASE": simulator.base("acme")}, provider_paths=[str(providers)], adaptive=True,
                     **{**PACE, "interval": "400ms", "quick_interval": "100ms"})
    for name in names["broken"]:
        running.wait_for_provider(name, lambda entry: entry["status"] == "down")
    everyone = [name for group in names.values() for name in group]
    span_s, interval_s = 2.8, 0.4
    since = max(arrivals(simulator, name)[-1] for name in everyone) + interval_s
    wait_for(lambda: max(arrivals(simulator, name)[-1] for name in everyone) > since + span_s, "checks")
    count = {group: sum(since < t <= since + span_s for name in names[group] for t in arrivals(simulator, name))
             for group in names}
    even = span_s / interval_s * 3  # of each group, if all were asked alike
    assert sum(count.values()) == pytest.approx(4 * even, rel=0.15), count
    assert count["fast"] > 1.4 * even and count["broken"] < 0.7 * even, count
    assert count["fast"] > count["middling"] > count["broken"] and count["fast"] > 2 * count["slow"], count


# -- several keys --

KEYED = """
return { name = "%s", base_url = env "ACME_API_BASE", keys = keys "ACME_API_KEY",
  probe = function() return http.get("%s/models", { headers = { Authorization = "Bearer sim-%s-key-0123456789" } }) end }"""


@pytest.mark.tsan
def test_no_more_keys_of_one_provider_are_probed_at_once_than_wished_for(simulator, providers, daemon):
    most = {"two": 2, "one": 1, "four": 4}  # two is the default
    environment = {"ACME_API_BASE": simulator.base("acme"),
                   **{f"ACME_API_KEY_{n}": f"acme-secret-0123456789-{n}" for n in range(1, 7)}}
    for name in most:
        (providers / f"{name}.lua").write_text(KEYED % (name, simulator.base(name), name))
        simulator.behave(name, "slow 80ms")
    own = {name: {"max_probes_per_provider": wished} for name, wished in most.items() if name != "two"}
    running = daemon(environment, provider_paths=[str(providers)], interval="300ms", jitter_percent=0, providers=own)
    for name, wished in most.items():
        asked(simulator, name, 18)  # thrice each key, if they take turns
        assert simulator.stats()[name]["max_in_flight"] == wished, name
        keys = running.provider(name)["keys"]
        assert len(keys) == 6 and all(key["last_check"] and key["status"] == "healthy" for key in keys)


# -- what is fast for whom --

@pytest.fixture
def with_past(simulator, daemon, tmp_path):
    """A daemon whose database holds a past: name -> [(latencies in ms, days ago, whether they were good)]."""
    def start(past, degraded_latency="p95 * 2", **settings):
        daemon({}).stop()  # makes the tables
        with sqlite3.connect(tmp_path / "provider_status.db") as database:
            for name, parts in past.items():
                for latencies, days_ago, ok in parts:
                    database.executemany(
                        "INSERT INTO provider_health_checks (provider_name, status, response_time_ms, uptime_percent,"
                        " rate_limit_percent, last_check_timestamp, error_message, consecutive_failures, ok)"
                        f" VALUES (?, 'healthy', ?, 100, 0, strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-{days_ago} days'), '', 0, ?)",
                        [(name, ms, ok) for ms in latencies])
        return daemon(simulator.generic(*past), degraded_latency=degraded_latency, interval="30d", quick_interval="30d",
                      retention="30d", **settings)
    return start


def learned(running, name):
    return running.wait_for_provider(name, lambda entry: entry["degraded_latency_ms"] != 1000)["degraded_latency_ms"]


@pytest.mark.tsan
def test_a_threshold_is_learned_from_the_good_checks_of_the_last_week(simulator, with_past):
    hundred = [(range(10, 1010, 10), 1, 1)]  # 95 of 100 took at most 950 ms
    running = with_past({"plain": hundred, "own": hundred, "fixed": hundred, "judged": [([50] * 100, 1, 1)],
                         "older": [*hundred, ([60000] * 50, 8, 1)], "failing": [*hundred, ([60000] * 50, 1, 0)],
                         "few": [([50] * 10, 1, 1)], "old": [([50] * 100, 8, 1)]},
                        providers={"own": {"degraded_latency": "p50"}, "fixed": {"degraded_latency": "300ms"}})
    # Its own first check may be among them.
    for name, expected in {"plain": 1900, "older": 1900, "failing": 1900, "own": 500, "fixed": 300}.items():
        assert learned(running, name) == pytest.approx(expected, rel=0.03), name
    for name in ("few", "old"):  # too little, or too long ago
        assert running.check(name)["degraded_latency_ms"] == 1000, name
    assert learned(running, "judged") == pytest.approx(100, rel=0.03)
    simulator.behave("judged", "slow 300ms")
    entry = running.check("judged")
    assert (entry["status"], entry["reason"]) == ("degraded", "slow")


def test_the_weights_of_the_score_say_what_is_best(daemon, providers, tmp_path):
    (providers / "two.lua").write_text("""
      local function provider(name, latency_ms, used)
        return { name = name, base_url = "http://127.0.0.1:9", probe = function()
          return { ok = true, latency_ms = latency_ms,
            limits = { { unit = "requests", window_s = 60, limit = 100, remaining = 100 - used } } } end }
      end
      return { provider("fast", 10, 95), provider("idle", 300, 5) }""")
    for weights, best in (({"latency": 1, "uptime": 0, "headroom": 0}, "fast"), ({"latency": 0, "headroom": 1}, "idle")):
        running = daemon(provider_paths=[str(providers)], interval="30d", score_weights=weights,
                         database=str(tmp_path / f"{best}.db"))  # each without a past
        running.wait_for_provider("fast", lambda entry: entry["status"] == "healthy")
        running.wait_for_provider("idle", lambda entry: entry["status"] == "healthy")
        scores = {name: running.provider(name)["score"] for name in ("fast", "idle")}
        assert max(scores, key=scores.get) == best, scores
        running.stop()
