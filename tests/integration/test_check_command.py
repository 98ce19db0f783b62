"""providerd check: probes once, prints, and tells by its exit status."""
import json
import re
import subprocess

import pytest

from harness import BINARY, clean_environment


@pytest.fixture
def check(simulator, write_config, tmp_path):
    def run(*arguments, names=("acme", "other"), **settings):
        done = subprocess.run([BINARY, "-c", write_config(**settings), "check", *arguments],
                              env=clean_environment(simulator.generic(*names)), cwd=tmp_path,
                              capture_output=True, text=True, timeout=60)
        assert "Sanitizer" not in done.stderr, done.stderr
        return done
    return run


def test_all_healthy_is_exit_status_0_and_a_table(check):
    done = check()
    assert (done.returncode, done.stderr) == (0, "")
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["PROVIDER", "STATUS", "LATENCY", "HTTP", "DETAIL"]
    assert [re.split(r"\s{2,}", row)[:2] for row in rows] == [["acme", "healthy"], ["other", "healthy"]]
    assert all(re.search(r"\d+\.\d ms\s+200", row) for row in rows)


def test_json_is_json_and_nothing_else(check):
    done = check("--json")
    entry = json.loads(done.stdout)["providers"]["acme"]
    assert entry["status"] == "healthy" and entry["http_status"] == 200 and entry["error_message"] == ""
    assert type(entry["response_time_ms"]) is float and type(entry["rate_limit_percent"]) is float


def test_one_that_is_not_healthy_is_exit_status_1(simulator, check):
    simulator.behave("other", "echo-key")
    done = check()
    assert done.returncode == 1
    assert re.search(r"^other +degraded .* 401  key_invalid: .*\*\*\*", done.stdout, re.M)
    assert "sim-other-key" not in done.stdout + done.stderr


def test_only_those_named_are_probed(simulator, check):
    simulator.behave("other", "500")
    assert check("acme").returncode == 0
    assert simulator.requests("other") == []
    assert check("other", "acme", "--json").returncode == 1


@pytest.mark.parametrize("name, expected", [
    ("acmee", "no script declares a provider of this name; did you mean acme?"),
    ("zzzzzzzz", "no script declares a provider of this name\n"),
    ("groq", "groq: not watched: set GROQ_API_KEY"),
])
def test_an_unknown_name_is_exit_status_2_and_nothing_is_probed(simulator, check, name, expected):
    done = check("acme", name)
    assert done.returncode == 2 and expected in done.stderr and done.stdout == ""
    assert simulator.requests("acme") == []


def test_nothing_configured_is_exit_status_2(check):
    done = check(names=())
    assert done.returncode == 2 and "no provider is configured" in done.stderr


def test_a_hanging_provider_does_not_keep_it_beyond_the_timeout(simulator, check):
    simulator.behave("acme", "hang")
    done = check(timeout="300ms")
    assert done.returncode == 1 and re.search(r"^acme +degraded .*timeout", done.stdout, re.M)


def test_a_script_that_fails_at_once_is_told_and_the_others_are_checked(simulator, check, providers):
    (providers / "bad.lua").write_text(
        'return { name = "bad", base_url = "http://x", probe = function() error "no luck" end }')
    (providers / "broken.lua").write_text("return {")
    (providers / "good.lua").write_text(
        f'return {{ name = "good", base_url = "{simulator.url}", '
        'probe = function(p) return http.get(p.base_url .. "/g4f/v1/models") end }')
    done = check("--json", provider_paths=[str(providers)])
    assert done.returncode == 1 and "broken.lua:1:" in done.stderr
    entries = json.loads(done.stdout)["providers"]
    assert entries["good"]["status"] == "healthy"
    assert entries["bad"]["reason"] == "script_error" and "bad.lua:1: no luck" in entries["bad"]["error_message"]


def test_only_scripts_that_fail_at_once_end_it_too(check, providers):
    (providers / "bad.lua").write_text(
        'return { name = "bad", base_url = "http://x", probe = function() error "no luck" end }')
    assert check(provider_paths=[str(providers)]).returncode == 1


def test_it_writes_no_database(check, tmp_path):
    check()
    assert not list(tmp_path.glob("*.db*"))


def test_it_runs_beside_a_daemon_on_the_same_configuration(simulator, daemon, tmp_path):
    running = daemon(simulator.generic("acme"))
    done = subprocess.run([BINARY, "-c", tmp_path / "providerd.lua", "check"], capture_output=True, text=True,
                          env=clean_environment(simulator.generic("acme")), timeout=60)
    assert done.returncode == 0
    assert running.get("/api/providers/health").json["running"] is True


def test_a_bad_configuration_is_exit_status_2(tmp_path):
    (tmp_path / "bad.lua").write_text("return 5")
    done = subprocess.run([BINARY, "-c", tmp_path / "bad.lua", "check"], capture_output=True, text=True,
                          env=clean_environment(), timeout=60)
    assert done.returncode == 2 and "bad.lua" in done.stderr and done.stdout == ""
