"""providerd replay: what policies would have named in the past, and how that would have gone."""
import datetime
import json
import sqlite3
import subprocess
import time

import pytest

from harness import BINARY, clean_environment, wait_for

MINUTE = 60
NOW = int(time.time()) // MINUTE * MINUTE


def sql_time(at_s):
    return datetime.datetime.fromtimestamp(at_s, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000000")


@pytest.fixture
def past(tmp_path, write_config):
    """A database with checks: name -> [(minutes ago, latency or None when it failed, error kind), ...]. The original's
    table alone when `seed`."""
    def make(checks, seed=False):
        path = tmp_path / "past.db"
        with sqlite3.connect(path) as connection:
            connection.execute(
                "CREATE TABLE provider_health_checks (id INTEGER PRIMARY KEY AUTOINCREMENT, provider_name TEXT NOT NULL,"
                " status TEXT NOT NULL, response_time_ms REAL, uptime_percent REAL, rate_limit_percent REAL,"
                " last_check_timestamp DATETIME NOT NULL, error_message TEXT, consecutive_failures INTEGER DEFAULT 0,"
                " created_at DATETIME DEFAULT CURRENT_TIMESTAMP"
                + ("" if seed else ", ok INTEGER, reason TEXT, http_status INTEGER, dns_ms REAL, connect_ms REAL, tls_ms REAL,"
                   " first_byte_ms REAL, error_kind TEXT, key INTEGER, rate_limit TEXT") + ")")
            for name, rows in checks.items():
                for minutes, latency, *kind in rows:
                    ok = latency is not None
                    connection.execute(
                        "INSERT INTO provider_health_checks (provider_name, status, response_time_ms, uptime_percent,"
                        " rate_limit_percent, last_check_timestamp, consecutive_failures" + ("" if seed else ", ok, error_kind")
                        + ") VALUES (?, ?, ?, 100, 0, ?, ?" + ("" if seed else ", ?, ?") + ")",
                        [name, "healthy" if ok else "down", latency or 0, sql_time(NOW - minutes * MINUTE), 0 if ok else 3]
                        + ([] if seed else [int(ok), kind[0] if kind else None if ok else "timeout"]))
        connection.close()
        return path
    return make


@pytest.fixture
def replay(tmp_path, write_config):
    def run(database, *arguments, status=0, **settings):
        config = write_config(**settings)
        done = subprocess.run([BINARY, "-c", config, "--database", database, "replay", *map(str, arguments)],
                              env=clean_environment(), capture_output=True, text=True, timeout=60)
        assert done.returncode == status, done.stderr + done.stdout
        assert "Sanitizer" not in done.stderr
        return done.stdout if status == 0 else done.stderr
    return run


def rows_of(text):
    return {row["policy"]: row for row in json.loads(text)["policies"]}


# a is faster, and fails from 60 to 30 minutes ago; b is always there.
TWO = {"a": [(minutes, None if 30 < minutes <= 60 else 10.0) for minutes in range(120, 0, -5)],
       "b": [(minutes, 50.0) for minutes in range(119, 0, -5)]}


def test_the_policies_are_compared_with_one_that_knows_the_future(past, replay):
    rows = rows_of(replay(past(TWO), "--json", "--since", "1d", "--policy", "lowest_latency", "--policy", "balanced",
                          max_consecutive_failures=1))
    assert set(rows) == {"lowest_latency", "balanced", "(last fastest)", "(oracle)"}
    default, oracle = rows["lowest_latency"], rows["(oracle)"]
    assert default["in_force"] and not rows["balanced"]["in_force"]
    assert (oracle["failed_percent"], oracle["regret_ms"], oracle["unnamed_percent"]) == (0, 0, 0)
    # It names a until its first failed check is known: five calls of a minute each, one outage, two switches.
    assert default["failed_percent"] == pytest.approx(100 * 5 / default["calls"], rel=0.01)
    assert (default["outages_met"], default["switches"], default["failed_twice_percent"]) == (1, 2, 0)
    assert oracle["switches"] in (2, 3), "at the end b is known a minute longer"
    assert oracle["latency_ms"] < default["latency_ms"]
    assert default["regret_ms"] > oracle["regret_ms"]


def test_every_switch_is_told_on_request(past, replay):
    told = [line for line in replay(past(TWO), "--trace", "--policy", "lowest_latency").splitlines() if " -> " in line]
    own = [line.split(" ", 2) for line in told if "(oracle)" not in line and "(last fastest)" not in line]
    assert [words[1:] for words in own] == [
        ["lowest_latency:", "a -> b: lowest latency (50.0ms) + healthy status"],
        ["lowest_latency:", "b -> a: lowest latency (10.0ms) + healthy status"]]
    assert own[0][0].endswith("Z") and own[0][0] < own[1][0]


def test_other_thresholds_are_tried_beside_those_in_force(past, replay, tmp_path):
    other = tmp_path / "strict.lua"
    checks = {"a": [(minutes, 700.0) for minutes in range(60, 0, -5)], "b": [(minutes, 300.0) for minutes in range(60, 0, -5)],
              "c": [(minutes, 200.0, "rate") for minutes in range(60, 0, -5)]}
    database = past(checks)
    replay(database, "--policy", "sticky")
    other.write_text((tmp_path / "providerd.lua").read_text().replace("return {", 'return { ["degraded_latency"] = "100ms",', 1))
    rows = json.loads(replay(database, "--json", "--with", other, "--policy", "lowest_latency"))["policies"]
    assert [(row["policy"], row["with"]) for row in rows] == [
        ("lowest_latency", None), ("lowest_latency", str(other)), ("(last fastest)", None), ("(oracle)", None)]
    assert rows[0]["failed_percent"] == 0
    assert rows[1]["failed_percent"] == 100, "all are slow there, and the one that is limited is the fastest"


def test_a_policy_that_is_only_a_file_can_be_tried(past, replay, tmp_path):
    mine = tmp_path / "lowest_latency.lua"
    mine.write_text("return { rank = function(c) return { c[#c] }, 'the last' end }")
    rows = rows_of(replay(past(TWO), "--json", "--policy", mine))
    assert rows["lowest_latency.lua"]["switches"] == 0 and rows["lowest_latency.lua"]["latency_ms"] == 50
    mine.write_text("return { rank = function(c) return { c[1].nmae }, 'oops' end }")
    rows = rows_of(replay(tmp_path / "past.db", "--json", "--policy", mine))
    assert rows["lowest_latency.lua"]["policy_errors"] > 100 and "nmae" in rows["lowest_latency.lua"]["error"]
    table = replay(tmp_path / "past.db", "--policy", mine)
    assert "of its answers were the built-in rule's" in table


def test_the_original_database_can_be_replayed(past, replay):
    rows = rows_of(replay(past(TWO, seed=True), "--json"))
    assert len(rows) == 10 and rows["(oracle)"]["failed_percent"] == 0
    assert rows["lowest_latency"]["outages_met"] == 1


def test_the_table_is_for_people(past, replay):
    table = replay(past(TWO))
    assert table.startswith("48 checks of 2 providers, ")
    lines = [line.split() for line in table.splitlines()]
    assert ["lowest_latency", "*"] in [line[:2] for line in lines] and ["(oracle)"] in [line[:1] for line in lines]


@pytest.mark.parametrize("arguments, status, said", [
    (["--since", "soon"], 2, "--since: expected a duration such as \"7d\"; got 'soon'"),
    (["--every", "1ms"], 2, "--every: expected a duration"),
    (["--policy", "nope"], 2, "there is no policy 'nope'"),
    (["--policy", "/nowhere/p.lua"], 2, "/nowhere/p.lua: No such file or directory"),
    (["--with", "/nowhere/c.lua"], 2, "/nowhere/c.lua: cannot be read"),
    (["--since", "1s"], 1, "no check in this time"),
    (["more"], 2, "expected options only; got 'more'"),
])
def test_what_cannot_be_is_named(past, replay, arguments, status, said):
    assert said in replay(past(TWO), *arguments, status=status)


def test_without_a_database_there_is_no_past(replay, tmp_path):
    assert "nowhere.db: the database file or its journal cannot be opened" in replay(tmp_path / "nowhere.db", status=1)
    (tmp_path / "text.db").write_text("not a database at all, but long enough to be read as one" * 20)
    assert "text.db: " in replay(tmp_path / "text.db", status=1)


def test_it_runs_beside_the_daemon(simulator, daemon, replay, tmp_path):
    running = daemon(simulator.generic("acme"), interval="100ms")
    running.wait_for_provider("acme", lambda entry: entry["status"] == "healthy")
    wait_for(lambda: running.get("/api/providers/health").json["store"]["written"] > 5)
    rows = rows_of(replay(tmp_path / "provider_status.db", "--json", "--every", "100ms"))
    assert rows["lowest_latency"]["calls"] > 0
