"""What is foretold: errors that creep in, latency that rises, limits that run out, hours of the week at which it always
fails."""
import datetime
import re

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
