"""POST /api/providers/report: what clients tell of their own calls, and what follows from it."""
import json
import sqlite3
import time

import pytest
from harness import wait_for
from made import failing, good

QUICK = {"cooldown": "200ms", "eject": "300ms", "max_eject": "2s"}


def report(running, *reports):
    answer = running.post("/api/providers/report", json.dumps(list(reports)))
    assert (answer.status, answer.json["accepted"]) == (202, len(reports)), answer.body
    return answer


def failures(provider, count, kind="server_error", **more):
    return [{"provider": provider, "outcome": kind, **more}] * count


def status(running, name):
    return running.get(f"/api/providers/status/{name}").json


def until(running, name, condition, what):
    return wait_for(lambda: (found := status(running, name)) and condition(found) and found, what)


def seen(running, name, calls):
    """The provider, once so many calls that say something of it were counted."""
    return until(running, name, lambda p: p["evidence"]["reports"].get("calls") == calls, f"{calls} calls of {name}")


def best(running, query=""):
    return running.get(f"/api/providers/best{query}").json


def cooldowns(running, **like):
    found = running.get("/api/providers/cooldowns").json["cooldowns"]
    return [c for c in found if all(c[k] == v for k, v in like.items())]


# -- what is counted


def test_calls_stand_beside_checks_with_age_and_confidence(made):
    running = made({"a": good(1.0)})
    report(running, *[{"provider": "a", "status": 200, "latency_ms": 300}] * 9, *failures("a", 1))
    evidence = seen(running, "a", 10)["evidence"]
    assert evidence["reports"]["success_percent"] == 90
    assert evidence["reports"]["state"] == "healthy"
    assert 0.4 < evidence["reports"]["confidence"] < 0.9
    assert (evidence["probe"]["state"], evidence["probe"]["confidence"]) == ("healthy", 0.9)
    assert evidence["page"] == {"state": "unknown", "age_s": None, "confidence": 0}
    assert evidence["disagreement"] is None


def test_who_never_reported_changes_nothing(made):
    evidence = status(made({"a": good(1.0)}), "a")["evidence"]
    assert evidence["reports"] == {"state": "unknown", "age_s": None, "confidence": 0}


@pytest.mark.tsan
def test_a_flood_of_failures_ejects_and_a_check_takes_back(made):
    running = made({"a": good(1.0), "b": good(2.0)}, reports=QUICK)
    assert best(running)["best_provider"] == "a"
    report(running, *failures("a", 5))
    ejected = until(running, "a", lambda p: p["status"] == "down", "a ejected")
    assert ejected["reason"] == "ejected"
    assert ejected["error_message"].startswith("5 reported calls in a row failed (server_error); kept out until ")
    assert ejected["evidence"]["disagreement"] == "our checks go well, 5 of 5 reported calls failed (server_error)"
    wait_for(lambda: best(running)["best_provider"] == "b", "b as the best")
    back = until(running, "a", lambda p: p["status"] == "healthy", "a taken back")
    assert back["evidence"]["reports"]["ejected_since"] is None
    running.wait_for_line("a: its check went well, it may be called again")
    row = next(r for r in best(running)["ranking"] if r["provider"] == "a")
    assert row["warmth"] < 1, "it is warmed up, not stormed"


def test_who_fails_its_check_stays_out(made):
    running = made({"a": {1: {"ms": 1}, 2: {"ms": 1}, 3: {"ms": 1, "kind": "server_error"}}, "b": good(1.0)},
                   reports={**QUICK, "eject": "1s"})
    report(running, *failures("a", 5))
    until(running, "a", lambda p: p["reason"] == "ejected", "a ejected")
    stays = until(running, "a", lambda p: p["error_kind"] == "server_error" and p["consecutive_failures"] > 0,
                  "the failed check")
    assert stays["evidence"]["reports"]["ejected_until"] is not None


def test_ejections_grow(made):
    running = made({"a": good(1.0), "b": good(1.0)}, reports={**QUICK, "eject": "1s", "max_eject": "60s"})
    lengths = []
    for _ in range(2):
        report(running, *failures("a", 5))
        out = until(running, "a", lambda p: p["status"] == "down", "a ejected")["evidence"]["reports"]
        begin, end = (time.strptime(out[k][:19], "%Y-%m-%dT%H:%M:%S") for k in ("ejected_since", "ejected_until"))
        lengths.append(time.mktime(end) - time.mktime(begin))
        until(running, "a", lambda p: p["status"] == "healthy", "a taken back")
    assert lengths[0] in (1, 2) and lengths[1] >= lengths[0]


def test_not_all_are_ejected(made):
    running = made({name: good(1.0) for name in "abc"}, reports={"eject": "60s"})
    report(running, *failures("a", 5), *failures("b", 5), *failures("c", 5))
    until(running, "a", lambda p: p["reason"] == "ejected", "a ejected")
    for name in "bc":
        spared = until(running, name, lambda p: p["reason"] == "reported_errors", f"{name} spared")
        assert spared["status"] == "degraded"
    assert best(running)["best_provider"] in "bc"
    report(running, {"provider": "b", "status": 200})
    until(running, "b", lambda p: p["status"] == "healthy", "b well again")


def test_shares_eject_as_well(made):
    running = made({"a": good(1.0), "b": good(1.0)}, reports={"eject": "60s", "consecutive_errors": 0})
    report(running, *[{"provider": "a", "status": 200}, *failures("a", 1)] * 15)
    assert "15 of 30 reported calls of a minute failed" in \
        until(running, "a", lambda p: p["status"] == "down", "a ejected")["error_message"]


def test_aborted_and_excused_calls_say_nothing(made):
    running = made({"a": good(1.0)})
    report(running, *[{"provider": "a", "outcome": "aborted"}] * 50, *failures("a", 50, "bad_request"))
    found = until(running, "a", lambda p: p["evidence"]["reports"].get("aborted") == 50, "the calls")
    assert found["status"] == "healthy"
    assert found["evidence"]["reports"]["excused"] == 50
    assert found["evidence"]["reports"]["calls"] == 0
    assert found["cooling"] == []


def test_calls_that_go_well_lift_who_only_fails_our_check(made):
    running = made({"a": failing("server_error")}, max_consecutive_failures=1)
    assert status(running, "a")["status"] == "down"
    report(running, *[{"provider": "a", "status": 200}] * 30)
    found = until(running, "a", lambda p: p["status"] == "degraded", "a lifted")
    assert found["reason"] == "disputed"
    assert found["error_message"].startswith("our check fails, but 30 of 30 reported calls of a minute went well")
    assert found["evidence"]["disagreement"].endswith("30 of 30 reported calls went well")
    assert best(running)["best_provider"] == "a"


# -- cooling


def test_a_429_for_a_model_cools_that_model_only(made):
    running = made({"a": good(1.0, models=[{"id": "m"}, {"id": "n"}]), "b": good(2.0, models=[{"id": "m"}])},
                   read_models=True)
    report(running, {"provider": "a", "status": 429, "model": "m", "headers": {"Retry-After": "300"}})
    found = until(running, "a", lambda p: p["cooling"], "what cools")
    assert found["status"] == "healthy"
    assert [(c["model"], c["reason"]) for c in found["cooling"]] == [("m", "rate")]
    assert best(running)["best_provider"] == "a"
    assert best(running, "?model=n")["best_provider"] == "a"
    asked = best(running, "?model=m")
    assert asked["best_provider"] == "b"
    row = next(r for r in asked["ranking"] if r["provider"] == "a")
    assert row["why"].startswith("cooling until ") and row["cooling_for"] == "rate"
    entry, = cooldowns(running, source="reports")
    assert (entry["scope"], entry["model"], entry["reason"]) == ("model", "m", "rate")
    assert entry["until"] == found["cooling"][0]["until"] and entry["ends"]


def test_when_everybody_cools_the_first_to_recover_is_named(made):
    running = made({"a": good(1.0), "b": good(2.0), "c": good(3.0)})
    for name, wait in (("a", 300), ("b", 100), ("c", 200)):
        report(running, {"provider": name, "status": 429, "headers": {"retry-after": str(wait)}})
    found = wait_for(lambda: (b := best(running))["reason"].startswith("everybody cools") and b, "everybody cooling")
    assert found["best_provider"] == "b"
    assert [r["provider"] for r in found["ranking"]] == ["b", "c", "a"]


def test_a_single_timeout_cools_and_condemns_nobody(made):
    running = made({"a": good(1.0), "b": good(2.0)}, reports=QUICK)
    report(running, {"provider": "a", "outcome": "timeout", "latency_ms": 60000})
    until(running, "a", lambda p: p["cooling"] and p["status"] == "healthy", "a cooling")
    wait_for(lambda: best(running)["best_provider"] == "a", "a as the best again")


def test_a_key_that_cools_leaves_the_others(made):
    running = made({"a": "{ keys = keys 'A_KEY', { ms = 1 } }"},
                   {"A_KEY_1": "first-key-0123456789", "A_KEY_2": "second-key-9876543210"})
    report(running, {"provider": "a", "key": 1, "status": 429, "headers": {"retry-after": "300"}})
    entry, = wait_for(lambda: cooldowns(running, source="reports"), "the key cooling")
    assert (entry["scope"], entry["key"], entry["key_hint"]) == ("key", 1, "…6789")
    wait_for(lambda: best(running, "?key=1").get("key") == 2, "the other key")


def test_a_later_call_that_goes_well_ends_it(made):
    running = made({"a": good(1.0)})
    report(running, {"provider": "a", "status": 429, "model": "m", "headers": {"retry-after": "300"}})
    until(running, "a", lambda p: p["cooling"], "what cools")
    report(running, {"provider": "a", "status": 200, "model": "m", "latency_ms": 60000})  # it had begun before
    seen(running, "a", 2)
    assert status(running, "a")["cooling"]
    report(running, {"provider": "a", "status": 200, "model": "m"})
    until(running, "a", lambda p: not p["cooling"], "the end of it")


# -- limits, windows, rows


def test_headers_tell_of_limits(made):
    running = made({"a": good(1.0), "b": good(2.0)})
    report(running, {"provider": "a", "status": 200, "headers": {
        "x-ratelimit-limit-requests": "1000", "x-ratelimit-remaining-requests": "30", "Authorization": "Bearer no"}})
    limits = until(running, "a", lambda p: p["rate_limit"], "a limit")["rate_limit"]
    assert [(w["unit"], w["limit"], w["remaining"], w["used_percent"]) for w in limits] == [("requests", 1000, 30, 97)]
    assert status(running, "a")["rate_limit_percent"] == 97
    assert best(running, "?policy=most_headroom")["best_provider"] == "b"
    running.wait_for_line("a: 97 % of its tightest limit used up")


def test_they_spend_declared_limits(made):
    running = made({"a": good(1.0)}, providers={"a": {"limits": {1: {"unit": "tokens", "window": "1h", "limit": 1000}}}})
    report(running, *[{"provider": "a", "status": 200, "tokens": 100}] * 7)
    running.check("a")
    window, = status(running, "a")["rate_limit"]
    assert (window["remaining"], window["source"]) == (300, "counted")


def test_they_count_in_windows_with_a_weight(made):
    running = made({"a": good(1.0)}, reports={"weight_percent": 50, "consecutive_errors": 0, "failure_percent": 0})
    assert status(running, "a")["stats"]["checks"] == 1
    report(running, *[{"provider": "a", "status": 200}] * 500, *failures("a", 500))
    after = until(running, "a", lambda p: p["stats"]["checks"] > 1, "the end of the slot")["stats"]
    assert after["checks"] <= 3, "a thousand calls within ten seconds are one check; they may lie in two slots"
    assert status(running, "a")["status"] == "healthy"


@pytest.mark.tsan
def test_rows_are_sums_that_outlast_a_restart(made, tmp_path):
    running = made({"a": good(1.0)})
    report(running, *[{"provider": "a", "status": 200, "model": "m", "latency_ms": 100, "tokens": 5}] * 3,
           *failures("a", 2, "timeout", model="m"))
    seen(running, "a", 5)
    running.stop()
    with sqlite3.connect(tmp_path / "provider_status.db") as db:
        rows = db.execute("SELECT provider_name, key, model, outcome, sum(calls), sum(latency_sum_ms), sum(tokens)"
                          " FROM provider_reports GROUP BY outcome ORDER BY outcome").fetchall()
    assert rows == [("a", 0, "m", "ok", 3, 300.0, 15), ("a", 0, "m", "timeout", 2, 0.0, 0)]


def test_times_of_calls_are_times_of_their_model(made):
    running = made({"a": good(1.0, models=[{"id": "m"}])}, read_models=True)
    report(running, {"provider": "a", "status": 200, "model": "m", "first_token_ms": 250, "tokens_per_second": 80})
    found = until(running, "a", lambda p: p.get("model_stats"), "the model's times")["model_stats"][0]
    assert found["model"] == "m"
    assert found["stats"]["first_token_ms"]["p50"] == pytest.approx(250, rel=0.02)
    assert best(running, "?policy=fastest_tokens&model=m")["best_provider"] == "a"


# -- the route


@pytest.mark.parametrize("body, said", [
    ("", "not whole"), ("{", "not whole"), ("nonsense", "not JSON"), ("[1] 2", "not JSON"), ("7", "not whole"), ('"text"', "got a string"),
    ('{"reports": [], "more": 1}', "has reports and is something else"),
])
def test_bodies_that_are_nothing_are_refused(made, body, said):
    answer = made({"a": good(1.0)}).post("/api/providers/report", body)
    assert answer.status == 400
    assert said in answer.json["detail"]


def test_what_is_wrong_is_named_and_the_rest_counts(made):
    running = made({"a": good(1.0)})
    answer = running.post("/api/providers/report", json.dumps([
        {"provider": "a", "status": 200}, {"provider": "b", "status": 200}, {"provider": "a", "outcome": "tmeout"}]))
    assert answer.status == 202
    assert (answer.json["accepted"], answer.json["rejected_count"]) == (1, 2)
    assert [r["index"] for r in answer.json["rejected"]] == [1, 2]
    assert "did you mean 'timeout'?" in answer.json["rejected"][1]["error"]
    none = running.post("/api/providers/report", '{"provider": "b", "status": 200}')
    assert (none.status, none.json["accepted"]) == (400, 0)


def test_only_post(made):
    answer = made({"a": good(1.0)}).get("/api/providers/report")
    assert (answer.status, answer.headers["allow"]) == (405, "POST, OPTIONS")


def test_secrets_in_reports_appear_nowhere(made, tmp_path):
    running = made({"a": good(1.0)})
    secret = "sk-reported-0123456789abcdef"
    report(running, {"provider": "a", "status": 401, "error": f"Incorrect API key provided: {secret}",
                     "headers": {"authorization": f"Bearer {secret}", "x-ratelimit-limit-requests": secret}})
    until(running, "a", lambda p: p["cooling"], "what cools")
    shown = b"".join(running.get(path).body for path in (
        "/api/providers/status", "/api/providers/cooldowns", "/api/providers/events", "/api/providers/best"))
    assert secret.encode() not in shown
    running.stop()
    assert secret not in running.log
    assert secret.encode() not in (tmp_path / "provider_status.db").read_bytes()


def test_reports_of_a_provider_that_a_reload_removed_are_forgotten(made, providers):
    running = made({"a": good(1.0), "b": good(1.0)})
    report(running, *failures("a", 5))
    until(running, "a", lambda p: p["status"] == "down", "a ejected")
    source = (providers / "made.lua").read_text()
    (providers / "made.lua").write_text(source.replace('provider("a"', 'provider("z"'))
    assert running.reload()
    answer = running.post("/api/providers/report", '{"provider": "a", "status": 200}')
    assert "'a' is not watched" in answer.json["rejected"][0]["error"]
    assert cooldowns(running, source="reports") == []
