"""Deep probes through the daemon: what is measured, what counts as an answer, what it may cost."""
import json
import re

import pytest

from harness import wait_for
from observing import tell

HOUR = {"enabled": True, "interval": "1h", "timed_interval": "6h"}
QUICK = {"enabled": True, "interval": "300ms", "timed_interval": "300ms", "daily_tokens": 1000000}


@pytest.fixture
def acme(simulator, daemon):
    """A daemon that makes deep probes of acme; `figures` are told to the simulator first."""
    def start(deep=HOUR, figures=None, **settings):
        tell(simulator, "streams", "acme", **(figures or {}))
        return daemon(simulator.generic("acme"), read_models=True, deep=deep, interval="30d", timeout="10s", **settings)
    return start


def probed(running, name="acme", condition=lambda deep: True):
    """The deep part of a provider once it was probed, and the condition holds."""
    entry = running.wait_for_provider(
        name, lambda entry: entry["deep"] and entry["deep"]["checked"] and condition(entry["deep"]))
    return entry["deep"]


def completions(simulator, name="acme"):
    return [asked for asked in simulator.requests(name) if re.search("completions|messages|generateContent|Generate|api/chat",
                                                                     asked["path"])]


# ---- what is measured

# Each with the API's own script and dialect, and figures of its own: first token, tokens per second, and the rest.
PACED = {
    "groq": (400, 20, {"keepalives": 3}),
    "openrouter": (700, 10, {"role_first": True}),
    "anthropic": (600, 12, {"keepalives": 2}),
    "gemini": (500, 16, {}),
    "ollama": (300, 25, {}),
}


def test_figures_are_those_that_the_simulator_was_told(simulator, daemon):
    environment = {"ANTHROPIC_API_BASE": f"{simulator.url}/anthropic/v1", "ANTHROPIC_API_KEY": "sim-anthropic-key-0123456789",
                   "OLLAMA_API_BASE": f"{simulator.url}/ollama"}
    for name in ("groq", "openrouter", "gemini"):
        for part in ("API_BASE", "API_KEY"):
            variable = f"{name.upper()}_{part}"
            environment[variable] = simulator.environment[variable]
    for name, (first_ms, speed, more) in PACED.items():
        tell(simulator, "streams", name, first_token_ms=first_ms, tokens_per_second=speed, pieces=12, **more)
    running = daemon(environment, read_models=True, deep={**HOUR, "share_percent": 100}, interval="30d", timeout="10s")
    for name, (first_ms, speed, _) in PACED.items():
        deep = probed(running, name)
        assert (deep["ok"], deep["rung"], deep["error_kind"]) == (True, "timed", None), (name, deep)
        assert deep["first_token_ms"] == pytest.approx(first_ms, rel=0.05), name
        assert deep["tokens_per_second"] == pytest.approx(speed, rel=0.05), name
        assert deep["tokens_today"] > 12 and deep["model"] == deep["model_asked"]


def test_thoughts_are_tokens_and_keep_alives_are_not(acme):
    deep = probed(acme(figures={"first_token_ms": 500, "tokens_per_second": 20, "reasoning_pieces": 6, "pieces": 6,
                                "keepalives": 5, "usage": False}))
    assert deep["ok"] and deep["first_token_ms"] == pytest.approx(500, rel=0.05)
    assert deep["tokens_per_second"] == pytest.approx(20, rel=0.05)


# ---- what counts as an answer

@pytest.mark.parametrize("figures, message", [
    ({"text": "I am sorry, but I cannot help you with that."}, "the answer is no answer: \"I am sorry"),
    ({"text": " "}, "the answer is no answer"),
])
def test_rubbish_is_a_bad_response_though_the_list_is_fine(acme, figures, message):
    running = acme(figures=figures)
    deep = probed(running)
    assert (deep["ok"], deep["error_kind"]) == (False, "bad_response") and message in deep["message"]
    entry = running.provider("acme")
    assert entry["status"] == "degraded"
    assert deep["first_token_ms"] is None


def test_another_model_than_asked_for_is_told_and_a_change_is_an_event(simulator, acme):
    running = acme(deep=QUICK, figures={"model": "sim-mini-2026-01-01"})
    assert probed(running)["model_mismatch"] is False  # a dated name of the same model
    tell(simulator, "streams", "acme", model="teapot-1")
    deep = probed(running, condition=lambda deep: deep["model_mismatch"])
    assert (deep["model_asked"], deep["model"]) == ("sim-mini", "teapot-1") and deep["ok"]
    running.wait_for_line(r"acme: asked for sim-mini, teapot-1 answers now; it was sim-mini-2026-01-01")


def test_the_next_model_is_asked_when_one_is_gone_and_stays(simulator, acme):
    simulator.behave("acme", "model-gone 3")
    running = acme(deep=QUICK)
    deep = probed(running, condition=lambda deep: deep["ok"])
    assert deep["model_asked"] not in ("sim-large", "sim-small", "sim-mini")
    first = completions(simulator)
    tries = [json.loads(asked["body"])["model"] for asked in first]
    assert tries[0] == "sim-mini" and deep["model_asked"] in tries
    simulator.behave("acme", "ok")
    wait_for(lambda: len(completions(simulator)) >= len(first) + 2, "further probes")
    later = {json.loads(asked["body"])["model"] for asked in completions(simulator)[len(first):]}
    assert later == {deep["model_asked"]}


# ---- what it may cost

def test_nothing_is_completed_unless_it_is_wished_for(simulator, daemon):
    running = daemon(simulator.generic("acme"), read_models=True, interval="30d")
    entry = running.wait_for_provider("acme", lambda entry: entry["model_count"])
    assert entry["deep"] is None
    running.stop()
    assert completions(simulator) == []


def test_one_provider_may_wish_for_it_alone(simulator, daemon):
    running = daemon(simulator.generic("acme", "other"), read_models=True, interval="30d",
                     providers={"acme": {"deep": True}})
    assert probed(running)["ok"]
    assert running.provider("other")["deep"] is None and completions(simulator, "other") == []


def test_g4f_is_completed_by_default(simulator, daemon):
    environment = {"G4F_MAIN_API_BASE": simulator.environment["G4F_MAIN_API_BASE"]}
    running = daemon(environment, interval="30d", providers={"g4f_main": {}})
    assert probed(running, "g4f_main")["ok"]
    assert completions(simulator, "g4f_main")


def test_it_climbs_no_further_than_it_must(simulator, acme):
    running = acme(deep={**QUICK, "timed_interval": "6h"}, figures={"first_token_ms": 50, "tokens_per_second": 100})
    first = probed(running)
    assert first["rung"] == "timed"
    tiny = probed(running, condition=lambda deep: deep["rung"] == "tiny")
    assert tiny["timed"] == first["timed"] and tiny["first_token_ms"] == first["first_token_ms"]
    streams = [json.loads(asked["body"]).get("stream", False) for asked in completions(simulator)]
    assert streams[0] is True and streams[-1] is False


def test_the_budget_of_the_day_is_kept_and_survives_a_restart(simulator, acme):
    deep = {**QUICK, "daily_tokens": 300}
    running = acme(deep=deep)
    spent = probed(running, condition=lambda deep: "skipped" in deep["message"])
    assert 0 < spent["tokens_today"] <= 300 and spent["daily_tokens"] == 300
    asked = len(completions(simulator))
    running.stop()
    again = acme(deep=deep)
    restored = again.wait_for_provider("acme", lambda entry: entry["deep"]["tokens_today"] > 0)["deep"]
    assert restored["tokens_today"] == spent["tokens_today"]
    skipped = probed(again, condition=lambda deep: deep["message"])
    assert "skipped" in skipped["message"] and skipped["tokens_today"] == spent["tokens_today"]
    assert len(completions(simulator)) == asked


def test_a_share_of_the_keys_own_daily_limit_is_never_exceeded(simulator, providers, daemon):
    (providers / "acme.lua").write_text("""return require "openai".provider {
      name = "acme", base_url = "x", keys = keys "ACME_API_KEY", limit_windows = { requests = 86400, tokens = 86400 } }""")
    # The simulator's completions tell of 30000 tokens, here a day: 1 % of them are 300.
    running = daemon(simulator.generic("acme"), provider_paths=[str(providers)], read_models=True, interval="30d",
                     deep={**QUICK, "share_percent": 1})
    deep = probed(running, condition=lambda deep: "skipped" in deep["message"])
    assert 0 < deep["tokens_today"] <= 300 and completions(simulator)
    assert running.provider("acme")["rate_limit"][1]["limit"] == 30000
