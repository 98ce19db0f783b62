"""etc/clients/python: against the running daemon, and when it goes away."""
import asyncio
import http.server
import importlib.util
import itertools
import sys
import threading
import time

import pytest

from harness import REPO, wait_for
from made import failing, good

spec = importlib.util.spec_from_file_location("providerd_client", REPO / "etc/clients/python/providerd_client.py")
client = importlib.util.module_from_spec(spec)
sys.modules["providerd_client"] = client
spec.loader.exec_module(client)

TWO = {"a": good(5.0), "b": good(20.0)}


def tracker_of(running, **options):
    return client.ProviderTracker(running.url, timeout=10, **options)


def first_best(tracker, name="a"):
    def look():
        answer = tracker.best()
        return answer if answer.best_provider == name else time.sleep(0.1)
    return wait_for(look, f"{name} to be best")


def test_the_best_and_the_alternatives(made):
    tracker = tracker_of(made(TWO))
    answer = first_best(tracker)
    assert list(answer) == ["a", "b"]
    assert answer.reason.startswith("lowest latency (5.0ms)")
    assert client.get_healthiest_provider(tracker) == "a"
    assert tracker.best(exclude=["a"]).best_provider == "b"
    assert tracker.best(n=1).alternatives == ()
    assert tracker.best(policy="sticky").raw["policy"] == "sticky"


def test_nobody_is_none(made):
    tracker = tracker_of(made({"a": failing()}, max_consecutive_failures=1))
    wait_for(lambda: tracker.status("a")["status"] == "down")
    assert client.get_healthiest_provider(tracker) is None


def test_refusals_are_told_in_the_daemons_words(made):
    tracker = tracker_of(made(TWO))
    with pytest.raises(client.ProviderdError, match="policy: expected one of") as refused:
        tracker.best(policy="wishful")
    assert refused.value.status == 400
    with pytest.raises(client.ProviderdError, match="'x/y' not found") as refused:
        tracker.status("x/y")
    assert refused.value.status == 404


def test_the_rest_of_the_routes(made):
    tracker = tracker_of(made(TWO))
    first_best(tracker)
    assert set(tracker.status()["providers"]) == {"a", "b"}
    assert tracker.check("b") == ["b"]
    assert set(tracker.check()) == {"a", "b"}

    def look():
        try:
            return tracker.history("a", hours=1)
        except client.ProviderdError:
            return None  # nothing is written yet
    assert wait_for(look, "a row")


def test_events_go_on_over_a_restart(made, daemon):
    running = made({"a": {1: {"ms": 1.0}, 2: {"ms": 1.0, "kind": "timeout"}}}, max_consecutive_failures=1)
    events = tracker_of(running).events(since_id=0, kind="status_change", wait=10)
    assert next(events)["to"] == "healthy"
    running.check("a")
    assert next(events)["to"] == "down"


def test_another_best_one_can_be_waited_for(made):
    running = made({"a": {1: {"ms": 5.0}, 2: {"ms": 50.0}}, "b": good(20.0)})
    tracker = tracker_of(running)
    before = first_best(tracker)
    threading.Timer(0.2, lambda: running.post("/api/providers/check/a")).start()
    assert tracker.wait_for_best(before, timeout=20).best_provider == "b"


def test_asyncio(made):
    running = made(TWO)
    first_best(tracker_of(running))

    async def ask():
        tracker = client.AsyncProviderTracker(running.url, timeout=10)
        answers = await asyncio.gather(*(tracker.best(n=n) for n in (1, 2, 1, 2)))
        event = await tracker.events(since_id=0).__anext__()
        return [answer.best_provider for answer in answers], event["kind"], await tracker.status("b")
    names, kind, status = asyncio.run(ask())
    assert names == ["a"] * 4
    assert kind == "started"
    assert status["status"] == "healthy"


def test_the_last_answer_is_given_while_the_daemon_is_away(made):
    running = made(TWO)
    tracker = tracker_of(running)
    first_best(tracker)
    running.stop()
    answer = wait_for(lambda: (lambda one: one.stale and one)(tracker.best()), "a stale answer")
    assert (answer.best_provider, answer.alternatives) == ("a", ("b",))
    with pytest.raises(client.ProviderdUnreachable):
        tracker.best(n=2)  # which it never asked
    assert client.get_healthiest_provider(client.ProviderTracker(running.url)) is None


def test_a_kept_connection_that_was_closed_is_opened_anew(made, daemon):
    running = made(TWO, idle_timeout="100ms")
    tracker = tracker_of(running)
    first_best(tracker)
    time.sleep(0.4)  # longer than the daemon keeps an idle connection
    assert set(tracker.status()["providers"]) == {"a", "b"}


class Counting(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    requests = itertools.count()

    def do_GET(self):
        count = next(type(self).requests)
        if self.headers.get("If-None-Match") == '"one"':
            self.send_response(304)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = b'{"best_provider": "n%d", "reason": "", "alternatives": [], "version": 1, "valid_for_ms": 300}' % count
        self.send_response(200)
        self.send_header("ETag", '"one"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def test_a_valid_answer_is_not_asked_for_again():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Counting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    tracker = client.ProviderTracker(f"http://127.0.0.1:{server.server_port}", timeout=10)
    asked = next(Counting.requests)
    first = tracker.best()
    assert all(tracker.best() is first for _ in range(1000))
    assert next(Counting.requests) == asked + 2  # one was asked
    wait_for(lambda: tracker.best() is first and next(Counting.requests) > asked + 4, "a question with its ETag")
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("url", ["ftp://x", "http://", ""])
def test_what_is_no_url_is_refused(url):
    with pytest.raises(ValueError, match="expected a URL"):
        client.ProviderTracker(url)


# -- telling


def calls_of(tracker, name, count):
    def look():
        found = tracker.status(name)["evidence"]["reports"]
        return found if found.get("calls", 0) + found.get("aborted", 0) == count else None
    return wait_for(look, f"{count} calls of {name}")


def test_reports_are_sent_together_and_do_not_wait(made):
    tracker = tracker_of(made({"a": good(5.0)}))
    for _ in range(1200):
        tracker.report("a", status=200, latency_ms=12.5)
    assert tracker.flush(30)
    assert calls_of(tracker, "a", 1200)["success_percent"] == 100


def test_a_call_is_reported_when_it_ends(made):
    tracker = tracker_of(made({"a": good(5.0)}))
    with tracker.call("a", model="m") as call:
        call.first_token()
        call.status, call.tokens = 200, 12
        call.headers = {"X-RateLimit-Limit-Requests": "10", "X-RateLimit-Remaining-Requests": "9", "Set-Cookie": "secret"}
    for error in (TimeoutError(), ConnectionRefusedError(), ValueError("nonsense"), asyncio.CancelledError()):
        with pytest.raises(type(error)), tracker.call("a") as call:
            raise error
    assert tracker.flush(30)
    found = calls_of(tracker, "a", 5)
    assert (found["calls"], found["failed"], found["aborted"]) == (4, 3, 1)
    limit, = tracker.status("a")["rate_limit"]
    assert (limit["limit"], limit["remaining"]) == (10, 9)


def test_reports_wait_for_a_daemon_that_is_away(made):
    running = made({"a": good(5.0)})
    tracker = tracker_of(running)
    away = client.ProviderTracker("http://127.0.0.1:1", timeout=1)
    away.report("a", outcome="ok")
    assert not away.flush(0.3)
    away._connection = tracker._connection  # it is back, so to speak
    assert away.flush(30)
    calls_of(tracker, "a", 1)


def test_what_the_daemon_refuses_is_not_sent_for_ever(made):
    tracker = tracker_of(made({"a": good(5.0)}))
    tracker.report("nobody", outcome="ok")
    assert tracker.flush(30)


def test_asyncio_reports_as_well(made):
    tracker = client.AsyncProviderTracker(made({"a": good(5.0)}).url, timeout=10)

    async def run():
        with tracker.call("a"):
            await asyncio.sleep(0)
        return await tracker.flush(30)
    assert asyncio.run(run())
    calls_of(tracker.tracker, "a", 1)
