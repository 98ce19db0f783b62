"""What listeners to /api/providers/events cost: CPU of the loop's thread and of the HTTP thread, and how late they are told.

    listeners.py PROVIDERD FOLDER

Providers that are up and down in turn make events; pairs of runs with no listener and with LISTENERS, CPU by /proc.
"""
import json
import pathlib
import selectors
import socket
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request

from measuring import thread_cpu_s

LISTENERS, SECONDS, PAIRS, PROVIDERS = 1000, 8, 3, 10

SCRIPT = """
local list = {}
for i = 1, %d do
  local n = 0
  list[i] = { name = "p" .. i, base_url = "http://p.test:9", interval = "1s", probe = function()
    n = n + 1
    return { ok = n %% 2 == 0, kind = n %% 2 ~= 0 and "server_error" or nil, latency_ms = 1 }
  end }
end
return list
"""


class Listeners:
    def __init__(self, url, count):
        address = urllib.parse.urlsplit(url)
        self.selector = selectors.DefaultSelector()
        self.sockets = []
        for _ in range(count):
            connection = socket.create_connection((address.hostname, address.port))
            connection.sendall(b"GET /api/providers/events?format=sse&kind=status_change HTTP/1.1\r\nHost: bench\r\n\r\n")
            connection.setblocking(False)
            self.selector.register(connection, selectors.EVENT_READ)
            self.sockets.append(connection)
        self.late_ms, self.frames = [], 0

    def read_until(self, end):
        while (left := end - time.monotonic()) > 0:
            for key, _ in self.selector.select(left):
                text = key.fileobj.recv(1 << 20)
                now = time.time()
                for line in text.split(b"\n"):
                    if line.startswith(b"data: {"):
                        self.frames += 1
                        if self.frames % 97 == 0:  # to decode them all would be the measurement
                            self.late_ms.append(1000 * now - json.loads(line[6:])["id"])

    def close(self):
        for connection in self.sockets:
            connection.close()


def main():
    binary, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    repo = pathlib.Path(__file__).resolve().parents[2]
    (folder / "providers").mkdir()
    (folder / "providers/lib").symlink_to(repo / "providers/lib")
    (folder / "plugins").symlink_to(repo / "plugins")
    (folder / "providers/made.lua").write_text(SCRIPT % PROVIDERS)
    results = {0: [], LISTENERS: []}
    late, frames = [], 0
    for _ in range(PAIRS):
        for count in (0, LISTENERS):
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            config = folder / "config.lua"
            config.write_text(f"""return {{ listen = "127.0.0.1:{port}", database = "{folder}/{time.time_ns()}.db",
                provider_paths = {{ "{folder}/providers" }}, plugin_paths = {{ "{folder}/plugins" }},
                max_connections = 2000, quick_interval = "1s", down_interval = "1s", adaptive = false,
                max_consecutive_failures = 1, jitter_percent = 0, log_level = "error" }}""")
            process = subprocess.Popen([binary, "-c", config])
            url = f"http://127.0.0.1:{port}"
            for _ in range(200):
                try:
                    urllib.request.urlopen(url + "/api/providers/health").read()
                    break
                except OSError:
                    time.sleep(0.05)
            listeners = Listeners(url, count)
            listeners.read_until(time.monotonic() + 2)
            before = thread_cpu_s(process.pid, "providerd"), thread_cpu_s(process.pid, "providerd-http")
            listeners.late_ms, listeners.frames = [], 0
            listeners.read_until(time.monotonic() + SECONDS)
            after = thread_cpu_s(process.pid, "providerd"), thread_cpu_s(process.pid, "providerd-http")
            results[count].append((after[0] - before[0], after[1] - before[1]))
            late += listeners.late_ms
            frames += listeners.frames
            listeners.close()
            process.terminate()
            process.wait()
    loop = {count: statistics.median(one[0] for one in runs) for count, runs in results.items()}
    http = {count: statistics.median(one[1] for one in runs) for count, runs in results.items()}
    late.sort()
    print(f"listeners: {LISTENERS} of {frames / PAIRS / SECONDS / LISTENERS:.1f} events a second, {SECONDS} s, "
          f"medians of {PAIRS} pairs")
    print(f"  loop thread: {loop[0]:.2f} s of CPU without, {loop[LISTENERS]:.2f} s with them")
    print(f"  HTTP thread: {http[0]:.2f} s without, {http[LISTENERS]:.2f} s with them "
          f"({1e6 * (http[LISTENERS] - http[0]) / (frames / PAIRS):.1f} us a frame)")
    print(f"  told after {late[len(late) // 2]:.1f} ms (p50), {late[len(late) * 99 // 100]:.1f} ms (p99), as a Python client "
          "of all of them sees it")


main()
