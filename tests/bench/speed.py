"""How fast it is, against the least that its libraries can do, and against others that do such work.

  speed.py BUILD [PART...]     parts: serve checks grow start; all by default

Everything of one table runs in turns, several rounds of it, and medians are compared: machines are noisy, and other
work runs on them. Costs are CPU time (user and system, as the scheduler counts it) of the process that is measured, so
that who shares the machine matters less. The baselines are bare_server.c and bare_checks.c; the others are Debian's.
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
REPO = HERE.parent.parent
BUILD = pathlib.Path(sys.argv[1]).resolve()
ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = int(os.environ.get("SECONDS_EACH", "5"))

sys.path.insert(0, str(REPO / "tests/integration"))
from harness import clean_environment, lua  # noqa: E402

MADE = """
local openai = require "openai"
local found = {}
for i = 1, %d do
  found[i] = openai.provider { name = ("p%%05d"):format(i), base_url = "%s/x/p" .. i .. "/v1", keys = { secret "sim-bench-key-0123456789" } }
end
return found
"""
MODELS = {"object": "list", "data": [{"id": f"model-{i:02}", "object": "model", "created": 1700000000, "owned_by": "bench"} for i in range(12)]}


def cpu_s(*pids):
    """CPU seconds that the threads of these processes have had, to the nanosecond."""
    total = 0
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def resident_mb(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)) / 1024


def get(url, path):
    with urllib.request.urlopen(url + path, timeout=60) as answer:
        return answer.read()


@contextlib.contextmanager
def program(arguments, ready=None, environment=None, cwd=None):
    """Runs it; gives the process and what the line that says that it is ready says."""
    process = subprocess.Popen([str(a) for a in arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               env=clean_environment(environment), cwd=cwd)
    found, lines = None, []
    while ready and found is None:
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"{arguments[0]} has ended:\n{''.join(lines)}")
        lines.append(line)
        found = re.search(ready, line)
    reader = threading.Thread(target=lambda: [None for _ in process.stdout], daemon=True)
    reader.start()
    try:
        yield process, found and found.group(1)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def providerd(folder, count, target, ready=True, **settings):
    """A daemon that watches `count` providers at `target`."""
    providers = folder / "providers"
    shutil.rmtree(providers, ignore_errors=True)
    providers.mkdir()
    (providers / "lib").symlink_to(REPO / "providers/lib")
    (providers / "made.lua").write_text(MADE % (count, target))
    config = folder / "providerd.lua"
    config.write_text("return " + lua({
        "listen": "127.0.0.1:0", "database": str(folder / f"checks-{count}.db"), "provider_paths": [str(providers)], "plugin_paths": [str(REPO / "plugins")],
        "read_models": False, "status_pages": False, "adaptive": False, "witnesses": [], "script_memory": "512MB", "script_instructions": 500000000,
        "max_probes_in_flight": 1000, "log_level": "warning", **settings}))
    return program([BUILD / "providerd", "-c", config], None, cwd=folder) if not ready else _ready(folder, config)


@contextlib.contextmanager
def _ready(folder, config):
    text = config.read_text().replace('"warning"', '"info"')
    config.write_text(text)
    with program([BUILD / "providerd", "-c", config], r"listening on (http://\S+)", cwd=folder) as (process, url):
        yield process, url


def health(url):
    return json.loads(get(url, "/api/providers/health"))


def wait_all_checked(url, count):
    """Until each was checked once, or the store has as many rows."""
    for _ in range(3000):
        if health(url)["store"]["written"] >= count:
            return
        time.sleep(0.1)
    raise SystemExit("the providers were not checked in time")


def print_table(title, rows):
    print(f"\n{title}")
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  " + "  ".join(f"{str(cell):<{width}}" for cell, width in zip(row, widths)).rstrip())


def in_turns(sides):
    """Each side measured ROUNDS times, in turns; the medians by name."""
    found = {name: [] for name in sides}
    for _ in range(ROUNDS):
        for name, measure in sides.items():
            found[name].append(measure())
    return found


def median_ratio(found, ours, theirs):
    """The median of the rounds' own ratios."""
    return statistics.median(a / b for a, b in zip(found[ours], found[theirs]))


# -- serving


def wrk(url, path, pids):
    """CPU microseconds of the server for each request, and requests a second."""
    before = cpu_s(*pids)
    told = subprocess.run(["wrk", "-t1", "-c32", f"-d{SECONDS}s", url + path], capture_output=True, text=True, check=True).stdout
    used = cpu_s(*pids) - before
    requests = int(re.search(r"(\d+) requests in", told).group(1))
    assert "Non-2xx" not in told, told
    return used / requests * 1e6


def serve(folder):
    with contextlib.ExitStack() as stack:
        models = folder / "models.json"
        models.write_text(json.dumps(MODELS))
        _, target = stack.enter_context(program([BUILD / "bench-bare-server", models], r"listening on (\S+)"))
        daemon, url = stack.enter_context(providerd(folder, 10, "http://" + target, interval="1h"))
        wait_all_checked(url, 10)
        bodies = {"status": "/api/providers/status", "best": "/api/providers/best", "asked": "/api/providers/best?n=3&exclude=p00001&max_latency_ms=500"}
        sides, sizes = {}, {}
        for name, path in bodies.items():
            body = get(url, path)
            sizes[name] = len(body)
            (folder / f"{name}.json").write_bytes(body)
            bare, bare_url = stack.enter_context(program([BUILD / "bench-bare-server", folder / f"{name}.json"], r"listening on (\S+)"))
            sides[f"providerd {name}"] = lambda path=path: wrk(url, path, [daemon.pid])
            sides[f"bare h2o {name}"] = lambda bare=bare, bare_url=bare_url: wrk("http://" + bare_url, "/", [bare.pid])
        nginx_url, nginx_pids = stack.enter_context(nginx(folder))
        sides["nginx status"] = lambda: wrk(nginx_url, "/status.json", nginx_pids)
        found = in_turns(sides)
        rows = [("answer", "bytes", "CPU us/request", "bare libh2o", "ours as fast", "wanted"),
                *[(name, sizes[name], f"{statistics.median(found[f'providerd {name}']):.2f}", f"{statistics.median(found[f'bare h2o {name}']):.2f}",
                   f"{1 / median_ratio(found, f'providerd {name}', f'bare h2o {name}'):.2f}x", wanted)
                  for name, wanted in (("status", ">= 0.95x"), ("best", ">= 0.9x"), ("asked", ">= 0.5x"))],
                ("status", sizes["status"], f"{statistics.median(found['providerd status']):.2f}", f"nginx {statistics.median(found['nginx status']):.2f}",
                 f"{1 / median_ratio(found, 'providerd status', 'nginx status'):.2f}x", "> 1x")]
        print_table("Serving: one HTTP thread, 32 kept-alive connections of wrk", rows)


@contextlib.contextmanager
def nginx(folder):
    """One worker that serves the folder's files."""
    import socket
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    conf = folder / "nginx.conf"
    conf.write_text(f"""
worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log; daemon off; user root;
events {{ worker_connections 1024; }}
http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; open_file_cache max=10; default_type application/json;
  client_body_temp_path {folder}/n1; proxy_temp_path {folder}/n2; fastcgi_temp_path {folder}/n3; uwsgi_temp_path {folder}/n4; scgi_temp_path {folder}/n5;
  server {{ listen 127.0.0.1:{port}; root {folder}; }} }}""")
    with program(["nginx", "-c", conf, "-p", folder]) as (process, _):
        for _ in range(100):
            time.sleep(0.05)
            children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            if children:
                break
        yield f"http://127.0.0.1:{port}", [int(child) for child in children]


# -- checks


def daemon_cost(url, pid, seconds):
    """CPU microseconds for each check, and how many there were."""
    before, cpu_before = health(url)["store"]["written"], cpu_s(pid)
    time.sleep(seconds)
    used, after = cpu_s(pid) - cpu_before, health(url)["store"]["written"]
    return used / (after - before) * 1e6


def bare_cost(url, rate, seconds, *more):
    told = subprocess.run([BUILD / "bench-bare-checks", url, str(rate), str(seconds), *map(str, more)], capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr
    return float(told.stdout.split()[-1])


def certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)
    bundle = folder / "bundle.pem"
    bundle.write_bytes(pathlib.Path("/etc/ssl/certs/ca-certificates.crt").read_bytes() + (folder / "cert.pem").read_bytes())
    return folder / "cert.pem", folder / "key.pem", bundle


def free_port():
    import socket
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def blackbox(folder, bundle):
    """prometheus-blackbox-exporter, with modules for HTTP and for TLS by the bundle."""
    port = free_port()
    (folder / "blackbox.yml").write_text(f"""
modules:
  http:
    prober: http
    http: {{headers: {{Authorization: Bearer sim-bench-key-0123456789}}, preferred_ip_protocol: ip4}}
  https:
    prober: http
    http: {{headers: {{Authorization: Bearer sim-bench-key-0123456789}}, preferred_ip_protocol: ip4, tls_config: {{ca_file: {bundle}}}}}
""")
    with program(["prometheus-blackbox-exporter", f"--config.file={folder}/blackbox.yml", f"--web.listen-address=127.0.0.1:{port}"]) as (process, _):
        for _ in range(100):
            with contextlib.suppress(OSError):
                get(f"http://127.0.0.1:{port}", "/-/healthy")
                break
            time.sleep(0.1)
        yield process, port


def blackbox_cost(process, port, module, target, rate, seconds):
    """It probes when it is asked to: by one kept-alive connection, at the rate."""
    import http.client
    client = http.client.HTTPConnection("127.0.0.1", port)
    began, cpu_before, done = time.monotonic(), cpu_s(process.pid), 0
    while (now := time.monotonic()) - began < seconds:
        client.request("GET", f"/probe?module={module}&target={target}")
        body = client.getresponse().read()
        assert b"\nprobe_success 1\n" in body, body[-500:]
        done += 1
        time.sleep(max(0.0, began + done / rate - time.monotonic()))
    return (cpu_s(process.pid) - cpu_before) / done * 1e6


@contextlib.contextmanager
def haproxy(folder, target, rate):
    """100 servers that are checked together `rate` times a second; no traffic."""
    servers = "\n".join(f"  server s{i} {target} check inter {int(100000 / rate)}" for i in range(100))
    (folder / "haproxy.cfg").write_text(f"""
global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
listen all
  bind 127.0.0.1:{free_port()}
  option httpchk
  http-check send meth GET uri /x/p1/v1/models ver HTTP/1.1 hdr Host x hdr Authorization "Bearer sim-bench-key-0123456789"
  http-check expect status 200
{servers}
""")
    with program(["haproxy", "-f", folder / "haproxy.cfg"]) as (process, _):
        time.sleep(3)
        yield process


def haproxy_cost(process, rate, seconds):
    before = cpu_s(process.pid)
    time.sleep(seconds)
    return (cpu_s(process.pid) - before) / (rate * seconds) * 1e6


def checks(folder):
    rate, count = 400, 400  # each provider once a second
    cert, key, bundle = certificate(folder)
    models = folder / "models.json"
    models.write_text(json.dumps(MODELS))
    rows = [("check", "CPU us", "peer", "its CPU us", "ratio", "wanted")]

    def compare(found, name, ours, peers):
        for peer, wanted in peers:
            rows.append((name, f"{statistics.median(found[ours]):.0f}", peer, f"{statistics.median(found[peer]):.0f}", f"{median_ratio(found, ours, peer):.2f}x", wanted))

    for name, arguments, peers in (("kept alive", [], [("bare curl", "<= 1.5x")]),
                                   ("fresh TCP", ["close"], [("bare curl", "<= 1.3x"), ("HAProxy", "<= 2.5x"), ("blackbox_exporter", "<= 0.2x")]),
                                   ("fresh TLS", ["close", cert, key], [("bare curl", "<= 1.2x"), ("blackbox_exporter", "<= 0.125x")])):
        tls = len(arguments) > 1
        with contextlib.ExitStack() as stack:
            _, target = stack.enter_context(program([BUILD / "bench-bare-server", models, *arguments], r"listening on (\S+)"))
            url = ("https://" if tls else "http://") + target
            sub = folder / name.replace(" ", "-")
            sub.mkdir(exist_ok=True)
            daemon, api = stack.enter_context(providerd(sub, count, url, interval="1s", jitter_percent=0, ca_bundle=str(bundle)))
            wait_all_checked(api, 2 * count)
            sides = {"ours": lambda: daemon_cost(api, daemon.pid, SECONDS), "bare curl": lambda: bare_cost(url + "/x/p1/v1/models", rate, SECONDS, *([bundle] if tls else []))}
            if any(peer == "blackbox_exporter" for peer, _ in peers):
                black, port = stack.enter_context(blackbox(sub, bundle))
                slow = 40 if tls else 200  # as fast as it can without filling the processor
                sides["blackbox_exporter"] = lambda: blackbox_cost(black, port, "https" if tls else "http", url + "/x/p1/v1/models", slow, SECONDS)
            if any(peer == "HAProxy" for peer, _ in peers):
                proxy = stack.enter_context(haproxy(sub, target, rate))
                sides["HAProxy"] = lambda: haproxy_cost(proxy, rate, SECONDS)
            compare(in_turns(sides), name, "ours", peers)
    print_table(f"Checks: CPU of one from its timer to its row in the database; {rate} a second", rows)


# -- with more and more providers


def grow(folder):
    models = folder / "models.json"
    models.write_text(json.dumps(MODELS))
    rows = [("providers", "CPU us/check", "of 10", "resident MB", "wanted")]
    first = None
    with program([BUILD / "bench-bare-server", models], r"listening on (\S+)") as (_, target):
        for count in (10, 1000, 10000):
            sub = folder / f"grow-{count}"
            sub.mkdir(exist_ok=True)
            with providerd(sub, count, "http://" + target, interval=f"{count * 10}ms", jitter_percent=0) as (daemon, url):
                wait_all_checked(url, 2 * count if count <= 1000 else count)
                round_s = max(SECONDS, count / 100)  # each is checked once
                found = [daemon_cost(url, daemon.pid, round_s) for _ in range(max(1, min(ROUNDS, int(60 / round_s))))]
                cost = statistics.median(found)
                first = first or cost
                rows.append((count, f"{cost:.0f}", f"{cost / first:.2f}x", f"{resident_mb(daemon.pid):.1f}", {10: "<= 12 MB at 20", 1000: "", 10000: "<= 1.2x, <= 150 MB"}[count]))
        print_table("Growth: 100 checks a second in all, kept alive", rows)
        minutes = float(os.environ.get("MINUTES", "1"))
        sub = folder / "grow-fast"
        sub.mkdir(exist_ok=True)
        with providerd(sub, 10000, "http://" + target, interval="5s") as (daemon, url):
            wait_all_checked(url, 30000)
            before, cpu_before, began, lags = health(url)["store"]["written"], cpu_s(daemon.pid), time.monotonic(), []
            while time.monotonic() - began < minutes * 60:
                time.sleep(1)
                lags.append(health(url)["probe_lag_ms"])
            took = time.monotonic() - began
            rate, share = (health(url)["store"]["written"] - before) / took, (cpu_s(daemon.pid) - cpu_before) / took
            lags.sort()
            print_table(f"10,000 providers every 5 s, for {minutes:g} min", [
                ("figure", "measured", "wanted"), ("checks a second", f"{rate:.0f}", "2000"), ("share of one core", f"{share:.2f}", "<= 0.35"),
                ("worst lag of each second, p50", f"{lags[len(lags) // 2]:.1f} ms", ""),
                ("worst lag of each second, p99", f"{lags[int(len(lags) * 0.99)]:.1f} ms", "<= 20 ms of all checks"), ("resident", f"{resident_mb(daemon.pid):.0f} MB", "<= 150 MB")])


# -- starting and reloading


def week_of_20():
    """Fills a database as history_fill.sql does, for the providers of MADE."""
    return (HERE / "history_fill.sql").read_text().replace("WHERE n < 999", "WHERE n < 19").replace("printf('provider%03d', n)", "printf('p%05d', n + 1)")


def start(folder):
    models = folder / "models.json"
    models.write_text(json.dumps(MODELS))
    rows = [("figure", "measured (median)", "wanted")]
    with program([BUILD / "bench-bare-server", models], r"listening on (\S+)") as (_, target):
        sub = folder / "start"
        sub.mkdir(exist_ok=True)
        with providerd(sub, 20, "http://" + target, interval="1h") as (daemon, url):
            wait_all_checked(url, 20)
            memory = resident_mb(daemon.pid)
        database = sub / "checks-20.db"
        with sqlite3.connect(database) as store:
            store.executescript(week_of_20())
        times = []
        for _ in range(ROUNDS + 4):
            began = time.monotonic()
            with providerd(sub, 20, "http://" + target, interval="1h") as (_, url):
                get(url, "/api/providers/status")
                times.append(time.monotonic() - began)
        rows.append(("resident, 20 providers", f"{memory:.1f} MB", "<= 12 MB"))
        rows.append(("start to first answer, 20 providers, 7 days of history", f"{statistics.median(times) * 1000:.0f} ms", "<= 100 ms"))
        sub = folder / "reload"
        sub.mkdir(exist_ok=True)
        with providerd(sub, 100, "http://" + target, interval="1h") as (daemon, url):
            wait_all_checked(url, 100)
            reloads = []
            for i in range(ROUNDS + 4):
                (sub / "providers/made.lua").write_text(MADE % (100, "http://" + target) + f"-- {i}\n")
                os.utime(sub / "providers/made.lua", (time.time() - 100 + i, time.time() - 100 + i))
                seen = health(url)["reloads"]
                cpu = time.monotonic()
                daemon.send_signal(signal.SIGHUP)
                while health(url)["reloads"] == seen:
                    time.sleep(0.001)
                reloads.append(time.monotonic() - cpu)
        rows.append(("SIGHUP to its effect, 100 providers, their script changed", f"{statistics.median(reloads) * 1000:.0f} ms", "<= 50 ms"))
    print_table("Starting and reloading", rows)


PARTS = {"serve": serve, "checks": checks, "grow": grow, "start": start}

if __name__ == "__main__":
    os.environ["PATH"] += ":/usr/sbin"
    chosen = sys.argv[2:] or list(PARTS)
    print(f"{ROUNDS} rounds of {SECONDS} s in turns; {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the begin")
    for part in chosen:
        with tempfile.TemporaryDirectory() as name:
            PARTS[part](pathlib.Path(name))
