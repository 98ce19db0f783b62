"""How often who is asked: quickly in doubt, more often who may be best, never too much at once; and what is fast for whom."""
import sqlite3
import time

import pytest

from harness import wait_for
from observing import arrivals, gaps

# Answers after this long, by the key's number; how many are under way at once, the simulator sees.
SLOW = """
return { name = "acme", base_url = env "ACME_API_BASE", keys = keys "ACME_API_KEY",
  probe = function(provider) return http.get(provider.base_url .. "/models",
    { headers = { Authorization = "Bearer sim-acme-key-0123456789" } }) end }"""

# Providers that tell how fast they are, and count how often they are asked at the simulator.
TOLD = """
local function provider(name, latency_ms)
  return { name = name, base_url = env "ACME_API_BASE", probe = function(provider)
    http.get((provider.base_url:gsub("/x/acme/", "/x/" .. name .. "/")) .. "/models")
    return { ok = true, latency_ms = latency_ms }
  end }
end
return { %s }"""


def test_in_doubt_it_is_asked_quickly_and_then_at_the_interval_again(simulator, daemon):
    running = daemon(simulator.generic("acme"), interval="2s", quick_interval="200ms", jitter_percent=0,
                     max_consecutive_failures=4)
    running.wait_for_provider("acme", lambda entry: entry["status"] == "healthy")
    simulator.behave("acme", "500")
    running.wait_for_provider("acme", lambda entry: entry["status"] == "down")
    until_down = gaps(arrivals(simulator, "acme"))[-3:]
    assert all(0.15 <= gap <= 0.6 for gap in until_down), until_down
    count = len(arrivals(simulator, "acme"))
    wait_for(lambda: len(arrivals(simulator, "acme")) >= count + 3, "three checks while down")
    while_down = gaps(arrivals(simulator, "acme"))[-2:]
    assert all(1.5 <= gap <= 2.6 for gap in while_down), while_down


def test_whoever_comes_back_must_answer_several_times_and_is_asked_quickly_meanwhile(simulator, daemon):
    simulator.behave("acme", "500")
    running = daemon(simulator.generic("acme"), interval="2s", quick_interval="200ms", jitter_percent=0,
                     successes_to_recover=4)
    running.wait_for_provider("acme", lambda entry: entry["status"] == "down")
    simulator.behave("acme", "ok")
    back = running.wait_for_provider("acme", lambda entry: entry["status"] != "down")
    assert (back["status"], back["reason"], back["consecutive_failures"]) == ("degraded", "recovering", 0)
    running.wait_for_provider("acme", lambda entry: entry["status"] == "healthy")
    last = gaps(arrivals(simulator, "acme"))[-3:]
    assert all(0.15 <= gap <= 0.6 for gap in last), last


def test_contenders_are_asked_more_often_and_the_sum_stays(simulator, providers, daemon):
    """Two fast ones among ten that hardly meet their threshold."""
    slow, fast = [f"s{n}" for n in range(10)], ["f0", "f1"]
    made = [f'provider("{name}", {ms})' for names, ms in ((slow, 995), (fast, 10)) for name in names]
    (providers / "told.lua").write_text(TOLD % ", ".join(made))

    def counts(adaptive, seconds):
        running = daemon({"ACME_API_BASE": simulator.base("acme")}, provider_paths=[str(providers)], interval="400ms",
                         jitter_percent=0, adaptive=adaptive)
        wait_for(lambda: all(len(arrivals(simulator, name)) >= 3 for name in slow + fast), "three checks of each")
        before = {name: len(arrivals(simulator, name)) for name in slow + fast}
        time.sleep(seconds)  # what is counted is what happens in a time
        after = {name: len(arrivals(simulator, name)) - before[name] for name in slow + fast}
        running.stop()
        return after

    even, adapted = counts(False, 5), counts(True, 5)
    mean = {names[0][0]: sum(adapted[name] for name in names) / len(names) for names in (slow, fast)}
    assert mean["f"] > 1.3 * mean["s"]
    assert sum(adapted.values()) == pytest.approx(sum(even.values()), rel=0.15)


@pytest.mark.parametrize("most", [1, 2])
def test_no_more_keys_of_one_provider_are_probed_at_once_than_wished_for(simulator, providers, daemon, most):
    (providers / "acme.lua").write_text(SLOW)
    simulator.behave("acme", "slow 100ms")
    environment = {"ACME_API_BASE": simulator.base("acme"), **{f"ACME_API_KEY_{n}": f"acme-secret-0123456789-{n}"
                                                               for n in range(1, 7)}}
    running = daemon(environment, provider_paths=[str(providers)], interval="300ms", max_probes_per_provider=most)
    wait_for(lambda: len(arrivals(simulator, "acme")) >= 24, "four checks of each key")
    assert simulator.stats()["acme"]["max_in_flight"] == most
    assert all(key["last_check"] for key in running.provider("acme")["keys"])


# ---- what is fast for whom

def learned(tmp_path, latencies, days_ago=1):
    """A database of checks that were good, with these latencies in ms."""
    with sqlite3.connect(tmp_path / "provider_status.db") as database:
        database.executemany(
            "INSERT INTO provider_health_checks (provider_name, status, response_time_ms, uptime_percent,"
            " rate_limit_percent, last_check_timestamp, error_message, consecutive_failures, ok)"
            f" VALUES ('acme', 'healthy', ?, 100, 0, strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-{days_ago} days'), '', 0, 1)",
            [(ms,) for ms in latencies])


@pytest.fixture
def with_past(simulator, daemon, tmp_path):
    """A daemon whose database holds a past of acme's."""
    def start(latencies, days_ago=1, **settings):
        daemon(simulator.generic("acme"), interval="30d").stop()  # makes the tables
        learned(tmp_path, latencies, days_ago)
        return daemon(simulator.generic("acme"), **{"degraded_latency": "p95 * 2", "interval": "30d", **settings})
    return start


def test_a_threshold_is_learned_from_the_last_week(with_past):
    running = with_past(range(1, 101))  # 95 of 100 took at most 95 ms
    entry = running.wait_for_provider("acme", lambda entry: entry["degraded_latency_ms"] < 1000)
    assert entry["degraded_latency_ms"] == pytest.approx(190, rel=0.03)


@pytest.mark.parametrize("count, days_ago", [(10, 1), (100, 8)])
def test_too_little_or_too_old_a_past_teaches_nothing(with_past, count, days_ago):
    running = with_past([50] * count, days_ago)
    running.wait_for_provider("acme", lambda entry: entry["status"] == "healthy")
    running.wait_for_provider("acme", lambda entry: entry["degraded_latency_ms"] == 1000)


def test_a_learned_threshold_is_judged_by(simulator, with_past):
    simulator.behave("acme", "slow 300ms")
    running = with_past([50] * 100, interval="500ms")  # twice 50 ms
    entry = running.wait_for_provider("acme", lambda entry: entry["degraded_latency_ms"] < 1000 and entry["reason"] == "slow")
    assert entry["status"] == "degraded" and entry["degraded_latency_ms"] == pytest.approx(100, rel=0.03)


def test_the_weights_of_the_score_say_what_is_best(simulator, daemon, providers):
    (providers / "two.lua").write_text("""
      local function provider(name, latency_ms, used)
        return { name = name, base_url = "http://127.0.0.1:9", probe = function()
          return { ok = true, latency_ms = latency_ms,
            limits = { { unit = "requests", window_s = 60, limit = 100, remaining = 100 - used } } } end }
      end
      return { provider("fast", 10, 95), provider("idle", 300, 5) }""")
    for weights, best in (({"latency": 1, "uptime": 0, "headroom": 0}, "fast"), ({"latency": 0, "headroom": 1}, "idle")):
        running = daemon(provider_paths=[str(providers)], interval="30d", score_weights=weights)
        running.wait_for_provider("fast", lambda entry: entry["status"] == "healthy")
        running.wait_for_provider("idle", lambda entry: entry["status"] == "healthy")
        scores = {name: running.provider(name).get("score") for name in ("fast", "idle")}
        assert max(scores, key=scores.get) == best, scores
        running.stop()
