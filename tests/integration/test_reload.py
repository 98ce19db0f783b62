"""SIGHUP swaps a whole generation or nothing; SIGTERM ends it quickly, whatever is going on."""
import http.client
import signal
import sqlite3
import subprocess
import threading
import time

import pytest

from harness import BINARY, REPO, clean_environment, request, wait_for

pytestmark = pytest.mark.tsan

STOP_S = 5  # 2 s, and what sanitizers take for themselves


def script(name, base="http://127.0.0.1:9", probe="return { ok = true, latency_ms = 1 }"):
    return f'return {{ name = "{name}", base_url = "{base}", probe = function(provider, check)\n{probe}\nend }}\n'


@pytest.fixture
def folder(providers, daemon):
    """A daemon on a folder with the providers a and b."""
    (providers / "a.lua").write_text(script("a"))
    (providers / "b.lua").write_text(script("b"))

    def start(environment=None, **settings):
        running = daemon(environment, provider_paths=[str(providers)], quiet=False, **settings)
        for name in ("a", "b"):
            running.wait_for_provider(name, lambda entry: entry["status"] == "healthy")
        return running
    return start


def names(running):
    return list(running.get("/api/providers/status").json["providers"])


def test_a_new_script_is_checked_at_once_and_the_others_keep_their_state(folder, providers):
    def known(name):
        return {key: value for key, value in running.provider(name).items() if key != "evidence"}  # which ages
    running = folder()
    before = known("a")
    (providers / "c.lua").write_text(script("c"))
    assert running.reload()
    running.wait_for_provider("c", lambda entry: entry["status"] == "healthy")
    assert names(running) == ["a", "b", "c"] and known("a") == before
    health = running.get("/api/providers/health").json
    assert health["reloads"] == 1 and health["last_reload"] and health["last_reload_error"] is None


def test_a_script_that_is_gone_is_watched_no_more_but_its_history_stays(folder, providers):
    running = folder()
    wait_for(lambda: running.get("/api/providers/history/b").status == 200)
    (providers / "b.lua").unlink()
    assert running.reload()
    wait_for(lambda: names(running) == ["a"])
    assert running.get("/api/providers/status/b").status == 404
    assert len(running.get("/api/providers/history/b").json) == 1


def test_a_changed_script_is_what_checks_from_then_on(folder, providers):
    running = folder()
    (providers / "a.lua").write_text(script("a", probe='return { ok = false, kind = "credit", message = "new" }'))
    assert running.reload()
    assert running.check("a")["error_message"] == "new"


@pytest.mark.parametrize("source, expected", [
    ("return {", "b.lua:1:"), ("error 'no luck'", "b.lua:1: no luck"), ("while true do end", "instruction budget"),
    (script("a"), "provider 'a' is declared twice"), ("return { name = 'b' }", "base_url is missing"),
])
def test_a_bad_script_refuses_the_whole_reload_and_the_old_generation_goes_on(folder, providers, source, expected):
    running = folder()
    (providers / "b.lua").write_text(source)
    (providers / "c.lua").write_text(script("c"))
    assert not running.reload()
    health = wait_for(lambda: (lambda h: h if h["last_reload_error"] else None)(running.get("/api/providers/health").json))
    assert health["status"] == "degraded" and expected in health["last_reload_error"] and health["reloads"] == 0
    assert expected in running.log
    assert names(running) == ["a", "b"]
    assert running.check("b")["status"] == "healthy"
    (providers / "b.lua").write_text(script("b"))
    assert running.reload()
    wait_for(lambda: running.get("/api/providers/health").json["status"] == "healthy")
    assert names(running) == ["a", "b", "c"]


def test_a_bad_configuration_refuses_the_reload(folder, tmp_path):
    running = folder()
    good = (tmp_path / "providerd.lua").read_text()
    (tmp_path / "providerd.lua").write_text("return { intervall = '5m' }")
    assert not running.reload()
    error = wait_for(lambda: running.get("/api/providers/health").json["last_reload_error"])
    assert "unknown key 'intervall'; did you mean 'interval'?" in error
    (tmp_path / "providerd.lua").unlink()
    assert not running.reload()
    (tmp_path / "providerd.lua").write_text(good)
    assert running.reload()


def test_a_bad_policy_refuses_the_reload(folder, tmp_path):
    running = folder()
    path = tmp_path / "providerd.lua"
    path.write_text(path.read_text().replace("return {", 'return { ["policy"] = "nonsense",'))
    assert not running.reload()
    assert "nonsense" in wait_for(lambda: running.get("/api/providers/health").json["last_reload_error"])
    assert running.get("/api/providers/best").json["policy"] == "lowest_latency"


def test_new_settings_hold_from_the_reload_on(simulator, daemon, tmp_path):
    simulator.behave("acme", "slow 50ms")
    running = daemon(simulator.generic("acme"))
    assert running.wait_for_provider("acme", lambda entry: True)["status"] == "healthy"
    path = tmp_path / "providerd.lua"
    path.write_text(path.read_text().replace("return {", 'return { ["degraded_latency"] = "10ms", ["interval"] = "1m",'))
    assert running.reload()
    assert running.check("acme")["status"] == "degraded"
    assert running.get("/api/providers/health").json["check_interval_minutes"] == 1


def test_a_shorter_interval_does_not_wait_for_the_old_one(simulator, daemon, tmp_path):
    running = daemon(simulator.generic("acme"), interval="30d")
    running.wait_for_provider("acme", lambda entry: True)
    path = tmp_path / "providerd.lua"
    path.write_text(path.read_text().replace('"30d"', '"200ms"'))
    assert running.reload()
    wait_for(lambda: len(simulator.requests("acme")) >= 4, "checks by the new interval")


def test_settings_that_need_a_restart_are_told(folder, tmp_path):
    running = folder()
    path = tmp_path / "providerd.lua"
    path.write_text(path.read_text().replace("return {", 'return { ["readers"] = 3,'))
    assert running.reload()
    running.wait_for_line(r"\(restart\).*next start")


def test_an_environment_file_brings_a_key(simulator, daemon, tmp_path):
    (tmp_path / "env").write_text("# keys\n")
    running = daemon(env_file=str(tmp_path / "env"))
    assert names(running) == []
    (tmp_path / "env").write_text(f"export ACME_API_BASE={simulator.base('acme')}\n"
                                  "ACME_API_KEY='sim-acme-key-0123456789'  # a comment\n")
    assert running.reload()
    running.wait_for_provider("acme", lambda entry: entry["status"] == "healthy")
    (tmp_path / "env").write_text(f"ACME_API_BASE={simulator.base('acme')}\nACME_API_KEY=wrong-key-0123456789\n")
    assert running.reload()
    assert running.check("acme")["reason"] == "key_invalid"
    assert "wrong-key" not in running.log


def test_a_bad_environment_file_refuses_the_reload(daemon, tmp_path):
    (tmp_path / "env").write_text("# none yet\n")
    running = daemon(env_file=str(tmp_path / "env"))
    (tmp_path / "env").write_text("ACME_API_KEY\n")
    assert not running.reload()
    assert "env:1: expected NAME=VALUE" in running.log


def test_every_shipped_provider_survives_a_reload(simulator, daemon):
    running = daemon(simulator.environment, quiet=False)
    names_before = names(running)
    for name in names_before:
        running.wait_for_provider(name, lambda entry: True)
    assert running.reload()
    assert names(running) == names_before and running.check("groq")["status"] == "healthy"


def test_a_key_that_was_replaced_still_shows_nowhere(simulator, daemon, tmp_path):
    (tmp_path / "env").write_text(f"ACME_API_BASE={simulator.base('acme')}\nACME_API_KEY=old-key-0123456789\n")
    running = daemon(env_file=str(tmp_path / "env"), timeout="5s")
    running.wait_for_provider("acme", lambda entry: True)
    simulator.behave("acme", "echo-key")
    (tmp_path / "env").write_text(f"ACME_API_BASE={simulator.base('acme')}\nACME_API_KEY=new-key-0123456789\n")
    assert running.reload()
    entry = running.check("acme")
    assert "***" in entry["error_message"] and "key-0123456789" not in running.log


def test_a_probe_in_flight_is_finished_under_the_old_generation(simulator, daemon):
    simulator.behave("acme", "slow 700ms")
    running = daemon(simulator.generic("acme"), degraded_latency="20s")
    wait_for(lambda: simulator.stats().get("acme", {}).get("in_flight") == 1, "the probe")
    assert running.reload()
    running.wait_for_provider("acme", lambda entry: entry["status"] == "healthy")
    assert len(simulator.requests("acme")) == 1 and simulator.stats()["acme"]["max_in_flight"] == 1


def test_a_provider_that_is_removed_with_its_probe_in_flight_harms_nothing(simulator, folder, providers):
    (providers / "slow.lua").write_text(script("slow", simulator.url, """
        http.get(provider.base_url .. "/x/slow/v1/models")
        return http.get(provider.base_url .. "/x/slow/v1/models")"""))
    simulator.behave("slow", "hang")
    running = folder()
    wait_for(lambda: simulator.stats()["slow"]["in_flight"] == 1)
    (providers / "slow.lua").unlink()
    assert running.reload()
    wait_for(lambda: names(running) == ["a", "b"])
    wait_for(lambda: simulator.stats()["slow"]["in_flight"] == 0, "the probe's end")
    assert running.check("a")["status"] == "healthy"


def test_connections_outlive_a_reload(simulator, daemon):
    running = daemon(simulator.generic("acme"))
    running.wait_for_provider("acme", lambda entry: True)
    for _ in range(3):
        assert running.reload()
        running.check("acme")
    assert simulator.stats()["acme"]["connections"] == 1


def test_many_reloads_while_everyone_reads_lose_nothing(folder, providers):
    running = folder(interval="100ms", http_threads=2)
    ended, wrong = threading.Event(), []

    def read():
        while not ended.is_set():
            for path in ("/api/providers/status", "/api/providers/best", "/api/providers/history"):
                answer = request(running.url, "GET", path)
                if answer.status != 200 or path.endswith("best") and answer.json["best_provider"] not in ("a", "b"):
                    wrong.append((path, answer.status, answer.body))
    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for n in range(15):
        (providers / "more.lua").write_text(script("more", probe='return { ok = false, kind = "credit" }'))
        assert running.reload()
        (providers / "more.lua").unlink()
        assert running.reload()
    ended.set()
    for reader in readers:
        reader.join()
    assert wrong == []
    assert running.get("/api/providers/health").json["reloads"] == 30


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once_while_a_probe_hangs(simulator, daemon, number):
    simulator.behave("acme", "hang")
    running = daemon(simulator.generic("acme"), timeout="60s")
    wait_for(lambda: simulator.stats().get("acme", {}).get("in_flight") == 1)
    began = time.monotonic()
    assert running.end(number) == 0 and time.monotonic() - began < STOP_S
    assert "stopped" in running.log and "Sanitizer" not in running.log


def fill(database, rows):
    connection = sqlite3.connect(database, timeout=10)
    with connection:
        connection.executemany(
            "INSERT INTO provider_health_checks (provider_name, status, response_time_ms, uptime_percent,"
            " rate_limit_percent, last_check_timestamp, error_message) VALUES ('a', 'healthy', 1, 100, 0,"
            " strftime('%Y-%m-%dT%H:%M:%f', 'now', ?), '')", [(f"-{n / 10} seconds",) for n in range(rows, 0, -1)])
    connection.close()


def test_it_ends_at_once_while_the_history_is_being_read(folder, tmp_path):
    running = folder()
    wait_for(lambda: running.get("/api/providers/history/a").status == 200)
    fill(tmp_path / "provider_status.db", 200000)  # about 20 MB as an answer
    connection = http.client.HTTPConnection(running.url.removeprefix("http://"), timeout=30)
    connection.request("GET", "/api/providers/history?hours=24")
    response = connection.getresponse()
    response.read(100000)  # and then reads no further
    began = time.monotonic()
    assert running.end() == 0 and time.monotonic() - began < STOP_S, running.log
    assert "Sanitizer" not in running.log
    connection.close()


def test_an_answer_on_its_way_is_finished_before_the_end(folder, tmp_path):
    running = folder(shutdown_grace="20s")  # of which it takes what it needs
    wait_for(lambda: running.get("/api/providers/history/a").status == 200)
    fill(tmp_path / "provider_status.db", 50000)
    connection = http.client.HTTPConnection(running.url.removeprefix("http://"), timeout=30)
    connection.request("GET", "/api/providers/history/a")
    response = connection.getresponse()
    first = response.read(1000)
    running.process.send_signal(signal.SIGTERM)
    body = first + response.read()
    assert body.startswith(b"[{") and body.endswith(b"}]") and body.count(b"provider_name") == 50001
    connection.close()
    assert running.end() == 0


def test_a_client_that_leaves_in_the_middle_of_the_history_harms_nothing(folder, tmp_path):
    running = folder()
    wait_for(lambda: running.get("/api/providers/history/a").status == 200)
    fill(tmp_path / "provider_status.db", 50000)
    for _ in range(5):
        connection = http.client.HTTPConnection(running.url.removeprefix("http://"), timeout=30)
        connection.request("GET", "/api/providers/history/a")
        connection.getresponse().read(1000)
        connection.close()
    assert len(running.get("/api/providers/history/a").json) == 50001


def test_idle_clients_do_not_hold_up_the_end(folder):
    running = folder()
    idle = [http.client.HTTPConnection(running.url.removeprefix("http://")) for _ in range(8)]
    for client in idle:
        client.request("GET", "/api/providers/best")
        client.getresponse().read()
    assert running.stop() < STOP_S
    for client in idle:
        client.close()


def test_a_signal_before_it_listens_ends_it_too(write_config, tmp_path):
    process = subprocess.Popen([BINARY, "-c", write_config()], env=clean_environment(), cwd=tmp_path,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) in (0, -signal.SIGTERM)


def test_a_library_that_has_changed_is_compiled_anew(tmp_path, daemon):
    folder = tmp_path / "own"
    (folder / "lib").mkdir(parents=True)
    for library in (REPO / "providers/lib").glob("*.lua"):
        (folder / "lib" / library.name).symlink_to(library)
    (folder / "lib/mine.lua").write_text('return { title = "one" }')
    for name in ("a", "b"):
        (folder / f"{name}.lua").write_text(f"""return {{ name = "{name}", base_url = "http://x.test:9",
            title = require("mine").title, probe = function() return {{ ok = true, latency_ms = 1 }} end }}""")
    running = daemon(provider_paths=[str(folder)], interval="30d")
    running.wait_for_provider("a", lambda entry: entry["title"] == "one")
    (folder / "lib/mine.lua").write_text('return { title = "two" }')  # as long as before
    assert running.reload()
    assert {name: running.provider(name)["title"] for name in ("a", "b")} == {"a": "two", "b": "two"}
    (folder / "lib/mine.lua").write_text("return {")
    assert not running.reload()
    assert "lib/mine.lua:1:" in running.get("/api/providers/health").json["last_reload_error"]


# A provider whose title says when its script was loaded, by a random number.
BORN = """return { name = "NAME", title = tostring(math.random()) .. (env "WORD" or "") .. require("mine"),
  base_url = "http://x.test:9", probe = function() return { ok = true, latency_ms = 1 } end }"""


@pytest.fixture
def born(tmp_path, daemon):
    """A daemon with the scripts a and b, and where they lie; old enough that a change of theirs cannot be overlooked."""
    folder = tmp_path / "own"
    (folder / "lib").mkdir(parents=True)
    for library in (REPO / "providers/lib").glob("*.lua"):
        (folder / "lib" / library.name).symlink_to(library)
    (folder / "lib/mine.lua").write_text('return "x"')
    for name in "ab":
        (folder / f"{name}.lua").write_text(BORN.replace("NAME", name))
    (tmp_path / "own.env").write_text("WORD=one\n")

    def start(**settings):
        running = daemon(provider_paths=[str(folder)], env_file=str(tmp_path / "own.env"), interval="30d", **settings)
        running.wait_for_provider("b", lambda entry: entry["title"])
        settle(folder)
        assert running.reload(), "the first one makes sure that all are as old as they must be"
        return running, folder
    return start


def settle(folder):
    wait_for(lambda: time.time() - max(p.stat().st_ctime for p in folder.rglob("*.lua")) > 0.2, "the files to be old")


def titles(running):
    return [running.provider(name)["title"] for name in "ab"]


def test_scripts_that_have_not_changed_go_on_as_they_are(born):
    running, folder = born()
    before = titles(running)
    assert running.reload()
    assert titles(running) == before
    running.wait_for_line("reloaded in .*; 2 of 2 scripts were as before")
    (folder / "a.lua").write_text(BORN.replace("NAME", "a"))  # the same text, but who knows?
    assert running.reload()
    after = titles(running)
    assert (after[0] != before[0], after[1] == before[1]) == (True, True)


@pytest.mark.parametrize("change", ["library", "environment", "limits", "base_url"])
def test_whatever_scripts_depend_on_makes_them_load_again(born, tmp_path, change):
    running, folder = born()
    before = titles(running)
    config = tmp_path / "providerd.lua"
    if change == "library":
        (folder / "lib/mine.lua").write_text('return "y"')
    elif change == "environment":
        (tmp_path / "own.env").write_text("WORD=two\n")
    elif change == "limits":
        config.write_text(config.read_text().replace("return {", 'return { script_memory = "17MB",', 1))
    else:
        config.write_text(config.read_text().replace("providers\"] = {", 'providers"] = { a = { base_url = "http://y.test" },'))
    assert running.reload()
    after = titles(running)
    assert after[0] != before[0]
    assert (after[1] == before[1]) == (change == "base_url")
    if change == "base_url":
        config.write_text(config.read_text().replace('a = { base_url = "http://y.test" },', ""))
        assert running.reload()
        assert titles(running)[0] != after[0], "it must not keep the replaced URL"


def test_a_script_that_reads_a_file_is_loaded_again(born, tmp_path):
    running, folder = born()
    (tmp_path / "login.json").write_text('{"name": "first"}')
    (folder / "a.lua").write_text(f"""local login = credentials "{tmp_path}/login.json"
        return {{ name = "a", title = login.name, base_url = "http://x.test:9", probe = function() return {{ ok = true }} end }}""")
    assert running.reload()
    settle(folder)
    (tmp_path / "login.json").write_text('{"name": "other"}')
    assert running.reload()
    assert titles(running)[0] == "other"
