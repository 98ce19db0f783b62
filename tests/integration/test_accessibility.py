"""The pages as axe-core sees them: nothing of WCAG 2.2, levels A and AA, nor of its best practices, is broken."""
import os
import pathlib

import pytest

from browsing import Page, browser
from harness import BINARY, REPO
from made import failing, good

SPECS = {"alpha": failing(), "beta": good(2.0, limits={1: {"unit": "requests", "window_s": 60, "limit": 100, "remaining": 20}}), "gamma": good(2000.0)}
PAGES = ["/", "/#/provider/alpha", "/#/provider/beta", "/status"]

pytestmark = pytest.mark.skipif(not os.environ.get("AXE_CORE"), reason="AXE_CORE names no axe.min.js")


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("browser")) as started:
        yield started


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing(made, driver, path, theme):
    running = made(SPECS, max_consecutive_failures=1, plugin_paths=[str(REPO / "plugins"), str(BINARY.parent / "plugins")],
                   public_page={"providers": ["*"], "latency": True, "incidents": True})
    page = Page(driver, running.url).open(path)
    page.wait("main", "down" if "beta" not in path else "requests")
    page.run("(document.documentElement.dataset.theme = arguments[0], 0)", theme)
    driver.execute_script(pathlib.Path(os.environ["AXE_CORE"]).read_text())
    found = driver.execute_async_script("const done = arguments[0]; axe.run().then((result) => done(result.violations))")
    told = [f"{fault['id']}: {fault['help']}: {[node['html'][:150] for node in fault['nodes']]}" for fault in found]
    assert told == []
