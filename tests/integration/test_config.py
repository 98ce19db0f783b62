"""The configuration and the command line: what is wrong is named, with file, key, what was expected and the nearest key."""
import re
import socket
import subprocess

import pytest

from harness import BINARY, REPO, clean_environment, request, without_file_privileges


def run(*arguments, environment=None, cwd=None, before=()):
    return subprocess.run([*before, BINARY, *map(str, arguments)], env=clean_environment(environment), cwd=cwd,
                          capture_output=True, text=True, timeout=60)


@pytest.fixture
def refused(tmp_path):
    """Runs -t and the daemon with a configuration; both must refuse it, for the same reason, which is given."""
    def refuse(text):
        path = tmp_path / "bad.lua"
        path.write_text(text)
        tested, started = run("-c", path, "-t"), run("-c", path, cwd=tmp_path)
        assert (tested.returncode, started.returncode) == (2, 2), tested.stderr + started.stderr
        assert sorted(tested.stderr.splitlines()) == sorted(started.stderr.splitlines())
        assert "Sanitizer" not in tested.stderr
        assert all(line.startswith("providerd: ") for line in tested.stderr.splitlines())
        assert list(tmp_path.iterdir()) == [path]  # nothing was made on the way
        return tested.stderr.replace(str(path), "bad.lua")
    return refuse


def test_a_missing_file_is_named(tmp_path):
    done = run("-c", tmp_path / "nowhere.lua")
    assert done.returncode == 2
    assert done.stderr == f"providerd: {tmp_path}/nowhere.lua: cannot be read: No such file or directory\n"


def test_a_folder_is_no_configuration(tmp_path):
    done = run("-c", tmp_path)
    assert done.returncode == 2 and "Is a directory" in done.stderr


def test_an_unreadable_file_is_named(tmp_path):
    path = tmp_path / "secret.lua"
    path.write_text("return {}")
    path.chmod(0)
    done = run("-c", path, "-t", before=without_file_privileges())
    assert done.returncode == 2 and done.stderr == f"providerd: {path}: cannot be read: Permission denied\n"


@pytest.mark.parametrize("text, expected", [
    ("", "bad.lua: is empty; expected a Lua file that returns a table of settings"),
    ("return {", r"bad.lua:1: unexpected symbol near <eof>"),
    ("\n\nerror 'no luck'", "bad.lua:3: no luck"),
    ("return 7", "expected the file to return a table of settings; it returned a number"),
    ("local x = 1", "it returned a nil"),
    ("while true do end", "instruction budget"),
    ("while true do pcall(function() while true do end end) end", "instruction budget"),
    ("local s = string.rep('x', 1 << 30) return {}", "not enough memory"),
    ("\x1bLuaS", "binary"),
    ("return { 'stray' }", "expected name = value; got"),
])
def test_a_file_that_is_no_configuration_is_refused(refused, text, expected):
    told = refused(text)
    assert expected in told and "bad.lua" in told


@pytest.mark.parametrize("line, expected", [
    ("intervall = '5m'", "unknown key 'intervall'; did you mean 'interval'?"),
    ("zzzzzzzzzzzz = 1", "unknown key 'zzzzzzzzzzzz'; the manual of every key is etc/providerd.lua"),
    ("providers = { groq = { time_out = '1s' } }", "providers.groq: unknown key 'time_out'; did you mean 'timeout'?"),
    ("interval = 300", "interval: expected a duration from 100ms to 30d, such as \"5m\"; got the number 300"),
    ("interval = '50ms'", 'interval: expected a duration from 100ms to 30d, such as "5m"; got "50ms"'),
    ("interval = 'soon'", 'got "soon"'),
    ("interval = '-5m'", 'got "-5m"'),
    ("timeout = {}", "timeout: expected a duration"),
    ("max_answer = '4XB'", "max_answer: expected a size"),
    ("max_answer = '99999999999999999999GB'", "max_answer: expected a size"),
    ("http_threads = 0", "http_threads: expected a whole number from 1 to 16; got the number 0"),
    ("http_threads = 1.5", "got the number 1.5"),
    ("http_threads = '2'", 'got "2"'),
    ("readers = 1e300", "readers: expected a whole number"),
    ("readers = 0/0", "readers: expected a whole number"),
    ("policy = 5", "policy: expected a string"),
    ("policy = ''", "policy: expected a string that is not empty"),
    ("listen = {}", "listen: expected a string or a list of strings, at least one"),
    ("listen = { 1 }", "listen: expected a string or a list of strings"),
    ("providers = 'groq'", "providers: expected a table"),
    ("providers = { groq = 5 }", "expected name = { settings }; got"),
    ("providers = { groq = { enabled = 'yes' } }", 'providers.groq.enabled: expected true or false; got "yes"'),
    ("log_level = 'loud'", 'log_level: expected error, warning, info or debug; got "loud"'),
    ("busy_hours = 'weekdays'",
     'busy_hours: expected days and hours such as "mon-fri 08:00-20:00"; got "weekdays"'),
    ("busy_hours = true", 'busy_hours: expected days and hours such as "mon-fri 08:00-20:00", or false'),
    ("database = true", "database: expected a string"),
])
def test_a_bad_setting_is_named_with_what_was_expected(refused, line, expected):
    assert expected in refused(f"return {{ {line} }}")


def test_every_fault_is_told_at_once(refused):
    told = refused("return { intervall = '5m', http_threads = 99, providers = { groq = { timeout = 1 } } }")
    assert len(told.splitlines()) == 3


@pytest.mark.parametrize("address", ["8000", "localhost", "127.0.0.1:99999", "127.0.0.1:http", "::1:8000", "[::1:80",
                                     "nowhere.invalid:8000", ""])
def test_an_address_that_is_none_is_refused(tmp_path, write_config, address):
    done = run("-c", write_config(), "--listen", address, cwd=tmp_path)
    assert done.returncode == 2 and "Sanitizer" not in done.stderr
    assert f"'{address}'" in done.stderr or address and address in done.stderr
    assert "127.0.0.1:8000" in done.stderr or address == "nowhere.invalid:8000"  # what one looks like


def test_a_port_in_use_is_named(tmp_path, write_config):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run("-c", write_config(listen=address), cwd=tmp_path)
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 2 and address in last and "in use" in last.lower()


def test_several_addresses_and_ipv6_are_served(daemon):
    running = daemon(listen=["127.0.0.1:0", "[::1]:0"])
    other = running.wait_for_line(r"listening on (http://\[::1\]:\d+)").group(1)
    for url in (running.url, other):
        assert request(url, "GET", "/api/providers/health").status == 200


@pytest.mark.parametrize("setting, expected", [
    ({"env_file": "/nowhere/env"}, "/nowhere/env: cannot be read: No such file or directory"),
    ({"provider_paths": ["/nowhere/providers"]}, "/nowhere/providers"),
    ({"policy": "nonsense"}, "policy: expected one of balanced, cheapest, explore, fastest_tokens, lowest_latency, "
     "most_headroom, sticky, weighted; got 'nonsense'"),
    ({"policies": {"stikcy": {}}}, "policies.stikcy: there is no such policy; expected one of balanced, cheapest, "),
    ({"policies": {"sticky": {"margin": 5}}}, "there is no setting 'margin'; there are: margin_"),
    ({"policies": {"sticky": {"margin_ms": "5"}}}, "setting margin_ms: expected a number, got a string"),
    ({"database": "/nowhere/folder/db"}, "/nowhere/folder/db"),
])
def test_a_file_that_a_setting_names_must_be_there(tmp_path, write_config, setting, expected):
    done = run("-c", write_config(**setting), cwd=tmp_path)
    assert done.returncode == 2 and expected in done.stderr, done.stderr


@pytest.mark.parametrize("text, expected", [
    ("GROQ_API_KEY\n", "env:1: expected NAME=VALUE"),
    ("A=1\n\n9B=2\n", "env:3: expected NAME=VALUE"),
    ('A="never ends\n', "env:1: a quoted value does not end"),
])
def test_an_environment_file_tells_the_line_and_never_the_value(tmp_path, write_config, text, expected):
    (tmp_path / "env").write_text(text)
    done = run("-c", write_config(env_file=str(tmp_path / "env")), "-t")
    assert done.returncode == 2 and expected in done.stderr and "never ends" not in done.stderr


def test_certificates_that_are_not_there_are_named(simulator, daemon):
    running = daemon({"ACME_API_BASE": f"{simulator.tls['tls']}/x/acme/v1", "ACME_API_KEY": "sim-acme-key-0123456789"},
                     ca_bundle="/nowhere/ca.pem")
    entry = running.wait_for_provider("acme", lambda entry: True)
    assert entry["reason"] == "tls" and "/nowhere/ca.pem" in entry["error_message"]


def test_t_says_that_all_is_sound_and_what_is_missing(write_config):
    done = run("-c", write_config(), "-t", environment={"GROQ_API_KEY": "gsk_0123456789abcdef"})
    assert done.returncode == 0 and done.stderr == ""
    assert "not watched: mistral: set MISTRAL_API_KEY" in done.stdout
    assert re.search(r"^configuration and scripts are sound: 1 providers to watch, \d+ not configured$", done.stdout, re.M)
    assert "gsk_" not in done.stdout


def test_t_names_a_broken_script(write_config, providers):
    (providers / "bad.lua").write_text("return {\n")
    done = run("-c", write_config(provider_paths=[str(providers)]), "-t")
    assert done.returncode == 2 and "bad.lua:2:" in done.stderr and "sound" not in done.stdout


def test_t_does_not_touch_the_database(write_config, tmp_path):
    assert run("-c", write_config(), "-t", cwd=tmp_path).returncode == 0
    assert not list(tmp_path.glob("*.db*"))


def test_the_shipped_configuration_is_sound_and_complete():
    done = run("-c", REPO / "etc/providerd.lua", "-t")
    assert done.returncode == 0 and "sound" in done.stdout, done.stderr
    text = (REPO / "etc/providerd.lua").read_text()
    schema = (REPO / "core/config/schema.c").read_text().split("provider_setting_list")[0]
    keys = [line.split('"')[1] for line in schema.splitlines() if line.strip().startswith('{"')]
    assert len(keys) > 25
    for key in keys:
        assert f"\n  {key} = " in text, f"{key} is missing in etc/providerd.lua"


def test_version_and_help():
    version = run("--version")
    assert (version.returncode, version.stderr) == (0, "") and re.match(r"^providerd \d+\.\d+\.\d+\n$", version.stdout)
    told = run("--help")
    assert told.returncode == 0 and told.stderr == ""
    for word in ("--config", "--listen", "--database", "check", "--json", "-t", "--version", "SIGHUP"):
        assert word in told.stdout


@pytest.mark.parametrize("arguments, expected", [
    (["--nonsense"], "unrecognized option '--nonsense'"), (["-c"], "requires an argument"), (["-x"], "invalid option"),
    (["chekc"], "unknown command 'chekc'"), (["--json"], "--json belongs to providerd check"),
])
def test_an_unknown_command_line_is_refused(arguments, expected):
    done = run(*arguments)
    assert done.returncode == 2 and expected in done.stderr and done.stdout == ""


def test_options_override_the_configuration(daemon, tmp_path):
    running = daemon(arguments=("--database", tmp_path / "other.db", "--listen", "localhost:0"))
    assert running.get("/api/providers/health").status == 200
    assert (tmp_path / "other.db").exists() and not (tmp_path / "provider_status.db").exists()


def test_a_provider_can_be_switched_off_and_set_up_by_the_configuration(simulator, daemon):
    running = daemon(simulator.generic("acme", "other"),
                     providers={"acme": {"enabled": False}, "other": {"base_url": simulator.base("moved"),
                                                                     "degraded_latency": "1ms"}})
    simulator.behave("moved", "slow 20ms")
    running.wait_for_provider("other", lambda entry: True)
    assert running.provider("acme") is None
    assert simulator.requests("other") == simulator.requests("acme") == [] and len(simulator.requests("moved")) == 1
