"""GET /api/providers/cooldowns: who is not to be asked now, why, and until when."""
import time

from harness import wait_for
from made import failing, good


def cooldowns(running, count):
    def look():
        found = running.get("/api/providers/cooldowns").json["cooldowns"]
        return found if len(found) == count else None
    return wait_for(look, f"{count} cooldowns")


def test_what_is_well_does_not_cool(made):
    assert made({"a": good(1.0)}).get("/api/providers/cooldowns").json["cooldowns"] == []


def test_each_says_why_and_until_when(made):
    retry_at = int(time.time()) + 600
    running = made({"credit": failing("credit"), "limited": {1: {"ms": 1.0, "kind": "rate", "retry_at": retry_at}},
                    "broken": failing("server_error"), "fine": good(1.0)}, max_consecutive_failures=1)
    found = {entry["provider"]: entry for entry in cooldowns(running, 3)}
    assert all(entry["scope"] == "provider" and entry["key"] is None for entry in found.values())
    assert (found["credit"]["reason"], found["credit"]["until"]) == ("credit", None)
    assert found["credit"]["ends"]
    assert found["limited"]["until"].startswith(time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(retry_at)))
    assert found["broken"]["message"] == "no"
    assert all(entry["since"] <= entry["next_check"] for entry in found.values())


def test_a_key_that_cools_does_not_condemn_the_others(made):
    running = made({"a": """{ keys = keys "A_KEY", { ms = 1 }, { ms = 1, kind = "rate" } }"""},
                   {"A_KEY_1": "first-key-0123456789", "A_KEY_2": "second-key-9876543210"})
    entry, = cooldowns(running, 1)
    assert (entry["provider"], entry["reason"], entry["key"] in (1, 2)) == ("a", "rate", True)
    assert entry["key_hint"] in ("…6789", "…3210")
    assert entry["scope"] == "key"
    assert running.get("/api/providers/best").json["best_provider"] == "a"
