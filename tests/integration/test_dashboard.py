"""The dashboard: how its files are served, and what a browser makes of them."""
import gzip
import json

import pytest

from browsing import Page, browser
from harness import BINARY, REPO, request, wait_for
from made import failing, good

FILES = sorted(path.name for path in (REPO / "plugins/dashboard").iterdir() if path.suffix in (".js", ".css", ".svg", ".html"))
WITH_CHARTS = {"plugin_paths": [str(REPO / "plugins"), str(BINARY.parent / "plugins")]}
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


# -- as files


def ask(running, path, **headers):
    return request(running.url, "GET", path, headers={key.replace("_", "-"): value for key, value in headers.items()})


def test_browsers_get_the_page_and_programs_the_routes(made):
    running = made({"a": good(1.0)})
    assert b"<!doctype html>" in ask(running, "/", **HTML).body
    assert ask(running, "/").json["routes"]
    assert b"<!doctype html>" in ask(running, "/dashboard/").body


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_served_as_it_is(made, name):
    running = made({"a": good(1.0)})
    answer = ask(running, f"/dashboard/{name}")
    content = (REPO / "plugins/dashboard" / name).read_bytes()
    assert (answer.status, answer.body) == (200, content)
    kind = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"}[name[name.rindex("."):]]
    assert answer.headers["content-type"].startswith(kind)
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert ask(running, f"/dashboard/{name}", If_None_Match=answer.headers["etag"]).status == 304
    zipped = ask(running, f"/dashboard/{name}", Accept_Encoding="gzip")
    if zipped.headers.get("content-encoding") == "gzip":
        assert gzip.decompress(zipped.body) == content
        assert zipped.headers["etag"] != answer.headers["etag"]


@pytest.mark.parametrize("path", [
    "/dashboard", "/dashboard/none.js", "/dashboard/../policies/sticky.lua", "/dashboard/%2e%2e/policies/sticky.lua", "/policies/sticky.lua",
    "/lib/alert.lua", "/dashboard/README.md", "/dashboard/app.js%00", "/dashboard//app.js",
])
def test_nothing_else_is_served(made, path):
    assert ask(made({"a": good(1.0)}), path).status in (400, 404)


def test_only_get(made):
    assert request(made({"a": good(1.0)}).url, "POST", "/dashboard/app.js").status == 404


@pytest.mark.tsan
def test_a_site_of_ones_own_is_served_and_changes_with_a_reload(made, tmp_path):
    own = tmp_path / "plugins/mine"
    own.mkdir(parents=True)
    (own / "index.html").write_text("one")
    running = made({"a": good(1.0)}, plugin_paths=[str(REPO / "plugins"), str(tmp_path / "plugins")])
    assert ask(running, "/mine/").body == b"one"
    (own / "index.html").write_text("two")
    assert running.reload()
    assert ask(running, "/mine/").body == b"two"
    (own / "large.txt").write_bytes(b"x" * (2 * 1024 * 1024 + 1))
    assert not running.reload()
    assert "large.txt: cannot be served: File too large" in running.get("/api/providers/health").json["last_reload_error"]
    assert ask(running, "/mine/").body == b"two"


# -- in a browser


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("browser")) as started:
        yield started


@pytest.fixture
def page(made, driver):
    def start(specs, environment=None, **settings):
        running = made(specs, environment, **{**WITH_CHARTS, **settings})
        return running, Page(driver, running.url)
    return start


def test_it_shows_states_and_changes_by_itself(page):
    running, shown = page({"alpha": {1: {"ms": 12.0}, 2: {"ms": 12.0, "kind": "server_error"}}, "beta": good(20.0)},
                          max_consecutive_failures=1)
    shown.open().wait("tr[data-name=alpha]", "healthy")
    shown.wait("#best", "Call alpha")
    assert "12.0 ms" in shown.text("tr[data-name=alpha]")
    assert shown.text("#live") == "live"
    running.check("alpha")
    shown.wait("tr[data-name=alpha]", "down")
    shown.wait("#best", "Call beta")
    shown.wait(".events", "alpha: healthy -> down")
    assert shown.all("tr[data-name=beta].is-best")
    assert shown.complaints() == []


def test_titles_with_markup_are_shown_as_they_are(providers, daemon, driver):
    (providers / "odd.lua").write_text("""return { name = "odd", title = "<i>odd</i> & co", base_url = "http://odd.test:9",
        probe = function() return { ok = false, kind = "server_error", message = "<script>alert(1)</script>" } end }""")
    running = daemon(provider_paths=[str(providers)], interval="30d", **WITH_CHARTS)
    running.wait_for_provider("odd", lambda entry: entry["error_message"])
    shown = Page(driver, running.url).open()
    shown.wait("tr[data-name=odd]", "<i>odd</i> & co")
    shown.wait("tr[data-name=odd]", "<script>alert(1)</script>")
    assert not shown.all("main i, main script")
    shown.open("/#/provider/odd").wait("main", "<script>alert(1)</script>")
    assert not shown.all("h2 i, main script")
    assert shown.complaints() == []


def test_filter_states_sort_and_group(page):
    _, shown = page({"alpha": good(30.0), "beta": good(10.0), "gamma": failing()}, max_consecutive_failures=1)
    shown.open().wait("tr[data-name=gamma]", "down")

    def order():
        return [row.get_attribute("data-name") for row in shown.all(".providers tbody tr[data-name]")]
    assert order() == ["alpha", "beta", "gamma"]
    shown.run("document.querySelector('select').value = 'latency', document.querySelector('select').dispatchEvent(new Event('change'))")
    wait_for(lambda: order()[:2] != ["alpha", "beta"])
    shown.press("/")
    shown.press("bet")
    wait_for(lambda: order() == ["beta"])
    shown.run("document.querySelector('#filter').value = ''")
    shown.run("document.querySelector('#filter').dispatchEvent(new Event('input'))")
    shown.click("button[data-state=down]")
    wait_for(lambda: "gamma" not in order())
    shown.click("button[data-state=down]")
    shown.run("[...document.querySelectorAll('button')].find((b) => b.textContent === 'Group by state').click()")
    wait_for(lambda: "down (1)" in shown.text(".providers"))


def test_the_keyboard_alone_is_enough(page):
    _, shown = page({"alpha": good(30.0), "beta": good(10.0)})
    shown.open().wait("tr[data-name=beta]", "healthy")
    shown.press("j")
    shown.press("j")
    assert shown.run("document.activeElement.textContent") == "beta"
    shown.press("\ue007")  # Enter
    shown.wait("main", "Evidence")
    assert shown.run("location.hash") == "#/provider/beta"
    shown.press("\ue00c")  # Escape
    shown.wait("tr[data-name=alpha]", "healthy")


def test_a_providers_page_has_all_of_it(page):
    running, shown = page({"alpha": {1: {"ms": 12.0}, 2: {"ms": 5.0, "kind": "server_error"}, "models": [{"id": "big-model"}],
                                     "limits": {1: {"unit": "requests", "window_s": 60, "limit": 100, "remaining": 20}}}},
                          read_models=True, max_consecutive_failures=1)
    running.check("alpha")
    running.post("/api/providers/report", json.dumps([{"provider": "alpha", "status": 200}] * 10))
    shown.open("/#/provider/alpha").wait("main", "server_error")
    for part in ("Evidence", "10 went well", "20 of 100", "big-model", "Statistics", "30d", "Last failure"):
        shown.wait("main", part)
    wait_for(lambda: shown.all(".chart canvas"), "the chart")
    shown.wait("section[aria-label=Incidents]", "server_error")
    assert shown.complaints() == []


def test_a_provider_that_is_not_there_is_said_so(page):
    _, shown = page({"alpha": good(1.0)})
    shown.open("/#/provider/nobody").wait("[role=alert]", "'nobody' not found")


def test_it_says_when_the_daemon_is_away_and_comes_back_with_it(page):
    running, shown = page({"alpha": good(1.0)})
    shown.open().wait("#live", "live")
    running.stop()
    shown.wait("#live", "no answer from providerd")
    assert "alpha" in shown.text("main"), "what was known stays"


def test_nothing_is_loaded_from_elsewhere(page):
    running, shown = page({"alpha": good(1.0)})
    shown.open("/#/provider/alpha").wait("main", "Evidence")
    loaded = shown.run("performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert loaded and all(name.startswith(running.url) for name in loaded)


@pytest.mark.parametrize("path", ["/", "/#/provider/alpha"])
def test_a_phone_needs_no_scrolling_to_the_side(page, path):
    _, shown = page({"alpha": failing(), "beta": good(2.0)}, max_consecutive_failures=1)
    shown.open(path, width=400, height=800).wait("main", "down")
    assert shown.run("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_five_hundred_providers(page):
    _, shown = page({f"p{i:03}": good(1.0 + i) for i in range(500)})
    shown.open().wait("tr[data-name=p499]", "healthy")
    assert len(shown.all(".providers tbody tr")) == 500
    asked = shown.run("performance.getEntriesByType('resource').filter((entry) => entry.name.includes('/history/')).length")
    assert asked < 100, "only for the rows that are seen"
    shown.press("/")
    shown.press("p123")
    wait_for(lambda: len(shown.all(".providers tbody tr")) == 1)


# -- for everybody

LUMINANCE = """(() => {
  const probe = document.createElement("i");
  document.body.append(probe);
  const style = getComputedStyle(document.documentElement);
  const value = (name) => {
    probe.style.color = style.getPropertyValue(name);
    const [r, g, b] = getComputedStyle(probe).color.match(/[0-9.]+/g).map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  return Object.fromEntries(arguments[0].map((name) => [name, value(name)]));
})()"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast_is_enough_in_both_themes(page, theme):
    """WCAG 2.2, 1.4.3: at least 4.5 between text and what is behind it."""
    _, shown = page({"alpha": good(1.0)})
    shown.open().wait("main", "alpha")
    shown.run("document.documentElement.dataset.theme = arguments[0]", theme)
    inks, papers = ["--ink", "--soft", "--accent", "--good", "--warn", "--bad", "--none"], ["--page", "--sheet"]
    light = shown.run(LUMINANCE, inks + papers)
    for ink in inks:
        for paper in papers:
            bright, dim = sorted((light[ink], light[paper]), reverse=True)
            assert (bright + 0.05) / (dim + 0.05) >= 4.5, (theme, ink, paper)


@pytest.mark.parametrize("path", ["/", "/#/provider/alpha"])
def test_whatever_can_be_used_or_seen_has_a_name(page, path):
    _, shown = page({"alpha": failing(), "beta": good(2.0)}, max_consecutive_failures=1)
    shown.open(path).wait("main", "down")
    nameless = shown.run("""[...document.querySelectorAll("button, a, input, select, [role=img], [role=meter], [role=region]")]
        .filter((e) => e.offsetParent !== null || e instanceof SVGElement).filter((e) => !(e.textContent.trim() || e.getAttribute("aria-label") || e.title)).map((e) => e.outerHTML.slice(0, 120))""")
    assert nameless == []
    assert shown.run("document.documentElement.lang") == "en"
    assert len(shown.all("h1")) == 1 and len(shown.all("main")) == 1
    assert all(cell.get_attribute("scope") for cell in shown.all("th"))
    ids = shown.run("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    assert len(ids) == len(set(ids))


def test_the_theme_is_remembered(page):
    _, shown = page({"alpha": good(1.0)})
    shown.open().wait("main", "alpha")
    while shown.text("#theme") != "Theme: dark":
        shown.click("#theme")
    shown.open().wait("main", "alpha")
    assert shown.text("#theme") == "Theme: dark"
    assert shown.run("getComputedStyle(document.body).backgroundColor") == "rgb(17, 22, 21)"
    shown.run("localStorage.clear()")
