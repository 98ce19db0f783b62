"""Reloads one after the other while clients ask and probes run: no request fails, no check is lost, nothing grows.

PROVIDERD_RELOADS sets how many, PROVIDERD_CLIENTS beside how many clients; 10,000 take some minutes. Every tenth finds a script
changed; the others find all as it was.
"""
import http.client
import os
import sqlite3
import threading
import time

from harness import REPO, clean_environment, wait_for

RELOADS = int(os.environ.get("PROVIDERD_RELOADS", "300"))
CLIENTS = int(os.environ.get("PROVIDERD_CLIENTS", "4"))
PROVIDERS = [f"p{i}" for i in range(8)]
PATHS = ["/api/providers/status", "/api/providers/best", "/api/providers/best?n=2", "/api/providers/events?limit=5",
         "/api/providers/history?hours=1&limit=10"]


class Client(threading.Thread):
    """Asks one after the other on a connection that is kept."""

    def __init__(self, url, pause_s):
        super().__init__(daemon=True)
        self.connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
        self.pause_s = pause_s
        self.asked = 0
        self.failures = []
        self.stopping = False

    def run(self):
        while not self.stopping:
            path = PATHS[self.asked % len(PATHS)]
            try:
                self.connection.request("GET", path)
                answer = self.connection.getresponse()
                body = answer.read()
                if answer.status != 200:
                    self.failures.append((path, answer.status, body[:200]))
            except (OSError, http.client.HTTPException) as error:
                self.failures.append((path, repr(error)))
                self.connection.close()
            self.asked += 1
            time.sleep(self.pause_s)


def resident_kb(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def reloads(running):
    return running.get("/api/providers/health").json["reloads"]


def reload_times(running, count, script):
    """Each waits for the one before: signals of one kind that wait are one."""
    before = reloads(running)
    for i in range(count):
        if i % 10 == 0:
            script.write_text(f"""return {{ name = "mine", title = "{i}", base_url = "http://mine.test:9", interval = "30d",
                probe = function() return {{ ok = true, latency_ms = 1 }} end }}""")
        running.process.send_signal(1)
        wait_for(lambda: reloads(running) > before + i, "a reload")


def test_reloads_under_load(simulator, daemon, tmp_path):
    environment = {**simulator.generic(*PROVIDERS),
                   # freed memory is not kept back: what grows then is a leak, or fragments
                   "ASAN_OPTIONS": clean_environment().get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"}
    script = tmp_path / "own/mine.lua"
    script.parent.mkdir()
    (script.parent / "lib").symlink_to(REPO / "providers/lib")
    running = daemon(environment, provider_paths=[str(REPO / "providers"), str(script.parent)], interval="200ms", http_threads=2, jitter_percent=0,
                     alerts={"ops": {"use": "slack"}})
    pid = running.process.pid
    for name in PROVIDERS:
        running.wait_for_provider(name, lambda entry: entry["status"] == "healthy")
    clients = [Client(running.url, 0.004) for _ in range(CLIENTS)]
    began = time.monotonic()
    for client in clients:
        client.start()
    reload_times(running, RELOADS // 3, script)  # what is kept for next time has been taken by then
    memory, files = resident_kb(pid), descriptors(pid)
    reload_times(running, RELOADS - RELOADS // 3, script)
    took = time.monotonic() - began
    grown, files_after = resident_kb(pid) / memory, descriptors(pid)
    for client in clients:
        client.stopping = True
    for client in clients:
        client.join()
        assert client.failures == []
        assert client.asked > RELOADS // 2
    print(f"{RELOADS} reloads in {took:.0f} s beside {sum(c.asked for c in clients) / took:.0f} requests/s; memory {grown:.3f}")
    assert grown < 1.15, f"from {memory} KB by the factor {grown}"
    assert files_after <= files + 8  # connections to providers come and go
    assert reloads(running) == RELOADS
    running.stop()
    asked = sum(entry["requests"] for name, entry in simulator.stats().items() if name in PROVIDERS)
    with sqlite3.connect(tmp_path / "provider_status.db") as database:
        written, = database.execute("SELECT count(*) FROM provider_health_checks").fetchone()
        own, = database.execute("SELECT count(*) FROM provider_health_checks WHERE provider_name = 'mine'").fetchone()
    assert 0 <= asked - (written - own) <= len(PROVIDERS), "but for those in flight at the end"
