"""What is foretold: errors that creep in, latency that rises, limits that run out, hours of the week at which it always
fails."""
import datetime
import re
import sqlite3
import time

import pytest

from harness import REPO, milliseconds_now, wait_for


@pytest.fixture
def run(simulator, providers, daemon):
    """A daemon that watches acme, a generic provider, and asks it only when told to."""
    def start(**settings):
        if not (providers / "generic.lua").exists():
            (providers / "generic.lua").symlink_to(REPO / "providers/generic.lua")
        return daemon(simulator.generic("acme"), provider_paths=[str(providers)], interval="30d", quick_interval="30d",
                      **settings)
    return start


def tell(simulator, status=200, headers=None, **conditions):
    simulator.answer("acme", status, headers, {"data": [{"id": "m"}]} if status == 200 else {}, **conditions)


def first(running):
    return running.wait_for_provider("acme", lambda entry: True)


def check(running, simulator, status):
    tell(simulator, status)
    return running.check("acme")


def requests_an_hour(limit, remaining, reset):
    policy = f'"hour";q={limit};w=3600'
    return {"ratelimit-policy": policy, "ratelimit": f'"hour";r={remaining};t={reset}'}


def a_second_after(text):
    later = datetime.datetime.fromisoformat(text) + datetime.timedelta(seconds=1.1)
    return later.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_who_never_failed_is_at_no_risk(simulator, run):
    tell(simulator)
    running = run()
    nothing = {"risk": 0.0, "reason": "", "signals": []}
    assert first(running)["forecast"] == nothing
    assert running.get("/api/providers/status/acme").json["forecast"] == nothing


@pytest.mark.tsan
def test_errors_that_creep_in_are_told_before_it_is_down_and_once(simulator, run):
    tell(simulator)
    running = run()
    first(running)
    risks, entry = [], None
    for status in [200] * 3 + [500, 200, 200, 500, 200, 500, 200, 500]:
        entry = check(running, simulator, status)
        risks.append(entry["forecast"]["risk"])
    assert risks[:4] == [0, 0, 0, 0] and risks[-1] >= 0.5 and entry["status"] == "degraded"
    signal, = entry["forecast"]["signals"]
    assert signal["name"] == "errors" and signal["risk"] == entry["forecast"]["risk"]
    assert re.fullmatch(r"4 of the last \d+ checks failed, usually \d\.\d %", signal["detail"])
    assert entry["forecast"]["reason"] == signal["detail"]
    line = running.wait_for_line(r"acme: at risk \((0\.\d+)\): (.*)")
    assert float(line.group(1)) >= 0.5 and "checks failed" in line.group(2)
    for _ in range(60):
        entry = check(running, simulator, 200)
        if entry["forecast"]["risk"] < 0.3:
            break
    running.wait_for_line(r"acme: no longer at risk")
    assert running.log.count("at risk (") == 2  # each is told once


def test_what_is_not_known_raises_no_risk(simulator, run):
    """Checks that teach nothing do not count, as in the 24 hours."""
    tell(simulator)
    running = run(error_kinds={"server_error": {"effect": "none"}})
    first(running)
    for _ in range(8):
        entry = check(running, simulator, 500)
    assert entry["status"] == "unknown" and entry["forecast"]["risk"] == 0


def test_a_limit_that_runs_out_before_its_reset(simulator, run):
    tell(simulator, headers=requests_an_hour(1000, 900, 3000))
    running = run()
    entry = first(running)
    assert entry["forecast"]["risk"] == 0  # one sight tells no rate
    wait_for(lambda: (milliseconds_now() > a_second_after(entry["last_check"])), "the second that a rate needs")
    tell(simulator, headers=requests_an_hour(1000, 100, 2990))
    entry = running.check("acme")
    signal, = entry["forecast"]["signals"]
    assert (signal["name"], signal["risk"] >= 0.5) == ("limit", True)
    assert re.fullmatch(r"requests run out at \d\d:\d\d UTC, \d+ minutes before the reset", signal["detail"])
    running.wait_for_line(r"acme: at risk \(0\.\d+\): requests run out at")


# -- what the database knows --

HOUR, WEEK = 3600, 7 * 86400


@pytest.fixture
def restart(providers, daemon, tmp_path):
    """A daemon on a database that knows these hours: (name, key, model, start, checks, up). Every fourth check fails."""
    settings = {"provider_paths": [str(providers)], "interval": "30d", "quick_interval": "30d", "down_interval": "30d",
                "read_models": False}
    (providers / "acme.lua").write_text(
        "local n = 0 return { name = 'acme', base_url = 'http://127.0.0.1:9', probe = function() n = n + 1"
        " if n % 4 == 0 then return { kind = 'server_error', message = 'no' } end return { ok = true, latency_ms = 10 } end }")

    def start(hours):
        running = daemon(**settings)  # makes the tables
        running.wait_for_provider("acme", lambda entry: True)
        running.stop()
        database = sqlite3.connect(tmp_path / "provider_status.db")
        with database:
            database.execute("DELETE FROM provider_rollups")
            database.executemany("INSERT INTO provider_rollups (span, provider_name, key, model, start, checks, up, uncounted,"
                                 " tally) VALUES (3600, ?, ?, ?, ?, ?, ?, 0, x'')", hours)
        database.close()
        running = daemon(**settings)
        running.wait_for_provider("acme", lambda entry: True)
        running.wait_for_line(r"read the statistics of \d+ providers")
        return running
    return start


def this_hour():
    return int(time.time()) // HOUR * HOUR


def past_hours(failing, name="acme", key=0, model=""):
    """Of 12 checks each, in 13 weeks. All were good but those of this hour and the next, in each week."""
    bad = [(this_hour() + later) % WEEK for later in (0, HOUR)]
    return [(name, key, model, start, 12, 12 - failing if start % WEEK in bad else 12)
            for start in range(this_hour() - 13 * WEEK, this_hour(), HOUR)]


@pytest.mark.tsan
def test_an_hour_of_the_week_at_which_it_always_failed_is_told_after_a_restart(restart):
    before = time.time()
    running = restart(past_hours(failing=9))
    entry = running.wait_for_provider("acme", lambda entry: entry["forecast"]["signals"])
    signal, = entry["forecast"]["signals"]
    hours = [f"{time.strftime('%As %H:00', time.gmtime(at))}-{time.strftime('%H:00', time.gmtime(at + HOUR))}"
             for at in (before, time.time())]
    assert signal["name"] == "season" and 0.8 <= signal["risk"] <= 1
    assert signal["detail"] in {f"failed in 75 % of the checks on {hour} UTC (13 of 13 weeks), this hour" for hour in hours}
    running.wait_for_line(r"acme: at risk \(0\.\d+\): failed in 75 %")


def test_hours_of_others_of_long_ago_and_of_this_run_tell_nothing(restart):
    hour = None
    while hour != this_hour():  # again, if it has passed meanwhile
        hour = this_hour()
        long_ago = [("acme", 0, "", hour - weeks * WEEK, 12, 0) for weeks in range(14, 40)]
        going_on = [("acme", 0, "", hour - weeks * WEEK, 12, 0) for weeks in (0, 1)]  # one bad week, not yet two
        others = past_hours(12, name="other") + past_hours(12, key=1) + past_hours(12, model="m1")
        running = restart(long_ago + going_on + others)
        forecast = running.provider("acme")["forecast"]
        running.stop()
    assert forecast == {"risk": 0.0, "reason": "", "signals": []}


@pytest.mark.parametrize("used_to_it", [False, True])
def test_after_a_restart_it_is_known_how_many_errors_are_usual(restart, used_to_it):
    up = 10 if used_to_it else 12
    running = restart([("acme", 0, "", start, 12, up) for start in range(this_hour() - WEEK, this_hour(), HOUR)])
    for _ in range(15):
        entry = running.check("acme")
    assert entry["status"] == "degraded"
    assert entry["forecast"]["risk"] < 0.3 if used_to_it else entry["forecast"]["risk"] >= 0.5
