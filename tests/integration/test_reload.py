"""SIGHUP swaps whole generations or nothing; SIGTERM ends cleanly, whatever is going on."""
import signal
import threading

import pytest

from harness import REPO, request, wait_for

pytestmark = pytest.mark.tsan

GOOD = 'return {{ name = "{0}", base_url = "http://127.0.0.1:9", probe = function() return {{ ok = true, latency_ms = 1 }} end }}'


@pytest.fixture
def running(providers, daemon):
    (providers / "one.lua").write_text(GOOD.format("one"))
    started = daemon(provider_paths=[str(providers)], quiet=False)
    started.wait_for_provider("one", lambda entry: entry["status"] == "healthy")
    return started


def test_a_script_dropped_in_is_watched_after_a_reload(running, providers):
    before = running.provider("one")
    (providers / "two.lua").write_text(GOOD.format("two"))
    assert running.reload()
    running.wait_for_provider("two", lambda entry: entry["status"] == "healthy")
    assert running.provider("one") == before  # state and next check stay
    (providers / "two.lua").unlink()
    assert running.reload()
    wait_for(lambda: running.provider("two") is None, "two to go")
    assert running.get("/api/providers/health").json["reloads"] == 2


def test_a_bad_script_refuses_the_reload_and_the_old_generation_goes_on(running, providers):
    (providers / "two.lua").write_text(GOOD.format("two"))
    (providers / "bad.lua").write_text("return {")
    assert not running.reload()
    health = wait_for(lambda: (lambda h: h if h["last_reload_error"] else None)(
        running.get("/api/providers/health").json), "the error")
    assert "bad.lua:1:" in health["last_reload_error"] and health["status"] == "degraded"
    assert list(running.get("/api/providers/status").json["providers"]) == ["one"]
    assert running.check("one")["status"] == "healthy"
    (providers / "bad.lua").unlink()
    assert running.reload()
    wait_for(lambda: running.get("/api/providers/health").json["last_reload_error"] is None, "the error to go")


@pytest.mark.parametrize("text", ["return {", "return { intervall = '1s' }", "return 1", ""])
def test_a_bad_configuration_refuses_the_reload(running, tmp_path, text):
    path = tmp_path / "providerd.lua"
    sound = path.read_text()
    path.write_text(text)
    assert not running.reload()
    assert running.check("one")["status"] == "healthy"
    path.write_text(sound)
    assert running.reload()


def test_settings_of_the_configuration_take_effect(running, write_config, providers):
    write_config(provider_paths=[str(providers)], quiet=False, providers={"one": {"degraded_latency": "1ms"}},
                 degraded_latency="2s", interval="7m")
    assert running.reload()
    wait_for(lambda: running.get("/api/providers/health").json["check_interval_minutes"] == 7, "the interval")
    write_config(provider_paths=[str(providers)], quiet=False, providers={"one": {"enabled": False}})
    assert running.reload()
    wait_for(lambda: running.provider("one") is None, "one to go")


def test_a_key_added_to_the_env_file_is_found(simulator, daemon, tmp_path):
    env_file = tmp_path / "keys.env"
    env_file.write_text("# none yet\n")
    running = daemon(env_file=str(env_file))
    env_file.write_text(f'export ACME_API_KEY="sim-acme-key-0123456789"\nACME_API_BASE={simulator.base("acme")} # here\n')
    assert running.reload()
    assert running.wait_for_provider("acme", lambda entry: True)["status"] == "healthy"
    env_file.write_text("ACME_API_KEY\n")
    assert not running.reload()
    assert "keys.env:1: expected NAME=VALUE" in running.log


def test_a_probe_in_flight_ends_under_the_old_generation(simulator, daemon):
    simulator.behave("acme", "slow 1s")
    running = daemon(simulator.generic("acme"))
    wait_for(lambda: simulator.stats().get("acme", {}).get("in_flight") == 1, "the probe")
    for _ in range(3):
        assert running.reload()
    entry = running.wait_for_provider("acme", lambda entry: True)
    assert entry["reason"] == "slow" and len(simulator.requests("acme")) == 1


def test_a_removed_provider_takes_its_probe_along(simulator, daemon, write_config):
    simulator.behave("acme", "hang")
    running = daemon(simulator.generic("acme"))
    wait_for(lambda: simulator.stats().get("acme", {}).get("in_flight") == 1, "the probe")
    write_config(providers={"acme": {"enabled": False}})
    assert running.reload()
    wait_for(lambda: running.provider("acme") is None, "acme to go")


def test_requests_are_answered_through_reloads(running):
    failures = []
    stop = threading.Event()

    def ask():
        while not stop.is_set():
            if request(running.url, "GET", "/api/providers/best").status != 200:
                failures.append(1)
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        assert running.reload()
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_a_hanging_probe_does_not_hold_up_the_end(simulator, daemon, signal_number):
    simulator.behave("acme", "hang")
    running = daemon(simulator.generic("acme"))
    wait_for(lambda: simulator.stats().get("acme", {}).get("in_flight") == 1, "the probe")
    assert running.end(signal_number, within=10) == 0, running.log
    running.ended = True


def test_idle_clients_do_not_hold_up_the_end_and_answers_in_flight_finish(simulator, daemon):
    import http.client
    running = daemon(simulator.generic("acme"))
    idle = http.client.HTTPConnection(running.url.removeprefix("http://"))
    idle.request("GET", "/api/providers/best")
    idle.getresponse().read()
    answers = []

    def ask():
        answers.append(request(running.url, "GET", "/api/providers/history").status)
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert running.stop() < 5 and answers == [200] * 8
    idle.close()


def test_every_shipped_provider_survives_a_reload(simulator, daemon):
    running = daemon(simulator.environment, provider_paths=[str(REPO / "providers")], quiet=False)
    for name in ("groq", "gemini_cli", "g4f_ollama"):
        running.wait_for_provider(name, lambda entry: True)
    assert running.reload()
    assert running.check("groq")["status"] == "healthy"
