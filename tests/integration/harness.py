"""Runs the daemon and the simulator for the tests, and talks to them.

Nothing here sleeps for an event that can be waited for: output lines are read by a thread that signals, and conditions of
the daemon are polled with a bound.
"""
import datetime
import http.client
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time
from dataclasses import dataclass

REPO = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("PROVIDERD_BINARY", REPO / "build-asan/providerd"))
SIMULATOR = pathlib.Path(os.environ.get("PROVIDERD_SIMULATOR", REPO / "build-asan/provider-simulator"))
PATIENCE_S = 30  # for anything that is expected to happen


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


def request(url, method, path, body=None, headers=None, timeout=PATIENCE_S):
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=timeout)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        received = response.read()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, received)
    finally:
        connection.close()


def milliseconds_now():
    """The wall clock as answers write it; two such texts compare as their times do."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def wait_for(condition, what="the condition", timeout=PATIENCE_S):
    """The first true value of condition(), polled; fails after the timeout."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come about within {timeout} s")
        time.sleep(0.02)


def clean_environment(extra=None):
    """Only what programs need to run, what sanitizers are told, and what the test gives."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "TMPDIR") or k.endswith("SAN_OPTIONS")}
    kept.setdefault("LSAN_OPTIONS", f"suppressions={REPO}/tests/sanitizers/lsan.supp:print_suppressions=0")
    return {**kept, "HOME": "/nonexistent", **(extra or {})}


def without_file_privileges():
    """What to put before a program, so that the permissions of files hold for it even when root runs the tests."""
    capabilities = "-dac_override,-dac_read_search"
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--bounding-set={capabilities}", f"--inh-caps={capabilities}"]


def lua(value):
    """A Python value as Lua source."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"[{lua(k)}] = {lua(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "{" + ", ".join(lua(v) for v in value) + "}"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def write_settings(folder, quiet=True, **settings):
    """Writes a configuration for tests: these settings, and defaults that keep the daemon to the checks of its providers."""
    defaults = {
        "listen": "127.0.0.1:0",
        "database": str(folder / "provider_status.db"),
        "provider_paths": [str(REPO / "providers")],
        "plugin_paths": [str(REPO / "plugins")],
        "commit_interval": "50ms",
        "read_models": False,  # requests beside the checks; tests of them ask for them
        "status_pages": False,
        "adaptive": False,
        "providers": {},
    }
    if quiet:  # without the g4f servers that are always watched
        names = ["g4f", "g4f_main", "g4f_groq", "g4f_grok", "g4f_gemini", "g4f_nvidia"]
        defaults["providers"] = {name: {"enabled": False} for name in names}
    defaults["providers"] = {**defaults["providers"], **settings.pop("providers", {})}
    path = folder / "providerd.lua"
    path.write_text("return " + lua({**defaults, **settings}) + "\n")
    return path


class Process:
    """A program whose output is read line by line."""

    def __init__(self, arguments, environment=None, cwd=None):
        self.process = subprocess.Popen([str(a) for a in arguments], env=clean_environment(environment), cwd=cwd,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        self.lines = []
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.lines.append(None)
            self.changed.notify_all()

    @property
    def log(self):
        return "\n".join(line for line in self.lines if line is not None)

    def wait_for_line(self, pattern, after=0):
        """The match of the first line (from number `after` on) that the pattern is found in."""
        end = time.monotonic() + PATIENCE_S
        with self.changed:
            while True:
                for line in self.lines[after:]:
                    found = line is not None and re.search(pattern, line)
                    if found:
                        return found
                if None in self.lines or not self.changed.wait(end - time.monotonic()):
                    raise AssertionError(f"no line with {pattern!r} in:\n{self.log}")

    def end(self, signal_number=signal.SIGTERM, within=PATIENCE_S):
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        status = self.process.wait(within)
        self.reader.join(within)
        return status


class Daemon(Process):
    def __init__(self, config, environment=None, cwd=None, arguments=(), before=()):
        super().__init__([*before, BINARY, "-c", config, *arguments], environment, cwd)
        self.url = self.wait_for_line(r"listening on (http://\S+)").group(1)
        self.ended = False

    def get(self, path, **headers):
        return request(self.url, "GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def post(self, path, body=None):
        return request(self.url, "POST", path, body=body)

    def provider(self, name):
        return self.get("/api/providers/status").json["providers"].get(name)

    def wait_for_provider(self, name, condition):
        """The provider's entry, once it satisfies the condition."""
        def look():
            entry = self.provider(name)
            return entry if entry and entry["last_check"] != "never" and condition(entry) else None
        try:
            return wait_for(look, f"{name}'s state")
        except AssertionError as error:
            raise AssertionError(f"{error}; it is {self.provider(name)}\n{self.log}") from None

    def check(self, name):
        """Checks a provider now and gives its entry after that check."""
        before = self.provider(name)["last_check"]
        wait_for(lambda: before == "never" or milliseconds_now() > before, "the millisecond after the last check")
        assert self.post(f"/api/providers/check/{name}").status == 202
        return self.wait_for_provider(name, lambda entry: entry["last_check"] != before)

    def reload(self):
        """Sends SIGHUP; whether the new generation was taken into service. Answers tell of it from then on."""
        mark, before = len(self.lines), self.last_reload()
        self.process.send_signal(signal.SIGHUP)
        taken = "reloaded" in self.wait_for_line(r"reloaded in|reload refused", mark).group(0)
        wait_for(lambda: self.last_reload() != before, "an answer that tells of the reload")
        return taken

    def last_reload(self):
        return self.get("/api/providers/health").json["last_reload"]

    def stop(self):
        """Ends it as a service manager does; it must end cleanly, without a sanitizer's report."""
        began = time.monotonic()
        status = self.end()
        self.ended = True
        assert status == 0, f"exit status {status}\n{self.log}"
        assert "Sanitizer" not in self.log and "runtime error" not in self.log, self.log
        return time.monotonic() - began


class Simulator(Process):
    def __init__(self, folder, *arguments):
        self.env_file = folder / "simulator.env"
        self.ca = folder / "ca.pem"
        super().__init__([SIMULATOR, "--listen", "127.0.0.1:0", "--tls", "127.0.0.1:0", "--tls-expired", "127.0.0.1:0",
                          "--tls-self-signed", "127.0.0.1:0", "--ca-out", self.ca, "--env-out", self.env_file,
                          *arguments])
        self.url = self.wait_for_line(r"simulator: http on (http://\S+)").group(1)
        self.tls = {kind: self.wait_for_line(rf"simulator: {kind} on (https://\S+)").group(1)
                    for kind in ("tls", "tls-expired", "tls-self-signed")}
        pairs = (line.split("=", 1) for line in self.env_file.read_text().splitlines())
        self.environment = {name: value.strip("'") for name, value in pairs}

    def behave(self, name, behaviour):
        assert request(self.url, "PUT", f"/_sim/behaviour/{name}", body=behaviour).status < 300

    def answer(self, name, status=200, headers=None, body="", **conditions):
        """Tells NAME what to answer, to which `path` and `method`, how many `times`."""
        told = {"status": status, "headers": headers or {}, "body": body, **conditions}
        assert request(self.url, "PUT", f"/_sim/answers/{name}", body=json.dumps(told)).status < 300

    def forget_answers(self, name):
        assert request(self.url, "DELETE", f"/_sim/answers/{name}").status < 300

    def requests(self, name):
        return request(self.url, "GET", f"/_sim/requests?provider={name}").json

    def stats(self):
        return request(self.url, "GET", "/_sim/stats").json["providers"]

    def base(self, name):
        return f"{self.url}/x/{name}/v1"

    def generic(self, *names):
        """The environment of OpenAI-compatible providers of these names."""
        environment = {}
        for name in names:
            environment[f"{name.upper()}_API_BASE"] = self.base(name)
            environment[f"{name.upper()}_API_KEY"] = f"sim-{name}-key-0123456789"
        return environment
