#!/usr/bin/python3
"""How fast the history answers, on a database of 1,000 providers and 7 days.

usage: history.py PROVIDERD FOLDER

Makes the database in FOLDER, starts the daemon on it, waits until all is rolled up, and prints medians and 99th percentiles.
"""
import http.client
import pathlib
import re
import sqlite3
import statistics
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
REPO = HERE.parents[1]
SETTINGS = """return {
  listen = "127.0.0.1:0", database = "%s", provider_paths = { "%s" }, plugin_paths = { "%s" },
  retention = "8d", -- so that no row goes while it is measured
  providers = { g4f = { enabled = false }, g4f_main = { enabled = false }, g4f_groq = { enabled = false },
    g4f_grok = { enabled = false }, g4f_gemini = { enabled = false }, g4f_nvidia = { enabled = false } },
}
"""
QUERIES = [
    ("24 h of one provider", "/history/provider500?hours=24", 200, "<= 5 ms"),
    ("all merged, 7 d, about 500 points", "/history?from=7d&points=500&merge=1", 100, "<= 100 ms"),
    ("one provider, 7 d, hours", "/history/provider500?from=7d&step=1h", 100, ""),
    ("each of 1,000 providers, 7 d, hours", "/history?from=7d&step=1h", 3, ""),
    ("each of 1,000 providers, 7 d, 500 points", "/history?from=7d&points=500", 1, ""),
    ("outages of 7 d", "/incidents?from=7d", 50, ""),
]


def start(binary, folder):
    settings = folder / "providerd.lua"
    settings.write_text(SETTINGS % (folder / "provider_status.db", REPO / "providers", REPO / "plugins"))
    daemon = subprocess.Popen([binary, "-c", settings], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"})
    log = ""
    for line in daemon.stdout:
        log += line
        found = re.search(r"listening on http://(\S+)", line)
        if found:
            threading.Thread(target=daemon.stdout.read, daemon=True).start()
            return daemon, found.group(1)
    raise SystemExit(f"the daemon did not start:\n{log}")


def stop(daemon):
    daemon.terminate()
    daemon.wait()


def fetch(connection, path):
    connection.request("GET", "/api/providers" + path)
    response = connection.getresponse()
    size = 0
    while data := response.read(1 << 20):
        size += len(data)
    assert response.status == 200, (path, response.status)
    return size


def timed(connection, path):
    began = time.perf_counter()
    size = fetch(connection, path)
    return (time.perf_counter() - began) * 1000, size


def percentile(values, q):
    return sorted(values)[min(len(values) - 1, int(len(values) * q))]


def wait_for_rollups(path):
    began = time.monotonic()
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30) as database:
        last = database.execute("SELECT max(id) FROM provider_health_checks").fetchone()[0]
        while (database.execute("SELECT max(last_id) FROM provider_rollup_marks"
                                " WHERE table_name = 'provider_health_checks'").fetchone()[0] or 0) < last:
            time.sleep(0.2)
    print(f"{last:,} rows, rolled up within {time.monotonic() - began:.0f} s of the start")


def measure_export(address, database):
    """In pairs, to a file each, as a user would."""
    ours, theirs, sizes = [], [], (0, 0)
    out = database.parent / "out.csv"
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run(["curl", "-sS", "-o", out, f"http://{address}/api/providers/export/csv?from=0"], check=True)
        ours.append(time.perf_counter() - began)
        size = out.stat().st_size
        began = time.perf_counter()
        with open(out, "wb") as file:
            subprocess.run(["sqlite3", "-readonly", "-csv", "-header", database, "SELECT * FROM provider_health_checks"],
                           stdout=file, check=True)
        theirs.append(time.perf_counter() - began)
        sizes = (size, out.stat().st_size)
    ratio = statistics.median(a / b for a, b in zip(ours, theirs))
    print(f"full export: {statistics.median(ours):.2f} s ({sizes[0] / 1e6:.0f} MB), sqlite3 -csv"
          f" {statistics.median(theirs):.2f} s ({sizes[1] / 1e6:.0f} MB), ratio {ratio:.2f} (<= 1)")


def status_percentiles(address, seconds):
    connection, times = http.client.HTTPConnection(address), []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        times.append(timed(connection, "/status")[0])
        time.sleep(0.001)
    return statistics.median(times), percentile(times, 0.99)


BUSY = r"""
import http.client, sys
address, path = sys.argv[1:]
connection = http.client.HTTPConnection(address)
while True:
    connection.request("GET", "/api/providers" + path)
    response = connection.getresponse()
    while response.read(1 << 20):
        pass
"""


def measure_status(address):
    idle = status_percentiles(address, 5)
    # The clients that ask are on this machine too: they step back behind who measures.
    paths = ["/history/provider500?hours=24", "/history?from=7d&points=500&merge=1"] * 5
    busy = [subprocess.Popen(["nice", "-n", "10", sys.executable, "-c", BUSY, address, path]) for path in paths]
    time.sleep(1)
    loaded = status_percentiles(address, 5)
    for process in busy:
        process.kill()
        process.wait()
    print(f"/status idle: median {idle[0]:.2f} ms, p99 {idle[1]:.2f} ms; beside ten queries in a loop: median"
          f" {loaded[0]:.2f} ms, p99 {loaded[1]:.2f} ms, ratio of p99 {loaded[1] / idle[1]:.1f} (<= 2)")


def main():
    binary, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    database = folder / "provider_status.db"
    daemon, _ = start(binary, folder)  # makes the tables
    stop(daemon)
    subprocess.run(["sqlite3", database], stdin=open(HERE / "history_fill.sql"), check=True, stdout=subprocess.DEVNULL)
    daemon, address = start(binary, folder)
    try:
        wait_for_rollups(database)
        connection = http.client.HTTPConnection(address)
        for name, path, runs, aim in QUERIES:
            results = [timed(connection, path) for _ in range(runs)]
            times = [result[0] for result in results]
            print(f"{name}: median {statistics.median(times):.2f} ms, p99 {percentile(times, 0.99):.2f} ms,"
                  f" {results[0][1] / 1000:.0f} kB {aim}")
        measure_export(address, database)
        measure_status(address)
    finally:
        stop(daemon)


main()
