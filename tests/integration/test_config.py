"""The configuration and the command line: what is wrong is named, and nothing starts."""
import socket
import subprocess

import pytest

from harness import BINARY, REPO, clean_environment


def run(*arguments, environment=None):
    return subprocess.run([BINARY, *map(str, arguments)], env=clean_environment(environment), capture_output=True,
                          text=True, timeout=60)


def load(tmp_path, text):
    path = tmp_path / "c.lua"
    path.write_text(text)
    return run("-c", path, "-t")


@pytest.mark.parametrize("text, expected", [
    ("return { intervall = '5m' }", "unknown key 'intervall'; did you mean 'interval'?"),
    ("return { zebra = 1 }", "unknown key 'zebra'"),
    ("return { interval = 5 }", "interval: expected a duration from 100ms to 30d, such as \"5m\"; got the number 5"),
    ("return { interval = '5' }", "interval: expected a duration"),
    ("return { interval = '99ms' }", "interval: expected a duration from 100ms"),
    ("return { timeout = {} }", "timeout: expected a duration from 10ms to 10m, such as \"10s\"; got a table"),
    ("return { readers = 2.5 }", "readers: expected a whole number from 1 to 16; got the number 2.5"),
    ("return { readers = 17 }", "readers: expected a whole number from 1 to 16"),
    ("return { max_answer = '4XB' }", "max_answer: expected a size"),
    ("return { listen = {} }", "listen: expected a string or a list of strings"),
    ("return { listen = { 1 } }", "listen: expected a string or a list"),
    ("return { database = '' }", "database: expected a string that is not empty"),
    ("return { log_level = 'loud' }", "log_level: expected error, warning, info or debug; got \"loud\""),
    ("return { providers = { groq = { enabled = 1 } } }", "providers.groq.enabled: expected true or false"),
    ("return { providers = { groq = { intervl = '1m' } } }", "did you mean 'interval'?"),
    ("return { providers = { groq = 5 } }", "providers: expected name = { settings }"),
    ("return { policy = 'nonsense' }", "policy: expected one of lowest_latency; got 'nonsense'"),
    ("return 7", "expected the file to return a table of settings; it returned a number"),
    ("return {", "c.lua:1:"),
    ("error 'broken'", "broken"),
    ("while true do end", "endless loop"),
    ("local s = string.rep('x', 1 << 28)", "not enough memory"),
    ("", "is empty"),
])
def test_what_is_wrong_is_named(tmp_path, text, expected):
    paths = f'provider_paths = "{REPO}/providers", plugin_paths = "{REPO}/plugins"'
    if text.startswith("return { "):
        text = text.replace("return { ", f"return {{ {paths}, ", 1)
    done = load(tmp_path, text)
    assert done.returncode == 2
    assert expected in done.stderr and "c.lua" in done.stderr or expected.startswith("policy")
    assert expected in done.stderr


def test_all_faults_are_told_at_once(tmp_path):
    done = load(tmp_path, "return { interval = 5, timeout = 6, readers = 0, zebra = 1 }")
    assert [key in done.stderr for key in ("interval:", "timeout:", "readers:", "zebra")] == [True] * 4
    assert len(done.stderr.strip().splitlines()) == 4


def test_a_missing_and_an_unreadable_file(tmp_path):
    assert "No such file" in run("-c", tmp_path / "none.lua", "-t").stderr
    assert "Is a directory" in run("-c", tmp_path, "-t").stderr
    assert run("-c", tmp_path / "none.lua").returncode == 2


def test_the_shipped_configuration_is_sound_and_complete():
    done = run("-c", REPO / "etc/providerd.lua", "-t")
    assert done.returncode == 0 and "sound" in done.stdout
    text = (REPO / "etc/providerd.lua").read_text()
    schema = (REPO / "core/config/schema.c").read_text().split("provider_setting_list")[0]
    keys = [line.split('"')[1] for line in schema.splitlines() if line.strip().startswith('{"')]
    assert len(keys) > 25
    for key in keys:
        assert f"\n  {key} = " in text, f"{key} is missing in etc/providerd.lua"


def test_an_unknown_folder_is_named(tmp_path):
    done = load(tmp_path, "return { provider_paths = 'nowhere' }")
    assert done.returncode == 2 and "nowhere" in done.stderr and "No such file" in done.stderr


@pytest.mark.parametrize("arguments, status, expected", [
    (["--version"], 0, "providerd "), (["--help"], 0, "--listen"), (["--bogus"], 2, "--help"), (["frobnicate"], 2, "frobnicate"),
    (["--json"], 2, "providerd check"),
])
def test_the_command_line(arguments, status, expected):
    done = run(*arguments)
    assert done.returncode == status and expected in done.stdout + done.stderr


def test_a_port_in_use_is_named(write_config):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run("-c", write_config(), "--listen", address)
    assert done.returncode == 2 and address in done.stderr and "Address already in use" in done.stderr


@pytest.mark.parametrize("address", ["8000", "localhost", "127.0.0.1:99999", "127.0.0.1:http", "::1:8000", "[::1:80"])
def test_an_address_that_is_none_is_refused(write_config, address):
    done = run("-c", write_config(), "--listen", address)
    assert done.returncode == 2 and address in done.stderr and "127.0.0.1:8000" in done.stderr


def test_several_addresses_and_ipv6(simulator, daemon):
    running = daemon(simulator.generic("acme"), listen=["127.0.0.1:0", "[::1]:0"])
    assert running.wait_for_line(r"listening on http://\[::1\]:\d+")


# -- providerd check --


def check(write_config, *arguments, environment=None, **settings):
    return run("-c", write_config(**settings), "check", *arguments, environment=environment)


def test_check_prints_a_table_and_tells_by_its_status(simulator, write_config):
    environment = simulator.generic("acme", "bad")
    simulator.behave("bad", "500")
    done = check(write_config, environment=environment)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["PROVIDER", "STATUS", "LATENCY", "HTTP", "DETAIL"]
    assert "healthy" in lines[1] and "degraded" in lines[2] and "HTTP 500" in lines[2]
    assert check(write_config, "acme", environment=environment).returncode == 0


def test_check_as_json(simulator, write_config):
    import json
    done = check(write_config, "--json", environment=simulator.generic("acme"))
    entry = json.loads(done.stdout)["providers"]["acme"]
    assert entry["status"] == "healthy" and entry["http_status"] == 200 and entry["response_time_ms"] > 0


def test_check_of_what_does_not_exist(simulator, write_config):
    done = check(write_config, "acmee", environment=simulator.generic("acme"))
    assert done.returncode == 2 and "did you mean acme?" in done.stderr
    done = check(write_config, "groq")
    assert done.returncode == 2 and "set GROQ_API_KEY" in done.stderr
    assert check(write_config).returncode == 2
