"""Several keys of one provider: each is watched by itself, shown by its number and its end, and the best one speaks for the
provider."""
import sqlite3

import pytest

from harness import wait_for

# Each key has a path of its own, by its last four characters, so that the simulator can answer each in its own way.
BY_PATH = """
return {
  name = "acme", base_url = env "ACME_API_BASE", keys = keys "ACME_API_KEY",
  probe = function(provider, check)
    return http.get(provider.base_url .. "/key/" .. check.key.last4, { headers = { Authorization = "Bearer " .. check.key } })
  end,
}"""

# Nothing is asked; the key's number makes the sample.
BY_NUMBER = """
return {
  name = "acme", base_url = "http://127.0.0.1:9", keys = keys "ACME_API_KEY",
  probe = function(provider, check) %s end,
}"""

REFUSED = {"error": {"message": "Invalid API Key", "code": "invalid_api_key"}}


def key_ending(end):
    return f"acme-secret-0123456789-{end}"


@pytest.fixture
def run(simulator, providers, daemon, tmp_path):
    """A daemon that watches acme with keys of these ends; `set_keys` gives it others with a reload."""
    def environment(ends):
        return {f"ACME_API_KEY_{n}": key_ending(end) for n, end in enumerate(ends, 1)}

    def start(*ends, script=BY_PATH, keys=None, **settings):
        (providers / "acme.lua").write_text(script)
        file = tmp_path / "keys.env"

        def write(variables):
            file.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
        write(keys if keys is not None else environment(ends))
        running = daemon({"ACME_API_BASE": simulator.base("acme")}, provider_paths=[str(providers)], env_file=str(file),
                         **{"interval": "30d", "quick_interval": "30d", **settings})

        def set_keys(*fresh):
            write(environment(fresh))
            assert running.reload()
        running.set_keys = set_keys
        return running
    return start


def answer(simulator, end, status=200, headers=None, body=None):
    simulator.answer("acme", status, headers, body or {}, path=f"/key/{end}")


def all_checked(running):
    """The provider's entry, once each of its keys has been checked."""
    return running.wait_for_provider("acme", lambda entry: all(key["last_check"] for key in entry["keys"]))


def keys_of(entry):
    return {key["hint"].removeprefix("…"): key for key in entry["keys"]}


@pytest.mark.tsan
def test_each_key_has_a_state_limits_and_an_error_of_its_own(simulator, run):
    limits = {"x-ratelimit-limit-requests": "100", "x-ratelimit-remaining-requests": "40"}
    answer(simulator, "good", headers=limits)
    answer(simulator, "evil", 401, body=REFUSED)
    answer(simulator, "busy", 429, {"retry-after": "600", "x-ratelimit-limit-requests": "100",
                                    "x-ratelimit-remaining-requests": "0"})
    running = run("evil", "busy", "good")
    entry = all_checked(running)
    evil, busy, good = entry["keys"]
    assert [key["key"] for key in entry["keys"]] == [1, 2, 3]
    assert (evil["status"], evil["error_kind"], evil["consecutive_failures"]) == ("degraded", "key_invalid", 1)
    assert "Invalid API Key" in evil["error_message"] and evil["rate_limit"] == [] and evil["retry_at"] is None
    assert (busy["status"], busy["reason"], busy["error_kind"]) == ("degraded", "rate_limited", "rate")
    assert busy["retry_at"] and busy["rate_limit"][0]["remaining"] == 0 and busy["rate_limit_percent"] == 100
    assert (good["status"], good["error_kind"], good["error_message"]) == ("healthy", None, "")
    assert good["rate_limit"][0]["remaining"] == 40 and good["rate_limit_percent"] == 60
    # The best key speaks for the provider: its limits, its state, and its uptime, which the others do not touch.
    assert (entry["status"], entry["reason"], entry["error_kind"]) == ("healthy", "ok", None)
    assert (entry["rate_limit"], entry["rate_limit_percent"]) == (good["rate_limit"], 60)
    assert entry["consecutive_failures"] == 0


def test_the_provider_is_down_only_when_all_keys_are(simulator, run):
    answer(simulator, "aaaa", 500)
    answer(simulator, "bbbb", 500)
    running = run("aaaa", "bbbb")
    all_checked(running)

    def check_all():
        before = running.provider("acme")["keys"]
        assert running.post("/api/providers/check/acme").status == 202
        return running.wait_for_provider("acme", lambda entry: all(
            now["last_check"] != then["last_check"] for now, then in zip(entry["keys"], before)))
    check_all()
    entry = check_all()
    assert entry["status"] == "down" and [key["status"] for key in entry["keys"]] == ["down", "down"]
    answer(simulator, "bbbb", 429)
    entry = check_all()
    assert entry["status"] == "degraded" and [key["status"] for key in entry["keys"]] == ["down", "degraded"]
    assert entry["reason"] == "rate_limited"
    answer(simulator, "aaaa")
    entry = check_all()
    assert entry["status"] == "healthy" and [key["status"] for key in entry["keys"]] == ["healthy", "degraded"]


def test_no_more_of_a_key_is_shown_than_its_end(simulator, run):
    answer(simulator, "aaaa", 401, body={"error": {"message": f"no such key: {key_ending('aaaa')}"}})
    answer(simulator, "bbbb", 403, body={"error": {"message": "no"}})
    running = run("aaaa", "bbbb", log_level="debug")
    entry = all_checked(running)
    assert [key["hint"] for key in entry["keys"]] == ["…aaaa", "…bbbb"]
    shown = b"".join(running.get(path).body for path in (
        "/api/providers/status", "/api/providers/status/acme", "/api/providers/best", "/api/providers/health",
        "/api/providers/status/acme/last_failure", "/api/providers/status/acme/last_failure?key=2"))
    for end in ("aaaa", "bbbb"):
        assert f"-{end}".encode() not in shown and f"-{end}" not in running.log
    assert b"secret-0123456789" not in shown and "secret-0123456789" not in running.log


def test_short_keys_and_odd_ends_give_no_hint(run):
    running = run(script=BY_NUMBER % "return { ok = true, latency_ms = 1 }",
                  keys={"ACME_API_KEY_1": "short-123456789", "ACME_API_KEY_2": "long-enough-1234",
                        "ACME_API_KEY_3": "long-enough-12<b>"})
    entry = all_checked(running)
    assert [(key["key"], key["hint"]) for key in entry["keys"]] == [(1, ""), (2, "…1234"), (3, "")]


def test_a_single_key_is_no_list_of_keys(simulator, run):
    answer(simulator, "aaaa", 401, body=REFUSED)
    entry = run("aaaa").wait_for_provider("acme", lambda entry: True)
    assert "keys" not in entry and entry["error_kind"] == "key_invalid"


@pytest.mark.parametrize("best", [1, 2, 3])
def test_the_key_that_is_best_leads(run, best):
    script = BY_NUMBER % f"return {{ ok = true, latency_ms = check.key_number == {best} and 20 or 400 }}"
    entry = all_checked(run("aaaa", "bbbb", "cccc", script=script))
    assert [key["response_time_ms"] for key in entry["keys"]] == [20 if n == best else 400 for n in (1, 2, 3)]
    assert entry["response_time_ms"] == 20 and entry["score"] > 90


@pytest.mark.parametrize("most", [1, 2, 6])
def test_only_so_many_keys_are_asked_at_a_time(simulator, run, most):
    simulator.behave("acme", "slow 60ms")
    running = run(*(f"k{n:03}" for n in range(6)), max_probes_per_provider=most)
    assert len(all_checked(running)["keys"]) == 6
    stats = simulator.stats()["acme"]
    assert (stats["max_in_flight"], stats["requests"]) == (most, 6)
    assert running.post("/api/providers/check/acme").status == 202
    wait_for(lambda: simulator.stats()["acme"]["requests"] == 12, "a check of each key")
    assert simulator.stats()["acme"]["max_in_flight"] == most


def test_a_key_that_hangs_holds_up_no_other_while_two_may_be_asked(simulator, run):
    simulator.behave("tar", "hang")
    script = BY_PATH.replace("provider.base_url", '(provider.base_url:gsub("acme", check.key_number == 1 and "tar" or "acme"))')
    for end in ("bbbb", "cccc"):
        answer(simulator, end)
    running = run("aaaa", "bbbb", "cccc", script=script)
    entry = running.wait_for_provider("acme", lambda entry: all(key["last_check"] for key in entry["keys"][1:]))
    assert (entry["status"], entry["keys"][0]["status"], entry["keys"][0]["last_check"]) == ("healthy", "unknown", None)


# -- other keys, by a reload --

def asked(simulator):
    return [entry["path"].rsplit("/", 1)[1] for entry in simulator.requests("acme")]


@pytest.mark.tsan
def test_a_reload_that_adds_removes_or_moves_keys_keeps_what_is_known_of_the_others(simulator, run):
    for end in ("aaaa", "bbbb", "cccc"):
        answer(simulator, end, headers={"x-ratelimit-limit-requests": "100", "x-ratelimit-remaining-requests": "40"})
    answer(simulator, "bbbb", 401, body=REFUSED)
    running = run("aaaa", "bbbb")
    before = keys_of(all_checked(running))
    assert sorted(asked(simulator)) == ["aaaa", "bbbb"]

    running.set_keys("cccc", "aaaa", "bbbb")  # one more, before the others
    entry = all_checked(running)
    now = keys_of(entry)
    assert [(key["key"], key["hint"]) for key in entry["keys"]] == [(1, "…cccc"), (2, "…aaaa"), (3, "…bbbb")]
    for end in ("aaaa", "bbbb"):
        assert {**now[end], "key": 0} == {**before[end], "key": 0}
    assert sorted(asked(simulator)) == ["aaaa", "bbbb", "cccc"]  # only the new one is asked

    running.set_keys("bbbb", "aaaa")  # one less, and the others change places
    entry = running.wait_for_provider("acme", lambda entry: len(entry["keys"]) == 2)
    assert [(key["key"], key["hint"]) for key in entry["keys"]] == [(1, "…bbbb"), (2, "…aaaa")]
    assert keys_of(entry)["bbbb"]["error_kind"] == "key_invalid" and entry["status"] == "healthy"

    running.set_keys("bbbb")  # the best one goes
    entry = running.wait_for_provider("acme", lambda entry: "keys" not in entry)
    assert (entry["status"], entry["error_kind"], entry["rate_limit"]) == ("degraded", "key_invalid", [])
    assert len(asked(simulator)) == 3
    running.check("acme")
    assert asked(simulator)[3:] == ["bbbb"]


def test_a_key_that_was_exchanged_is_another_key(simulator, run):
    answer(simulator, "aaaa", 401, body=REFUSED)
    answer(simulator, "bbbb")
    running = run("aaaa")
    running.wait_for_provider("acme", lambda entry: entry["error_kind"] == "key_invalid")
    running.set_keys("bbbb")
    entry = running.wait_for_provider("acme", lambda entry: entry["status"] == "healthy")
    assert entry["consecutive_failures"] == 0
    assert asked(simulator) == ["aaaa", "bbbb"]


def test_a_key_that_a_script_names_twice_is_one(simulator, run):
    answer(simulator, "aaaa")
    answer(simulator, "bbbb")
    script = BY_PATH.replace('keys "ACME_API_KEY"',
                             '{ env "ACME_API_KEY_1", env "ACME_API_KEY_2", env "ACME_API_KEY_1" }')
    running = run("aaaa", "bbbb", script=script)
    assert [(key["key"], key["hint"]) for key in all_checked(running)["keys"]] == [(1, "…aaaa"), (2, "…bbbb")]
    running.set_keys("bbbb", "aaaa")
    entry = running.wait_for_provider("acme", lambda entry: entry["keys"][0]["hint"] == "…bbbb")
    assert len(entry["keys"]) == 2 and sorted(asked(simulator)) == ["aaaa", "bbbb"]


# -- where else keys are named --

def test_a_bad_key_is_named_in_the_log(simulator, run):
    answer(simulator, "good")
    answer(simulator, "evil", 401, body=REFUSED)
    running = run("good", "evil")
    line = running.wait_for_line(r"acme: key 2").string
    assert "acme: key 2 (…evil): unknown -> degraded (key_invalid)" in line and "Invalid API Key" in line


def test_checks_of_keys_are_recorded_by_their_number(simulator, run, tmp_path):
    answer(simulator, "good", headers={"x-ratelimit-limit-requests": "100", "x-ratelimit-remaining-requests": "40"})
    answer(simulator, "evil", 401, body=REFUSED)
    running = run("evil", "good")
    all_checked(running)
    running.stop()
    with sqlite3.connect(tmp_path / "provider_status.db") as database:
        rows = database.execute("SELECT key, status, ok, error_kind, http_status, rate_limit_percent, rate_limit "
                                "FROM provider_key_checks WHERE provider_name = 'acme' ORDER BY key").fetchall()
        keys = database.execute("SELECT DISTINCT key FROM provider_health_checks WHERE status = 'healthy'").fetchall()
    assert [row[:6] for row in rows] == [(1, "degraded", 0, "key_invalid", 401, 0.0), (2, "healthy", 1, None, 200, 60.0)]
    assert '"remaining":40' in rows[1][6] and keys == [(2,)]
