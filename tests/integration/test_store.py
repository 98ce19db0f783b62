"""The database: the original's table, carried on; nothing lost when it is away or we are killed."""
import datetime
import signal
import sqlite3
import subprocess

import pytest

from harness import BINARY, Daemon, clean_environment, wait_for

SEED = """
CREATE TABLE provider_health_checks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    provider_name TEXT NOT NULL,
    status TEXT NOT NULL,
    response_time_ms REAL,
    uptime_percent REAL,
    rate_limit_percent REAL,
    last_check_timestamp DATETIME NOT NULL,
    error_message TEXT,
    consecutive_failures INTEGER DEFAULT 0,
    created_at DATETIME DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX idx_provider_timestamp
ON provider_health_checks(provider_name, last_check_timestamp);
"""


def ago(hours):
    return (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.%f")


@pytest.fixture
def database(tmp_path):
    return tmp_path / "provider_status.db"


def rows(database, query="SELECT * FROM provider_health_checks ORDER BY id"):
    with sqlite3.connect(database, timeout=10) as connection:
        return connection.execute(query).fetchall()


def test_a_new_database_has_the_seeds_table_and_index(simulator, daemon, database):
    running = daemon(simulator.generic("acme"))
    wait_for(lambda: database.exists() and rows(database), "a row")
    with sqlite3.connect(":memory:") as seed:
        seed.executescript(SEED)
        expected = seed.execute("PRAGMA table_info(provider_health_checks)").fetchall()
    ours = rows(database, "PRAGMA table_info(provider_health_checks)")
    assert ours[:len(expected)] == expected
    assert rows(database, "PRAGMA index_info(idx_provider_timestamp)") == [(0, 1, "provider_name"), (1, 6, "last_check_timestamp")]
    row = rows(database)[0]
    assert row[1:3] == ("acme", "healthy") and row[3] > 0 and row[4] == 100.0 and row[8] == 0
    datetime.datetime.fromisoformat(row[6])
    running.stop()


def test_a_database_of_the_original_is_carried_on(simulator, daemon, database):
    with sqlite3.connect(database) as original:
        original.executescript(SEED)
        for hours, status, failures in ((3, "healthy", 0), (2, "degraded", 0), (1, "down", 3)):
            original.execute("INSERT INTO provider_health_checks (provider_name, status, response_time_ms, uptime_percent,"
                             " rate_limit_percent, last_check_timestamp, error_message, consecutive_failures)"
                             " VALUES ('acme', ?, 12.5, 50.0, 0.0, ?, 'gone', ?)", (status, ago(hours), failures))
    simulator.behave("acme", "hang")
    running = daemon(simulator.generic("acme"), timeout="20s")
    entry = running.provider("acme")  # before its first check has ended: the last known state
    assert (entry["status"], entry["consecutive_failures"], entry["response_time_ms"]) == ("down", 3, 12.5)
    assert entry["error_message"] == "gone" and round(entry["uptime_percent"], 1) == 66.7
    history = running.get("/api/providers/history/acme").json
    assert [row["status"] for row in history] == ["healthy", "degraded", "down"]
    running.stop()
    assert len(rows(database)) == 3


def test_a_restart_shows_the_last_state_at_once(simulator, daemon):
    first = daemon(simulator.generic("acme"))
    simulator.behave("acme", "500")
    for _ in range(3):
        entry = first.check("acme")
    first.stop()
    simulator.behave("acme", "hang")
    again = daemon(simulator.generic("acme"), timeout="20s").provider("acme")
    for key in ("status", "consecutive_failures", "error_message", "reason", "http_status"):
        assert again[key] == entry[key], key
    assert again["last_check"][:19] == entry["last_check"][:19]


def test_a_file_that_is_no_database_is_refused_and_untouched(write_config, database):
    content = b"These are the notes of somebody.\n" * 100
    database.write_bytes(content)
    done = subprocess.run([BINARY, "-c", write_config()], env=clean_environment(), capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and str(database) in done.stderr
    assert database.read_bytes() == content


def test_a_folder_that_does_not_exist_is_named(write_config, tmp_path):
    done = subprocess.run([BINARY, "-c", write_config(), "--database", tmp_path / "no/such.db"], env=clean_environment(),
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and "no/such.db" in done.stderr


def test_while_another_program_locks_the_database_nothing_is_lost(simulator, daemon, database):
    running = daemon(simulator.generic("acme"))
    wait_for(lambda: database.exists() and rows(database), "a row")
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    for _ in range(5):
        running.check("acme")
    health = wait_for(lambda: (lambda h: h if not h["store"]["writable"] else None)(
        running.get("/api/providers/health").json), "the store's trouble")
    assert health["status"] == "degraded" and "locked" in health["store"]["error"]
    assert health["store"]["queued"] >= 1 and health["store"]["failing_since"]
    other.execute("ROLLBACK")
    other.close()
    wait_for(lambda: len(rows(database)) == 6, "all rows")
    wait_for(lambda: running.get("/api/providers/health").json["status"] == "healthy", "health")


def test_a_full_disk_stops_nothing(simulator, write_config, tmp_path, database):
    """A limit on the size of files stands for the full disk; it is lifted by a restart."""
    config = write_config()
    limited = tmp_path / "limited"
    limited.write_text(f'#!/bin/sh\nulimit -f 40\nexec "{BINARY}" "$@"\n')
    limited.chmod(0o755)

    import harness
    environment = simulator.generic(*[f"p{i}" for i in range(20)])
    original, harness.BINARY = harness.BINARY, limited
    try:
        running = Daemon(config, environment, tmp_path)
    finally:
        harness.BINARY = original
    def full():
        for _ in range(10):
            running.post("/api/providers/check")
        return not running.get("/api/providers/health").json["store"]["writable"]
    wait_for(full, "the full disk")
    assert running.get("/api/providers/status").status == 200
    health = running.get("/api/providers/health").json
    assert health["status"] == "degraded" and health["store"]["error"]
    wait_for(lambda: running.post("/api/providers/check").status == 202
             and running.get("/api/providers/health").json["store"]["queued"] > 0, "checks to wait")
    assert running.end() == 0, running.log
    assert "could not be written" in running.log
    assert rows(database, "PRAGMA integrity_check") == [("ok",)]


def test_kill_9_leaves_a_whole_database_and_the_last_state(simulator, daemon, database):
    names = [f"p{i}" for i in range(30)]
    running = daemon(simulator.generic(*names), interval="100ms", commit_interval="0s")
    wait_for(lambda: running.get("/api/providers/health").json["store"]["written"] > 300, "writes")
    written = running.get("/api/providers/health").json["store"]["written"]
    assert running.end(signal.SIGKILL) == -signal.SIGKILL
    running.ended = True
    assert rows(database, "PRAGMA integrity_check") == [("ok",)]
    assert rows(database, "SELECT count(*) FROM provider_health_checks")[0][0] >= written
    simulator.behave("*", "ok")
    for name in names:
        simulator.behave(name, "hang")
    again = daemon(simulator.generic(*names), timeout="20s")
    states = again.get("/api/providers/status").json["providers"]
    assert [states[name]["status"] for name in names] == ["healthy"] * 30


def test_checks_older_than_the_retention_go(simulator, daemon, database):
    with sqlite3.connect(database) as original:
        original.executescript(SEED)
        for hours in [5] * 1200 + [0.5]:
            original.execute("INSERT INTO provider_health_checks (provider_name, status, last_check_timestamp)"
                             " VALUES ('old', 'healthy', ?)", (ago(hours),))
    daemon(simulator.generic("acme"), retention="1h")
    wait_for(lambda: len(rows(database, "SELECT * FROM provider_health_checks WHERE provider_name = 'old'")) == 1,
             "the old rows to go")
