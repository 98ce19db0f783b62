"""`providerd status`, `best` and `history`: asking the daemon that runs, from a terminal."""
import hashlib
import json
import os
import pty
import subprocess

import pytest

from harness import BINARY, clean_environment, wait_for, write_settings
from made import failing, good, script

SPECS = {"fine": good(12.5), "bad": failing()}


def run(running, *arguments, **environment):
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=60,
                          env=clean_environment({"PROVIDERD_URL": running.url, **environment}))


def test_the_table_of_states(made):
    running = made(SPECS, max_consecutive_failures=1)
    wait_for(lambda: running.get("/api/providers/best").json["best_provider"] == "fine")
    asked = run(running, "status")
    assert (asked.returncode, asked.stderr) == (0, "")
    head, bad, fine = asked.stdout.splitlines()
    assert head.split() == ["PROVIDER", "STATE", "LATENCY", "UPTIME", "LIMIT", "WHY"]
    assert bad.split() == ["bad", "down", "5.0", "ms", "0.00", "%", "0.0", "%", "server_error:", "no"]
    assert fine.split() == ["*", "fine", "healthy", "12.5", "ms", "100.00", "%", "0.0", "%", "ok"]


def test_json_is_the_daemons_own(made):
    running = made(SPECS)
    assert set(json.loads(run(running, "status", "--json").stdout)["providers"]) == set(SPECS)
    assert json.loads(run(running, "best", "--json").stdout)["best_provider"] == "fine"
    assert json.loads(run(running, "history", "fine", "--json").stdout)[0]["checks"] == 1


def test_the_best_is_a_name_for_scripts(made):
    asked = run(made(SPECS), "best")
    assert (asked.returncode, asked.stdout) == (0, "fine\n")
    assert asked.stderr.startswith("lowest latency (12.5ms)")


def test_nobody_is_an_exit_status(made):
    asked = run(made({"bad": failing()}, max_consecutive_failures=1), "best")
    assert (asked.returncode, asked.stdout) == (1, "")


def test_a_providers_last_day(made):
    running = made(SPECS)
    running.check("fine")
    bars, text = wait_for(lambda: (lines := run(running, "history", "fine").stdout.splitlines()) and "2 checks" in lines[-1] and lines)
    assert "█" in bars
    assert text == "fine, 24 hours: 2 checks, 100.00 % up, latency 12.5 to 12.5 ms"
    failed = run(running, "history", "bad")
    assert failed.stdout.splitlines()[0].strip() == "x"
    unknown = run(running, "history", "no/body")
    assert unknown.returncode == 1
    assert "'no/body'" in unknown.stderr


def test_watching_shows_each_change(made):
    running = made({"a": {1: {"ms": 1.0}, 2: {"ms": 1.0, "kind": "server_error"}}}, max_consecutive_failures=1)
    ours, theirs = pty.openpty()
    watching = subprocess.Popen([BINARY, "status", "--watch"], stdout=theirs, stderr=theirs,
                                env=clean_environment({"PROVIDERD_URL": running.url}))
    os.close(theirs)
    seen = b""
    try:
        while b"healthy" not in seen:
            seen += os.read(ours, 4096)
        running.check("a")
        while b"down" not in seen:
            seen += os.read(ours, 4096)
        assert b"\033[32m" in seen and b"\033[31m" in seen, "states have colours on a terminal"
    finally:
        watching.kill()
        watching.wait()
        os.close(ours)


def test_a_token_is_sent_where_one_is_asked_for(providers, daemon):
    token = "pd_" + "7" * 64
    rule = {"name": "x", "scope": "read", "hash": "sha256:" + hashlib.sha256(token.encode()).hexdigest()}
    running = daemon(provider_paths=[str(providers)], tokens=[rule])
    refused = run(running, "status")
    assert refused.returncode == 1
    assert refused.stderr.endswith("; set PROVIDERD_TOKEN\n")
    assert run(running, "status", PROVIDERD_TOKEN=token).returncode == 0


def test_a_reload_is_asked_for_and_told_of(made, providers):
    running = made(SPECS)
    (providers / "made.lua").write_text(script({**SPECS, "third": good(1.0)}))
    asked = run(running, "reload")
    assert (asked.returncode, asked.stdout, asked.stderr) == (0, "reloaded\n", "")
    assert "third" in running.get("/api/providers/status").json["providers"]
    (providers / "made.lua").write_text("return 5")
    refused = run(running, "reload")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("providerd: reload refused, all goes on as before: ")
    assert "made.lua" in refused.stderr
    event = json.loads(run(running, "reload", "--json").stdout)
    assert event["kind"] == "reload_failed"
    assert "made.lua" in event["message"]


def test_a_check_at_a_terminal_shows_how_far_it_is(providers, tmp_path):
    (providers / "made.lua").write_text(script(SPECS))
    path = write_settings(tmp_path, provider_paths=[str(providers)])
    ours, theirs = pty.openpty()
    checking = subprocess.Popen([BINARY, "-c", path, "check"], stdout=subprocess.PIPE, stderr=theirs, text=True,
                                env=clean_environment())
    os.close(theirs)
    table, _ = checking.communicate(timeout=60)
    shown = os.read(ours, 4096).decode()
    os.close(ours)
    assert "1 of 2 checked: " in shown and "2 of 2 checked: " in shown
    assert shown.endswith("\r\033[K"), "nothing of it stays"
    assert "checked" not in table and "healthy" in table


def test_who_is_not_there_is_told(made, tmp_path):
    running = made(SPECS)
    gone = run(running, "status", PROVIDERD_URL="http://127.0.0.1:1")
    assert gone.returncode == 1
    assert "http://127.0.0.1:1: " in gone.stderr and "does it run?" in gone.stderr
    path = write_settings(tmp_path, listen="127.0.0.1:0")
    free = subprocess.run([BINARY, "-c", path, "status"], capture_output=True, text=True, env=clean_environment())
    assert free.returncode == 2
    assert "set PROVIDERD_URL" in free.stderr


@pytest.mark.parametrize("arguments, said", [
    (["status", "x"], "status: expected options only; got 'x'"), (["history"], "history: expected one name"),
    (["best", "--watch"], "--watch belongs to providerd status"), (["statsu"], "unknown command 'statsu'; expected status, best, history,"),
])
def test_the_command_line_says_what_is_wrong(arguments, said):
    asked = subprocess.run([BINARY, *arguments], capture_output=True, text=True, env=clean_environment())
    assert asked.returncode == 2
    assert said in asked.stderr
