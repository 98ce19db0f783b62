"""Each behaviour, as a client sees it."""
import http.client
import json
import re
import socket
import struct
import time

import pytest

from simulator import BASES, CHAT, STREAM, bearer, key_of, wait_for


@pytest.mark.parametrize("status", [401, 402, 403, 404, 410, 429, 500, 502, 503, 529])
@pytest.mark.parametrize("name", ["groq", "openrouter", "together", "nvidia", "mistral", "huggingface", "g4f", "acme"])
def test_status_behaviours(sim, name, status):
    sim.behave(name, str(status))
    answer = sim.request("POST", BASES[name] + "/chat/completions", CHAT, bearer(key_of(name)))
    assert answer.status == status and answer.text
    if answer.getheader("content-type") != "text/plain":
        assert isinstance(json.loads(answer.text), dict)
    assert answer.getheader("retry-after") is None


def test_any_status(sim):
    sim.behave("acme", "status 418")
    assert sim.get(BASES["acme"] + "/models", key_of("acme")).status == 418


def test_retry_after(sim):
    sim.behave("groq", "429 retry-after=7")
    assert sim.get(BASES["groq"] + "/models", key_of("groq")).getheader("retry-after") == "7"
    sim.behave("groq", "429 retry-after=date")
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT",
                        sim.get(BASES["groq"] + "/models", key_of("groq")).getheader("retry-after"))
    sim.behave("openrouter", "429")
    answer = sim.get(BASES["openrouter"] + "/models")
    assert int(answer.getheader("x-ratelimit-reset")) > 1e12
    sim.behave("together", "429")
    assert sim.get(BASES["together"] + "/models").getheader("x-ratelimit-reset") == "7"


def models_of_acme(sim, **options):
    return sim.request("GET", BASES["acme"] + "/models", headers=bearer(key_of("acme")), **options)


@pytest.mark.parametrize("text,low,high", [("slow 150ms", 0.15, 1), ("slow 100ms-200ms", 0.1, 1)])
def test_slow(sim, text, low, high):
    sim.behave("acme", text)
    start = time.monotonic()
    assert models_of_acme(sim).status == 200
    assert low <= time.monotonic() - start < high


def test_hang_notices_that_the_client_left(sim):
    sim.behave("acme", "hang")
    with pytest.raises(socket.timeout):
        models_of_acme(sim, timeout=0.2)
    wait_for(lambda: sim.stats("acme")["in_flight"] == 0)


def test_slow_notices_that_the_client_left(sim):
    sim.behave("acme", "slow 1h")
    for _ in range(2):
        with pytest.raises(socket.timeout):
            models_of_acme(sim, timeout=0.2)
        wait_for(lambda: sim.stats("acme")["in_flight"] == 0)
    assert sim.stats("acme")["max_in_flight"] == 1


def test_slow_answers_pipelined_requests_in_turn(sim):
    sim.behave("acme", "slow 100ms")
    get = f"GET /x/acme/v1/models HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key_of('acme')}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", sim.ports["http"]), timeout=5) as s:
        s.sendall(get)
        wait_for(lambda: sim.stats("acme")["in_flight"] == 1)
        s.sendall(get + get.replace(b"Host", b"Connection: close\r\nHost"))
        got = b""
        while piece := s.recv(65536):
            got += piece
    assert got.count(b"HTTP/1.1 200 OK") == 3 and sim.stats("acme")["connections"] == 1


def raw_models(sim, timeout=2):
    return sim.raw(BASES["acme"] + "/models", key_of("acme"), timeout)


def test_stall_sends_headers_only(sim):
    sim.behave("acme", "stall")
    got, end = raw_models(sim, timeout=0.3)
    assert got.startswith(b"HTTP/1.1 200") and got.endswith(b"\r\n\r\n") and end == "timeout"
    wait_for(lambda: sim.stats("acme")["in_flight"] == 0)


def test_reset(sim):
    sim.behave("acme", "reset")
    got, end = raw_models(sim)
    assert b"\r\n\r\n{" in got and end == "reset"


def test_close(sim):
    sim.behave("acme", "close")
    assert raw_models(sim) == (b"", "eof")


def test_short(sim):
    sim.behave("acme", "short")
    with pytest.raises(http.client.IncompleteRead):
        models_of_acme(sim)
    assert raw_models(sim)[1] == "eof"


def test_garbage(sim):
    sim.behave("acme", "garbage")
    got, end = raw_models(sim)
    assert got and not got.startswith(b"HTTP/") and end == "eof"


def test_endless_headers(sim):
    sim.behave("acme", "endless-headers")
    got, end = raw_models(sim)
    assert got.startswith(b"HTTP/1.1 200 OK\r\n") and b"\r\n\r\n" not in got and end == "endless"
    wait_for(lambda: sim.stats("acme")["in_flight"] == 0)


def test_truncated(sim):
    sim.behave("acme", "truncated")
    answer = models_of_acme(sim)
    assert answer.status == 200 and len(answer.text) == int(answer.getheader("content-length")) > 10
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.text)


def test_badjson(sim):
    sim.behave("acme", "badjson")
    with pytest.raises(json.JSONDecodeError):
        json.loads(models_of_acme(sim).text)


@pytest.mark.parametrize("size", [0, 1, 65536, 5_000_000])
def test_huge(sim, size):
    sim.behave("acme", f"huge {size}")
    answer = models_of_acme(sim)
    assert len(answer.text) == size
    assert (answer.getheader("transfer-encoding"), answer.getheader("content-length")) == ("chunked", None)


def test_huge_to_a_client_that_leaves(sim):
    sim.behave("acme", "huge 1000000000")
    with socket.create_connection(("127.0.0.1", sim.ports["http"])) as s:
        s.sendall(b"GET /x/acme/v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
        s.recv(1000)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_for(lambda: sim.stats("acme")["in_flight"] == 0)


def test_html(sim):
    sim.behave("acme", "html")
    answer = models_of_acme(sim)
    assert answer.status == 200 and answer.getheader("content-type").startswith("text/html")
    assert b"<title>Just a moment...</title>" in answer.text


def test_redirect(sim):
    sim.behave("acme", "redirect http://127.0.0.1:1/elsewhere")
    answer = models_of_acme(sim)
    assert (answer.status, answer.getheader("location")) == (302, "http://127.0.0.1:1/elsewhere")


def test_error200(sim):
    sim.behave("*", "error200")
    answer = sim.request("POST", BASES["openrouter"] + "/chat/completions", CHAT, bearer(key_of("openrouter")))
    assert answer.status == 200 and json.loads(answer.text)["error"]["code"] == 502
    answer = sim.request("POST", BASES["g4f"] + "/chat/completions", STREAM)
    first, last = answer.text.decode().strip().split("\n\n")
    assert json.loads(first[6:])["error"]["message"].startswith("RateLimitError:") and last == "data: [DONE]"


def test_echo_key(sim):
    sim.behave("*", "echo-key")
    answer = sim.get(BASES["groq"] + "/models", "my-secret")
    assert answer.status == 401 and "my-secret" in json.loads(answer.text)["error"]["message"]
    answer = sim.get("/gemini/v1beta/models", **{"x-goog-api-key": "other-secret"})
    assert "other-secret" in json.loads(answer.text)["error"]["message"]
    assert sim.get(BASES["groq"] + "/models").status == 401


def test_empty(sim):
    sim.behave("acme", "empty")
    answer = models_of_acme(sim)
    assert (answer.status, answer.text) == (200, b"")


def test_drip(sim):
    sim.behave("acme", "drip 1")
    start = time.monotonic()
    answer = sim.request("POST", BASES["acme"] + "/chat/completions", CHAT, bearer(key_of("acme")))
    assert json.loads(answer.text)["choices"] and time.monotonic() - start > 0.15
    sim.behave("acme", "drip 20")
    with socket.create_connection(("127.0.0.1", sim.ports["http"])) as s:
        s.sendall(b"GET /x/acme/v1/models HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n\r\n")
        s.recv(1)
    wait_for(lambda: sim.stats("acme")["in_flight"] == 0)


@pytest.mark.parametrize("text,message", [
    ("slowly", "did you mean"), ("slow", "a duration"), ("slow 9s-1s", "a duration"), ("ok 1", "nothing after it"),
    ("429 retry-after=x", "retry-after=N"), ("429 rpd rpd", "rpd"), ("503 rpd", "retry-after=N"),
    ("huge -1", "number of bytes"), ("status 42", "from 200"), ("", "expected"),
    ("redirect", "a URL")])
def test_bad_behaviour_is_explained(sim, text, message):
    answer = sim.request("PUT", "/_sim/behaviour/groq", text)
    assert answer.status == 400 and message in json.loads(answer.text)["error"]


@pytest.mark.parametrize("text", ["ok", "503", "status 418", "429 retry-after=7", "429 retry-after=date", "slow 1.5s",
                                  "429 rpd", "429 retry-after=7 rpd", "529 retry-after=3",
                                  "slow 80ms-900ms", "huge 10", "drip 5", "redirect http://x/", "endless-headers"])
def test_behaviour_reads_back(sim, text):
    sim.behave("acme", text)
    assert sim.get("/_sim/behaviour/acme").text.decode().replace("1s500ms", "1.5s") == text
