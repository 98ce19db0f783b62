"""Badges: small pictures of a provider's state, latency and uptime."""
import xml.etree.ElementTree as xml

import pytest

from harness import request
from made import failing, good

SPECS = {"fine": good(12.4), "bad": failing()}


def badge(running, path):
    answer = running.get(f"/badge/{path}")
    assert (answer.status, answer.headers["content-type"]) == (200, "image/svg+xml")
    return answer, xml.fromstring(answer.body)


@pytest.mark.parametrize("path, said, colour", [
    ("fine/status.svg", "fine: healthy", "#1a7f4e"), ("bad/status.svg", "bad: down", "#b3261e"), ("fine/latency.svg", "fine: 12 ms", "#1a7f4e"),
    ("bad/latency.svg", "bad: unknown", "#66706c"), ("fine/uptime/7d.svg", "fine, 7d: 100.00 %", "#1a7f4e"),
    ("bad/uptime/24h.svg", "bad, 24h: 0.00 %", "#b3261e"), ("fine/uptime/30d.svg", "fine, 30d: 100.00 %", "#1a7f4e"),
])
def test_each_says_it_in_words_and_colour(made, path, said, colour):
    answer, picture = badge(made(SPECS, max_consecutive_failures=1), path)
    assert picture.get("aria-label") == said
    assert colour in answer.body.decode()


def test_they_change_with_the_state_and_are_not_sent_twice(made):
    running = made({"a": {1: {"ms": 1.0}, 2: {"ms": 1.0, "kind": "server_error"}}}, max_consecutive_failures=1)
    answer, _ = badge(running, "a/status.svg")
    assert request(running.url, "GET", "/badge/a/status.svg", headers={"If-None-Match": answer.headers["etag"]}).status == 304
    running.check("a")
    assert badge(running, "a/status.svg")[1].get("aria-label") == "a: down"


@pytest.mark.parametrize("path", ["nobody/status.svg", "fine/none.svg", "fine/uptime/1y.svg", "status.svg"])
def test_what_is_not_there_is_not_found(made, path):
    assert made(SPECS).get(f"/badge/{path}").status == 404


def test_the_daemon_says_how_busy_it_is(made):
    health = made(SPECS).get("/api/providers/health").json
    assert 0 <= health["loop_lag_ms"] < 10000
    assert (health["probes_in_flight"], health["probes_waiting"]) == (0, 0)
