"""GET /metrics, /livez, /readyz: for Prometheus and for who gates on the daemon. promtool and prometheus are the real ones."""
import json
import re
import socket
import subprocess
import urllib.parse

import pytest

from harness import REPO, clean_environment, request, wait_for
from made import failing, good

MANY = {"fine": good(12.0, limits={1: {"unit": "requests", "window_s": 60, "limit": 100, "remaining": 20, "name": 'odd"\\name'}}),
        "bad": failing()}


def metrics(running, **headers):
    answer = request(running.url, "GET", "/metrics", headers=headers)
    assert answer.status == 200
    return answer


def samples(running):
    """Values by name and labels, as they are written."""
    lines = metrics(running).body.decode().splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


def test_promtool_finds_nothing_to_complain_of(made):
    running = made(MANY, max_consecutive_failures=1)
    running.post("/api/providers/report", json.dumps([{"provider": "fine", "status": 200}, {"provider": "fine", "status": 429}]))
    wait_for(lambda: 'providerd_cooling{provider="fine"}' in samples(running))
    checked = subprocess.run(["promtool", "check", "metrics"], input=metrics(running).body, capture_output=True)
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, b"")


@pytest.mark.tsan
def test_they_say_what_the_answers_say(made):
    running = made(MANY, max_consecutive_failures=1)
    wait_for(lambda: samples(running).get('providerd_best{provider="fine"}') == "1")
    found = samples(running)
    assert found['providerd_up{provider="fine"}'] == "1"
    assert found['providerd_up{provider="bad"}'] == "0"
    assert found['providerd_provider_status{provider="bad",status="down"}'] == "1"
    assert found['providerd_provider_status{provider="bad",status="healthy"}'] == "0"
    assert found['providerd_probes_total{provider="fine",result="up"}'] == "1"
    assert found['providerd_probes_total{provider="bad",result="failed"}'] == "1"
    assert found['providerd_probe_duration_seconds_bucket{provider="fine",le="0.025"}'] == "1"
    assert found['providerd_probe_duration_seconds_bucket{provider="fine",le="+Inf"}'] == "1"
    assert float(found['providerd_probe_duration_seconds_sum{provider="fine"}']) == pytest.approx(0.012)
    assert found['providerd_probe_duration_seconds_count{provider="bad"}'] == "0", "how long a failure took says something of the timeout"
    assert found['providerd_uptime_ratio{provider="fine"}'] == "1"
    labels = 'provider="fine",key="0",unit="requests",window_seconds="60",limit="odd\\"\\\\name"'
    assert found[f"providerd_rate_limit_remaining{{{labels}}}"] == "20"
    assert float(found[f"providerd_rate_limit_used_ratio{{{labels}}}"]) == pytest.approx(0.8)
    assert found["providerd_store_writable"] == "1"
    assert float(found["process_resident_memory_bytes"]) > 1e6
    assert found["providerd_reloads_total"] == "0"


def test_reloads_and_their_faults_are_counted(made, providers):
    running = made({"a": good(1.0)})
    assert running.reload()
    (providers / "broken.lua").write_text("return {")
    assert not running.reload()
    found = samples(running)
    assert (found["providerd_reloads_total"], found["providerd_last_reload_successful"]) == ("1", "0")


def test_both_formats(made):
    running = made({"a": good(1.0)})
    plain, open_metrics = metrics(running), metrics(running, Accept="application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert b"# TYPE providerd_probes_total counter" in plain.body and b"# EOF" not in plain.body
    assert open_metrics.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert b"# TYPE providerd_probes counter" in open_metrics.body and open_metrics.body.endswith(b"\n# EOF\n")
    assert b'le="1.0"' in open_metrics.body


@pytest.fixture
def prometheus(tmp_path):
    """A real one that scrapes a daemon; gives what asks it."""
    started = []

    def start(running):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        config = (REPO / "etc/prometheus/prometheus.yml").read_text().replace("127.0.0.1:8000", running.url.removeprefix("http://"))
        (tmp_path / "prometheus.yml").write_text(config.replace("15s", "500ms"))
        (tmp_path / "providerd.rules.yml").write_text((REPO / "etc/prometheus/providerd.rules.yml").read_text())
        started.append(subprocess.Popen(["prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/tsdb",
                                         f"--web.listen-address=127.0.0.1:{port}"], env=clean_environment(), cwd=tmp_path,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

        def ask(query):
            try:
                answer = request(f"http://127.0.0.1:{port}", "GET", "/api/v1/query?query=" + urllib.parse.quote(query))
            except OSError:
                return None
            assert answer.status != 400, answer.body
            return answer.json["data"]["result"] if answer.status == 200 else None
        return ask
    yield start
    for process in started:
        process.terminate()
        process.wait()


def by_provider(result):
    return {found["metric"].get("provider"): found["value"][1] for found in result or []}


def test_a_real_prometheus_scrapes_it(made, prometheus):
    ask = prometheus(made(MANY, max_consecutive_failures=1))
    assert wait_for(lambda: by_provider(ask("providerd_up"))) == {"fine": "1", "bad": "0"}
    assert by_provider(ask("histogram_quantile(0.5, sum by (le, provider) (providerd_probe_duration_seconds_bucket))"))["fine"]
    assert by_provider(ask('up{job="providerd"}')) == {None: "1"}


def test_the_dashboard_for_grafana_asks_for_what_there_is(made, prometheus):
    running = made(MANY, {"ALERT_WEBHOOK_URL": "http://127.0.0.1:1/"}, max_consecutive_failures=1, alerts={"oncall": {"use": "webhook"}})
    ask = prometheus(running)
    families = set(re.findall(r"^# TYPE (\w+)", metrics(running).body.decode(), re.M))
    dashboard = json.loads((REPO / "etc/grafana/providerd.json").read_text())
    targets = [(panel["title"], target["expr"]) for panel in dashboard["panels"] for target in panel.get("targets", [])]
    assert len(targets) > 20 and len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    wait_for(lambda: by_provider(ask("providerd_up")))
    empty = set()
    for title, query in targets:
        for name in re.findall(r"\b(?:providerd|process)_\w+", query):
            assert name in families or re.sub(r"_(?:bucket|sum|count)$", "", name) in families, (title, name)
        query = query.replace("$job", "providerd").replace("$provider", ".+").replace("$__rate_interval", "1m")
        if not ask(query):
            empty.add(title)
    assert empty <= {"Time to first token", "Tokens per second", "Clients' calls of 5 minutes", "Script errors", "Latency, p95 of good checks",
                     "Failed checks, share", "Checks a second", "Store", "Time in Lua", "Memory and CPU"}, "rates need two scrapes, some need traffic"
    states = by_provider(ask(targets[[title for title, _ in targets].index("States")][1].replace("$job", "providerd").replace("$provider", ".+")))
    assert states == {"fine": "1", "bad": "3"}


def test_the_delivered_rules_are_sound():
    checked = subprocess.run(["promtool", "check", "rules", REPO / "etc/prometheus/providerd.rules.yml"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    assert "6 rules found" in checked.stdout


# -- gates


def test_it_lives_and_is_ready_once_all_were_checked(providers, daemon):
    (providers / "slow.lua").write_text("""return { name = "slow", base_url = "http://slow.test:9", timeout = "60s",
        probe = function() return http.get(env "HANGS") end }""")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        running = daemon({"HANGS": f"http://127.0.0.1:{silent.getsockname()[1]}/"}, provider_paths=[str(providers)], interval="30d")
        assert running.get("/livez").body == b"ok\n"
        answer = running.get("/readyz")
        assert (answer.status, answer.json["detail"]) == (503, "not ready: 0 of 1 providers were checked")
        silent.accept()[0].close()
        wait_for(lambda: running.get("/readyz").status == 200)


def test_a_provider_that_is_down_does_not_make_it_unready(made):
    running = made({"a": failing()}, max_consecutive_failures=1)
    assert running.get("/readyz").status == 200


def test_nothing_configured_is_not_ready(providers, daemon):
    running = daemon(provider_paths=[str(providers)])
    answer = running.get("/readyz")
    assert (answer.status, answer.json["detail"]) == (503, "not ready: 0 of 0 providers were checked; none is configured")


def test_time_in_lua_and_faults_of_scripts_are_told_by_file(made, providers, tmp_path):
    plugins = tmp_path / "plugins"
    (plugins / "policies").mkdir(parents=True)
    (plugins / "policies/broken.lua").write_text("return { rank = function() error 'no idea' end }")
    (providers / "faulty.lua").write_text('return { name = "faulty", base_url = "http://127.0.0.1:1", probe = function() error "oh dear" end }')
    running = made({"fine": good(1.0)}, policy="broken", plugin_paths=[str(plugins)])
    running.wait_for_provider("faulty", lambda entry: entry["last_check"] != "never")
    running.get("/api/providers/best")
    health = wait_for(lambda: len((found := running.get("/api/providers/health").json)["script_errors"]) == 2 and found)
    faulty, policy = health["script_errors"]
    assert faulty["file"].endswith("/faulty.lua") and "faulty.lua:1: oh dear" in faulty["message"] and faulty["errors"] == 1
    assert policy["file"].endswith("/broken.lua") and "no idea" in policy["message"] and policy["errors"] >= 1
    assert 0 <= health["loop_lag_ms"] <= health["probe_lag_ms"] < 10000
    found = samples(running)
    assert found[f'providerd_script_errors_total{{file="{faulty["file"]}"}}'] == "1"
    assert found[f'providerd_script_errors_total{{file="{providers}/made.lua"}}'] == "0"
    for file in (faulty["file"], policy["file"], f"{providers}/made.lua"):
        assert int(found[f'providerd_lua_runs_total{{file="{file}"}}']) > 0
    assert float(found[f'providerd_lua_seconds_total{{file="{providers}/made.lua"}}']) < 10


def test_what_alerts_have_still_to_tell(made):
    running = made(MANY, {"ALERT_WEBHOOK_URL": "http://127.0.0.1:1/"}, max_consecutive_failures=1,
                   alerts={"oncall": {"use": "webhook", "after": "0s", "group": "0s"}})
    wait_for(lambda: samples(running).get('providerd_alert_waiting_items{alert="oncall"}') == "1")
    assert samples(running)['providerd_alert_messages_total{alert="oncall"}'] == "0"
