"""What a provider does, and what the daemon says of it."""
import datetime

import pytest

from harness import wait_for

pytestmark = pytest.mark.tsan

SECRET = "sim-acme-key-0123456789"


@pytest.fixture
def acme(simulator, daemon):
    running = daemon(simulator.generic("acme"), timeout="1s")
    running.wait_for_provider("acme", lambda entry: entry["status"] == "healthy")
    return running


def test_slow_is_degraded_and_counts_as_up(simulator, daemon):
    simulator.behave("acme", "slow 200ms")
    running = daemon(simulator.generic("acme"), degraded_latency="100ms")
    entry = running.wait_for_provider("acme", lambda entry: True)
    assert (entry["status"], entry["reason"], entry["uptime_percent"]) == ("degraded", "slow", 100.0)
    assert entry["response_time_ms"] >= 200 and entry["consecutive_failures"] == 0


def test_the_third_failure_makes_down_and_one_success_healthy(simulator, acme):
    simulator.behave("acme", "500")
    entries = [acme.check("acme") for _ in range(3)]
    assert [entry["status"] for entry in entries] == ["degraded", "degraded", "down"]
    assert [entry["consecutive_failures"] for entry in entries] == [1, 2, 3]
    assert entries[-1]["reason"] == "server_error" and "HTTP 500" in entries[-1]["error_message"]
    assert entries[-1]["uptime_percent"] == 25.0
    simulator.behave("acme", "ok")
    entry = acme.check("acme")
    assert (entry["status"], entry["consecutive_failures"], entry["error_message"]) == ("healthy", 0, "")


def test_a_rate_limit_is_no_outage(simulator, acme):
    simulator.behave("acme", "429 retry-after=120")
    for _ in range(4):
        entry = acme.check("acme")
    assert (entry["status"], entry["reason"], entry["http_status"]) == ("degraded", "rate_limited", 429)
    assert entry["uptime_percent"] == 100.0 and entry["consecutive_failures"] == 0
    left = datetime.datetime.fromisoformat(entry["retry_at"]) - datetime.datetime.now(datetime.timezone.utc)
    assert 60 < left.total_seconds() <= 121


@pytest.mark.parametrize("behaviour, reason", [
    ("401", "key_invalid"), ("402", "credit"), ("500", "server_error"), ("502", "server_error"), ("503", "capacity"),
    ("529", "capacity"), ("hang", "timeout"), ("stall", "timeout"), ("close", "bad_response"), ("reset", "bad_response"),
    ("truncated", "bad_response"), ("short", "bad_response"), ("empty", "bad_response"), ("garbage", "bad_response"),
    ("huge 5000000", "bad_response"), ("endless-headers", "bad_response"), ("drip 100", "timeout"),
])
def test_each_fault_has_its_name(simulator, acme, behaviour, reason):
    simulator.behave("acme", behaviour)
    entry = acme.check("acme")
    assert (entry["status"], entry["reason"]) == ("degraded", reason)
    assert entry["error_message"]
    simulator.behave("acme", "ok")
    assert acme.check("acme")["status"] == "healthy"


def test_nobody_listening_and_no_such_host(daemon):
    running = daemon({"GONE_API_BASE": "http://127.0.0.1:9/v1", "GONE_API_KEY": "k-0123456789",
                      "LOST_API_BASE": "http://no-such-host.invalid/v1", "LOST_API_KEY": "k-0123456789"}, timeout="5s")
    assert running.wait_for_provider("gone", lambda entry: True)["reason"] == "connect"
    assert running.wait_for_provider("lost", lambda entry: True)["reason"] == "dns"


def test_a_redirect_is_not_followed_so_that_the_key_does_not_travel(simulator, acme):
    simulator.behave("acme", f"redirect {simulator.base('thief')}/models")
    entry = acme.check("acme")
    assert entry["http_status"] == 302 and "redirect" in entry["error_message"]
    assert simulator.requests("thief") == []


def test_certificates_are_verified(simulator, daemon):
    environment = {}
    for name, kind in (("good", "tls"), ("old", "tls-expired"), ("own", "tls-self-signed")):
        environment[f"{name.upper()}_API_BASE"] = f"{simulator.tls[kind]}/x/{name}/v1"
        environment[f"{name.upper()}_API_KEY"] = f"sim-{name}-key-0123456789"
    running = daemon(environment, ca_bundle=str(simulator.ca))
    good = running.wait_for_provider("good", lambda entry: True)
    assert good["status"] == "healthy" and good["phases"]["tls_ms"] > 0
    for name in ("old", "own"):
        entry = running.wait_for_provider(name, lambda entry: True)
        assert entry["reason"] == "tls" and "certificate" in entry["error_message"]


def test_connections_are_kept_and_phases_tell(simulator, acme):
    first = acme.provider("acme")["phases"]
    assert first["connect_ms"] is not None and first["first_byte_ms"] > 0 and first["total_ms"] > 0
    again = acme.check("acme")["phases"]
    assert again["connect_ms"] is None and again["dns_ms"] is None
    assert simulator.stats()["acme"]["connections"] == 1


def test_a_key_that_the_provider_echoes_shows_nowhere(simulator, acme, tmp_path):
    simulator.behave("acme", "echo-key")
    entry = acme.check("acme")
    assert "***" in entry["error_message"]
    for path in ("/api/providers/status", "/api/providers/health", "/api/providers/history", "/api/providers/export/csv"):
        assert SECRET.encode() not in acme.get(path).body
    acme.stop()
    assert SECRET not in acme.log
    for file in tmp_path.glob("provider_status.db*"):
        assert SECRET.encode() not in file.read_bytes()


def test_limits_of_the_headers_become_a_percentage(simulator, daemon):
    running = daemon({name: value for name, value in simulator.environment.items() if name.startswith("GROQ_")})
    entry = running.wait_for_provider("groq", lambda entry: True)
    assert 0 < entry["rate_limit_percent"] < 100


def test_a_proxy_of_the_environment_is_used(simulator, daemon):
    running = daemon({"FAR_API_BASE": "http://far.invalid/x/far/v1", "FAR_API_KEY": "sim-far-key-0123456789",
                      "http_proxy": simulator.url})
    wait_for(lambda: running.provider("far")["last_check"] != "never", "a check through the proxy")
    assert running.provider("far")["reason"] != "dns"
