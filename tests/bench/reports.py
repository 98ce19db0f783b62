"""What reports of clients cost: POST /api/providers/report in batches and one by one, against requests of the same size that are
refused at once (404), in pairs; CPU of both threads by /proc.

    reports.py PROVIDERD FOLDER
"""
import json
import pathlib
import socket
import statistics
import subprocess
import sys
import time
import urllib.parse
import urllib.request

from measuring import thread_cpu_s

SECONDS, PAIRS, PROVIDERS = 4, 3, 10
BATCHES = (1, 100, 1000)

SCRIPT = """
local list = {}
for i = 1, %d do
  list[i] = { name = "p" .. i, base_url = "http://p.test:9", interval = "1h", probe = function()
    return { ok = true, latency_ms = 1 }
  end }
end
return list
"""


def report(i):
    """As a router sends them: most went well, with headers; some failed."""
    return {"provider": f"p{i % PROVIDERS + 1}", "model": f"model-{i % 3}", "status": 503 if i % 50 == 0 else 200, "latency_ms": 640.5,
            "first_token_ms": 180.25, "tokens": 512, "headers": {
                "x-ratelimit-limit-requests": "1000", "x-ratelimit-remaining-requests": str(999 - i % 1000),
                "x-ratelimit-reset-requests": "59s"}}


class Client:
    def __init__(self, url):
        address = urllib.parse.urlsplit(url)
        self.connection = socket.create_connection((address.hostname, address.port))
        self.rest = b""

    def post(self, path, body):
        self.connection.sendall(b"POST " + path + b" HTTP/1.1\r\nHost: bench\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        while b"\r\n\r\n" not in self.rest:
            self.rest += self.connection.recv(65536)
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        left = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        while len(self.rest) < left:
            self.rest += self.connection.recv(65536)
        self.rest = self.rest[left:]
        return int(head.split(b" ", 2)[1])


def run(process, client, path, body):
    """Requests a second, and microseconds of each thread for one of them."""
    before = thread_cpu_s(process.pid, "providerd"), thread_cpu_s(process.pid, "providerd-http")
    began, count, statuses = time.monotonic(), 0, set()
    while time.monotonic() < began + SECONDS:
        statuses.add(client.post(path, body))
        count += 1
    took = time.monotonic() - began
    after = thread_cpu_s(process.pid, "providerd"), thread_cpu_s(process.pid, "providerd-http")
    return count / took, *(1e6 * (b - a) / count for a, b in zip(before, after)), statuses


def main():
    binary, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    repo = pathlib.Path(__file__).resolve().parents[2]
    (folder / "providers").mkdir()
    (folder / "providers/lib").symlink_to(repo / "providers/lib")
    (folder / "providers/made.lua").write_text(SCRIPT % PROVIDERS)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = folder / "config.lua"
    config.write_text(f"""return {{ listen = "127.0.0.1:{port}", database = "{folder}/reports.db", log_level = "error",
        provider_paths = {{ "{folder}/providers" }}, plugin_paths = {{ "{repo}/plugins" }} }}""")
    process = subprocess.Popen([binary, "-c", config])
    url = f"http://127.0.0.1:{port}"
    for _ in range(200):
        try:
            urllib.request.urlopen(url + "/api/providers/health").read()
            break
        except OSError:
            time.sleep(0.05)
    client = Client(url)
    print(f"reports: {PROVIDERS} providers, {SECONDS} s each, medians of {PAIRS} pairs, one connection")
    for batch in BATCHES:
        body = json.dumps([report(i + 1) for i in range(batch)]).encode()
        taken, refused, statuses = [], [], set()
        for _ in range(PAIRS):
            one = run(process, client, b"/api/providers/report", body)
            statuses |= one[3]
            taken.append(one[:3])
            refused.append(run(process, client, b"/api/providers/reporx", body)[:3])
        rate, loop_us, http_us = (statistics.median(column) for column in zip(*taken))
        plain_rate, _, plain_us = (statistics.median(column) for column in zip(*refused))
        print(f"  {batch:4} at once: {rate * batch:8.0f} reports/s ({rate / plain_rate:.2f} of the requests that are refused), "
              f"HTTP thread {http_us / batch:.1f} us a report (refused {plain_us / batch:.1f}), loop thread {loop_us / batch:.1f} us; "
              f"answers {sorted(statuses)}")
    process.terminate()
    process.wait()


main()
