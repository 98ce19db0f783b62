import pathlib

import pytest

from harness import REPO, Daemon, Simulator


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


@pytest.fixture
def simulator(tmp_path):
    running = Simulator(tmp_path)
    yield running
    assert running.end() == 0, running.log


@pytest.fixture
def providers(tmp_path):
    """An own folder of provider scripts, with the real libraries."""
    folder = tmp_path / "providers"
    folder.mkdir()
    (folder / "lib").symlink_to(REPO / "providers/lib")
    return folder


@pytest.fixture
def write_config(tmp_path):
    def write(**settings):
        defaults = {
            "listen": "127.0.0.1:0",
            "database": str(tmp_path / "provider_status.db"),
            "provider_paths": [str(REPO / "providers")],
            "plugin_paths": [str(REPO / "plugins")],
            "commit_interval": "50ms",
            "read_models": False,  # requests beside the checks; tests of them ask for them
            "status_pages": False,
            "adaptive": False,
            "providers": {},
        }
        if settings.get("quiet", True):  # without the g4f servers that are always watched
            names = ["g4f", "g4f_main", "g4f_groq", "g4f_grok", "g4f_gemini", "g4f_nvidia"]
            defaults["providers"] = {name: {"enabled": False} for name in names}
        settings.pop("quiet", None)
        defaults["providers"] = {**defaults["providers"], **settings.pop("providers", {})}
        path = tmp_path / "providerd.lua"
        path.write_text("return " + lua({**defaults, **settings}) + "\n")
        return path
    return write


@pytest.fixture
def daemon(write_config, tmp_path):
    """Starts daemons; each is stopped at the end, and must stop cleanly."""
    started = []

    def start(environment=None, config=None, arguments=(), before=(), **settings) -> Daemon:
        path = config or write_config(**settings)
        running = Daemon(pathlib.Path(path), environment, tmp_path, arguments, before)
        started.append(running)
        return running

    yield start
    for running in started:
        if not running.ended and running.process.poll() is None:
            running.stop()
