"""Deep probes: real completions by the provider scripts, timed, looked at, and paid from a budget that is kept."""
import json
import sqlite3

import pytest

from harness import REPO, wait_for
from observing import tell, untell

WORDS = 5  # that the model is asked to repeat
MOST_OF_A_TRY = 116  # tokens that a try may take: what a prompt and its answer are at most
DIALECTS = {  # script -> where the simulator plays it
    "openai": "/openai/v1",
    "groq": "/groq/openai/v1",
    "openrouter": "/openrouter/api/v1",
    "anthropic": "/anthropic/v1",
    "gemini": "/gemini/v1beta",
    "ollama": "/ollama",
}


@pytest.fixture
def watch(simulator, providers, daemon):
    """A daemon that watches these providers, with `deep` for each: those of the dialects by their scripts, others as generic.
    Checks are made at the start and when told; so what else arrives are lists of models and deep probes."""
    def start(names, deep=None, own=None, **settings):
        for script in {name if name in DIALECTS or name == "g4f" else "generic" for name in names}:
            if not (providers / f"{script}.lua").exists():
                (providers / f"{script}.lua").symlink_to(REPO / f"providers/{script}.lua")
        environment = {"G4F_API_BASE": simulator.url + "/g4f/v1"}
        for name in names:
            environment |= {} if name == "g4f" else simulator.generic(name)
            if name in DIALECTS:
                environment[f"{name.upper()}_API_BASE"] = simulator.url + DIALECTS[name]
        own = {name: {} for name in names} | (own or {})
        if deep is not None:
            own = {name: {"deep": deep, **entry} for name, entry in own.items()}
        return daemon(environment, provider_paths=[str(providers)], providers=own,
                      **{"interval": "30d", "quick_interval": "100ms", "jitter_percent": 0, **settings})
    return start


def probed(running, name, condition=lambda deep: True):
    """What is shown of a provider's deep probes, once there was one that satisfies the condition."""
    entry = running.wait_for_provider(name, lambda entry: entry["deep"] and entry["deep"]["checked"] and condition(entry["deep"]))
    return entry["deep"]


def skipped(running, name):
    """What is shown once a deep probe has been left out."""
    entry = running.wait_for_provider(name, lambda entry: entry["deep"]["message"].startswith("skipped"))
    return entry["deep"]


def completions(simulator, name):
    """The bodies of the completions that were asked for."""
    return [json.loads(asked["body"]) for asked in simulator.requests(name) if asked["method"] == "POST"]


def cost_of(body):
    """What the simulator counts for a completion: the prompt, and a token for each four letters that it repeats."""
    prompt = body["messages"][-1]["content"]
    words = prompt.partition(": ")[2]
    assert len(words.split()) == WORDS
    return 9 + len(prompt) // 4 + (len(words) + 3) // 4


def query(path, sql):
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


# -- figures --

def assert_figures(deep, first_token_ms, tokens_per_second):
    assert deep["ok"] and deep["rung"] == "timed" and deep["error_kind"] is None, deep
    assert deep["first_token_ms"] == pytest.approx(first_token_ms, rel=0.05), deep
    assert deep["tokens_per_second"] == pytest.approx(tokens_per_second, rel=0.05), deep


@pytest.mark.tsan
def test_figures_are_those_that_the_simulator_was_told_in_every_dialect(simulator, watch):
    for name in DIALECTS:
        tell(simulator, "streams", name, first_token_ms=800, tokens_per_second=10)
    running = watch(DIALECTS, {"enabled": True, "interval": "1h"}, read_models=True)
    for name in DIALECTS:
        deep = probed(running, name)
        assert_figures(deep, 800, 10)
        assert (deep["model"], deep["model_mismatch"]) == (deep["model_asked"], False)
        listed = [model["id"] for model in running.get(f"/api/providers/status/{name}").json["models"]]
        assert deep["model_asked"] in listed  # chosen from the live list
        assert running.provider(name)["status"] == "healthy"


def test_only_what_was_generated_counts_and_thoughts_do(simulator, watch):
    names = ["openrouter", "anthropic", "gemini", "ollama"]  # OpenAI's own models keep their thoughts to themselves
    for name in names:
        tell(simulator, "streams", name, first_token_ms=800, tokens_per_second=10, keepalives=6, role_first=True,
             reasoning_pieces=5, pieces=8, usage=False)
    running = watch(names, {"enabled": True, "interval": "1h"}, read_models=True)
    for name in names:
        # A keep-alive taken for a token would come at 100 ms, the role at 700; the first word of the text comes at 1300.
        assert_figures(probed(running, name), 800, 10)


# -- what an answer is --

EMPTY_CHOICES = {"status": 200, "body": {"id": "x", "object": "chat.completion", "choices": []}}
FAULTS = {
    "rubbish": ("rubbish", "bad_response", 'the answer is no answer: "Lorem ipsum'),
    "sorry": ({"text": "I am sorry, but I cannot."}, "bad_response", 'the answer is no answer: "I am sorry'),
    "silent": ({"text": " "}, "bad_response", "the answer is no answer"),
    "cut": ("stream-cut", "bad_response", "closed"),
    "broken": ("stream-error", "server_error", ""),
    "empty": (EMPTY_CHOICES, "bad_response", "HTTP 200 without a completion in it"),
    "page": ({"status": 200, "body": "<!DOCTYPE html><p>Welcome</p>"}, "bad_response", "HTTP 200"),
}


@pytest.mark.tsan
def test_an_answer_that_is_none_is_no_success(simulator, watch):
    for name, (fault, _, _) in FAULTS.items():
        if isinstance(fault, str):
            simulator.behave(name, fault)
        elif "text" in fault:
            tell(simulator, "streams", name, **fault)
        else:
            simulator.answer(name, path="/chat/completions", **fault)
    running = watch(FAULTS, {"enabled": True, "interval": "1h", "model": "sim-mini"}, quick_interval="1h")
    for name, (_, kind, message) in FAULTS.items():
        deep = probed(running, name)
        assert (deep["ok"], deep["error_kind"]) == (False, kind), (name, deep)
        assert message in deep["message"], (name, deep)
        entry = running.provider(name)
        assert (entry["status"], entry["reason"], entry["error_kind"]) == ("degraded", kind, kind), (name, entry)
        assert entry["error_message"].startswith("deep probe: ") and entry["consecutive_failures"] == 0
        assert running.wait_for_line(f"{name}: deep probe: {kind}: ")


def test_rubbish_again_and_again_is_down_and_an_answer_ends_it(simulator, watch):
    simulator.behave("acme", "rubbish")
    running = watch(["acme"], {"enabled": True, "interval": "200ms", "daily_tokens": 100000, "model": "sim-mini"})
    entry = running.wait_for_provider("acme", lambda entry: entry["status"] == "down")
    assert (entry["reason"], entry["score"], entry["consecutive_failures"]) == ("bad_response", 0, 0)
    assert len(completions(simulator, "acme")) >= 3
    simulator.behave("acme", "ok")
    entry = running.wait_for_provider("acme", lambda entry: entry["status"] == "healthy")
    assert entry["deep"]["ok"] and entry["deep"]["error_kind"] is None and entry["error_message"] == ""


# -- the model --

def test_another_model_in_the_answer_is_an_event(simulator, watch):
    tell(simulator, "streams", "acme", model="sim-mini-2026-01-02")
    running = watch(["acme"], {"enabled": True, "interval": "150ms", "daily_tokens": 100000, "model": "sim-mini"})
    deep = probed(running, "acme")
    assert (deep["model_asked"], deep["model"], deep["model_mismatch"]) == ("sim-mini", "sim-mini-2026-01-02", False)
    assert "answers now" not in running.log
    tell(simulator, "streams", "acme", model="sim-nano")
    running.wait_for_line("acme: asked for sim-mini, sim-nano answers now; it was sim-mini-2026-01-02")
    deep = probed(running, "acme", lambda deep: deep["model"] == "sim-nano")
    assert deep["ok"] and deep["model_mismatch"] is True
    untell(simulator, "streams", "acme")
    running.wait_for_line("acme: asked for sim-mini, sim-mini answers now; it was sim-nano")
    assert probed(running, "acme", lambda deep: deep["model"] == "sim-mini")["model_mismatch"] is False
    assert running.log.count("answers now") == 2  # not at each probe


GONE = {"error": {"message": "The model `sim-mini` does not exist", "type": "invalid_request_error", "code": "model_not_found"}}


def test_a_model_that_is_gone_hands_over_to_the_next_which_stays(simulator, watch):
    simulator.behave("bare", "model-gone 3")
    simulator.answer("bare", path="/models", body={"data": [{"id": f"sim-{size}"} for size in ("large", "small", "mini")]})
    running = watch(["acme", "bare"], {"enabled": True, "interval": "300ms", "daily_tokens": 100000}, read_models=True,
                    own={"bare": {"deep": {"enabled": True, "interval": "1h"}}})
    assert probed(running, "acme")["model_asked"] == "sim-mini"  # the smallest of the list
    simulator.answer("acme", 404, body=GONE, path="/chat/completions", times=1)
    deep = probed(running, "acme", lambda deep: deep["model_asked"] != "sim-mini")
    assert deep["ok"] and deep["model_asked"] == deep["model"] == "sim-small"
    running.wait_for_provider("acme", lambda entry: len(completions(simulator, "acme")) >= 6)
    models = [body["model"] for body in completions(simulator, "acme")]
    handed = models.index("sim-small")
    assert set(models[:handed]) == {"sim-mini"} and set(models[handed:]) == {"sim-small"}, models
    assert running.provider("acme")["status"] == "healthy" and "acme: deep probe:" not in running.log
    # Where none is left, three are tried, and the key is good all the same.
    deep = probed(running, "bare")
    assert (deep["ok"], deep["error_kind"], deep["tokens_today"]) == (False, "model_gone", 0)
    assert [body["model"] for body in completions(simulator, "bare")] == ["sim-mini", "sim-small", "sim-large"]
    entry = running.provider("bare")
    assert (entry["status"], entry["reason"]) == ("degraded", "model_gone")


# -- the ladder --

def test_the_ladder_is_climbed_as_far_as_the_evidence_is_old_or_odd(simulator, watch):
    running = watch(["acme"], {"enabled": True, "interval": "300ms", "timed_interval": "1h", "daily_tokens": 100000,
                               "model": "sim-mini"})
    wait_for(lambda: len(completions(simulator, "acme")) >= 4, "deep probes")
    streamed = [body.get("stream", False) for body in completions(simulator, "acme")]
    assert streamed[0] is True and not any(streamed[2:]), streamed  # a tiny one is enough while all is well
    deep = probed(running, "acme", lambda deep: deep["rung"] == "tiny")
    assert deep["first_token_ms"] is not None and deep["timed"] < deep["checked"]  # what was measured last stays
    tell(simulator, "streams", "acme", model="sim-nano")  # odd
    mark = len(completions(simulator, "acme"))
    wait_for(lambda: any(body.get("stream") for body in completions(simulator, "acme")[mark:]), "a closer look")
    running.stop()


# -- what is spent --

@pytest.mark.usefixtures("one_utc_day")
@pytest.mark.tsan
def test_a_days_budget_is_kept_and_shown_and_survives_a_restart(simulator, watch, tmp_path):
    deep = {"enabled": True, "interval": "100ms", "daily_tokens": 300, "model": "sim-mini"}
    running = watch(["acme"], deep)
    shown = skipped(running, "acme")
    costs = [cost_of(body) for body in completions(simulator, "acme")]
    spent = shown["tokens_today"]
    assert spent == sum(costs) and 300 - MOST_OF_A_TRY < spent <= 300 == shown["daily_tokens"]
    assert str(300 - spent) in shown["message"], shown  # what is left is too little for another
    running.stop()
    rows = query(tmp_path / "provider_status.db", "SELECT tokens, ok, model FROM provider_deep_checks ORDER BY id")
    assert rows == [(cost, 1, "sim-mini") for cost in costs]
    running = watch(["acme"], deep)
    assert running.provider("acme")["deep"]["tokens_today"] == spent  # at once
    shown = skipped(running, "acme")
    later = running.wait_for_provider("acme", lambda entry: entry["deep"]["next"] > shown["next"])
    assert later["deep"]["tokens_today"] == spent and len(completions(simulator, "acme")) == len(costs)
    assert later["status"] == "healthy"  # a probe that was not made says nothing


@pytest.mark.usefixtures("one_utc_day")
def test_no_more_than_a_share_of_the_keys_own_daily_limits(simulator, watch):
    deep = {"enabled": True, "interval": "100ms", "daily_tokens": 100000, "share_percent": 20, "model": "sim-mini"}
    limits = {"requests": {"unit": "requests", "window": "1d", "limit": 20},
              "tokens": {"unit": "tokens", "window": "1d", "limit": 1500}}
    simulator.answer("told", path="/models", body={"data": []}, headers={
        "x-ratelimit-limit-requests-day": "25", "x-ratelimit-remaining-requests-day": "24"})
    own = {name: {"limits": [limit]} for name, limit in limits.items()}
    running = watch([*limits, "told"], deep, own)
    for name in ("requests", "told"):
        assert "share of 20 %" in skipped(running, name)["message"]
    skipped(running, "tokens")
    asked = {name: completions(simulator, name) for name in (*limits, "told")}
    assert (len(asked["requests"]), len(asked["told"])) == (4, 5)
    spent = sum(cost_of(body) for body in asked["tokens"])
    assert 300 - MOST_OF_A_TRY < spent <= 300
    running.stop()
    running = watch([*limits, "told"], deep, own)  # the share is of a day, not of a run
    for name in (*limits, "told"):
        shown = skipped(running, name)
        running.wait_for_provider(name, lambda entry: entry["deep"]["next"] > shown["next"])
        assert len(completions(simulator, name)) == len(asked[name]), name


# -- who is asked at all --

def test_nothing_deep_without_being_asked_for_but_g4f(simulator, watch, write_config, providers):
    running = watch(["acme", "anthropic", "wished", "g4f"], own={"wished": {"deep": True}, "g4f": {"enabled": True}},
                    read_models=True)
    for name in ("wished", "g4f"):
        deep = probed(running, name)
        assert deep["ok"] and deep["rung"] == "timed", (name, deep)
    for name in ("acme", "anthropic"):
        entry = running.wait_for_provider(name, lambda entry: entry["model_count"])
        assert entry["deep"] is None and completions(simulator, name) == []
    # A reload begins and ends them.
    counts = {name: len(completions(simulator, name)) for name in ("wished", "g4f")}
    write_config(provider_paths=[str(providers)], interval="30d", quick_interval="100ms", read_models=True,
                 providers={"acme": {"deep": {"enabled": True, "model": "sim-mini"}}, "g4f": {"enabled": True, "deep": False}})
    assert running.reload()
    assert probed(running, "acme")["ok"]
    for name in ("wished", "g4f"):
        running.wait_for_provider(name, lambda entry: entry["deep"] is None)
    running.stop()
    assert {name: len(completions(simulator, name)) for name in counts} == counts
