"""What tests of behaviour over time have in common: telling the simulator things, and reading times."""
import datetime
import json

from harness import request


def tell(simulator, what, name, **value):
    """Tells the simulator `answers`, `streams` or `pages` of a provider (tests/simulator/README.md)."""
    answer = request(simulator.url, "PUT", f"/_sim/{what}/{name}", body=json.dumps(value))
    assert answer.status < 300, answer.body


def untell(simulator, what, name):
    assert request(simulator.url, "DELETE", f"/_sim/{what}/{name}").status < 300


def moment(text):
    """Seconds since 1970 of a time in an answer; None for null and "never"."""
    return datetime.datetime.fromisoformat(text).timestamp() if text not in (None, "never") else None


def began(entry):
    """When the last check of an entry began."""
    return moment(entry["last_check"]) - entry["response_time_ms"] / 1000


def arrivals(simulator, name, path=""):
    """When requests of a provider arrived, in seconds of the simulator's clock."""
    return [asked["t_ms"] / 1000 for asked in simulator.requests(name) if path in asked["path"]]


def gaps(times):
    return [later - sooner for sooner, later in zip(times, times[1:])]


def history(daemon, name):
    """The rows of a provider; none when it has none yet."""
    answer = daemon.get(f"/api/providers/history/{name}")
    return answer.json if answer.status == 200 else []
