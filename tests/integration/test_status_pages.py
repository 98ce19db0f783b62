"""What providers announce on their status pages, shown beside what was measured, and never in place of it."""
import json
import time

import pytest

from harness import lua, request, wait_for
from observing import moment, tell, untell

FORMATS = ["statuspage", "incident.io", "instatus", "betterstack"]
OUTAGE = {"name": "Elevated errors", "impact": "major", "since": "2026-11-23T08:00:00Z"}

SCRIPT = """
return {
  name = "%s", base_url = "http://127.0.0.1:9", keys = keys "PAGES_API_KEY", headers = { ["X-Own"] = "own-header" },
  probe = function() return { ok = true, latency_ms = 1 } end,
  status_page = %s,
}"""
KEY = "pages-secret-0123456789"


@pytest.fixture
def announce(simulator, providers, daemon):
    """A daemon with providers that have these pages: name -> fields of status_page (default: format)."""
    def start(pages, **settings):
        for name, page in pages.items():
            page = {"url": f"{simulator.url}/_pages/{page['format']}/{name}", **page}
            (providers / f"{name}.lua").write_text(SCRIPT % (name, lua(page)))
        return daemon({"PAGES_API_KEY": KEY}, provider_paths=[str(providers)],
                      **{"status_pages": True, "status_page_interval": "1s", "interval": "30d", "jitter_percent": 0, **settings})
    return start


def plain(form):
    return form.replace(".", "")  # as a provider's name


def announced(running, name, condition=lambda page: True):
    """What a provider's page is shown to announce, once it satisfies the condition."""
    entry = running.wait_for_provider(name, lambda entry: entry["announced"] and condition(entry["announced"]))
    return entry["announced"]


def state(wanted):
    return lambda page: page["state"] == wanted


def page_requests(simulator, name):
    return simulator.requests(f"page.{name}")


# -- the formats --

@pytest.mark.tsan
def test_each_format_is_followed_from_well_to_an_incident_and_back(simulator, announce):
    pages = {plain(form): {"format": form} for form in FORMATS}
    running = announce(pages)
    for name in pages:
        page = announced(running, name)
        assert (page["state"], page["incidents"], page["message"], page["stale"]) == ("operational", [], "", False), (name, page)
        assert abs(moment(page["read"]) - time.time()) < 5
        # Instatus does not date its summary.
        assert (page["updated"] is None) if name == "instatus" else abs(moment(page["updated"]) - time.time()) < 60
    for name in pages:
        tell(simulator, "pages", name, state="degraded", incidents=[OUTAGE])
    for name in pages:
        page = announced(running, name, state("degraded"))
        incident, = page["incidents"]
        assert incident["name"] == "Elevated errors" and moment(incident["since"]) == moment(OUTAGE["since"])
        assert running.wait_for_line(f"{name} announces: degraded")
        assert incident["impact"] == {"instatus": "partialoutage"}.get(name, "major")
        entry = running.provider(name)
        assert (entry["status"], entry["reason"], entry["error_message"]) == ("healthy", "ok", "")  # as measured
    for name in pages:
        untell(simulator, "pages", name)
    for name in pages:
        assert announced(running, name, state("operational"))["incidents"] == []


def test_down_and_maintenance_in_each_formats_words(simulator, announce):
    pages = {}
    for form in FORMATS:
        for shown in ("down", "maintenance"):
            name = f"{plain(form)}-{shown}"
            pages[name] = {"format": form}
            worst = {"incidents": [{**OUTAGE, "impact": "critical"}]} if shown == "down" else {}
            tell(simulator, "pages", name, state=shown, **worst)
    # Instatus says UP in the middle of incidents, unless it is told to be honest: then it has one word for all trouble.
    assert request(simulator.url, "GET", "/_pages/instatus/instatus-down").json["page"]["status"] == "UP"
    pages["honest-degraded"] = {"format": "instatus"}
    tell(simulator, "pages", "honest-degraded", state="down", honest=True)
    running = announce(pages, status_page_interval="1h")
    for name in pages:
        page = announced(running, name)
        assert page["state"] == name.rpartition("-")[2], (name, page)
        assert len(page["incidents"]) == (1 if page["state"] == "down" else 0), (name, page)


def test_a_component_counts_instead_of_the_page(simulator, announce):
    pages = {}
    for form in ("statuspage", "incident.io", "betterstack"):
        for wish, expected in {"API": "degraded", "api": "degraded", "Nothing": "unknown"}.items():
            pages[f"{plain(form)}-{wish.lower()}-{len(pages)}"] = ({"format": form, "component": wish}, expected)
    pages["website"] = ({"format": "statuspage", "component": "Website"}, "operational")
    for name in pages:
        tell(simulator, "pages", name, state="degraded")
    running = announce({name: page for name, (page, _) in pages.items()}, status_page_interval="1h")
    for name, (_, expected) in pages.items():
        page = announced(running, name)
        assert page["state"] == expected, (name, page)
        assert ("no component 'Nothing'" in page["message"]) == (expected == "unknown")


# -- pages that do not tell the truth --

def test_a_frozen_page_is_no_news(simulator, announce):
    pages = {}
    for form in ("statuspage", "incident.io"):
        for told, incidents in {"operational": [], "down": [OUTAGE]}.items():
            name = f"{plain(form)}-{told}"
            pages[name] = {"format": form}
            tell(simulator, "pages", name, state=told, updated_at="2026-05-08T10:00:00Z", incidents=incidents)
    running = announce(pages)
    for name in pages:
        page = announced(running, name)
        assert (page["state"], page["stale"], page["incidents"]) == ("unknown", True, []), (name, page)
        assert page["message"] == "the page has not changed since 2026-05-08"
        assert moment(page["updated"]) == moment("2026-05-08T10:00:00Z")
        assert running.provider(name)["status"] == "healthy"
    for name in pages:
        tell(simulator, "pages", name, state="degraded")
    for name in pages:
        assert announced(running, name, state("degraded"))["stale"] is False


BROKEN = {
    "gone": {"behaviour": "404"}, "failing": {"behaviour": "500"}, "hanging": {"behaviour": "hang"},
    "breaking": {"behaviour": "reset"},
    "closing": {"behaviour": "close"}, "garbled": {"behaviour": "badjson"}, "cut": {"behaviour": "truncated"},
    "edge": {"behaviour": "html"}, "large": {"behaviour": "huge 6000000"}, "empty": {"behaviour": "empty"},
    "array": {"body": "[1, 2]"}, "number": {"body": "7"}, "other": {"body": {"hello": "world"}},
    "odd": {"body": {"page": 7, "status": {"indicator": "none"}, "components": "many", "incidents": {"a": [{}]}}},
    "strange": {"body": {"status": {"indicator": "sideways"}}},
}


@pytest.mark.tsan
def test_a_broken_page_harms_nothing(simulator, announce):
    for name, fault in BROKEN.items():
        if "behaviour" in fault:
            simulator.behave(f"page.{name}", fault["behaviour"])
        else:
            body = fault["body"]
            simulator.answer(f"page.{name}", body=body, headers={"content-type": "application/json"})
    tell(simulator, "pages", "breaks", state="down", incidents=[OUTAGE])
    running = announce({name: {"format": "statuspage"} for name in [*BROKEN, "breaks", "well"]}, timeout="500ms")
    assert announced(running, "well")["state"] == "operational"
    assert announced(running, "breaks")["state"] == "down"
    simulator.behave("page.breaks", "503")
    for name in BROKEN:
        page = announced(running, name)
        expected = "operational" if name == "odd" else "unknown"
        assert (page["state"], page["incidents"], page["stale"]) == (expected, [], False), (name, page)
        assert name == "odd" or page["message"], name
        entry = running.provider(name)
        assert (entry["status"], entry["reason"], entry["consecutive_failures"]) == ("healthy", "ok", 0), name
    assert "sideways" in announced(running, "strange")["message"]
    page = announced(running, "breaks", state("unknown"))
    assert page["incidents"] == [] and "503" in page["message"]  # what it said before is not news
    simulator.behave("page.failing", "ok")
    assert announced(running, "failing", state("operational"))["message"] == ""
    assert announced(running, "well")["state"] == "operational"


# -- who is asked, and with what --

def test_a_page_gets_no_key_and_no_header_of_the_providers(simulator, announce):
    running = announce({"acme": {"format": "statuspage"}})
    announced(running, "acme")
    asked = page_requests(simulator, "acme")[0]
    assert asked["method"] == "GET" and asked["headers"]["accept"] == "application/json"
    assert "authorization" not in asked["headers"] and "x-own" not in asked["headers"]
    assert KEY not in json.dumps(asked)


def test_pages_are_read_at_their_own_interval_where_they_are_wished_for(simulator, announce, write_config, providers):
    pages = {name: {"format": "statuspage"} for name in ("one", "two")}
    running = announce(pages, providers={"one": {"status_page": False}})
    announced(running, "two")
    assert running.wait_for_provider("one", lambda entry: True)["announced"] is None
    assert page_requests(simulator, "one") == []
    settings = {"provider_paths": [str(providers)], "status_page_interval": "1s", "interval": "30d"}
    write_config(status_pages=True, providers={"two": {"status_page": False}}, **settings)
    assert running.reload()
    running.wait_for_provider("two", lambda entry: entry["announced"] is None)
    asked = len(page_requests(simulator, "two"))
    assert announced(running, "one")["state"] == "operational"
    wait_for(lambda: len(page_requests(simulator, "one")) >= 3, "three readings of the other page")
    times = [asked["t_ms"] for asked in page_requests(simulator, "one")]
    assert all(950 <= later - sooner <= 2500 for sooner, later in zip(times, times[1:])), times
    assert moment(running.provider("one")["announced"]["read"]) > moment(running.provider("one")["last_check"])
    running.check("two")
    write_config(status_pages=False, **settings)
    assert running.reload()
    running.wait_for_provider("one", lambda entry: entry["announced"] is None)
    assert len(page_requests(simulator, "two")) <= asked + 1  # one may have been under way
