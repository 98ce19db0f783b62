"""Completions, lists of models and streams through the real sandbox and the real HTTP client, timed by the simulator."""
import json

import pytest

from harness import request

# The probe makes a deep check as the daemon would, and tells what it found in its message.
SCRIPT = """
local chat, models, deep = require "chat", require "models", require "deep"
local provider = {
  name = "PROVIDER", base_url = "BASE", keys = { secret "sim-PROVIDER-key-0123456789" },
  complete = chat.DIALECT, list_models = models.DIALECT, degraded_latency = "10s",
}
function provider.probe(self, check)
  check = { name = check.name, now = check.now, timeout_s = 10, key = self.keys[1], rung = "RUNG", tokens_left = 1000 }
  local list, failed = self.list_models(self, check)
  if not list then
    return failed
  end
  check.models = list
  local result = deep.run(self, check)
  local told = { ok = result.ok, kind = result.kind, rung = result.rung, text = result.message, spent = result.tokens_spent,
    first_ms = result.first_token_ms, speed = result.tokens_per_second, mismatch = result.model_mismatch }
  return { ok = true, message = json.encode(told) }
end
return provider
"""


@pytest.fixture
def deep_check(providers, daemon, simulator):
    def run(dialect, provider, path, rung="timed", **figures):
        source = SCRIPT
        for word, value in {"PROVIDER": provider, "BASE": simulator.url + path, "DIALECT": dialect, "RUNG": rung}.items():
            source = source.replace(word, value)
        (providers / f"{provider}.lua").write_text(source)
        assert request(simulator.url, "PUT", f"/_sim/streams/{provider}", body=json.dumps(figures)).status < 300
        running = daemon(provider_paths=[str(providers)], interval="1h")
        entry = running.wait_for_provider(provider, lambda entry: entry["status"] != "unknown")
        assert entry["status"] == "healthy", entry
        return json.loads(entry["error_message"])
    return run


DIALECTS = [("openai", "acme", "/x/acme/v1"), ("openai", "groq", "/groq/openai/v1"), ("gemini", "gemini", "/gemini/v1beta"),
            ("anthropic", "anthropic", "/anthropic/v1"), ("cohere", "cohere", "/cohere"), ("ollama", "ollama", "/ollama")]


@pytest.mark.parametrize("dialect, provider, path", DIALECTS)
def test_the_times_of_a_stream_are_those_that_the_simulator_keeps(deep_check, dialect, provider, path):
    found = deep_check(dialect, provider, path, first_token_ms=1000, tokens_per_second=10)
    assert found["ok"], found
    assert found["rung"] == "timed"
    assert found["first_ms"] == pytest.approx(1000, rel=0.05)
    assert found["speed"] == pytest.approx(10, rel=0.05)
    assert found["spent"] > 5
    assert "mismatch" not in found


@pytest.mark.parametrize("dialect, provider, path", DIALECTS)
def test_a_tiny_completion_is_an_answer(deep_check, dialect, provider, path):
    found = deep_check(dialect, provider, path, rung="tiny")
    assert found["ok"] and found["rung"] == "tiny", found


def test_rubbish_and_another_model_are_noticed(deep_check):
    found = deep_check("openai", "acme", "/x/acme/v1", rung="tiny", text="I am a teapot, short and stout, here is my handle",
                       model="teapot-1")
    assert found["kind"] == "bad_response" and found["mismatch"] is True
    assert found["text"].startswith('HTTP 200, but the answer is no answer: "I am a teapot')
