"""providerd backup FILE: a whole copy while the daemon writes, under its name only when it is complete."""
import os
import signal
import sqlite3
import subprocess

import pytest

from harness import BINARY, clean_environment, wait_for, without_file_privileges

SEED_TABLE = ("CREATE TABLE provider_health_checks (id INTEGER PRIMARY KEY AUTOINCREMENT, provider_name TEXT NOT NULL,"
              " status TEXT NOT NULL, response_time_ms REAL, uptime_percent REAL, rate_limit_percent REAL,"
              " last_check_timestamp DATETIME NOT NULL, error_message TEXT, consecutive_failures INTEGER DEFAULT 0,"
              " created_at DATETIME DEFAULT CURRENT_TIMESTAMP)")


@pytest.fixture
def database(tmp_path):
    return tmp_path / "provider_status.db"


@pytest.fixture
def backup(write_config, tmp_path):
    def run(target, *arguments, before=(), config=None):
        return subprocess.run([*before, BINARY, "-c", config or write_config(), *arguments, "backup", target],
                              env=clean_environment(), cwd=tmp_path, capture_output=True, text=True, timeout=60)
    return run


def refused(done, status, *words):
    assert done.returncode == status, done
    assert done.stderr.startswith("providerd: ") and all(word in done.stderr for word in words), done.stderr
    assert done.stdout == "" and "Sanitizer" not in done.stderr


def rows_of(path, up_to=2**62):
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return connection.execute("SELECT * FROM provider_health_checks WHERE id <= ? ORDER BY id", (up_to,)).fetchall()
    finally:
        connection.close()


def write_rows(path, count):
    connection = sqlite3.connect(path)
    with connection:
        connection.execute(SEED_TABLE)
        connection.executemany("INSERT INTO provider_health_checks (provider_name, status, last_check_timestamp,"
                               " error_message) VALUES ('acme', 'healthy', '2099-01-01T00:00:00', ?)",
                               (("x" * 300,) for _ in range(count)))
    connection.close()


def leftovers(folder):
    return [path.name for path in folder.iterdir() if ".copy" in path.name or path.name.startswith(".")]


def test_copies_under_load_are_sound_prefixes_and_the_daemon_goes_on(simulator, daemon, backup, database, tmp_path):
    names = [f"p{n}" for n in range(20)]
    running = daemon(simulator.generic(*names), interval="100ms", jitter_percent=0, commit_interval="0s")
    store = lambda: running.get("/api/providers/health").json["store"]
    seen = 0
    for number in range(5):
        wait_for(lambda: store()["written"] > seen + 50, "more rows")
        copy = tmp_path / f"copy{number}.db"
        done = backup(copy, config=tmp_path / "providerd.lua")
        assert done.returncode == 0 and done.stderr == "", done
        rows = rows_of(copy)
        seen = store()["written"]
        assert f"wrote {copy}: {len(rows)} checks, " in done.stdout and done.stdout.endswith(" s\n")
        assert [row[0] for row in rows] == list(range(1, len(rows) + 1)) and len(rows) > 50
        assert rows == rows_of(database, up_to=len(rows))
        assert not list(tmp_path.glob("copy*-wal")) and not list(tmp_path.glob(".copy*"))
    health = running.get("/api/providers/health").json
    assert health["status"] == "healthy" and (health["store"]["dropped"], health["store"]["error"]) == (0, "")
    assert "cannot be written" not in running.log


def test_a_copy_is_carried_on_as_a_database(simulator, daemon, backup, tmp_path):
    running = daemon(simulator.generic("acme"))
    before = running.wait_for_provider("acme", lambda entry: entry["status"] == "healthy")
    wait_for(lambda: running.get("/api/providers/health").json["store"]["written"] == 1)
    assert backup(tmp_path / "copy.db", config=tmp_path / "providerd.lua").returncode == 0
    simulator.behave("acme", "hang")
    after = daemon(simulator.generic("acme"), arguments=["--database", tmp_path / "copy.db"]).provider("acme")
    assert (after["status"], after["last_check"]) == ("healthy", before["last_check"])


def test_a_copy_has_the_rights_of_its_source_and_no_gaps(backup, database, tmp_path):
    write_rows(database, 3000)
    with sqlite3.connect(database) as connection:
        connection.execute("DELETE FROM provider_health_checks WHERE id > 10")
    connection.close()
    database.chmod(0o640)
    assert backup("copy.db").returncode == 0
    copy = tmp_path / "copy.db"
    assert copy.stat().st_mode & 0o777 == 0o640
    assert copy.stat().st_size < 20000 < database.stat().st_size
    assert len(rows_of(copy)) == 10


def test_the_database_of_the_command_line_is_copied(backup, tmp_path):
    write_rows(tmp_path / "other.db", 7)
    done = backup("copy.db", "--database", "other.db")
    assert done.returncode == 0 and len(rows_of(tmp_path / "copy.db")) == 7


@pytest.mark.parametrize("content", [b"precious", b""])
def test_a_file_that_is_there_is_never_replaced(backup, database, tmp_path, content):
    write_rows(database, 1)
    (tmp_path / "copy.db").write_bytes(content)
    refused(backup("copy.db"), 2, "copy.db: there is a file of this name already")
    assert (tmp_path / "copy.db").read_bytes() == content and leftovers(tmp_path) == []


def test_a_dangling_link_is_not_followed(backup, database, tmp_path):
    write_rows(database, 1)
    (tmp_path / "copy.db").symlink_to(tmp_path / "elsewhere.db")
    refused(backup("copy.db"), 2, "already")
    assert not (tmp_path / "elsewhere.db").exists()


def test_no_database_is_told_and_none_is_made(backup, database):
    refused(backup("copy.db"), 2, str(database), "no database", "No such file")
    assert not database.exists()


def test_a_folder_that_is_not_there_is_told(backup, database):
    write_rows(database, 1)
    refused(backup("nowhere/copy.db"), 1, "nowhere/copy.db: cannot be written: No such file or directory")


def test_what_is_no_database_of_ours_is_refused(backup, database, tmp_path):
    database.write_bytes(b"a diary " * 1000)
    refused(backup("copy.db"), 2, str(database), "not a SQLite database")
    database.unlink()
    connection = sqlite3.connect(database)
    connection.execute("CREATE TABLE songs (title TEXT)")
    connection.close()
    refused(backup("copy.db"), 2, "provider_health_checks", "not a provider status database")
    database.unlink()
    write_rows(database, 1)
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    refused(backup("copy.db"), 2, "99", "newer")
    assert leftovers(tmp_path) == []


def test_no_space_is_told_and_nothing_is_left(backup, database, tmp_path):
    write_rows(database, 3000)
    refused(backup("copy.db", before=["sh", "-c", 'ulimit -f 100; exec "$@"', "sh"]), 1, "copy.db: ")
    assert leftovers(tmp_path) == []


def test_a_folder_that_may_not_be_written_is_told(backup, database, tmp_path):
    write_rows(database, 1)
    (tmp_path / "closed").mkdir(mode=0o555)
    refused(backup("closed/copy.db", before=without_file_privileges()), 1, "closed/copy.db", "Permission denied")


def test_a_locked_database_is_told(backup, database, tmp_path):
    write_rows(database, 1)
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        refused(backup("copy.db"), 1, "locked by another process")
    finally:
        other.rollback()
        other.close()
    assert leftovers(tmp_path) == []


def test_a_signal_ends_it_and_nothing_is_left(write_config, database, tmp_path):
    write_rows(database, 200000)
    running = subprocess.Popen([BINARY, "-c", write_config(), "backup", "copy.db"], env=clean_environment(), cwd=tmp_path,
                               stderr=subprocess.PIPE, text=True)
    wait_for(lambda: leftovers(tmp_path) or running.poll() is not None)
    running.send_signal(signal.SIGTERM)
    _, told = running.communicate(timeout=60)
    if running.returncode == 1:
        assert "copy.db: stopped" in told and leftovers(tmp_path) == []
    else:  # it was quicker than the signal
        assert running.returncode == 0 and leftovers(tmp_path) == ["copy.db"], told


@pytest.mark.parametrize("words", [[], ["a.db", "b.db"]])
def test_it_takes_one_name(words, write_config, tmp_path):
    done = subprocess.run([BINARY, "-c", write_config(), "backup", *words], env=clean_environment(), cwd=tmp_path,
                          capture_output=True, text=True, timeout=60)
    refused(done, 2, "backup: expected one name")
    assert os.listdir(tmp_path) == ["providerd.lua"]
