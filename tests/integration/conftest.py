import functools
import pathlib
import time

import pytest

from harness import REPO, Daemon, Simulator, wait_for, write_settings
from made import script

TEST_TAKES_AT_MOST_S = 90


@pytest.fixture
def simulator(tmp_path):
    running = Simulator(tmp_path)
    yield running
    assert running.end() == 0, running.log


@pytest.fixture
def one_utc_day():
    """The test counts by days: it does not begin when one is about to end."""
    wait_for(lambda: 86400 - time.time() % 86400 > TEST_TAKES_AT_MOST_S, "midnight", TEST_TAKES_AT_MOST_S + 10)


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


@pytest.fixture
def made(providers, daemon):
    """A daemon with providers of these specs; each is checked once before it is handed over."""
    def start(specs, environment=None, **settings):
        (providers / "made.lua").write_text(script(specs))
        settings = {"interval": "30d", "jitter_percent": 0, "witnesses": [], **settings}
        running = daemon(environment, provider_paths=[str(providers)], **settings)
        for name, spec in specs.items():
            running.wait_for_provider(name, lambda entry: entry["last_check"] != "never"
                                      and ("models" not in spec or entry["model_count"] is not None))
        return running
    return start
