"""Every recorded answer of tests/lua/vectors through the real daemon: what kind of error it is, which limits it tells, and
how long it says to wait. The simulator answers a check of the vector's provider with it."""
import collections
import datetime
import email.utils
import json

import pytest

from harness import REPO, Daemon, Simulator, wait_for, write_settings

# The moment that times of the vectors count from, where they do not tell another.
NOW = datetime.datetime(2026, 8, 2, 8, 8, tzinfo=datetime.timezone.utc)
OFF_BY_S = 2  # a second of the Date header, and the time that a check takes under the sanitizers

# What proves a key, where that is not a list of models; the probe takes nothing else for success.
GOOD_BODIES = {
    "cohere": {"valid": True},
    "fireworks": {"accounts": [{"name": "accounts/me"}]},
    "cloudflare": {"success": True, "result": [{"name": "m"}]},
}
LIST_OF_MODELS = {"object": "list", "data": [{"id": "m"}]}

# Answers that come to one call only; what comes before it succeeds, or brings it about.
PATHS = {
    "cli-refresh": "/token",
    "deepseek-balance-false": "/user/balance",
    "cohere-200-invalid": "/check-api-key",
    "xai-blocked": "/api-key",
    "fireworks-credit": "/accounts",
    "deepinfra-suspended": "/v1/me",
    "vllm-health": "/health",
}
BEFORE = {"cli-refresh": {"path": ":loadCodeAssist", "status": 401}}  # a token that is refused is refreshed


def vectors(name):
    lines = (REPO / f"tests/lua/vectors/{name}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines if line]


ERRORS, HEADERS, VALUES = vectors("errors"), vectors("headers"), vectors("values")


def identity(vector):
    return vector.get("id") or vector["v"]


def provider_of(vector):
    return {"any": "anyone", "litellm_proxy": "litellm"}.get(vector["p"], vector["p"])


@pytest.fixture(scope="module")
def simulator(tmp_path_factory):
    running = Simulator(tmp_path_factory.mktemp("simulator"), "--all-providers")
    yield running
    assert running.end() == 0, running.log


@pytest.fixture(scope="module")
def daemon_of(simulator, tmp_path_factory):
    """A daemon that watches these providers, once all are checked; it asks again only when told to."""
    started = []

    def start(*names):
        folder = tmp_path_factory.mktemp("daemon")
        scripts = {path.stem for path in (REPO / "providers").glob("*.lua")}
        providers = {name: {"deep": False} if name in names else {"enabled": False} for name in scripts | set(names)}
        path = write_settings(folder, quiet=False, interval="30d", quick_interval="30d", timeout="20s", providers=providers)
        running = Daemon(path, {**simulator.environment, **simulator.generic(*set(names) - scripts)}, folder)
        started.append(running)
        wait_for(lambda: all(entry["last_check"] != "never" for entry in
                             running.get("/api/providers/status").json["providers"].values()), "a check of each")
        assert list(running.get("/api/providers/status").json["providers"]) == sorted(names)
        return running

    yield start
    for running in started:
        running.stop()


def check(daemon, name):
    """Checks a provider now: its entry after that check."""
    def entry():
        return daemon.get(f"/api/providers/status/{name}").json
    before = entry()["last_check"]
    assert daemon.post(f"/api/providers/check/{name}").status == 202

    def fresh():
        found = entry()
        return found if found["last_check"] != before else None
    return wait_for(fresh, f"a check of {name}")


def seconds(later, sooner):
    """Between two times of an entry; None for one that is not there."""
    return (datetime.datetime.fromisoformat(later) - datetime.datetime.fromisoformat(sooner)).total_seconds() if later else None


def near(wanted):
    return None if wanted is None else pytest.approx(wanted, abs=OFF_BY_S)


# -- kinds of errors --

@pytest.fixture(scope="module")
def everyone(daemon_of):
    return daemon_of(*{provider_of(vector) for vector in ERRORS + HEADERS})


@pytest.mark.parametrize("vector", ERRORS, ids=identity)
def test_an_error_is_of_the_kind_that_it_says(simulator, everyone, vector):
    name = provider_of(vector)
    simulator.forget_answers(name)
    if vector["id"] in BEFORE:
        simulator.answer(name, **BEFORE[vector["id"]])
    path = {"path": PATHS[vector["id"]]} if vector["id"] in PATHS else {}
    simulator.answer(name, vector["s"], vector.get("h"), vector["b"], **path)
    entry = check(everyone, name)
    simulator.forget_answers(name)
    status = BEFORE.get(vector["id"], {}).get("status", vector["s"])
    assert (entry["error_kind"], entry["http_status"]) == (vector["kind"], status), entry
    assert f"HTTP {status}" in entry["error_message"]
    if path:
        assert simulator.requests(name)[-1]["path"].split("?")[0].endswith(path["path"])
    if vector["id"] == "cli-refresh":
        assert "the refresh token has expired or was revoked" in entry["error_message"]


# -- limits --

def date_of(vector):
    moment = datetime.datetime.fromisoformat(vector["date"]) if "date" in vector else NOW
    return email.utils.format_datetime(moment, usegmt=True)


def tell_limits(simulator, vector):
    name = provider_of(vector)
    body = GOOD_BODIES.get(name, LIST_OF_MODELS) if vector["status"] == 200 else {"error": {"message": "no"}}
    simulator.forget_answers(name)
    simulator.answer(name, vector["status"], {"date": date_of(vector), **vector["h"]}, body)


def layers():
    """Windows that an answer does not mention stay known: vectors of one provider go to different daemons."""
    count = collections.Counter()
    for vector in HEADERS:
        count[vector["p"]] += 1
        yield vector, count[vector["p"]]


LAYERS = list(layers())


@pytest.fixture(scope="module")
def layer(simulator, daemon_of):
    started = {}

    def get(number):
        if number not in started:
            mine = [vector for vector, place in LAYERS if place == number]
            for vector in mine:
                tell_limits(simulator, vector)  # so that the first check tells nothing else
            started[number] = daemon_of(*{provider_of(vector) for vector in mine})
        return started[number]
    return get


@pytest.mark.parametrize("vector, number", LAYERS, ids=lambda value: value["id"] if isinstance(value, dict) else "")
def test_headers_tell_limits_and_waits(simulator, layer, vector, number):
    daemon = layer(number)
    tell_limits(simulator, vector)
    entry = check(daemon, provider_of(vector))
    told = [{"unit": window["unit"], "window_s": window["window_s"], "limit": window["limit"],
             "remaining": window["remaining"], "reset_s": seconds(window["reset_at"], entry["last_check"])}
            for window in entry["rate_limit"]]
    assert told == [{**window, "reset_s": near(window["reset_s"])} for window in vector["expect"]]
    assert all(window["source"] == "told" for window in entry["rate_limit"])
    assert seconds(entry["retry_at"], entry["last_check"]) == near(vector.get("retry_s"))
    assert (entry["error_kind"] is None) == (vector["status"] == 200), entry
    used = [100 * (1 - window["remaining"] / window["limit"]) for window in vector["expect"]
            if window["limit"] and window["remaining"] is not None]
    assert entry["rate_limit_percent"] == pytest.approx(max([0, *used]))


# -- single values --

@pytest.mark.parametrize("vector", VALUES, ids=identity)
def test_a_value_is_a_reset_and_a_wait(simulator, everyone, vector):
    date = email.utils.format_datetime(NOW, usegmt=True)
    simulator.forget_answers("anyone")
    simulator.answer("anyone", 200, {"date": date, "x-ratelimit-limit-requests": "100", "x-ratelimit-remaining-requests": "7",
                                     "x-ratelimit-reset-requests": vector["v"]}, LIST_OF_MODELS)
    entry = check(everyone, "anyone")
    window = next(window for window in entry["rate_limit"] if (window["unit"], window["window_s"]) == ("requests", 60))
    assert (window["limit"], window["remaining"]) == (100, 7)
    assert seconds(window["reset_at"], entry["last_check"]) == near(vector["s"])
    assert entry["retry_at"] is None

    simulator.answer("anyone", 429, {"date": date, "retry-after": vector["v"]})
    entry = check(everyone, "anyone")
    simulator.forget_answers("anyone")
    assert entry["status"] == "degraded" and entry["error_kind"] in ("rate", "quota_window")
    # Where no wait is told, the reset of a window may stand in for it; this one is not used up.
    assert seconds(entry["retry_at"], entry["last_check"]) == near(vector["s"])
