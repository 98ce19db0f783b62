"""Is it them, or is it us? Failures of this machine and its network say nothing about providers."""
import contextlib
import signal
import socket
import sqlite3
import subprocess
import time

import pytest

from harness import SIMULATOR, Process, request, wait_for
from observing import history, moment

NAMES = [f"n{i}" for i in range(1, 7)]


def free_port():
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        return taken.getsockname()[1]


class Hosts(Process):
    """A simulator that answers on every loopback address, so that each provider has a host of its own."""

    def __init__(self, port):
        super().__init__([SIMULATOR, "--listen", f"0.0.0.0:{port}"])
        self.wait_for_line(r"simulator: http on ")
        self.port, self.url = port, f"http://127.0.0.1:{port}"

    def behave(self, name, behaviour):
        assert request(self.url, "PUT", f"/_sim/behaviour/{name}", body=behaviour).status < 300

    def environment(self, names=NAMES):
        """Each at an address of its own; that of n5 is 127.0.1.5."""
        environment = {}
        for name in names:
            environment[f"{name.upper()}_API_BASE"] = f"http://127.0.1.{name[1:]}:{self.port}/x/{name}/v1"
            environment[f"{name.upper()}_API_KEY"] = f"sim-{name}-key-0123456789"
        return environment


@pytest.fixture
def hosts():
    running = []

    def start(port=None):
        running.append(Hosts(port or free_port()))
        return running[-1]

    yield start
    for simulator in running:
        if simulator.process.poll() is None:
            assert simulator.end() == 0, simulator.log


@pytest.fixture
def watch(daemon):
    def start(environment, names=NAMES, **settings):
        quick = {"interval": "1s", "quick_interval": "300ms", "timeout": "2s", "jitter_percent": 0}
        running = daemon(environment, **{**quick, **settings})
        for name in names:
            running.wait_for_provider(name, lambda entry: entry["status"] == "healthy")
        return running
    return start


def gone(name):
    """The environment that moves a provider to a port that nobody listens on."""
    return f"http://127.0.1.{name[1:]}:{free_port()}/v1"


def entries(running, names=NAMES):
    found = running.get("/api/providers/status").json["providers"]
    return [found[name] for name in names]


def all_local(running, names=NAMES):
    return all((entry["status"], entry["reason"]) == ("unknown", "local") for entry in entries(running, names))


def rows_since(running, name, when):
    return [row for row in history(running, name) if moment(row["timestamp"]) >= when]


@pytest.mark.tsan
def test_when_all_fail_at_once_it_is_us_and_it_passes(hosts, watch):
    simulator = hosts()
    running = watch(simulator.environment())
    simulator.end(signal.SIGKILL)
    wait_for(lambda: all_local(running), "the reason local for all")
    for entry in entries(running):
        assert (entry["error_kind"], entry["consecutive_failures"], entry["uptime_percent"]) == ("local", 0, 100.0)
        assert "unrelated providers failed alike" in entry["error_message"]
    again = [entry["last_check"] for entry in entries(running)]
    wait_for(lambda: all(entry["last_check"] > last for entry, last in zip(entries(running), again)), "further checks")
    assert all_local(running)
    back = time.time()
    hosts(simulator.port)
    wait_for(lambda: all(entry["status"] == "healthy" for entry in entries(running)), "everyone's health", timeout=3)
    for name, entry in zip(NAMES, entries(running)):
        assert (entry["consecutive_failures"], entry["uptime_percent"], entry["error_message"]) == (0, 100.0, "")
        rows = wait_for(lambda: (lambda rows: rows if rows and rows[-1]["reason"] == "ok" and moment(
            rows[-1]["timestamp"]) > back else None)(history(running, name)), "the row of the recovery")
        assert {(row["status"], row["reason"], row["error_kind"]) for row in rows} == {
            ("healthy", "ok", None), ("unknown", "local", "local")}


def test_one_of_many_that_fails_is_at_fault_at_once(hosts, watch, write_config):
    simulator = hosts()
    running = watch(simulator.environment(), interval="1h")
    mark = running.provider("n1")["last_check"]
    write_config(interval="1h", quick_interval="300ms", jitter_percent=0, providers={"n1": {"base_url": gone("n1")}})
    assert running.reload()
    assert running.post("/api/providers/check/n1").status == 202
    first = running.wait_for_provider("n1", lambda entry: entry["last_check"] != mark)
    assert (first["status"], first["reason"]) == ("degraded", "connect")
    down = running.wait_for_provider("n1", lambda entry: entry["status"] == "down")
    assert (down["reason"], down["consecutive_failures"]) == ("connect", 3)
    assert {row["reason"] for row in history(running, "n1")} <= {"ok", "connect"}
    # Whoever was asked whether it is us is well.
    assert all(entry["status"] == "healthy" for entry in entries(running, NAMES[1:]))


def test_several_that_fail_by_themselves_are_at_fault_while_others_answer(hosts, watch, write_config):
    simulator = hosts()
    running = watch(simulator.environment())
    broken, sound = NAMES[:3], NAMES[3:]
    write_config(interval="1s", quick_interval="300ms", jitter_percent=0,
                 providers={name: {"base_url": gone(name)} for name in broken})
    assert running.reload()
    for name in broken:
        entry = running.wait_for_provider(name, lambda entry: entry["status"] == "down")
        assert entry["reason"] == "connect"
    for name in broken:  # and it stays so
        last = running.provider(name)["last_check"]
        for _ in range(2):
            entry = running.wait_for_provider(name, lambda entry: entry["last_check"] > last)
            assert (entry["status"], entry["reason"]) == ("down", "connect")
            last = entry["last_check"]
    for name in broken:
        assert "local" not in {row["reason"] for row in rows_since(running, name, moment(last) - 1)}
    assert all(entry["status"] == "healthy" for entry in entries(running, sound))


def test_a_witness_that_cannot_be_reached_shows_that_it_is_us(hosts, watch, write_config):
    simulator = hosts()
    witness = f"http://127.0.2.1:{free_port()}/"
    running = watch(simulator.environment(["n1"]), ["n1"], interval="1h", witnesses=[witness])
    settings = dict(interval="1h", quick_interval="300ms", jitter_percent=0, witnesses=[witness])
    write_config(**settings, providers={"n1": {"base_url": gone("n1")}})
    assert running.reload()
    running.post("/api/providers/check/n1")
    entry = running.wait_for_provider("n1", lambda entry: entry["status"] != "healthy")
    assert (entry["status"], entry["reason"], entry["consecutive_failures"]) == ("unknown", "local", 0)
    assert "witness" in entry["error_message"]


def test_a_witness_that_answers_shows_that_it_is_them(hosts, watch, write_config):
    simulator = hosts()
    witness = f"http://127.0.2.1:{simulator.port}/x/witness/v1/models"  # 401 is an answer, too
    running = watch(simulator.environment(["n1"]), ["n1"], interval="1h", witnesses=[witness])
    settings = dict(interval="1h", quick_interval="300ms", jitter_percent=0, witnesses=[witness])
    write_config(**settings, providers={"n1": {"base_url": gone("n1")}})
    assert running.reload()
    running.post("/api/providers/check/n1")
    entry = running.wait_for_provider("n1", lambda entry: entry["status"] != "healthy")
    assert (entry["status"], entry["reason"], entry["consecutive_failures"]) == ("degraded", "connect", 1)
    asked = request(simulator.url, "GET", "/_sim/requests?provider=witness").json
    assert asked and all("authorization" not in {key.lower() for key in one["headers"]} for one in asked)


def test_a_machine_that_stood_still_is_not_the_providers_fault(hosts, watch):
    simulator = hosts()
    running = watch(simulator.environment(["n1", "n2"]), ["n1", "n2"], interval="1h", timeout="2s")
    simulator.behave("n1", "hang")
    running.post("/api/providers/check/n1")
    wait_for(lambda: request(simulator.url, "GET", "/_sim/stats").json["providers"]["n1"]["in_flight"] == 1, "the check")
    running.process.send_signal(signal.SIGSTOP)
    time.sleep(4)  # what is tested: time that passes while nothing runs
    running.process.send_signal(signal.SIGCONT)
    running.wait_for_line(r"this machine stumbled: nothing ran for [34]\.\d s")
    entry = running.wait_for_provider("n1", lambda entry: entry["status"] != "healthy")
    assert (entry["status"], entry["reason"], entry["consecutive_failures"]) == ("unknown", "local", 0)
    assert "this machine stood still meanwhile" in entry["error_message"] and entry["uptime_percent"] == 100.0
    simulator.behave("n1", "ok")
    running.wait_for_provider("n1", lambda entry: entry["status"] == "healthy")


LOST = [f"n{i}" for i in range(1, 5)]


def lost_environment():
    environment = {}
    for name in LOST:
        environment[f"{name.upper()}_API_BASE"] = f"http://{name}.providers.invalid/v1"
        environment[f"{name.upper()}_API_KEY"] = f"sim-{name}-key-0123456789"
    return environment


def test_names_that_cannot_be_looked_up_do_not_make_local_ones_suspect(hosts, daemon):
    """Names under .invalid are not loopback: they are judged among themselves, whatever the local ones do."""
    simulator = hosts()
    running = daemon({**lost_environment(), **simulator.environment(["n9"])}, interval="1s", quick_interval="300ms",
                     timeout="5s")
    wait_for(lambda: all_local(running, LOST), "the reason local for all names")
    entry = running.wait_for_provider("n9", lambda entry: True)
    assert entry["status"] == "healthy"
    last = entry["last_check"]
    assert running.wait_for_provider("n9", lambda entry: entry["last_check"] > last)["status"] == "healthy"


def has_namespaces():
    return subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode == 0


@pytest.mark.skipif(not has_namespaces(), reason="no network namespaces for this user")
def test_without_a_network_nobody_is_at_fault(daemon, tmp_path):
    """In a namespace without an interface, addresses cannot be reached and names cannot be looked up. The daemon cannot be
    reached there either, so its history tells."""
    environment = lost_environment()
    for i, name in enumerate(("m1", "m2", "m3"), 1):
        environment[f"{name.upper()}_API_BASE"] = f"http://192.0.2.{i}/v1"
        environment[f"{name.upper()}_API_KEY"] = f"sim-{name}-key-0123456789"
    names = {*LOST, "m1", "m2", "m3"}
    daemon(environment, before=["unshare", "-rn"], interval="1s", quick_interval="300ms", timeout="5s")

    def recorded():
        with contextlib.closing(sqlite3.connect(f"file:{tmp_path}/provider_status.db?mode=ro", uri=True)) as database:
            return database.execute("SELECT provider_name, status, reason, error_kind, ok, consecutive_failures"
                                    " FROM provider_health_checks").fetchall()

    rows = wait_for(lambda: (lambda rows: rows if {row[0] for row in rows} == names else None)(recorded()), "rows of all")
    assert {row[1:] for row in rows} == {("unknown", "local", "local", None, 0)}
