"""Clients of every kind: too many, too slow, rude or gone. None of them harms the others."""
import http.client
import json
import socket
import sqlite3
import threading

import pytest

from harness import request, wait_for

pytestmark = pytest.mark.tsan

SCRIPT = 'return { name = "a", base_url = "http://127.0.0.1:9", probe = function() return { ok = true } end }'
END = b"Host: x\r\nConnection: close\r\n\r\n"


@pytest.fixture
def serve(providers, daemon):
    def start(**settings):
        (providers / "a.lua").write_text(SCRIPT)
        running = daemon(provider_paths=[str(providers)], quiet=False, **settings)
        running.wait_for_provider("a", lambda entry: True)
        return running
    return start


def connect(running, timeout=20):
    host, port = running.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=timeout)


def raw(running, data):
    """What is answered until the server closes."""
    with connect(running) as client:
        client.sendall(data)
        received = b""
        while chunk := client.recv(65536):
            received += chunk
        return received


def fill(database, rows):
    connection = sqlite3.connect(database, timeout=10)
    with connection:
        connection.executemany(
            "INSERT INTO provider_health_checks (provider_name, status, response_time_ms, uptime_percent,"
            " rate_limit_percent, last_check_timestamp, error_message) VALUES ('a', 'healthy', 1, 100, 0,"
            " strftime('%Y-%m-%dT%H:%M:%f', 'now', ?), '')", [(f"-{n / 10} seconds",) for n in range(rows, 0, -1)])
    connection.close()


def test_connections_beyond_the_limit_wait_and_are_served_when_others_leave(serve):
    running = serve(max_connections=10)
    idle = [connect(running) for _ in range(30)]
    late = threading.Thread(target=lambda: answers.append(running.get("/api/providers/best").status))
    answers = []
    late.start()
    for client in idle:
        client.close()
    late.join(20)
    assert answers == [200]


def test_silent_connections_are_closed_after_the_idle_timeout(serve):
    running = serve(idle_timeout="300ms")
    with connect(running) as silent, connect(running) as between:
        between.sendall(b"GET /api/providers/best HTTP/1.1\r\nHost: x\r\n\r\n")
        assert between.recv(65536).startswith(b"HTTP/1.1 200")
        assert between.recv(1) == b"" and silent.recv(1) == b""


def test_a_body_that_never_comes_is_cut_off(serve):
    running = serve(idle_timeout="300ms")
    data = b"POST /api/providers/check HTTP/1.1\r\nContent-Length: 50\r\nHost: x\r\n\r\nabcde"
    assert b" 202 " not in raw(running, data)
    assert running.get("/api/providers/health").status == 200


def test_who_reads_slowly_does_not_hold_up_the_others(serve, tmp_path):
    running = serve(http_threads=1, readers=1)
    wait_for(lambda: running.get("/api/providers/history/a").status == 200)
    fill(tmp_path / "provider_status.db", 60000)
    slow = http.client.HTTPConnection(running.url.removeprefix("http://"), timeout=20)
    slow.request("GET", "/api/providers/history/a")
    answer = slow.getresponse()
    first = answer.read(1000)
    for _ in range(50):
        assert request(running.url, "GET", "/api/providers/status", timeout=5).status == 200
    assert len(json.loads(first + answer.read())) == 60001
    slow.close()


def test_many_clients_at_once_all_get_whole_answers(serve):
    running = serve(http_threads=2)
    wrong = []

    def ask():
        for path in ("/api/providers/status", "/api/providers/history", "/api/providers/export/csv", "/") * 5:
            answer = running.get(path)
            if answer.status != 200 or not answer.body:
                wrong.append((path, answer.status))
    clients = [threading.Thread(target=ask) for _ in range(20)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert wrong == []


@pytest.mark.parametrize("request_line, headers, body, status", [
    (b"POST /api/providers/check", b"Expect: 100-continue\r\nContent-Length: 2\r\n", b"{}", 100),
    (b"POST /api/providers/check", b"Transfer-Encoding: chunked\r\n", b"2\r\n{}\r\n0\r\n\r\n", 202),
    (b"POST /api/providers/check", b"Transfer-Encoding: chunked\r\n", b"zz\r\n\r\n", 400),
    (b"POST /api/providers/check", b"Content-Length: -1\r\n", b"", 400),
    (b"POST /api/providers/check", b"Content-Length: 99999999999999999999999\r\n", b"", 400),
    (b"GET /api/providers/status/%00", b"", b"", 400),
    (b"GET /api/providers/status/" + b"a" * 300, b"", b"", 400),
    (b"GET /" + b"a" * 70000, b"", b"", 431),
    (b"GET /api/providers/../../etc/passwd", b"", b"", 404),
    (b"GET /api/providers/health", b"A: \0\r\n", b"", 400),
    (b"GET /api/providers/health", b"Range: bytes=0-3\r\n", b"", 200),
    (b"GET /api/providers/health", b"Upgrade: h2c\r\nConnection: Upgrade\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n", b"", 200),
    (b"PROPFIND /api/providers/status", b"", b"", 405),
    (b"get /api/providers/status", b"", b"", 405),
], ids=["expect", "chunked", "bad-chunk", "negative-length", "huge-length", "nul", "long-segment", "long-path", "dots",
        "nul-in-header", "range", "h2c", "method", "lower-case-method"])
def test_an_odd_request_gets_its_status(serve, request_line, headers, body, status):
    running = serve()
    answer = raw(running, request_line + b" HTTP/1.1\r\n" + headers + END + body)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:300]
    assert running.get("/api/providers/health").status == 200


def test_a_body_in_chunks_that_grows_too_large_is_broken_off(serve):
    running = serve(max_request_body="4KB")
    with connect(running) as client:
        client.sendall(b"POST /api/providers/check HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                       b"100000\r\n" + b"a" * 5000)
        assert client.recv(65536).startswith(b"HTTP/1.1 413")
    assert running.get("/api/providers/health").status == 200


def test_http_1_0_is_answered_and_closed(serve):
    answer = raw(serve(), b"GET /api/providers/best HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200") and json.loads(answer.split(b"\r\n\r\n", 1)[1])["best_provider"] == "a"


def test_a_target_with_scheme_and_host_is_understood(serve):
    """RFC 9112, 3.2.2: a server must accept the absolute form."""
    answer = raw(serve(), b"GET http://x/api/providers/health HTTP/1.1\r\n" + END)
    assert answer.startswith(b"HTTP/1.1 200"), answer[:200]


@pytest.mark.xfail(strict=True, reason="libh2o 2.2 takes the last of them (RFC 9112, 6.3 wants 400); it shows us neither")
def test_two_different_lengths_are_refused(serve):
    data = b"POST /api/providers/check HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 5\r\n" + END + b"abcde"
    assert raw(serve(), data).startswith(b"HTTP/1.1 400")


def test_a_head_of_the_history_opens_no_answer(serve, tmp_path):
    running = serve()
    wait_for(lambda: running.get("/api/providers/history/a").status == 200)
    answer = raw(running, b"HEAD /api/providers/history HTTP/1.1\r\n" + END)
    assert answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"\r\n\r\n")
