"""What errors mean: the table of kinds, changes of it by configuration and scripts, and what follows for states and times."""
import datetime
import subprocess

import pytest

from harness import BINARY, REPO, clean_environment

FIELDS = ["scope", "effect", "clears", "ask", "about"]
KINDS = {
    "timeout", "dns", "connect", "tls", "bad_response", "cancelled", "script_error", "local", "key_missing", "key_invalid",
    "key_valid_restricted", "forbidden", "region", "credit", "quota_window", "rate", "too_large", "capacity", "model_gone",
    "bad_path", "bad_request", "server_error", "waf", "retired",
}

SCRIPT = """
return {
  name = "acme", base_url = "http://127.0.0.1:9", %s
  probe = function(provider, check) %s end,
}"""


@pytest.fixture
def run(providers, daemon):
    """A daemon whose acme makes these samples (Lua; `n` counts the checks), with the fields given."""
    def start(body, fields="", **settings):
        source = SCRIPT % (fields, f"n = n + 1 {body}")
        (providers / "acme.lua").write_text(f"local n = 0 {source}")
        running = daemon(provider_paths=[str(providers)],
                         **{"interval": "20m", "quick_interval": "1m", "down_interval": "4h", "jitter_percent": 0, **settings})
        running.wait_for_provider("acme", lambda entry: True)
        return running
    return start


def failing(kind, more=""):
    return f'return {{ kind = "{kind}", message = "no", latency_ms = 1, {more} }}'


def wait_s(entry):
    """From the check to the next one."""
    check, following = (datetime.datetime.fromisoformat(entry[name]) for name in ("last_check", "next_check"))
    return (following - check).total_seconds()


def near(seconds):
    return pytest.approx(seconds, abs=max(1, seconds / 100))


# -- the table --

@pytest.mark.tsan
def test_the_table_tells_every_kind_with_its_consequences(run):
    answer = run("return { ok = true, latency_ms = 1 }").get("/api/error-kinds")
    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    assert set(answer.json["kinds"]) == KINDS and answer.json["providers"] == {}
    for name, kind in answer.json["kinds"].items():
        assert list(kind) == FIELDS, name
        assert kind["scope"] in ("key", "model", "provider", "us") and kind["about"] and kind["clears"]
        assert kind["effect"] in ("failure", "limited", "degraded", "none")
    kinds = answer.json["kinds"]
    assert {name for name, kind in kinds.items() if kind["effect"] == "limited"} == {"rate", "quota_window"}
    assert kinds["credit"] == {"scope": "key", "effect": "failure", "clears": "by paying", "ask": "30m",
                               "about": "the account is empty: a human must pay"}


def test_the_table_has_a_tag_that_changes_with_it(run, tmp_path):
    running = run("return { ok = true, latency_ms = 1 }")
    first = running.get("/api/error-kinds")
    again = running.get("/api/error-kinds", if_none_match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    path = tmp_path / "providerd.lua"
    path.write_text(path.read_text().replace('["interval"]', '["error_kinds"] = { rate = { ask = "7s" } }, ["interval"]'))
    assert running.reload()
    changed = running.get("/api/error-kinds", if_none_match=first.headers["etag"])
    assert changed.status == 200 and changed.json["kinds"]["rate"]["ask"] == "7s"


def test_the_configuration_changes_and_adds_kinds(run):
    own = {"scope": "us", "effect": "none", "ask": "5m", "about": "our own proxy is asleep"}
    kinds = run("return { ok = true, latency_ms = 1 }", error_kinds={"credit": {"ask": "6h", "clears": "by the boss"},
                                                                     "proxy_asleep": own}).get("/api/error-kinds").json
    assert (kinds["kinds"]["credit"]["ask"], kinds["kinds"]["credit"]["clears"]) == ("6h", "by the boss")
    assert kinds["kinds"]["credit"]["effect"] == "failure"  # what is not named stays
    assert kinds["kinds"]["proxy_asleep"] == {**own, "clears": ""} and set(kinds["kinds"]) == KINDS | {"proxy_asleep"}
    assert kinds["providers"] == {}


def test_scripts_and_single_providers_change_their_own(run):
    running = run(failing("credit"), 'error_kinds = { credit = { ask = "6h" }, waf = { effect = "degraded" } },',
                  error_kinds={"credit": {"ask": "2h"}, "rate": {"ask": "1m"}},
                  providers={"acme": {"error_kinds": {"credit": {"ask": "3h"}}}})
    table = running.get("/api/error-kinds").json
    assert (table["kinds"]["credit"]["ask"], table["kinds"]["waf"]["effect"]) == ("2h", "failure")
    assert set(table["providers"]["acme"]) == {"credit", "waf"}  # only what differs
    assert table["providers"]["acme"]["credit"]["ask"] == "3h"  # the configuration has the last word
    assert table["providers"]["acme"]["waf"]["effect"] == "degraded"


BAD_WORDS = [
    ({"credit": {"ask": "soon"}}, 'credit.ask: expected "interval", "backoff", "reset" or a duration'),
    ({"credit": {"ask": "1ms"}}, "a duration from 100ms to 30d"),
    ({"credit": {"effect": "doom"}}, 'credit.effect: expected "failure", "limited", "degraded" or "none"; got "doom"'),
    ({"credit": {"scope": 7}}, 'credit.scope: expected "key", "model", "provider" or "us"; got a number'),
    ({"credit": {"asks": "1h"}}, "credit: unknown field 'asks', expected scope, effect, clears, ask or about"),
    ({"Bad Name": {"ask": "1h"}}, "for 'Bad Name'"),
    ({"credit": "1h"}, "expected name = { scope, effect, clears, ask, about }; got a string for 'credit'"),
    ({"credit": {"about": "x" * 500}}, "credit.about: expected a text"),
    ("none", "expected a table of kind = { field = value }; got a string"),
]
BAD_NAMES = [
    ({"credits": {"ask": "1h"}}, "credits: no kind of this name, did you mean 'credit'?"),
    ({"brand_new": {"ask": "1h"}}, "brand_new: no kind of this name; a new one needs scope, effect, ask and about"),
]


def refusal(path, folder):
    """What the daemon says instead of starting."""
    done = subprocess.run([BINARY, "-c", path], env=clean_environment({"GROQ_API_KEY": "key-0123456789"}), cwd=folder,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and done.stderr.startswith(f"providerd: {path}: "), done.stderr
    return done.stderr


@pytest.mark.parametrize("changes, expected", BAD_WORDS + BAD_NAMES)
def test_a_bad_change_refuses_the_configuration(write_config, tmp_path, changes, expected):
    assert expected in refusal(write_config(error_kinds=changes), tmp_path)


@pytest.mark.parametrize("changes, expected", BAD_WORDS)
def test_a_bad_change_for_one_provider_refuses_the_configuration(write_config, tmp_path, changes, expected):
    told = refusal(write_config(providers={"groq": {"error_kinds": changes}}), tmp_path)
    assert expected in told and "groq" in told


@pytest.mark.parametrize("changes, expected", BAD_NAMES)
def test_an_unknown_kind_for_one_provider_costs_this_provider(daemon, changes, expected):
    running = daemon({"GROQ_API_KEY": "key-0123456789"}, providers={"groq": {"error_kinds": changes}})
    broken, = running.get("/api/providers/status").json["broken"]
    assert broken["name"] == "groq" and broken["message"] == f"groq: error_kinds: {expected}" + (
        "; a new one needs scope, effect, ask and about" if "did you mean" in expected else "")


def test_a_bad_change_refuses_a_reload(run, write_config, providers):
    running = run(failing("credit"), max_consecutive_failures=1)
    for settings in ({"error_kinds": {"credit": {"ask": "soon"}}}, {"error_kinds": {"credits": {"ask": "1h"}}},
                     {"providers": {"acme": {"error_kinds": {"credits": {"ask": "1h"}}}}}):
        write_config(provider_paths=[str(providers)], **settings)
        assert not running.reload()
        assert "error_kinds" in running.get("/api/providers/health").json["last_reload_error"]
    assert running.get("/api/error-kinds").json["kinds"]["credit"]["ask"] == "30m"
    assert wait_s(running.check("acme")) == near(1800)


def test_a_bad_change_of_a_script_breaks_this_script(providers, daemon):
    (providers / "groq.lua").symlink_to(REPO / "providers/groq.lua")
    (providers / "acme.lua").write_text(SCRIPT % ("error_kinds = { rate = { effect = 'doom' } },", "return { ok = true }"))
    running = daemon({"GROQ_API_KEY": "key-0123456789", "GROQ_API_BASE": "http://127.0.0.1:9"}, provider_paths=[str(providers)])
    status = running.get("/api/providers/status").json
    assert list(status["providers"]) == ["groq"] and status["broken"][0]["name"] == "acme.lua"
    assert "rate.effect: expected" in status["broken"][0]["message"]


# -- what follows --

def test_a_bad_key_is_in_doubt_first_and_asked_as_its_kind_says_once_it_is_settled(run):
    running = run(failing("key_invalid"))
    entries = [running.provider("acme"), running.check("acme"), running.check("acme"), running.check("acme")]
    assert [entry["status"] for entry in entries] == ["degraded", "degraded", "down", "down"]
    assert [wait_s(entry) for entry in entries] == [near(60), near(60), near(3600), near(3600)]


def test_its_own_ask_holds_for_a_provider(run):
    running = run(failing("credit"), max_consecutive_failures=1,
                  providers={"acme": {"error_kinds": {"credit": {"ask": "5h"}}}})
    assert wait_s(running.provider("acme")) == near(5 * 3600)


@pytest.mark.parametrize("kind", ["rate", "quota_window", "capacity"])
def test_a_limit_waits_for_the_reset_that_was_told(run, kind):
    running = run(failing(kind, "retry_at = now() + 500"))
    entry = running.provider("acme")
    assert wait_s(entry) == near(500.5) and entry["retry_at"]
    assert entry["reason"] == ("capacity" if kind == "capacity" else "rate_limited")


def test_a_reset_within_moments_is_not_asked_for_all_the_time_and_a_far_one_not_awaited_for_ever(run):
    running = run(failing("rate", "retry_at = n == 1 and now() + 1 or now() + 40 * 86400"))
    assert wait_s(running.provider("acme")) == near(60)  # no sooner than quick_interval
    assert wait_s(running.check("acme")) == near(86400)  # evidence only: a day at most


def test_a_limit_without_a_time_waits_for_its_window(run):
    windows = 'limits = { { unit = "requests", window_s = 3600, limit = 9, remaining = 0, reset_at = now() + 900 } }'
    entry = run(failing("quota_window", windows)).provider("acme")
    assert wait_s(entry) == near(900.5) and entry["rate_limit"][0]["reset_at"] == entry["retry_at"]


def test_a_limit_that_tells_no_time_backs_off(run):
    running = run(failing("rate"))
    waits = [round(wait_s(running.provider("acme")))] + [round(wait_s(running.check("acme"))) for _ in range(6)]
    assert waits[0] == near(1200) and waits == sorted(waits)
    assert waits[-1] == near(4 * 3600)  # down_interval


def test_what_is_the_fault_of_the_script_backs_off_up_to_down_interval(run):
    running = run(failing("bad_request"), max_consecutive_failures=1)
    waits = [wait_s(running.provider("acme"))] + [wait_s(running.check("acme")) for _ in range(5)]
    assert waits == [near(20 * 60 * factor) for factor in (1, 2, 4, 8, 12, 12)]


def test_a_success_ends_the_wait(run):
    running = run(f"if n > 1 then return {{ ok = true, latency_ms = 1 }} end {failing('rate', 'retry_at = now() + 9000')}")
    assert running.provider("acme")["retry_at"]
    entry = running.check("acme")
    assert entry["status"] == "healthy" and entry["retry_at"] is None and wait_s(entry) <= 31 * 60


@pytest.mark.parametrize("effect, statuses, uptime, failures", [
    ("failure", ["degraded", "degraded", "down"], 0.0, 3),
    ("degraded", ["degraded"] * 3, 100.0, 0),
    ("limited", ["degraded"] * 3, 100.0, 0),
    ("none", ["unknown"] * 3, 0.0, 0),
])
def test_the_effect_decides_what_the_state_becomes(run, effect, statuses, uptime, failures):
    running = run(failing("server_error"), error_kinds={"server_error": {"effect": effect}})
    entries = [running.provider("acme"), running.check("acme"), running.check("acme")]
    assert [entry["status"] for entry in entries] == statuses
    assert (entries[-1]["uptime_percent"], entries[-1]["consecutive_failures"]) == (uptime, failures)
    assert entries[-1]["reason"] == ("rate_limited" if effect == "limited" else "server_error")
    assert entries[-1]["error_kind"] == "server_error"


def test_what_is_only_degraded_is_never_down(run):
    entry = run(failing("model_gone"), max_consecutive_failures=1).provider("acme")
    assert (entry["status"], entry["uptime_percent"]) == ("degraded", 100.0)


def test_what_is_only_degraded_after_failures_is_not_down(run):
    running = run(f"if n < 3 then {failing('server_error')} end {failing('model_gone')}")
    running.check("acme")
    entry = running.check("acme")
    assert (entry["status"], entry["reason"], entry["consecutive_failures"]) == ("degraded", "model_gone", 0)


def test_a_kind_that_is_added_may_be_used(run):
    own = {"proxy_asleep": {"scope": "us", "effect": "none", "ask": "5m", "about": "our own proxy is asleep"}}
    entry = run(failing("proxy_asleep"), error_kinds=own).provider("acme")
    assert (entry["status"], entry["error_kind"]) == ("unknown", "proxy_asleep") and wait_s(entry) == near(300)


@pytest.mark.parametrize("kind, expected", [
    ("rates", "the sample's kind 'rates' is not one of lib/kinds.lua; did you mean 'rate'?"),
    ("zzzzzzzzzzzzzz", "the sample's kind 'zzzzzzzzzzzzzz' is not one of lib/kinds.lua"),
])
def test_an_unknown_kind_is_the_scripts_fault(run, kind, expected):
    entry = run(failing(kind)).provider("acme")
    assert (entry["status"], entry["error_kind"]) == ("degraded", "script_error")
    assert expected in entry["error_message"]
