"""As a service: what systemd is told, sockets that it hands over, the unit's hardening, and no core dumps."""
import json
import os
import re
import signal
import socket
import subprocess
import sys

import pytest

from harness import REPO
from made import failing, good, script

SPECS = {"fine": good(1.0), "bad": failing()}


class Manager:
    """The end of NOTIFY_SOCKET that systemd has (sd_notify(3))."""

    def __init__(self, folder):
        self.path = str(folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(30)
        self.told = []

    def wait_for(self, pattern):
        while True:
            for at, text in enumerate(self.told):
                if found := re.search(pattern, text, re.M):
                    del self.told[:at + 1]
                    return found
            self.told.append(self.socket.recv(4096).decode())


@pytest.fixture
def manager(tmp_path):
    running = Manager(tmp_path)
    yield running
    running.socket.close()


@pytest.fixture
def folder(providers):
    (providers / "made.lua").write_text(script(SPECS))
    return str(providers)


def settings(folder):
    return {"provider_paths": [folder], "interval": "30d", "witnesses": [], "max_consecutive_failures": 1}


def test_it_tells_when_it_is_ready_reloads_and_stops(folder, daemon, manager):
    running = daemon({"NOTIFY_SOCKET": manager.path}, **settings(folder))
    manager.wait_for("^READY=1$")
    manager.wait_for("^STATUS=Watching 2 providers: 1 up, 1 down; best: fine$")
    running.process.send_signal(signal.SIGHUP)
    assert int(manager.wait_for(r"^RELOADING=1\nMONOTONIC_USEC=(\d+)$").group(1)) > 0
    manager.wait_for("^READY=1$")
    running.stop()
    manager.wait_for("^STOPPING=1$")


def test_the_watchdog_hears_of_it_while_its_loops_turn(folder, daemon, manager):
    running = daemon({"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "400000"}, **settings(folder))
    for _ in range(3):
        manager.wait_for("^WATCHDOG=1$")
    running.process.send_signal(signal.SIGSTOP)
    manager.socket.settimeout(1)
    try:
        with pytest.raises(TimeoutError):
            while True:
                manager.told.clear()
                manager.socket.recv(4096)
    finally:
        running.process.send_signal(signal.SIGCONT)
    manager.socket.settimeout(30)
    manager.wait_for("^WATCHDOG=1$")


HAND_OVER = """
import os, socket, sys
listener = socket.socket()
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen()
os.dup2(listener.fileno(), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


def test_a_socket_of_the_service_manager_is_taken(folder, write_config, daemon, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = daemon(before=[sys.executable, "-c", HAND_OVER, str(port)], listen=f"127.0.0.1:{port}", **settings(folder))
    assert running.url == f"http://127.0.0.1:{port}"
    assert running.get("/livez").status == 200
    assert running.reload()
    assert running.get("/livez").status == 200


def test_a_socket_for_another_address_is_left_alone(folder, daemon):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    running = daemon(before=[sys.executable, "-c", HAND_OVER, str(port)], **settings(folder))
    assert running.url != f"http://127.0.0.1:{port}"
    assert running.get("/livez").status == 200


# -- memory


def is_dumpable(pid):
    """Whether others of the same user may look into it: its entries in /proc are root's otherwise, which for root says nothing."""
    limits = open(f"/proc/{pid}/limits").read()
    return re.search(r"^Max core file size +(\S+)", limits, re.M).group(1) != "0"


def test_a_crash_leaves_no_core_dump(folder, daemon, tmp_path):
    running = daemon(**settings(folder))
    assert not is_dumpable(running.process.pid)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_nobody_of_the_same_user_may_read_its_environment(folder, daemon, tmp_path):
    for path in [tmp_path, *tmp_path.parents][:-2]:
        path.chmod(path.stat().st_mode | 0o055)
    tmp_path.chmod(0o777)
    before = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    running = daemon({"GROQ_API_KEY": "gsk_0123456789abcdef"}, before=before, database=str(tmp_path / "nobody.db"), **settings(folder))
    environ = f"/proc/{running.process.pid}/environ"
    looked = subprocess.run([*before, "cat", environ], capture_output=True, text=True)
    assert (looked.returncode, looked.stdout) == (1, "")
    assert "Permission denied" in looked.stderr


# -- the unit


def test_the_unit_is_sound_and_well_confined(tmp_path):
    unit = tmp_path / "providerd.service"
    unit.write_text((REPO / "etc/providerd.service").read_text().replace("/usr/bin/providerd", "/bin/true"))
    (tmp_path / "providerd.socket").write_text((REPO / "etc/providerd.socket").read_text())
    verified = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit), str(tmp_path / "providerd.socket")], capture_output=True, text=True)
    assert "providerd." not in verified.stderr, verified.stderr
    found = subprocess.run(["systemd-analyze", "security", "--offline=true", "--json=short", str(unit)], capture_output=True, text=True)
    told = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=15", str(unit)], capture_output=True, text=True)
    assert told.returncode == 0, told.stdout[-2000:] + found.stderr
    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", told.stdout).group(1)
    assert float(exposure) <= 1.5
    assert json.loads(found.stdout)
