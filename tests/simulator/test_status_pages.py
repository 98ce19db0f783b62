"""Public status pages, in the form of each maker of such pages."""
import json
import time

import pytest

from simulator import wait_for

SINCE = "2026-11-23T08:00:00Z"
INCIDENT = {"name": "Elevated errors", "impact": "major", "since": SINCE}


def page(sim, form, rest=""):
    answer = sim.get(f"/_pages/{form}/acme{rest}")
    assert answer.status == 200 and answer.getheader("content-type") == "application/json"
    return json.loads(answer.text)


@pytest.mark.parametrize("form,worst", [("statuspage", "major_outage"), ("incident.io", "full_outage")])
@pytest.mark.parametrize("rest", ["", "/api/v2/summary.json"])
def test_statuspage_and_incident_io(sim, form, worst, rest):
    assert page(sim, form, rest)["status"] == {"indicator": "none", "description": "All Systems Operational"}
    for state, indicator, component in [("degraded", "minor", "degraded_performance"), ("down", "critical", worst),
                                        ("maintenance", "maintenance", "under_maintenance")]:
        sim.tell("pages", "acme", format=form, state=state, incidents=[INCIDENT], updated_at="2026-05-08T10:00:00Z")
        body = page(sim, form, rest)
        assert body["status"]["indicator"] == indicator
        assert [(c["name"], c["status"]) for c in body["components"]] == [("Website", "operational"), ("API", component)]
        incident = body["incidents"][0]
        assert (incident["name"], incident["impact"], incident["started_at"]) == ("Elevated errors", "major", SINCE)
        assert (body["page"]["name"], body["page"]["updated_at"]) == ("acme", "2026-05-08T10:00:00Z")


def test_instatus_says_up_in_the_middle_of_an_incident(sim):
    assert page(sim, "instatus") == {"page": {"name": "acme", "url": "https://status.sim.example", "status": "UP"},
                                     "activeIncidents": []}
    sim.tell("pages", "acme", format="instatus", state="down", incidents=[INCIDENT])
    body = page(sim, "instatus", "/summary.json")
    assert body["page"]["status"] == "UP"
    assert [(i["name"], i["impact"], i["started"]) for i in body["activeIncidents"]] == [
        ("Elevated errors", "PARTIALOUTAGE", SINCE)]
    assert list(page(sim, "instatus", "/api/v2/summary.json")) == ["page"]
    assert page(sim, "instatus", "/v2/components.json")["components"][0]["status"] == "MAJOROUTAGE"
    sim.tell("pages", "acme", state="down", honest=True)
    assert page(sim, "instatus")["page"]["status"] == "HASISSUES"
    assert page(sim, "instatus", "/api/v2/status.json")["page"]["status"] == "UP"
    sim.tell("pages", "acme", state="maintenance")
    assert page(sim, "instatus")["page"]["status"] == "UNDERMAINTENANCE"


def test_betterstack(sim):
    assert page(sim, "betterstack")["data"]["attributes"]["aggregate_state"] == "operational"
    for state, word in [("degraded", "degraded"), ("down", "downtime"), ("maintenance", "maintenance")]:
        sim.tell("pages", "acme", format="betterstack", state=state, component="Inference",
                 incidents=[{"name": "Slow answers", "impact": None, "since": None}])
        body = page(sim, "betterstack", "/index.json")
        assert body["data"]["attributes"]["aggregate_state"] == word
        resource, report = body["included"]
        assert resource["attributes"] == {"public_name": "Inference", "status": word}
        assert report["type"] == "status_report" and report["attributes"]["title"] == "Slow answers"
        assert "starts_at" not in report["attributes"] and report["attributes"]["ends_at"] is None


def test_a_page_is_as_old_as_told_or_new(sim):
    first = page(sim, "statuspage")["page"]["updated_at"]
    wait_for(lambda: page(sim, "statuspage")["page"]["updated_at"] > first)
    assert first[:4] == time.strftime("%Y", time.gmtime())


def test_a_page_is_an_upstream_of_its_own(sim):
    sim.behave("page.acme", "503")
    assert sim.get("/_pages/statuspage/acme").status == 503 and sim.get("/_pages/statuspage/other").status == 200
    sim.behave("page.acme", "html")
    assert b"Just a moment" in sim.get("/_pages/statuspage/acme").text
    sim.behave("page.acme", "ok")
    sim.tell("answers", "page.acme", status=403, body="no browser")
    assert sim.get("/_pages/statuspage/acme").text == b"no browser"
    records = json.loads(sim.get("/_sim/requests?provider=page.acme").text)
    assert [r["path"] for r in records] == ["/_pages/statuspage/acme"] * 3


def test_another_format_or_none_is_not_found(sim):
    sim.tell("pages", "acme", format="statuspage", state="operational")
    for path in ("/_pages/betterstack/acme", "/_pages/other/acme", "/_pages/statuspage", "/_pages/statuspage/", "/_pages"):
        assert sim.get(path).status == 404
    assert sim.get("/_pages/statuspage/acme").status == 200


def test_pages_are_forgotten(sim):
    for forget in [("DELETE", "/_sim/pages/acme"), ("POST", "/_sim/reset")]:
        sim.tell("pages", "acme", state="down")
        assert page(sim, "statuspage")["status"]["indicator"] == "critical"
        assert sim.request(*forget).status == 200
        assert page(sim, "statuspage")["status"]["indicator"] == "none"


@pytest.mark.parametrize("text,message", [
    ("{}", "state"), ("[]", "state"), ('{"state": "bad"}', "state"), ('{"state": "down", "format": "x"}', "format"),
    ('{"state": "down", "incidents": [{}]}', "incidents"), ("", "not JSON")])
def test_bad_pages_are_explained(sim, text, message):
    answer = sim.request("PUT", "/_sim/pages/acme", text)
    assert answer.status == 400 and message in json.loads(answer.text)["error"]
