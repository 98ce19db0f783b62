"""Every route against what the original tracker answered, and what clients may rely on beyond it."""
import csv
import gzip
import io
import json
import re
import socket

import pytest

from harness import request, wait_for

pytestmark = pytest.mark.tsan

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
RECORDED_TYPES = {"status": str, "response_time_ms": float, "uptime_percent": float, "rate_limit_percent": float,
                  "last_check": str, "error_message": str, "consecutive_failures": int}


@pytest.fixture
def three(simulator, daemon):
    """Three providers, checked once: fast, faster, limping."""
    simulator.behave("slowish", "slow 300ms")
    simulator.behave("broken", "500")
    running = daemon(simulator.generic("fast", "slowish", "broken"))
    for name in ("fast", "slowish", "broken"):
        running.wait_for_provider(name, lambda entry: True)
    return running


def test_status_has_the_recorded_keys_and_types(three):
    answer = three.get("/api/providers/status")
    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    assert TIME.match(answer.json["timestamp"])
    assert list(answer.json["providers"]) == ["broken", "fast", "slowish"]
    for entry in answer.json["providers"].values():
        assert list(entry)[:7] == list(RECORDED_TYPES)
        for key, kind in RECORDED_TYPES.items():
            assert type(entry[key]) is kind, key
        assert TIME.match(entry["last_check"])
    fast = answer.json["providers"]["fast"]
    assert (fast["status"], fast["uptime_percent"], fast["error_message"]) == ("healthy", 100.0, "")


def test_status_of_one_is_the_same_object_with_its_name(three):
    answer = three.get("/api/providers/status/fast").json
    assert answer.pop("provider_name") == "fast"
    assert [answer.pop(key) for key in ("models", "models_read", "models_error")] == [[], None, None]  # only here
    assert answer == three.provider("fast")
    missing = three.get("/api/providers/status/nope")
    assert (missing.status, missing.json) == (404, {"detail": "Provider 'nope' not found"})
    assert three.get("/api/providers/status/a%22b").json["detail"] == "Provider 'a\"b' not found"


def test_a_provider_never_checked_answers_as_recorded(simulator, daemon):
    simulator.behave("silent", "hang")
    entry = daemon(simulator.generic("silent")).get("/api/providers/status").json["providers"]["silent"]
    assert {key: entry[key] for key in RECORDED_TYPES} == {
        "status": "unknown", "response_time_ms": 0.0, "uptime_percent": 0.0, "rate_limit_percent": 0.0,
        "last_check": "never", "error_message": "No health data available", "consecutive_failures": 0}


def test_best_is_the_fastest_healthy_one_then_the_degraded_then_nobody(simulator, three):
    answer = three.get("/api/providers/best").json
    assert answer["best_provider"] == "fast" and answer["alternatives"] == ["slowish"]
    assert re.match(r"^lowest latency \(\d+\.\dms\) \+ healthy status$", answer["reason"])
    assert answer["policy"] == "lowest_latency"

    simulator.behave("*", "503")
    for name in ("fast", "slowish", "broken"):
        simulator.behave(name, "503")
        three.check(name)
    answer = three.get("/api/providers/best").json
    best = answer["best_provider"]
    assert answer["reason"] == f"No healthy providers available, using least degraded: {best}"
    assert answer["alternatives"] == []

    for _ in range(2):
        for name in ("fast", "slowish", "broken"):
            three.check(name)
    answer = three.get("/api/providers/best")
    assert answer.status == 200
    recorded = {"best_provider": None, "reason": "All providers are down", "alternatives": []}
    assert {key: answer.json[key] for key in recorded} == recorded


def test_best_by_a_named_policy(three):
    assert three.get("/api/providers/best?policy=lowest_latency").json["best_provider"] == "fast"
    refused = three.get("/api/providers/best?policy=nonsense")
    assert refused.status == 400 and "lowest_latency" in refused.json["detail"] and "nonsense" in refused.json["detail"]


def test_history_is_as_recorded(three):
    three.check("fast")
    answer = wait_for(lambda: (lambda a: a if len(a.json.get("fast", [])) == 2 and "broken" in a.json else None)(
        three.get("/api/providers/history?hours=24")), "the rows")
    for row in answer.json["fast"]:
        assert list(row)[:4] == ["provider_name", "status", "response_time_ms", "timestamp"]
        assert {key: row[key] for key in list(row)[4:]} == {"reason": "ok", "error_kind": None, "rate_limit_percent": 0.0}
        assert row["provider_name"] == "fast" and TIME.match(row["timestamp"]) and type(row["response_time_ms"]) is float
    times = [row["timestamp"] for row in answer.json["fast"]]
    assert times == sorted(times)
    assert three.get("/api/providers/history/fast").json == answer.json["fast"]
    missing = three.get("/api/providers/history/nope")
    assert missing.status == 404 and "nope" in missing.json["detail"]


def test_history_reaches_back_as_many_hours_as_asked(three):
    wait_for(lambda: three.get("/api/providers/history/fast").status == 200)
    assert three.get("/api/providers/history/fast?hours=0.000001").status == 404
    assert three.get("/api/providers/history?hours=0.000001").json == {}


@pytest.mark.parametrize("hours", ["abc", "-1", "0", "1e9", "nan", "inf", "8761", "", "%zz", "1;drop", "9" * 500])
def test_hours_that_are_no_hours_are_refused(three, hours):
    for path in ("/api/providers/history", "/api/providers/history/fast"):
        answer = three.get(f"{path}?hours={hours}")
        assert answer.status == 400 and answer.json["detail"].startswith("hours: expected a number")


def test_csv_is_as_recorded_and_sorted(three):
    answer = three.get("/api/providers/export/csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == "attachment; filename=provider_status.csv"
    rows = list(csv.reader(io.StringIO(answer.body.decode())))
    assert rows[0] == ["provider_name", "status", "response_time_ms", "uptime_percent", "rate_limit_percent",
                       "last_check_timestamp", "consecutive_failures"]
    assert [row[0] for row in rows[1:]] == ["fast", "slowish", "broken"]  # by uptime, then latency
    assert rows[1][1] == "healthy" and rows[1][3] == "100.0" and TIME.match(rows[1][5])


def test_health_is_as_recorded(three):
    answer = three.get("/api/providers/health").json
    recorded = {"status": "healthy", "providers_monitored": 3, "check_interval_minutes": 5, "running": True}
    assert {key: answer[key] for key in recorded} == recorded
    assert answer["store"]["writable"] is True


def test_head_answers_as_get_without_a_body(three):
    for path in ("/api/providers/status", "/api/providers/export/csv", "/api/providers/history", "/api/providers/health"):
        head = request(three.url, "HEAD", path)
        assert head.status == 200 and head.body == b"", path


def test_an_unchanged_snapshot_is_not_sent_again(three):
    first = three.get("/api/providers/status")
    again = three.get("/api/providers/status", If_None_Match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"") and again.headers["etag"] == first.headers["etag"]
    assert three.get("/api/providers/status", If_None_Match='"other"').status == 200
    assert three.get("/api/providers/status", If_None_Match=f'"x", W/{first.headers["etag"]}').status == 304
    three.check("fast")
    fresh = three.get("/api/providers/status", If_None_Match=first.headers["etag"])
    assert fresh.status == 200 and fresh.headers["etag"] != first.headers["etag"]
    assert first.headers["cache-control"] == "no-cache"


def test_large_answers_are_compressed_for_who_asks(three):
    plain = three.get("/api/providers/status")
    packed = three.get("/api/providers/status", Accept_Encoding="gzip")
    assert packed.headers["content-encoding"] == "gzip" and len(packed.body) < len(plain.body)
    assert gzip.decompress(packed.body) == plain.body
    assert "content-encoding" not in plain.headers and "accept-encoding" in plain.headers["vary"].lower()
    assert "content-encoding" not in three.get("/api/providers/status", Accept_Encoding="gzip;q=0").headers
    assert packed.headers["etag"] != plain.headers["etag"]


def test_what_must_not_be_kept_says_so(three):
    for answer in (three.get("/api/providers/health"), three.post("/api/providers/check"), three.get("/nope"),
                   three.get("/api/providers/history")):
        assert answer.headers["cache-control"] == "no-store"


def test_errors_are_json_with_the_right_status(three):
    assert three.get("/nope").status == 404 and "detail" in three.get("/nope").json
    refused = three.post("/api/providers/status")
    assert refused.status == 405 and refused.headers["allow"] == "GET, HEAD, OPTIONS" and "POST" in refused.json["detail"]
    assert three.get("/api/providers/check").status == 405
    assert three.get("/api/providers/status/%zz").status == 400
    long = three.get("/api/providers/status", X_Long="y" * 20000)
    assert long.status == 431 and "16384" in long.json["detail"]
    assert request(three.url, "OPTIONS", "/api/providers/best").status == 204


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(three):
    answer = raw(three.url, b"POST /api/providers/check HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n")
    head, body = answer.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 413") and b"application/json" in head
    assert json.loads(body) == {"detail": "the request's body is larger than allowed"}


def test_a_trailing_slash_is_tolerated(three):
    assert three.get("/api/providers/status/").status == 200


def test_check_probes_now(three):
    assert three.post("/api/providers/check/nope").status == 404
    before = {name: three.provider(name)["last_check"] for name in ("fast", "broken", "slowish")}
    answer = three.post("/api/providers/check")
    assert (answer.status, answer.json) == (202, {"checking": ["broken", "fast", "slowish"]})
    for name, last in before.items():
        three.wait_for_provider(name, lambda entry: entry["last_check"] != last)


def raw(url, data, timeout=10):
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=timeout) as client:
        client.sendall(data)
        received = b""
        while chunk := client.recv(65536):
            received += chunk
        return received


@pytest.mark.parametrize("data", [b"GARBAGE\r\n\r\n", b"\x00\xff\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                                  b"POST /api/providers/check HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n"])
def test_a_malformed_request_is_refused_and_harms_nothing(three, data):
    assert raw(three.url, data).startswith(b"HTTP/1.1 400")
    assert three.get("/api/providers/status").status == 200


def test_half_a_request_is_cut_off_after_the_idle_timeout(simulator, daemon):
    running = daemon(simulator.generic("fast"), idle_timeout="300ms")
    for half in (b"GET /api/prov", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "):
        raw(running.url, half)  # returns only when the server closes
    assert running.get("/api/providers/health").status == 200


def test_pipelined_requests_are_answered_in_order(three):
    one = b"GET /api/providers/best HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /nope HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    received = raw(three.url, one * 5 + last)
    assert received.count(b"HTTP/1.1 200 OK") == 5 and b"HTTP/1.1 404" in received
