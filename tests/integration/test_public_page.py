"""The public page at /status, and badges: what the owner chose, for anybody, and nothing else."""
import json
import subprocess

import pytest

from browsing import Page, browser
from harness import BINARY, clean_environment, wait_for
from made import failing, good, script

SPECS = {"fine": good(12.0), "bad": failing(), "secret": good(5.0)}
RULE = {"name": "x", "scope": "read", "hash": "sha256:" + "0" * 64}
PAGE = {"title": "Our providers", "note": "Trouble? <b>ask</b>", "providers": ["fine", "bad", "nobody"]}


@pytest.fixture
def published(providers, daemon):
    (providers / "made.lua").write_text(script(SPECS))

    def start(**page):
        running = daemon(provider_paths=[str(providers)], interval="30d", jitter_percent=0, witnesses=[], max_consecutive_failures=1,
                         tokens=[RULE], public_page={**PAGE, **page})
        wait_for(lambda: running.get("/readyz").status == 200)
        return running
    return start


def test_without_one_there_is_none(made):
    running = made({"a": good(1.0)})
    for path in ("/status", "/status/now.json", "/status/days.json"):
        assert running.get(path).status == 404
    assert "`public_page`" in running.get("/status").json["detail"]


def test_it_needs_no_token_and_shows_what_was_chosen(published):
    running = published()
    assert running.get("/api/providers/status").status == 401
    answer = wait_for(lambda: (found := running.get("/status/now.json").json)["providers"][0]["status"] == "down" and found)
    assert (answer["title"], answer["note"]) == (PAGE["title"], PAGE["note"])
    bad, fine = answer["providers"]
    assert set(bad) == {"name", "title", "status", "uptime_percent"}
    assert (bad["name"], fine["name"], fine["status"]) == ("bad", "fine", "healthy")
    assert fine["uptime_percent"]["30d"] == 100 and bad["uptime_percent"]["24h"] == 0
    assert "secret" not in json.dumps(answer) and "server_error" not in json.dumps(answer)


@pytest.mark.tsan
def test_latency_and_incidents_where_the_owner_likes(published):
    running = published(latency=True, incidents=True)
    answer = wait_for(lambda: (found := running.get("/status/now.json").json)["providers"][0].get("incidents") and found)
    bad, fine = answer["providers"]
    assert (bad["latency_ms"], fine["latency_ms"]) == (None, 12.0)
    assert fine["incidents"] == []
    assert bad["incidents"][0]["started"] and bad["incidents"][0]["ended"] is None


def test_the_days_are_of_the_chosen_alone_whatever_is_asked(published):
    running = published()
    for query in ("", "?provider=secret", "?step=1h&model=x&merge=1", "?format=csv&limit=1"):
        days = wait_for(lambda: len(found := running.get(f"/status/days.json{query}").json) == 2 and found)
        assert set(days) == {"bad", "fine"}
        assert set(days["fine"][0]) == {"t", "checks", "up", "unknown", "uptime_percent"}


def test_badges_of_the_chosen_need_no_token(published):
    running = published()
    assert running.get("/badge/fine/status.svg").status == 200
    assert running.get("/badge/fine/uptime/7d.svg").status == 200
    for path in ("/badge/secret/status.svg", "/badge/nobody/../secret/status.svg"):
        assert running.get(path).status in (401, 404)


def test_a_star_shows_all(published):
    assert len(published(providers=["*"]).get("/status/now.json").json["providers"]) == 3


@pytest.mark.parametrize("page, said", [
    (True, "public_page: expected false, or a table"), ({"providers": []}, "public_page.providers: expected 1 to 100 names"),
    ({"providers": ["a"], "colour": "red"}, "public_page: unknown key 'colour'"), ({"title": "x"}, "public_page.providers: expected 1 to 100"),
])
def test_faults_are_named(write_config, page, said):
    refused = subprocess.run([BINARY, "-c", write_config(public_page=page), "-t"], capture_output=True, text=True, env=clean_environment())
    assert refused.returncode == 2
    assert said in refused.stderr


def test_in_a_browser(published, tmp_path):
    running = published(latency=True, incidents=True)
    with browser(tmp_path / "browser") as driver:
        page = Page(driver, running.url + "/status").open()
        page.wait("#summary", "1 of 2 is down.")
        page.wait("li[data-name=fine]", "healthy")
        assert page.text("#title") == "Our providers"
        assert page.text("#note") == "Trouble? <b>ask</b>", "text, not markup"
        assert "12.0 ms" in page.text("li[data-name=fine]")
        page.wait("#incidents", "down since then")
        page.wait("li[data-name=bad] svg.bars", "")
        assert page.complaints() == []
        driver.save_screenshot(str(tmp_path / "status.png"))
