"""What providers announce on their public status pages: beside what was measured, never in its place."""
import pytest

from harness import wait_for
from observing import tell

FORMATS = ["statuspage", "incident.io", "instatus", "betterstack"]
OUTAGE = {"name": "Elevated errors", "impact": "major", "since": "2026-11-23T08:00:00Z"}
SCRIPT = """return require "openai".provider { name = "acme", base_url = "x", keys = keys "ACME_API_KEY",
  status_page = { url = "%s/_pages/%s/acme", format = "%s", component = %s } }"""


@pytest.fixture
def announcing(simulator, providers, daemon):
    """A daemon that reads acme's status page in a format; `page` is told to the simulator first."""
    def start(form="statuspage", page=None, component="nil", **settings):
        if page:
            tell(simulator, "pages", "acme", **page)
        (providers / "acme.lua").write_text(SCRIPT % (simulator.url, form, form, component))
        return daemon(simulator.generic("acme"), provider_paths=[str(providers)],
                      **{"status_pages": True, "status_page_interval": "1s", "interval": "30d", **settings})
    return start


def announced(running, condition=lambda announced: True):
    entry = running.wait_for_provider("acme", lambda entry: entry["announced"] and condition(entry["announced"]))
    assert entry["status"] == "healthy"  # whatever the page says
    return entry["announced"]


# Instatus has one word for trouble, HASISSUES.
@pytest.mark.parametrize("form, state", [(form, state) for form in FORMATS for state in ("degraded", "down", "maintenance")
                                         if (form, state) != ("instatus", "down")])
def test_a_state_that_is_announced_is_shown_and_passes(simulator, announcing, form, state):
    running = announcing(form, {"state": state, "honest": True})
    assert announced(running)["state"] == state
    running.wait_for_line(f"acme announces: {state}")
    tell(simulator, "pages", "acme", state="operational")
    assert announced(running, lambda announced: announced["state"] == "operational")["incidents"] == []


@pytest.mark.parametrize("form", FORMATS)
def test_incidents_are_named(announcing, form):
    found = announced(announcing(form, {"state": "degraded", "incidents": [OUTAGE]}))
    assert [incident["name"] for incident in found["incidents"]] == ["Elevated errors"]
    assert found["incidents"][0]["since"] in (None, "2026-11-23T08:00:00.000Z", "2026-11-23T08:00:00Z")


def test_instatus_that_says_up_in_the_middle_of_an_incident_is_not_believed(announcing):
    found = announced(announcing("instatus", {"state": "operational", "incidents": [OUTAGE]}))
    assert found["state"] not in ("operational", "unknown") and len(found["incidents"]) == 1


def test_a_page_that_nobody_touches_is_no_news(announcing):
    page = {"state": "degraded", "updated_at": "2025-05-08T10:00:00Z", "incidents": [OUTAGE]}
    found = announced(announcing("statuspage", page))
    assert (found["state"], found["incidents"], found["stale"]) == ("unknown", [], True)


def test_the_component_that_a_script_names_counts_in_place_of_the_page(announcing):
    page = {"state": "down", "component": "Other"}
    assert announced(announcing("statuspage", page, '"Website"'))["state"] == "operational"


@pytest.mark.parametrize("behaviour", ["500", "hang", "html", "reset", "badjson"])
def test_a_page_that_cannot_be_read_harms_nothing(simulator, announcing, behaviour):
    simulator.behave("page.acme", behaviour)
    running = announcing(timeout="300ms")
    found = announced(running)
    assert found["state"] == "unknown" and found["message"]
    simulator.behave("page.acme", "ok")
    assert announced(running, lambda announced: announced["state"] == "operational")


def test_no_key_is_sent_to_a_page(simulator, announcing):
    announced(announcing())
    asked = simulator.requests("page.acme")
    assert asked and all("sim-acme-key" not in str(one) and "authorization" not in str(one).lower() for one in asked)


def test_pages_are_read_at_their_own_pace_and_not_when_not_wished_for(simulator, announcing, write_config, providers):
    running = announcing()
    announced(running)
    wait_for(lambda: len(simulator.requests("page.acme")) >= 3, "three readings")
    assert len([asked for asked in simulator.requests("acme")]) == 1
    write_config(provider_paths=[str(providers)], interval="30d", status_pages=True, status_page_interval="1s",
                 providers={"acme": {"status_page": False}})
    assert running.reload()
    wait_for(lambda: running.provider("acme")["announced"] is None, "nothing announced")
    read = len(simulator.requests("page.acme"))
    running.post("/api/providers/check/acme")
    wait_for(lambda: len(simulator.requests("acme")) == 2, "another check")
    running.stop()
    assert len(simulator.requests("page.acme")) <= read + 1  # one may have been under way
