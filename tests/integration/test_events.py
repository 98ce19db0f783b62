"""The event log: what is told of, in which order, and how clients listen to it, read it and wait for it."""
import json
import socket
import sqlite3
import threading
import time
import urllib.parse
import xml.etree.ElementTree

import pytest

from harness import PATIENCE_S, request, wait_for
from made import failing, good, script

pytestmark = pytest.mark.tsan
EVENTS = "/api/providers/events"
CHANGING = {1: {"ms": 10.0}, 2: {"ms": 5.0, "kind": "server_error"}, 3: {"ms": 10.0}}  # good, bad, good again


class Listener:
    """A connection that listens; its events as they come."""

    def __init__(self, url, query="", last_id=None):
        address = urllib.parse.urlsplit(url)
        self.socket = socket.create_connection((address.hostname, address.port), PATIENCE_S)
        headers = f"Last-Event-ID: {last_id}\r\n" if last_id is not None else ""
        self.socket.sendall(f"GET {EVENTS}?{query} HTTP/1.1\r\nHost: test\r\nAccept: text/event-stream\r\n{headers}\r\n"
                            .encode())
        self.file = self.socket.makefile("rb")
        self.status = self.file.readline().decode()
        self.headers = {}
        while (line := self.file.readline().strip()):
            name, value = line.decode().split(":", 1)
            self.headers[name.lower()] = value.strip()
        self.text = b""

    def _more(self):
        """The next chunk (RFC 9112, 7.1). False at the end."""
        size = int(self.file.readline() or b"0", 16)
        self.text += self.file.read(size)
        self.file.readline()
        return size != 0

    def frame(self):
        """The next frame's text; None at the end."""
        while b"\n\n" not in self.text:
            if not self._more():
                return None
        frame, self.text = self.text.split(b"\n\n", 1)
        return frame.decode()

    def event(self):
        while (frame := self.frame()) is not None:
            fields = dict(line.split(": ", 1) for line in frame.splitlines() if ": " in line)
            if "data" in fields:
                event = json.loads(fields["data"])
                assert fields["id"] == str(event["id"])
                return event
        return None

    def close(self):
        self.file.close()
        self.socket.close()


@pytest.fixture
def listen():
    listeners = []

    def start(running, query="", last_id=None):
        listeners.append(Listener(running.url, query, last_id))
        return listeners[-1]
    yield start
    for listener in listeners:
        listener.close()


def events(running, query="", status=200):
    answer = running.get(EVENTS + ("?" + query if query else ""))
    assert answer.status == status, answer.body
    return answer.json["events"] if status == 200 else answer.json["detail"]


def wait_for_event(running, kind, query=""):
    return wait_for(lambda: events(running, f"kind={kind}&{query}"), f"an event {kind}")[0]


def kinds(listed):
    return [event["kind"] for event in listed]


# -- what is told --

def test_a_change_of_state_is_an_event_with_its_reason(made):
    running = made({"a": CHANGING}, max_consecutive_failures=1)
    running.check("a")
    running.check("a")
    told = events(running, "kind=status_change&since_id=0")
    assert [(event["provider"], event["from"], event["to"], event["message"]) for event in told] == [
        ("a", "unknown", "healthy", "ok"), ("a", "healthy", "down", "server_error: no"), ("a", "down", "healthy", "ok")]
    assert told[1]["text"] == "a: healthy -> down: server_error: no"
    assert told[1]["key"] is None
    assert [event["id"] for event in told] == sorted({event["id"] for event in told})
    now_ms = time.time() * 1000
    assert all(now_ms - 60000 < event["id"] < now_ms + 60000 for event in told)


def test_an_outage_is_told_when_it_begins_and_when_it_is_over(made):
    running = made({"a": {1: {"ms": 1.0, "kind": "server_error"}, 2: {"ms": 1.0, "kind": "timeout"}, 3: {"ms": 1.0}}},
                   max_consecutive_failures=1)
    wait_for_event(running, "incident_opened")
    running.check("a")
    running.check("a")
    opened, closed = events(running, "since_id=0&kind=incident_opened,incident_closed")
    assert (opened["kind"], opened["to"], opened["message"]) == ("incident_opened", "server_error", "no")
    assert (closed["kind"], closed["from"]) == ("incident_closed", "server_error")
    assert closed["message"].endswith("2 checks failed")


def test_an_outage_that_goes_on_over_a_restart_is_not_told_again(made, daemon):
    running = made({"a": failing()}, max_consecutive_failures=1)
    first = wait_for_event(running, "incident_opened")
    running.check("a")
    running.stop()
    again = daemon(config=running.process.args[2])
    wait_for(lambda: (again.provider("a") or {}).get("consecutive_failures", 0) >= 3, "a check after the restart")
    wait_for(lambda: again.get("/api/providers/incidents").json["incidents"][0]["checks_lost"] >= 3, "the past")
    assert [event["id"] for event in events(again, "kind=incident_opened")] == [first["id"]]


def test_another_best_provider_is_an_event(made):
    running = made({"a": {1: {"ms": 5.0}, 2: {"ms": 50.0}}, "b": good(20.0)})
    wait_for(lambda: running.get("/api/providers/best").json["best_provider"] == "a")
    running.check("a")
    event = wait_for_event(running, "best_change")
    assert (event["from"], event["to"], event["provider"]) == ("a", "b", None)
    assert event["message"].startswith("lowest latency (20.0ms)")
    assert event["text"] == "best: a -> b: " + event["message"]


def test_who_was_best_before_a_restart_is_remembered(made, daemon):
    running = made({"a": good(5.0), "b": {1: {"ms": 20.0}, 2: {"ms": 1.0}}})
    wait_for(lambda: running.get("/api/providers/best").json["best_provider"] == "a")
    running.check("b")
    wait_for_event(running, "best_change")
    running.stop()
    again = daemon(config=running.process.args[2])  # where b answers slowly at first, as before
    event = wait_for(lambda: len(events(again, "kind=best_change")) == 2 and events(again, "kind=best_change")[0])
    assert (event["from"], event["to"]) == ("b", "a")


def test_each_of_several_keys_is_told_of(made):
    spec = """{ keys = { env "A_KEYS_1", env "A_KEYS_2" }, [1] = { ms = 1 } }"""
    running = made({"a": spec}, {"A_KEYS_1": "first-key-0123456789", "A_KEYS_2": "second-key-0123456789"})
    told = wait_for(lambda: (lambda some: len(some) == 2 and some)(events(running, "kind=key_status_change")))
    assert sorted((event["provider"], event["key"], event["to"]) for event in told) == [
        ("a", 1, "healthy"), ("a", 2, "healthy")]


def test_a_limit_that_comes_near_is_told_once_and_when_it_clears(providers, daemon):
    (providers / "acme.lua").write_text("""
        local n = 0
        return { name = "acme", base_url = "http://acme.test:9", probe = function()
          n = n + 1
          local left = ({ 50, 9, 8, 15, 60 })[math.min(n, 5)]
          return { ok = true, latency_ms = 1, limits = { { unit = "requests", window_s = 3600, limit = 100,
            remaining = left } } }
        end }""")
    running = daemon(provider_paths=[str(providers)], interval="30d")
    running.wait_for_provider("acme", lambda entry: True)
    for _ in range(4):
        running.check("acme")
    near, cleared = wait_for(lambda: (lambda some: len(some) == 2 and some)(
        events(running, "since_id=0&kind=limit_near,limit_cleared")))
    assert (near["kind"], near["to"], near["message"]) == ("limit_near", "91", "requests per 1h: 9 of 100 left")
    assert (cleared["kind"], cleared["to"]) == ("limit_cleared", "40")


def test_models_that_come_and_go_are_named_and_many_are_counted(providers, daemon):
    (providers / "acme.lua").write_text("""
        local n = 0
        return { name = "acme", base_url = "http://acme.test:9",
          probe = function() return { ok = true, latency_ms = 1 } end,
          list_models = function()
            n = n + 1
            if n == 1 then return { { id = "old" }, { id = "kept" } } end
            local list = { { id = "new" }, { id = "kept" } }
            for i = 1, n >= 3 and 30 or 0 do list[#list + 1] = { id = string.format("m%02d", i) } end
            return list
          end }""")
    running = daemon(provider_paths=[str(providers)], interval="30d", read_models=True, models_interval="300ms", jitter_percent=0)
    told = wait_for(lambda: (lambda some: len(some) >= 19 and some)(
        events(running, "since_id=0&kind=model_added,model_gone")), "30 models")
    assert [(event["kind"], event["from"], event["to"]) for event in told[:3]] == [
        ("model_added", None, "new"), ("model_gone", "old", None), ("model_added", None, "m01")]
    assert told[2:18][-1]["to"] == "m16"
    assert (told[18]["to"], told[18]["message"]) == (None, "and 14 more")
    assert told[18]["text"] == "acme: new models: and 14 more"


def test_reloads_and_providers_that_come_and_go_are_told(made, providers):
    running = made({"a": good(1.0), "b": good(2.0)})
    (providers / "made.lua").write_text(script({"a": good(1.0), "c": good(3.0)}))
    assert running.reload()
    (providers / "made.lua").write_text("return 5")
    assert not running.reload()
    told = [event for event in events(running, "since_id=0") if event["kind"] not in ("status_change", "best_change")]
    assert kinds(told) == ["started", "provider_removed", "provider_added", "reloaded", "reload_failed"]
    assert [event["provider"] for event in told] == [None, "b", "c", None, None]
    assert "made.lua" in told[4]["message"]


def test_a_database_that_cannot_be_written_is_told_and_written_down_when_it_can(made, tmp_path):
    running = made({"a": good(1.0)}, commit_interval="0s")
    lock = sqlite3.connect(tmp_path / "provider_status.db", isolation_level=None)
    wait_for(lambda: lock.execute("BEGIN EXCLUSIVE") or True)
    running.check("a")
    failing_event = wait_for_event(running, "store_failing")
    assert "locked" in failing_event["message"]
    lock.execute("ROLLBACK")
    wait_for_event(running, "store_back")
    wait_for(lambda: lock.execute("SELECT count(*) FROM provider_events WHERE kind LIKE 'store%'").fetchone() == (2,))
    lock.close()


# -- reading them --

def test_the_list_goes_forward_from_an_id_and_back_from_the_newest(made):
    running = made({name: good(1.0) for name in "abcdefgh"})
    everything = events(running, "since_id=0&kind=status_change")
    assert len(everything) == 8
    newest_first = events(running, "kind=status_change")
    assert newest_first == everything[::-1]
    page = running.get(EVENTS + "?kind=status_change&since_id=0&limit=3").json
    assert (page["events"], page["more"], page["last_id"]) == (everything[:3], True, everything[2]["id"])
    rest = running.get(f"{EVENTS}?kind=status_change&since_id={page['last_id']}&limit=5").json
    assert (rest["events"], rest["more"]) == (everything[3:], False)
    back = events(running, f"kind=status_change&before_id={everything[5]['id']}&limit=2")
    assert back == [everything[4], everything[3]]
    assert events(running, "provider=c,d&kind=status_change") == [
        event for event in newest_first if event["provider"] in "cd"]


def test_the_past_before_a_restart_is_read_from_the_database(made, daemon, listen):
    running = made({name: good(1.0) for name in "abc"})
    before = events(running, "since_id=0&kind=status_change")
    running.stop()
    again = daemon(config=running.process.args[2])
    wait_for_event(again, "started")
    assert events(again, "since_id=0&kind=status_change") == before
    everything = events(again, "since_id=0")
    assert events(again) == everything[::-1]
    assert kinds(everything).count("started") == 2
    assert events(again, f"since_id={before[0]['id']}&limit=1") == everything[everything.index(before[0]) + 1:][:1]
    assert events(again, f"before_id={before[2]['id']}&kind=status_change") == [before[1], before[0]]
    listener = listen(again, "kind=status_change", last_id=before[0]["id"])
    assert [listener.event(), listener.event()] == before[1:]


@pytest.mark.parametrize("query, part", [
    ("kind=nonsense", "kind: expected some of status_change,"),
    ("since_id=x", "since_id: expected a whole number"),
    ("limit=0", "limit: expected a whole number from 1 to 1000"),
    ("limit=1001", "limit: expected a whole number from 1 to 1000"),
    ("since_id=1&before_id=2", "since_id and before_id"),
    ("format=xml", "format: expected json, sse, atom or rss; got 'xml'"),
    ("wait=30s", "wait: needs since_id"),
    ("wait=ever&since_id=1", "wait: expected a duration of at most 5m"),
    ("wait=6m&since_id=1", "wait: expected a duration of at most 5m"),
    ("provider=%zz", "provider: a malformed or overlong value"),
])
def test_what_cannot_be_asked_is_said(made, query, part):
    assert part in events(made({"a": good(1.0)}), query, 400)


def test_feeds_are_well_formed_and_their_entries_keep_their_ids(made):
    running = made({"a": {1: {"ms": 1.0, "kind": "server_error"}}, "b": good(2.0)})
    atom = running.get(EVENTS + "?format=atom&kind=status_change")
    assert atom.headers["content-type"] == "application/atom+xml; charset=utf-8"
    name = {"a": "http://www.w3.org/2005/Atom"}
    feed = xml.etree.ElementTree.fromstring(atom.body)
    entries = feed.findall("a:entry", name)
    newest = events(running, "kind=status_change")
    assert [entry.find("a:title", name).text for entry in entries] == [event["text"] for event in newest]
    assert [entry.find("a:id", name).text for entry in entries] == [
        f"tag:providerd,2026:event:{event['id']}" for event in newest]
    assert feed.find("a:updated", name).text == newest[0]["time"]
    rss = running.get(EVENTS + "?format=rss&kind=status_change")
    assert rss.headers["content-type"] == "application/rss+xml; charset=utf-8"
    items = xml.etree.ElementTree.fromstring(rss.body).findall("channel/item")
    assert [item.find("title").text for item in items] == [event["text"] for event in newest]


def test_texts_of_providers_cannot_break_a_feed(providers, daemon):
    (providers / "acme.lua").write_text("""
        return { name = "acme", base_url = "http://acme.test:9", probe = function()
          return { ok = false, kind = "server_error", message = "<b>&\\"\\1\\xff\\xc3\\xa9 ]]>", latency_ms = 1 }
        end }""")
    running = daemon(provider_paths=[str(providers)], interval="30d")
    wait_for_event(running, "status_change")
    for form in ("atom", "rss"):
        text = "".join(xml.etree.ElementTree.fromstring(running.get(f"{EVENTS}?format={form}").body).itertext())
        assert '<b>&"' in text and "\ufffdé ]]>" in text


# -- listening --

def test_a_listener_is_told_what_happens_from_now_on(made, listen):
    running = made({"a": CHANGING}, max_consecutive_failures=1)
    listener = listen(running, "kind=status_change")
    assert listener.status.startswith("HTTP/1.1 200")
    assert listener.headers["content-type"] == "text/event-stream"
    assert listener.headers["cache-control"] == "no-store"
    assert listener.frame() == "retry: 3000"
    running.check("a")
    event = listener.event()
    assert (event["from"], event["to"]) == ("healthy", "down")
    assert event == events(running, "kind=status_change")[0]
    running.check("a")
    assert listener.event()["to"] == "healthy"


def test_format_sse_needs_no_header_and_since_id_is_a_place_too(made, listen):
    running = made({"a": good(1.0)})
    first = events(running, "since_id=0&kind=status_change")[0]
    listener = listen(running, "format=sse&since_id=0&provider=a")
    assert listener.event() == first


def test_a_listener_that_comes_back_misses_nothing(made, listen):
    running = made({"a": CHANGING}, max_consecutive_failures=1)
    listener = listen(running, "kind=status_change&since_id=0")
    last = listener.event()
    listener.close()
    running.check("a")
    running.check("a")
    listener = listen(running, "kind=status_change", last_id=last["id"])
    assert [listener.event()["to"], listener.event()["to"]] == ["down", "healthy"]


def test_many_listeners_are_told_and_end_when_the_daemon_stops(made, listen):
    running = made({"a": CHANGING}, max_consecutive_failures=1, http_threads=2)
    listeners = [listen(running, "kind=status_change") for _ in range(200)]
    running.check("a")
    assert {listener.event()["to"] for listener in listeners} == {"down"}
    ends = []
    waiting = threading.Thread(target=lambda: ends.extend(listener.event() for listener in listeners))
    waiting.start()
    assert running.stop() < 2
    waiting.join(PATIENCE_S)
    assert ends == [None] * 200


def test_listeners_that_leave_are_forgotten(made, listen):
    running = made({"a": CHANGING}, max_consecutive_failures=1)
    for _ in range(50):
        listen(running).close()
    left = listen(running, "kind=status_change")
    running.check("a")
    assert left.event()["to"] == "down"
    running.check("a")
    assert left.event()["to"] == "healthy"


def test_head_of_the_stream_ends_at_once(made):
    running = made({"a": good(1.0)})
    answer = request(running.url, "HEAD", EVENTS, headers={"Accept": "text/event-stream"})
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, "text/event-stream", b"")


# -- waiting --

def in_background(function):
    """Calls a function in a thread; its result, and how long it took, once it is asked for."""
    results = []

    def run():
        began = time.monotonic()
        results.append((function(), time.monotonic() - began))
    thread = threading.Thread(target=run)
    thread.start()

    def result():
        thread.join(PATIENCE_S)
        return results[0]
    return result


def test_the_best_can_be_waited_for(made):
    running = made({"a": {1: {"ms": 5.0}, 2: {"ms": 6.0}, 3: {"ms": 50.0}}, "b": good(20.0)})
    answer = wait_for(lambda: (lambda one: one["best_provider"] == "a" and one)(
        running.get("/api/providers/best?n=1").json))
    waiting = in_background(lambda: running.get(f"/api/providers/best?n=1&wait=60s&version={answer['version']}"))
    running.check("a")  # another version, the same best one
    running.check("a")
    later, _ = waiting()
    assert (later.status, later.json["best_provider"]) == (200, "b")
    assert later.json["version"] > answer["version"]
    assert later.headers["x-best-provider"] == "b"


def test_waiting_ends_with_its_time(made):
    running = made({"a": good(5.0)})
    answer = wait_for(lambda: (lambda one: one["best_provider"] == "a" and one)(running.get("/api/providers/best").json))
    later, took = in_background(
        lambda: running.get(f"/api/providers/best?wait=300ms&version={answer['version']}"))()
    assert later.json["best_provider"] == "a"
    assert took >= 0.3


def test_a_new_snapshot_can_be_waited_for(made):
    running = made({"a": good(5.0)})
    version = running.get("/api/providers/status").json["version"]
    waiting = in_background(lambda: running.get(f"/api/providers/status?version={version}&wait=60s"))
    running.post("/api/providers/check/a")
    assert waiting()[0].json["version"] > version
    assert running.get("/api/providers/status?version=999999&wait=60s").status == 200  # from before a restart


def test_an_event_can_be_waited_for(made):
    running = made({"a": CHANGING}, max_consecutive_failures=1)
    last = running.get(EVENTS).json["last_id"]
    waiting = in_background(lambda: running.get(f"{EVENTS}?since_id={last}&wait=60s&kind=status_change"))
    running.check("a")
    assert [event["to"] for event in waiting()[0].json["events"]] == ["down"]
    empty, _ = in_background(lambda: running.get(f"{EVENTS}?since_id={last + 10**9}&wait=200ms"))()
    assert empty.json == {"events": [], "last_id": last + 10**9, "more": False}


def test_who_waits_is_answered_when_the_daemon_stops(made):
    running = made({"a": good(5.0)})
    version = running.get("/api/providers/status").json["version"]
    address = urllib.parse.urlsplit(running.url)
    with socket.create_connection((address.hostname, address.port), PATIENCE_S) as waiting:
        waiting.sendall(f"GET /api/providers/status?version={version}&wait=60s HTTP/1.1\r\nHost: test\r\n\r\n".encode())
        for _ in range(3):  # the daemon's one thread has read what was sent before
            running.get("/api/providers/health")
        assert running.stop() < 2
        assert waiting.recv(65536).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("path, part", [
    ("best?wait=5s", "wait: needs version"),
    ("status?wait=5s&version=-1", "version: expected a whole number"),
    ("best?wait=0x&version=1", "wait: expected a duration"),
])
def test_waiting_for_nothing_in_particular_is_refused(made, path, part):
    answer = made({"a": good(5.0)}).get("/api/providers/" + path)
    assert (answer.status, part in answer.json["detail"]) == (400, True)
