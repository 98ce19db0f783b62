import functools
import pathlib

import pytest

from harness import REPO, Daemon, Simulator, write_settings


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
    return functools.partial(write_settings, tmp_path)


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
