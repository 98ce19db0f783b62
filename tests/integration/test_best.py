"""Who is best: what a client may ask for, what it is told, and how policies behave in the running daemon."""
import collections
import time

import pytest

from harness import REPO, wait_for
from made import failing, good

def best(running, query="", status=200):
    answer = running.get("/api/providers/best" + ("?" + query if query else ""))
    assert answer.status == status, answer.body
    return answer.json


def fresh(running, query=""):
    """An answer that was made for a snapshot as new as the one of now."""
    version = running.get("/api/providers/status").json["version"]
    return wait_for(lambda: (lambda answer: answer["version"] >= version and answer)(best(running, query)))


def names(answer):
    return [row["provider"] for row in answer["ranking"]]


def row(answer, name):
    return next(row for row in answer["ranking"] if row["provider"] == name)


THREE = {"a": good(30.0), "b": good(10.0), "c": good(20.0)}


# -- the answer --

def test_every_candidate_has_a_row_with_its_score_and_the_reason(made):
    running = made({**THREE, "d": failing()}, max_consecutive_failures=1)
    answer = fresh(running)
    assert (answer["best_provider"], answer["alternatives"]) == ("b", ["c", "a"])
    assert answer["reason"] == "lowest latency (10.0ms) + healthy status"
    assert (answer["policy"], answer["stale"]) == ("lowest_latency", False)
    assert 1000 <= answer["valid_for_ms"] <= 60000
    assert names(answer) == ["b", "c", "a", "d"]
    assert [row["rank"] for row in answer["ranking"]] == [1, 2, 3, None]
    assert [row["score"] for row in answer["ranking"]] == [100, 50, 33.333, None]
    assert row(answer, "c")["why"] == "healthy, 20.0 ms"
    assert (row(answer, "d")["why"], row(answer, "d")["status"]) == ("down: server_error", "down")
    assert row(answer, "d")["back_at"] is not None
    assert running.get("/api/providers/best").headers["x-best-provider"] == "b"


def test_nobody_is_named_when_all_are_down_unless_anybody_will_do(made):
    later = int(time.time()) + 3000
    running = made({"a": failing(), "b": failing("key_invalid"),
                    "c": {1: {"ms": 5.0, "kind": "capacity", "retry_at": later}}}, max_consecutive_failures=1)
    answer = fresh(running)
    assert (answer["best_provider"], answer["alternatives"]) == (None, [])
    assert answer["reason"] == "All providers are down"
    assert "x-best-provider" not in running.get("/api/providers/best").headers
    assert names(answer)[-1] == "b" and row(answer, "b")["back_at"] is None, "a key does not mend itself"
    answer = fresh(running, "any=1")
    assert answer["best_provider"] == names(answer)[0] and answer["best_provider"] in ("a", "c")
    assert "likely back first" in answer["reason"] and answer["ranking"][0]["rank"] == 1


def test_without_a_healthy_one_the_degraded_come_in_order(made):
    running = made({"a": failing(), "b": {1: {"ms": 2000.0}}, "c": {1: {"ms": 1500.0}}})
    answer = fresh(running)
    assert answer["best_provider"] == "a", "its failure was answered fastest"
    assert answer["reason"] == "No healthy providers available, using least degraded: a"
    assert answer["alternatives"] == [] and names(answer) == ["a", "c", "b"]


# -- what a client asks for --

MODELS = 'models = {{ id = "m-1", price = 2, features = {"tools"} }, { id = "vendor/M-2:free", price = 0 }}'


def test_only_who_lists_the_model_is_ranked(made):
    running = made({"a": "{ { ms = 30 }, %s }" % MODELS, "b": "{ { ms = 10 }, models = {{ id = 'other' }} }",
                    "c": good(20.0)}, read_models=True)
    answer = fresh(running, "model=M-1")
    assert (answer["best_provider"], answer["model"], answer["alternatives"]) == ("a", "m-1", [])
    assert row(answer, "b")["why"] == "it does not list the model"
    assert row(answer, "c")["why"] == "its models are not known"
    answer = fresh(running, "model=m-2")
    assert answer["model"] == row(answer, "a")["model"] == "vendor/M-2:free"
    answer = fresh(running, "model=nothing&any=1")
    assert answer["best_provider"] is None and answer["model"] is None


def test_what_is_required_must_be_said_by_the_script_or_the_list(made):
    running = made({"a": "{ { ms = 30 }, features = {'streaming'}, %s }" % MODELS,
                    "b": "{ { ms = 10 }, features = {'streaming', 'vision'} }"}, read_models=True)
    assert fresh(running, "require=streaming")["best_provider"] == "b"
    answer = fresh(running, "require=streaming,tools")
    assert answer["best_provider"] == "a" and row(answer, "b")["why"] == "nothing says that it can do 'tools'"
    assert fresh(running, "require=tools&model=m-1")["best_provider"] == "a"
    assert fresh(running, "require=tools&model=m-2")["best_provider"] is None
    assert fresh(running, "require=time_travel")["best_provider"] is None


def test_who_is_excluded_or_too_slow_is_left_out(made):
    running = made(THREE)
    answer = fresh(running, "exclude=b,nobody")
    assert answer["best_provider"] == "c" and row(answer, "b")["why"] == "excluded by the request"
    answer = fresh(running, "max_latency_ms=15")
    assert names(answer)[0] == "b" and row(answer, "a")["why"] == "30.0 ms, more than the 15 ms asked for"
    assert fresh(running, "max_latency_ms=5")["best_provider"] is None


def test_n_says_how_many_are_named(made):
    running = made(THREE)
    assert fresh(running, "n=1")["alternatives"] == []
    answer = fresh(running, "n=2")
    assert answer["alternatives"] == ["c"] and names(answer) == ["b", "c"] and answer["ranking_left_off"] == 1
    assert fresh(running, "n=9")["alternatives"] == ["c", "a"]


def test_the_key_with_the_most_left_is_named(made):
    running = made({"a": "{ { ms = 5 }, keys = keys 'A_KEY', used = {80, 20} }"},
                   {"A_KEY": "first-key-of-a-0001", "A_KEY_1": "second-key-of-a-002"})
    def both_checked():
        answer = fresh(running, "key=1")
        return answer["key"] == 2 and answer
    answer = wait_for(both_checked)
    assert answer["key_hint"] == "…-002" and answer["ranking"][0]["key"] == 2
    assert "key" not in fresh(running)


REFUSED = [
    ("policy=nope", "policy: expected one of balanced, cheapest, explore, fastest_tokens, lowest_latency, most_headroom, "
     "sticky, weighted; got 'nope'"),
    ("policy=", "policy: expected the name of a policy; got ''"),
    ("model=", "model: expected the name of a model, at most 127 bytes; got ''"),
    ("model=%zz", "model: expected the name of a model, at most 127 bytes; got 'a malformed or overlong value'"),
    ("require=a,,b", "require: expected at most 8 features such as streaming,tools: a-z, 0-9 and _; got ''"),
    ("require=Tools", "require: expected at most 8 features such as streaming,tools: a-z, 0-9 and _; got 'Tools'"),
    ("require=" + ",".join("abcdefghi"), "require: expected at most 8 features such as streaming,tools: a-z, 0-9 and _; "
     "got 'i'"),
    ("exclude=" + "x" * 64, "exclude: expected at most 64 names of providers, with commas; got '" + "x" * 64 + "'"),
    ("max_latency_ms=0", "max_latency_ms: expected milliseconds, above 0 and up to 600000; got '0'"),
    ("max_latency_ms=-5", "max_latency_ms: expected milliseconds, above 0 and up to 600000; got '-5'"),
    ("max_latency_ms=1e3", "max_latency_ms: expected milliseconds, above 0 and up to 600000; got '1e3'"),
    ("n=0", "n: expected a whole number from 1 to 100000; got '0'"),
    ("n=1.5", "n: expected a whole number from 1 to 100000; got 'a fraction'"),
    ("key=2", "key: expected 1 or 0; got '2'"), ("any=yes", "any: expected 1 or 0; got 'yes'"),
]


def test_what_is_asked_wrongly_is_refused_by_name(made):
    running = made(THREE)
    for query, detail in REFUSED:
        assert best(running, query, 400) == {"detail": detail}


# -- independent fallbacks --

def test_alternatives_that_share_an_upstream_come_last(made):
    running = made({"a": good(10.0, upstream="cloud-1"), "b": good(20.0, upstream="cloud-1"), "c": good(30.0), "d": good(40.0)})
    answer = fresh(running)
    assert (answer["best_provider"], answer["alternatives"]) == ("a", ["c", "d"])
    assert row(answer, "b")["shares_fate"] == "same upstream: cloud-1" and row(answer, "c")["shares_fate"] is None
    assert names(answer) == ["a", "b", "c", "d"], "the ranking is the policy's"


def test_who_has_the_same_host_shares_its_fate(made):
    one = "http://Gateway.test:1337/v1"
    running = made({"a": good(10.0, base_url=one), "b": good(20.0, base_url=one + "/other"), "c": good(30.0)})
    assert fresh(running)["alternatives"] == ["c", "b"]
    assert row(fresh(running), "b")["shares_fate"] == "same upstream: gateway.test:1337"


# -- after an outage --

def test_who_has_come_back_is_warmed_up(made):
    running = made({"a": {1: {"ms": 10.0}, 2: {"ms": 10.0, "kind": "server_error"}, 3: {"ms": 10.0}}, "b": good(20.0)},
                   max_consecutive_failures=1, warm_up="1h")
    assert running.check("a")["status"] == "down"
    assert running.check("a")["status"] == "healthy"
    answer = wait_for(lambda: (lambda answer: "share" in answer["ranking"][0] and answer)(best(running)))
    assert names(answer) == ["a", "b"] and row(answer, "a")["warmth"] == pytest.approx(0.1, abs=0.01)
    assert (row(answer, "a")["share"], row(answer, "b")["share"]) == pytest.approx((0.1, 0.9), abs=0.01)
    given = collections.Counter(best(running)["best_provider"] for _ in range(100))
    assert given["a"] == pytest.approx(10, abs=6) and given["b"] == 100 - given["a"]
    said = next(answer for answer in iter(lambda: best(running), None) if answer["best_provider"] == "b")
    assert said["reason"] == "its turn: healthy, 20.0 ms" and said["alternatives"] == ["a"]


def test_without_warming_up_it_is_best_at_once(made):
    running = made({"a": {1: {"ms": 10.0}, 2: {"ms": 10.0, "kind": "server_error"}, 3: {"ms": 10.0}}, "b": good(20.0)},
                   max_consecutive_failures=1, warm_up="0s")
    running.check("a")
    running.check("a")
    answer = fresh(running)
    assert answer["best_provider"] == "a" and "share" not in answer["ranking"][0]


def test_knowledge_that_is_stale_is_said_to_be(made, simulator):
    hangs = "{ { ms = 10 }, interval = '100ms', hang = true }"
    simulator.behave("hung", "hang")
    running = made({"a": hangs, "b": good(20.0)}, {"HANGS": simulator.base("hung")}, timeout="30s")
    answer = wait_for(lambda: (lambda answer: answer["stale"] and answer)(best(running)))
    assert row(answer, "a")["stale"] and not row(answer, "b")["stale"]
    assert "; last checked " in answer["reason"]


# -- policies --

def test_sticky_stays_within_its_margin(made):
    running = made({"a": {1: {"ms": 100.0}}, "b": {1: {"ms": 200.0}, 2: {"ms": 85.0}, 3: {"ms": 85.0}, 4: {"ms": 20.0}}},
                   policy="sticky", policies={"sticky": {"margin_ms": 0, "margin_percent": 50}})
    assert fresh(running)["best_provider"] == "a"
    for _ in range(2):
        running.check("b")
    answer = fresh(running)
    assert answer["best_provider"] == "a" and "kept: b is faster by" in answer["reason"]
    assert fresh(running, "policy=lowest_latency")["best_provider"] == "b"
    for _ in range(5):
        running.check("b")
    assert fresh(running)["best_provider"] == "b"


@pytest.mark.tsan
def test_balanced_spreads_the_answers_by_their_shares(made):
    running = made({"a": good(100.0), "b": good(105.0), "c": good(110.0), "slow": good(500.0)}, policy="balanced")
    fresh(running)
    shares = {row["provider"]: row["share"] for row in fresh(running)["ranking"]}
    assert shares["slow"] == 0 and sum(shares.values()) == pytest.approx(1, abs=0.01)
    given = collections.Counter(best(running)["best_provider"] for _ in range(300))
    assert set(given) == {"a", "b", "c"}
    for name, count in given.items():
        assert count / 300 == pytest.approx(shares[name], abs=0.1)


def test_explore_names_another_now_and_then(made):
    running = made(THREE, policy="explore", policies={"explore": {"share_percent": 20}})
    fresh(running)
    given = collections.Counter(best(running)["best_provider"] for _ in range(200))
    assert given["b"] > 120 and given["a"] > 0 and given["c"] > 0


def test_cheapest_goes_by_the_configured_prices(made):
    running = made({**THREE, "d": good(5.0)}, policy="cheapest",
                   prices={"a": 2, "b": {"input": 1, "output": 2}, "c": 0})
    answer = fresh(running)
    assert names(answer) == ["c", "a", "b", "d"]
    assert answer["reason"] == "cheapest: healthy, free"
    assert row(answer, "b")["why"] == "healthy, $3 for a million tokens in and out"
    assert row(answer, "d")["why"] == "healthy, its price is not known"


@pytest.mark.tsan
def test_a_policy_that_misbehaves_harms_nothing_and_is_told(made, tmp_path):
    folder = tmp_path / "mine"
    (folder / "policies").mkdir(parents=True)
    (folder / "policies" / "loops.lua").write_text("return { rank = function() while true do end end }")
    (folder / "policies" / "raises.lua").write_text("return { rank = function() error 'boom' end }")
    (folder / "policies" / "lies.lua").write_text("return { rank = function() return {'nobody'}, 'x' end }")
    (folder / "policies" / "reads.lua").write_text("return { rank = function(c) return {c[1].nmae}, 'x' end }")
    running = made(THREE, plugin_paths=[str(REPO / "plugins"), str(folder)])
    for policy, why in (("loops", "instruction budget"), ("raises", "boom"), ("lies", "'nobody', which is no candidate"),
                        ("reads", "a candidate has no field 'nmae'")):
        answer = fresh(running, "policy=" + policy)
        assert answer["best_provider"] == "b" and why in answer["policy_error"], policy
        assert running.wait_for_line("policy: " + policy + ": ")
    assert "policy_error" not in fresh(running)
    listed = {policy["name"]: policy["about"] for policy in running.get("/api/policies").json["policies"]}
    assert listed["loops"] == "" and "fastest" in listed["lowest_latency"]


def test_a_change_of_the_best_is_noticed_though_nobody_asks(made):
    running = made({"a": good(10.0), "b": {1: {"ms": 50.0}, 2: {"ms": 5.0}}})
    wait_for(lambda: best(running)["best_provider"] == "a" or None)
    running.check("b")
    running.wait_for_line(r"best: a -> b: lowest latency \(5.0ms\)")
