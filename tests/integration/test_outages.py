"""Outages: when they begin and end, what windows make of them, that they outlast restarts, and the memories of keys and
models."""
import datetime
import sqlite3

import pytest

from harness import wait_for
from test_error_kinds import SCRIPT
from test_keys import BY_NUMBER, key_ending

QUIET = {"interval": "30d", "quick_interval": "30d", "down_interval": "30d", "read_models": False}


@pytest.fixture
def acme(providers, daemon):
    """Starts a daemon that watches acme; `feel` makes acme well ("up"), or fail with the message given."""
    def feel(mood, running=None):
        sample = ("{ ok = true, latency_ms = 10 }" if mood == "up"
                  else f'{{ kind = "server_error", message = "{mood}", latency_ms = 5 }}')
        (providers / "acme.lua").write_text(SCRIPT % ("", f"return {sample}"))
        if running is not None:
            assert running.reload()

    def start(**settings):
        running = daemon(provider_paths=[str(providers)], **{**QUIET, **settings})
        running.wait_for_provider("acme", lambda entry: entry["stats"] is not None)
        return running
    start.feel = feel
    return start


def incidents(running, count=1):
    """The outages, newest first, once there are so many."""
    def look():
        listed = running.get("/api/providers/incidents").json["incidents"]
        return listed if len(listed) >= count else None
    return wait_for(look, f"{count} incidents")


def settled(running, condition):
    return wait_for(lambda: (lambda rows: rows if condition(rows[0]) else None)(incidents(running)), "the incident")[0]


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


@pytest.mark.tsan
def test_an_outage_is_told_from_its_first_failure_to_the_first_good_check(acme):
    acme.feel("up")
    running = acme()
    acme.feel("it broke", running)
    first = running.check("acme")
    acme.feel("and broke more", running)
    running.check("acme")
    assert running.provider("acme")["status"] == "degraded" and running.get("/api/providers/incidents").json["incidents"] == []
    third = running.check("acme")
    assert third["status"] == "down"
    lasting = settled(running, lambda row: row["checks_lost"] == 3)
    assert (lasting["provider_name"], lasting["kind"], lasting["first_error"], lasting["ended"]) == ("acme", "server_error", "it broke", None)
    assert moment(lasting["started"]) == moment(first["last_check"])
    shown = third["stats"]
    assert (shown["outages"], shown["mttr_s"]) == (1, None) and shown["down_s"] > 0 and shown["mtbf_s"] >= 0
    assert (shown["streak"]["up"], shown["streak"]["checks"]) == (False, 3)
    assert moment(shown["streak"]["since"]) == moment(first["last_check"])

    acme.feel("up", running)
    good = running.check("acme")
    ended = settled(running, lambda row: row["ended"] is not None)
    assert moment(ended["ended"]) == moment(good["last_check"]) and ended["checks_lost"] == 3
    shown = good["stats"]
    assert shown["mttr_s"] == pytest.approx((moment(ended["ended"]) - moment(ended["started"])).total_seconds(), abs=0.002)
    assert shown["down_s"] == shown["mttr_s"] and shown["streak"]["up"] and shown["streak"]["checks"] == 1
    assert len(incidents(running)) == 1


@pytest.mark.tsan
def test_an_outage_goes_on_over_restarts(acme, tmp_path):
    acme.feel("it broke")
    running = acme(max_consecutive_failures=2)
    began = running.provider("acme")["last_check"]
    running.check("acme")
    settled(running, lambda row: row["checks_lost"] == 2)
    running.stop()
    acme.feel("still broken")
    running = acme(max_consecutive_failures=2)
    running.wait_for_provider("acme", lambda entry: entry["stats"] and entry["stats"]["streak"]["checks"] == 3)
    lasting = settled(running, lambda row: row["checks_lost"] == 3)
    assert moment(lasting["started"]) == moment(began) and lasting["first_error"] == "it broke" and lasting["ended"] is None
    running.stop()
    acme.feel("up")
    running = acme(max_consecutive_failures=2)
    ended = settled(running, lambda row: row["ended"] is not None)
    assert moment(ended["started"]) == moment(began) and ended["checks_lost"] == 3
    shown = running.wait_for_provider("acme", lambda entry: entry["stats"] and entry["stats"]["checks"] == 4)["stats"]
    assert (shown["outages"], shown["streak"]["up"], shown["streak"]["checks"]) == (1, True, 1) and shown["mttr_s"] > 0
    with sqlite3.connect(tmp_path / "provider_status.db") as connection:
        assert connection.execute("SELECT count(*) FROM provider_incidents").fetchone() == (1,)


def test_failures_before_a_restart_are_the_begin_of_the_outage(acme):
    acme.feel("it broke")
    running = acme(max_consecutive_failures=3)
    began = running.provider("acme")["last_check"]
    running.check("acme")
    running.stop()
    acme.feel("third")
    running = acme(max_consecutive_failures=3)
    lasting = settled(running, lambda row: row["checks_lost"] == 3)
    assert moment(lasting["started"]) == moment(began) and lasting["first_error"] == "it broke"


def test_a_streak_older_than_the_checks_goes_back_through_the_hours(daemon, providers, tmp_path):
    (providers / "acme.lua").write_text(SCRIPT % ("", "return { ok = true, latency_ms = 10 }"))
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    daemon({}).stop()  # makes the tables
    with sqlite3.connect(tmp_path / "provider_status.db") as connection:
        for hours in range(100, 0, -1):  # as they came
            at = (now - datetime.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.000000")
            connection.execute("INSERT INTO provider_health_checks (provider_name, status, response_time_ms,"
                               " last_check_timestamp, ok) VALUES ('acme', ?, 10, ?, ?)",
                               ("down", at, 0) if hours == 80 else ("healthy", at, 1))
    settings = {"provider_paths": [str(providers)], "retention": "2d", **QUIET}
    running = daemon(**settings)
    running.wait_for_provider("acme", lambda entry: entry["stats"] and entry["stats"]["streak"]["checks"] >= 80)
    with sqlite3.connect(tmp_path / "provider_status.db") as connection:
        wait_for(lambda: connection.execute("SELECT count(*) FROM provider_health_checks").fetchone()[0] < 60, "retention")
    running.stop()
    running = daemon(**settings)
    streak = running.wait_for_provider("acme", lambda entry: entry["stats"] and entry["stats"]["streak"]["checks"] > 50)["stats"]["streak"]
    assert streak["up"] and streak["checks"] in (80, 81)  # 79 hours, and a check of each run
    assert now - moment(streak["since"]) >= datetime.timedelta(hours=78)


@pytest.mark.tsan
def test_each_key_has_statistics_and_outages_of_its_own(providers, daemon):
    (providers / "acme.lua").write_text(BY_NUMBER % 'if check.key_number == 2 then return { kind = "server_error",'
                                        ' message = "no", latency_ms = 5 } end return { ok = true, latency_ms = 20 }')
    environment = {"ACME_API_KEY_1": key_ending("aaaa"), "ACME_API_KEY_2": key_ending("bbbb")}
    settings = {"provider_paths": [str(providers)], "max_consecutive_failures": 1, **QUIET}

    def key_stats(running, checks):
        entry = running.wait_for_provider("acme", lambda entry: all(
            key["stats"] and key["stats"]["checks"] == checks for key in entry.get("keys", [{"stats": None}])))
        return [key["stats"] for key in entry["keys"]], entry
    running = daemon(environment, **settings)
    (first, second), entry = key_stats(running, 1)
    assert (first["uptime_percent"], first["outages"], second["uptime_percent"], second["outages"]) == (100, 0, 0, 1)
    assert second["errors"] == {"server_error": 1}
    # If key 2 was checked first, then the provider was down until key 1 was.
    outage, = [row for row in incidents(running) if row["key"] is not None]
    assert (outage["provider_name"], outage["key"], outage["checks_lost"]) == ("acme", 2, 1)
    running.stop()
    running = daemon(environment, **settings)
    (first, second), entry = key_stats(running, 2)
    assert (first["streak"]["checks"], second["streak"]["checks"], second["outages"]) == (2, 2, 1)
    carried_on = wait_for(lambda: [row for row in incidents(running) if row["key"] == 2 and row["checks_lost"] == 2], "the second loss")
    assert [row["started"] for row in carried_on] == [outage["started"]]


@pytest.mark.tsan
def test_each_model_that_deep_probes_asked_has_statistics_of_its_own(simulator, daemon):
    simulator.behave("acme", "ok")
    environment = simulator.generic("acme")
    deep = {"enabled": True, "interval": "200ms", "timed_interval": "200ms", "daily_tokens": 100000, "model": "sim-mini"}

    def of_model(running, least):
        entry = running.wait_for_provider("acme", lambda entry: entry.get("model_stats") and
                                          entry["model_stats"][0]["stats"]["checks"] >= least)
        return entry["model_stats"], entry
    running = daemon(environment, deep=deep)
    (model,), entry = of_model(running, 2)
    assert model["model"] == "sim-mini" and model["stats"]["uptime_percent"] == 100
    assert model["stats"]["first_token_ms"]["count"] >= 1 and model["stats"]["latency_ms"]["count"] >= 2
    assert model["stats"]["streak"]["up"]
    running.stop()
    was = model["stats"]
    running = daemon(environment, deep={**deep, "interval": "30d", "timed_interval": "30d"})
    (model,), entry = of_model(running, was["checks"])
    assert model["stats"]["first_token_ms"]["count"] >= was["first_token_ms"]["count"]
    assert entry["stats"]["first_token_ms"]["count"] >= was["first_token_ms"]["count"]


def test_busy_hours_are_told_apart(acme):
    acme.feel("up")
    running = acme(busy_hours="00:00-24:00")
    acme.feel("no", running)
    running.check("acme")
    busy = running.provider("acme")["stats"]["busy_hours"]
    assert (busy["checks"], busy["up"], busy["uptime_percent"]) == (2, 1, 50) and len(busy["uptime_interval"]) == 2
    running.stop()
    running = acme(busy_hours="00:00-24:00")
    busy = running.wait_for_provider("acme", lambda entry: entry["stats"] and entry["stats"]["checks"] == 3)["stats"]["busy_hours"]
    assert (busy["checks"], busy["up"]) == (3, 1)
    running.stop()
    running = acme(busy_hours=False)
    assert running.wait_for_provider("acme", lambda entry: entry["stats"] and entry["stats"]["checks"] == 4)["stats"]["busy_hours"] is None
