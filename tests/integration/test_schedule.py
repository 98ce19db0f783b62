"""Many providers: each on its own schedule, whatever the others do."""
import time

from harness import wait_for


def test_one_hangs_and_one_crashes_while_98_stay_on_schedule(simulator, providers, daemon):
    names = [f"p{i}" for i in range(98)]
    (providers / "many.lua").write_text(
        'local openai, list = require "openai", {}\n'
        f'for i = 0, 97 do list[#list + 1] = openai.provider {{ name = "p" .. i, base_url = "{simulator.url}/x/p" .. i .. "/v1",'
        ' keys = { secret("sim-p" .. i .. "-key-0123456789") } } end\n'
        f'list[#list + 1] = openai.provider {{ name = "hangs", base_url = "{simulator.base("hangs")}", keys = {{ secret "sim-hangs-key-0123456789" }} }}\n'
        "return list\n")
    (providers / "crashes.lua").write_text(
        'return { name = "crashes", base_url = "http://127.0.0.1:9", probe = function() while true do end end }')
    simulator.behave("hangs", "hang")
    running = daemon(provider_paths=[str(providers)], quiet=False, interval="500ms", timeout="2s", jitter_percent=0,
                     script_instructions=1000000)
    began = time.monotonic()
    wait_for(lambda: simulator.stats().get("p0", {}).get("requests", 0) >= 11, "eleven checks of p0")
    took = time.monotonic() - began
    stats = simulator.stats()
    due = took / 0.5
    for name in names:
        assert stats[name]["max_in_flight"] == 1, name
        assert abs(stats[name]["requests"] - due) <= 3, (name, stats[name], due)
    assert stats["hangs"]["max_in_flight"] == 1
    entry = running.provider("crashes")
    assert entry["reason"] == "script_error" and "instruction budget" in entry["error_message"]
    assert running.wait_for_provider("hangs", lambda entry: True)["reason"] == "timeout"
    states = running.get("/api/providers/status").json["providers"]
    assert [states[name]["status"] for name in names] == ["healthy"] * 98


def test_the_first_check_is_at_once_and_the_next_is_spread(simulator, daemon):
    names = [f"p{i}" for i in range(20)]
    running = daemon(simulator.generic(*names), interval="10m")
    for name in names:
        running.wait_for_provider(name, lambda entry: True)
    states = running.get("/api/providers/status").json["providers"]
    assert len({state["next_check"][:16] for state in states.values()}) > 5  # different minutes


def test_checks_asked_for_while_one_is_in_flight_are_not_doubled(simulator, daemon):
    simulator.behave("acme", "slow 300ms")
    running = daemon(simulator.generic("acme"))
    for _ in range(20):
        assert running.post("/api/providers/check/acme").status == 202
    running.wait_for_provider("acme", lambda entry: True)
    assert simulator.stats()["acme"]["max_in_flight"] == 1


def test_a_short_interval_is_kept(simulator, daemon):
    running = daemon(simulator.generic("acme"), interval="100ms", jitter_percent=0)
    running.wait_for_provider("acme", lambda entry: True)
    first, began = simulator.stats()["acme"]["requests"], time.monotonic()
    wait_for(lambda: simulator.stats()["acme"]["requests"] >= first + 20, "twenty checks")
    assert 1.5 < time.monotonic() - began < 5
