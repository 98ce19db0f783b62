"""Statistics of windows, as answers show them."""
import datetime
import sqlite3

import pytest

from harness import wait_for
from test_error_kinds import SCRIPT

WINDOWS = ["1h", "24h", "7d", "30d"]
MEASURE = ["count", "min", "max", "mean", "p50", "p95", "p99"]
FIELDS = ["window", "checks", "up", "uptime_percent", "uptime_interval", "busy_hours", "unknown", "latency_ms", "first_token_ms",
          "tokens_per_second", "errors", "outages", "down_s", "mtbf_s", "mttr_s", "streak", "complete_since"]


@pytest.fixture
def run(providers, daemon):
    """A daemon whose acme makes these samples (Lua; `n` counts the checks)."""
    def start(body, **settings):
        (providers / "acme.lua").write_text(f"local n = 0 {SCRIPT % ('', f'n = n + 1 {body}')}")
        running = daemon(provider_paths=[str(providers)],
                         **{"interval": "30d", "quick_interval": "30d", "down_interval": "30d", "read_models": False, **settings})
        running.wait_for_provider("acme", lambda entry: True)
        return running
    return start


def stats(running, window=None):
    answer = running.get("/api/providers/status/acme" + (f"?window={window}" if window else ""))
    assert answer.status == 200
    return answer.json["stats"]


@pytest.mark.tsan
def test_every_window_tells_what_was_measured(run):
    running = run("return { ok = true, latency_ms = 100 * n }")
    for _ in range(9):
        running.check("acme")
    for window in WINDOWS:
        shown = stats(running, window)
        assert list(shown) == FIELDS and shown["window"] == window
        assert (shown["checks"], shown["up"], shown["unknown"], shown["uptime_percent"]) == (10, 10, 0, 100)
        assert shown["uptime_interval"] == [72.247, 100]  # Wilson's, of 10 out of 10
        latency = shown["latency_ms"]
        assert list(latency) == MEASURE
        assert (latency["count"], latency["min"], latency["max"], latency["mean"]) == (10, 100, 1000, 550)
        assert latency["p50"] == pytest.approx(500, rel=0.02) and latency["p95"] == pytest.approx(1000, rel=0.02)
        assert (shown["first_token_ms"], shown["tokens_per_second"], shown["errors"]) == (None, None, {})
        assert shown["complete_since"] <= running.provider("acme")["last_check"]
    assert stats(running) == stats(running, "24h") == running.provider("acme")["stats"]


def test_all_of_them_are_told_for_a_window_too(run):
    running = run("return { ok = true, latency_ms = 5 }")
    for window in WINDOWS:
        answer = running.get(f"/api/providers/status?window={window}")
        assert answer.json["providers"]["acme"]["stats"]["window"] == window
        again = running.get(f"/api/providers/status?window={window}", if_none_match=answer.headers["etag"])
        assert again.status == 304
    tags = {running.get(f"/api/providers/status?window={window}").headers["etag"] for window in WINDOWS}
    assert len(tags) == len(WINDOWS)


@pytest.mark.parametrize("path", ["/api/providers/status", "/api/providers/status/acme"])
@pytest.mark.parametrize("window", ["1d", "24", "", "1h24h", "%00", "x" * 200])
def test_a_window_that_is_none_is_refused(run, path, window):
    answer = run("return { ok = true }").get(f"{path}?window={window}")
    assert answer.status == 400 and answer.json["detail"].startswith("window: expected one of 1h, 24h, 7d, 30d; got '")


def test_errors_count_by_kind_and_their_time_is_no_latency(run):
    running = run('if n % 2 == 0 then return { kind = "timeout", message = "no", latency_ms = 9000 } end'
                  ' return { ok = true, latency_ms = 7 }')
    for _ in range(5):
        running.check("acme")
    shown = stats(running)
    assert (shown["checks"], shown["up"], shown["uptime_percent"], shown["errors"]) == (6, 3, 50, {"timeout": 3})
    assert (shown["latency_ms"]["count"], shown["latency_ms"]["max"]) == (3, 7)
    low, high = shown["uptime_interval"]
    assert 0 < low < 50 < high < 100


def test_what_taught_nothing_does_not_count(run):
    running = run('if n > 1 then return { kind = "script_error", message = "no" } end return { ok = true, latency_ms = 7 }',
                  error_kinds={"script_error": {"effect": "none"}})
    running.check("acme")
    running.check("acme")
    shown = stats(running)
    assert (shown["checks"], shown["unknown"], shown["uptime_percent"], shown["errors"]) == (1, 2, 100, {})


def test_there_are_none_before_the_first_check(simulator, daemon):
    simulator.behave("acme", "hang")
    running = daemon(simulator.generic("acme"))
    assert running.provider("acme")["stats"] is None


def test_timed_completions_count_beside_the_checks(simulator, daemon):
    simulator.behave("acme", "ok")
    deep = {"enabled": True, "interval": "200ms", "timed_interval": "200ms", "daily_tokens": 100000, "model": "sim-mini"}
    running = daemon(simulator.generic("acme"), deep=deep)
    shown = wait_for(lambda: (lambda s: s if s and s["first_token_ms"] else None)(running.provider("acme")["stats"]),
                     "a timed completion")
    assert shown["first_token_ms"]["count"] >= 1 and shown["first_token_ms"]["min"] > 0


@pytest.mark.tsan
def test_a_restart_knows_what_was_known(run, daemon, providers):
    running = run("return n % 4 == 0 and { kind = 'timeout', message = 'no' } or { ok = true, latency_ms = 10 * n }")
    for _ in range(11):
        running.check("acme")
    before = {window: stats(running, window) for window in WINDOWS}
    running.stop()
    (providers / "acme.lua").write_text("return { name = 'acme', base_url = 'http://127.0.0.1:9', probe = function()"
                                        " return { ok = true, latency_ms = 1000 } end }")
    running = daemon(provider_paths=[str(providers)], interval="30d", quick_interval="30d", down_interval="30d",
                     read_models=False)
    running.wait_for_provider("acme", lambda entry: entry["stats"] and entry["stats"]["checks"] == 13)
    for window in WINDOWS:
        shown, was = stats(running, window), before[window]
        assert (was["checks"], was["up"], was["errors"]) == (12, 9, {"timeout": 3})
        assert (shown["checks"], shown["up"], shown["errors"]) == (13, 10, {"timeout": 3})
        assert (shown["latency_ms"]["count"], shown["latency_ms"]["min"], shown["latency_ms"]["max"]) == (10, 10, 1000)


def test_the_past_of_a_week_is_known_soon_after_the_start(simulator, daemon, tmp_path):
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    daemon({}).stop()  # makes the tables
    with sqlite3.connect(tmp_path / "provider_status.db") as connection:
        for minutes in range(5, 8 * 24 * 60, 5):  # a failure in ten
            at = (now - datetime.timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.000000")
            connection.execute("INSERT INTO provider_health_checks (provider_name, status, response_time_ms,"
                               " last_check_timestamp, ok, error_kind) VALUES ('acme', ?, 250, ?, ?, ?)",
                               ("down", at, 0, "timeout") if minutes % 50 == 0 else ("healthy", at, 1, None))
    running = daemon(simulator.generic("acme"), retention="30d", interval="30d", quick_interval="30d")
    running.wait_for_provider("acme", lambda entry: entry["stats"] and entry["stats"]["checks"] > 200)
    for window, hours, slot_minutes in [("1h", 1, 5), ("24h", 24, 60), ("7d", 7 * 24, 360)]:
        shown = stats(running, window)
        assert 12 * hours <= shown["checks"] <= 12 * hours + slot_minutes / 5 + 3, window
        assert shown["uptime_percent"] == pytest.approx(90, abs=4)
        assert shown["latency_ms"]["p50"] == pytest.approx(250, rel=0.02)
    assert stats(running, "30d")["checks"] == 8 * 24 * 12
