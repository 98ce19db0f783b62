"""What can happen to the file under a running daemon: nothing that was written is lost, and /health says what is wrong."""
import contextlib
import http.client
import pathlib
import random
import re
import shutil
import signal
import sqlite3
import subprocess

import pytest

from harness import clean_environment, wait_for, without_file_privileges
from test_store import ago, count, query, report, write_original


@pytest.fixture
def database(tmp_path):
    return tmp_path / "provider_status.db"


def store_of(running):
    return report(running)["store"]


def written(running, rows):
    """Waits until that many rows were written."""
    return wait_for(lambda: (lambda store: store if store["written"] >= rows else None)(store_of(running)), "the rows")


def checked_once(daemon, environment, **settings):
    running = daemon(environment, **settings)
    written(running, 1)
    return running


def set_aside(running):
    return wait_for(lambda: (lambda store: store if store["set_aside"] and store["writable"] else None)(store_of(running)),
                    "the file set aside")["set_aside"]


def damage_rows(database):
    """Overwrites a page in the middle of the rows; those before and behind it can still be read."""
    content = bytearray(database.read_bytes())
    leaves = [at for at in range(4096, len(content), 4096) if content[at] == 0x0D and b"healthy" in content[at:at + 4096]]
    at = leaves[len(leaves) // 2]
    content[at:at + 4096] = b"\xa5" * 4096
    database.write_bytes(content)
    return bytes(content)


def test_a_damaged_database_is_set_aside_and_the_rest_of_it_carried_over(simulator, daemon, database):
    write_original(database, [("acme", "healthy", 1.0, ago(minutes=n).isoformat(), 0) for n in range(1400, 0, -1)])
    damaged = damage_rows(database)
    running = daemon(simulator.generic("acme"))
    with contextlib.suppress(http.client.IncompleteRead):  # it meets the damage, and cannot go on
        running.get("/api/providers/history/acme")
    told = set_aside(running)
    assert re.fullmatch(re.escape(str(database)) + r"\.damaged-\d{8}T\d{6}Z", told["path"])
    assert told["reason"] and told["time"].endswith("Z") and 1200 < told["carried_over"] < 1400
    assert len(pathlib.Path(told["path"]).read_bytes()) >= len(damaged)
    running.check("acme")
    assert report(running)["status"] == "healthy"
    assert told["path"] in running.log and "set aside" in running.log
    rows = wait_for(lambda: (lambda r: r if len(r) > told["carried_over"] else None)(
        running.get("/api/providers/history/acme").json))
    assert rows == sorted(rows, key=lambda row: row["timestamp"])
    running.stop()
    assert query(database, "PRAGMA integrity_check") == [("ok",)]


def test_a_stop_while_rows_are_carried_over_is_clean(simulator, daemon, database):
    write_original(database, [("acme", "healthy", 1.0, ago(seconds=n).isoformat(), 0) for n in range(100000, 0, -1)])
    damage_rows(database)
    running = daemon(simulator.generic("acme"))
    with contextlib.suppress(http.client.IncompleteRead):
        running.get("/api/providers/history/acme?hours=48")
    kept = wait_for(lambda: store_of(running)["set_aside"], "the file set aside")["path"]
    running.stop()
    assert query(database, "PRAGMA integrity_check") == [("ok",)]
    assert pathlib.Path(kept).stat().st_size > 5_000_000


def test_what_is_hopeless_is_set_aside_too_and_the_checks_go_on(simulator, daemon, database):
    write_original(database, [("acme", "healthy", 1.0, ago(minutes=n).isoformat(), 0) for n in range(1000, 0, -1)])
    content = bytearray(database.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    database.write_bytes(content)
    running = daemon(simulator.generic("acme"))
    running.wait_for_provider("acme", lambda entry: entry["status"] == "healthy")
    kept = pathlib.Path(set_aside(running)["path"]).read_bytes()
    assert kept[4096:] == content[4096:]  # its first page tells by now that it has a log
    wait_for(lambda: count(database, "acme") == 1, "the row in the new file")


def test_garbage_over_the_file_while_running_is_set_aside(simulator, daemon, database, tmp_path):
    running = checked_once(daemon, simulator.generic("acme"))
    assert store_of(running)["set_aside"] is None
    (tmp_path / "garbage").write_bytes(b"not a database " * 1000)
    (tmp_path / "garbage").rename(database)
    running.check("acme")
    told = set_aside(running)
    assert pathlib.Path(told["path"]).read_bytes() == b"not a database " * 1000
    wait_for(lambda: count(database, "acme") >= 1)
    assert running.get("/api/providers/history/acme").status == 200


def test_a_damaged_file_that_cannot_be_renamed_is_told_until_it_can_be(simulator, daemon, tmp_path):
    folder = tmp_path / "closed"
    folder.mkdir()
    database = folder / "db"
    write_original(database, [("acme", "healthy", 1.0, ago(minutes=n).isoformat(), 0) for n in range(1000, 0, -1)])
    content = bytearray(database.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    database.write_bytes(content)
    folder.chmod(0o555)
    running = daemon(simulator.generic("acme"), before=without_file_privileges(), database=str(database))
    running.wait_for_provider("acme", lambda entry: entry["status"] == "healthy")
    wait_for(lambda: not store_of(running)["writable"] and store_of(running)["error"])
    assert report(running)["status"] == "degraded" and database.read_bytes() == content
    folder.chmod(0o755)
    assert set_aside(running)["path"].startswith(str(database))
    wait_for(lambda: count(database, "acme") == 1)


def test_another_valid_database_in_its_place_is_taken_over(simulator, daemon, database, tmp_path):
    running = checked_once(daemon, simulator.generic("acme"))
    write_original(tmp_path / "other", [("acme", "down", 1.0, ago(minutes=n + 5).isoformat(), 3) for n in range(10)])
    (tmp_path / "other").rename(database)
    running.check("acme")
    wait_for(lambda: count(database, "acme") == 11, "the row in the file that came")
    assert len(running.get("/api/providers/history/acme").json) == 11
    assert store_of(running)["set_aside"] is None


def test_a_database_of_another_program_in_its_place_is_left_alone(simulator, daemon, database, tmp_path):
    running = checked_once(daemon, simulator.generic("acme"))
    connection = sqlite3.connect(tmp_path / "other")
    connection.execute("CREATE TABLE provider_health_checks (id INTEGER PRIMARY KEY, note TEXT)")
    connection.close()
    before = (tmp_path / "other").read_bytes()
    (tmp_path / "other").rename(database)
    running.check("acme")
    store = wait_for(lambda: (lambda s: s if not s["writable"] else None)(store_of(running)))
    assert "not a provider status database" in store["error"] and store["set_aside"] is None
    assert database.read_bytes() == before
    database.unlink()
    wait_for(lambda: store_of(running)["writable"] and count(database, "acme") >= 1, "the rows that waited")


def test_a_folder_that_becomes_read_only_keeps_nothing_from_being_written(simulator, daemon, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    running = daemon(simulator.generic("acme"), before=without_file_privileges(), database=str(folder / "db"))
    written(running, 1)
    folder.chmod(0o555)
    try:
        running.check("acme")
        written(running, 2)  # its files are open, and need no name any more
    finally:
        folder.chmod(0o755)


def test_a_disk_that_is_full_for_a_while_costs_nothing(simulator, write_config, tmp_path, daemon):
    """A file system of its own, 256 KiB large, in a mount namespace that only the daemon sees."""
    folder = tmp_path / "small"
    folder.mkdir()
    script = f'mount -t tmpfs -o size=256k tmpfs {folder} && exec "$@"'
    before = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]
    if subprocess.run([*before, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no mount namespaces here")
    names = [f"p{n}" for n in range(20)]
    running = daemon(simulator.generic(*names), before=before, database=str(folder / "db"), interval="100ms",
                     jitter_percent=0)
    inside = pathlib.Path(f"/proc/{running.process.pid}/root{folder}")
    (inside / "ballast").write_bytes(b"x")
    store = wait_for(lambda: (lambda s: s if not s["writable"] else None)(store_of(running)), "the full disk")
    assert "full" in store["error"] and store["failing_since"], store
    assert running.get("/api/providers/best").json["best_provider"]
    wait_for(lambda: store_of(running)["queued"] > 100)
    subprocess.run(["nsenter", "-t", str(running.process.pid), "-m", "mount", "-o", "remount,size=64m", str(folder)],
                   check=True)
    store = wait_for(lambda: (lambda s: s if s["writable"] else None)(store_of(running)), "room again")
    running.process.send_signal(signal.SIGSTOP)  # a still picture of the file
    try:
        copy = tmp_path / "copy.db"
        for tail in ("", "-wal"):
            if (inside / f"db{tail}").exists():
                shutil.copyfile(inside / f"db{tail}", f"{copy}{tail}")
    finally:
        running.process.send_signal(signal.SIGCONT)
    ids, = query(copy, "SELECT count(*), max(id), min(id) FROM provider_health_checks")
    assert ids[0] == ids[1] - ids[2] + 1 >= store["written"] > 0  # no gap, and all that was told
    assert query(copy, "PRAGMA integrity_check") == [("ok",)]
    assert store["dropped"] == 0


def test_kills_at_random_moments_lose_only_what_was_not_written_yet(simulator, daemon, database):
    """Each round: what /health told as written before the kill is there after it, and the next start carries it on."""
    names = [f"p{n}" for n in range(10)]
    dice = random.Random(20261123)
    safe = 0
    for number in range(12):
        interval = "0s" if number % 2 else "50ms"
        running = daemon(simulator.generic(*names), interval="100ms", jitter_percent=0, commit_interval=interval)
        told = written(running, dice.randrange(1, 150))["written"]
        running.end(signal.SIGKILL)
        running.ended = True
        rows, highest, lowest = query(database, "SELECT count(*), max(id), min(id) FROM provider_health_checks")[0]
        assert rows >= safe + told and rows == highest - lowest + 1
        assert query(database, "PRAGMA integrity_check") == [("ok",)]
        safe = rows


def test_with_a_commit_for_each_check_the_file_has_what_an_answer_shows(simulator, daemon, database):
    """`commit_interval` is how far an answer may be ahead of the file; at 0 it is as good as none."""
    running = checked_once(daemon, simulator.generic("acme"), commit_interval="0s")
    for _ in range(5):
        shown = running.check("acme")["last_check"]
        newest = "SELECT max(last_check_timestamp) FROM provider_health_checks"
        wait_for(lambda: query(database, newest)[0][0][:23] >= shown[:23], "the check in the file", timeout=10)
    running.end(signal.SIGKILL)
    running.ended = True
    assert query(database, newest)[0][0][:23] == shown[:23]


def test_a_lock_that_lasts_is_told_with_its_begin_and_the_rows_come_afterwards(simulator, daemon, database):
    names = [f"p{n}" for n in range(10)]
    running = checked_once(daemon, simulator.generic(*names), interval="100ms", jitter_percent=0)
    locker = subprocess.Popen(["/usr/bin/python3", "-c", "import sqlite3, sys\n"
                               "c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)\n"
                               "c.execute('BEGIN IMMEDIATE'); print('locked', flush=True); sys.stdin.read()", database],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=clean_environment())
    try:
        assert locker.stdout.readline() == "locked\n"
        first = wait_for(lambda: (lambda s: s if not s["writable"] else None)(store_of(running)))
        later = wait_for(lambda: (lambda s: s if s["queued"] > first["queued"] + 200 else None)(store_of(running)))
        assert "locked" in later["error"] and later["failing_since"] == first["failing_since"]
        assert later["written"] == first["written"]
    finally:
        locker.kill()
        locker.wait()
    after = written(running, later["written"] + later["queued"])
    assert after["dropped"] == 0
    assert query(database, "SELECT count(*) - max(id) + min(id) FROM provider_health_checks") == [(1,)]
