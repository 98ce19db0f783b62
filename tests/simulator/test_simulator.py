"""The program itself: records, scenarios, TLS, its command line and its end."""
import gzip
import http.client
import json
import pathlib
import socket
import ssl
import subprocess
import time

import pytest

from simulator import BASES, CHAT, PROGRAM, Simulator, bearer, key_of, wait_for


def test_head_gzip_and_keep_alive(sim):
    path, headers = BASES["groq"] + "/models", bearer(key_of("groq"))
    connection = http.client.HTTPConnection("127.0.0.1", sim.ports["http"], timeout=5)
    connection.request("GET", path, headers=headers)
    plain = connection.getresponse().read()
    connection.request("HEAD", path, headers=headers)
    answer = connection.getresponse()
    assert answer.read() == b"" and int(answer.getheader("content-length")) == len(plain)
    connection.request("GET", path, headers=headers | {"Accept-Encoding": "gzip, br"})
    answer = connection.getresponse()
    packed = answer.read()
    assert answer.getheader("content-encoding") == "gzip" and gzip.decompress(packed) == plain
    connection.close()
    assert sim.stats("groq") == {"requests": 3, "connections": 1, "in_flight": 0, "max_in_flight": 1}


def test_requests_are_recorded(sim):
    sim.request("POST", BASES["groq"] + "/chat/completions", CHAT, bearer("k") | {"User-Agent": "t/1"})
    sim.get(BASES["mistral"] + "/models?a=b")
    everything = json.loads(sim.get("/_sim/requests").text)
    first, second = everything
    assert (first["provider"], first["method"], first["path"]) == ("groq", "POST", "/groq/openai/v1/chat/completions")
    assert first["headers"]["authorization"] == "Bearer k" and first["headers"]["user-agent"] == "t/1"
    assert first["body"] == CHAT and first["connection"] != second["connection"] and second["t_ms"] >= first["t_ms"]
    assert second["path"] == "/mistral/v1/models?a=b"
    assert json.loads(sim.get("/_sim/requests?provider=mistral").text) == [second]
    assert json.loads(sim.get(f"/_sim/requests?since={first['n']}").text) == [second]


def test_record_is_a_ring_of_4096(sim):
    connection = http.client.HTTPConnection("127.0.0.1", sim.ports["http"], timeout=5)
    for _ in range(4100):
        connection.request("GET", "/x/acme/v1/nothing", "x" * 5000)
        connection.getresponse().read()
    connection.close()
    numbers = [r["n"] for r in json.loads(sim.get("/_sim/requests").text)]
    assert len(numbers) == 4096 and numbers == list(range(numbers[0], numbers[0] + 4096))
    assert len(json.loads(sim.get(f"/_sim/requests?since={numbers[-2]}").text)[0]["body"]) == 4096


def test_scenario_plays_and_repeats(sim):
    script = "# two turns\nat 0 * ok\nat 0.1 groq 503 # down\nat 0.2 groq ok\nrepeat 0.3\n"
    assert sim.request("POST", "/_sim/scenario", script).status == 200
    seen, deadline = [], time.monotonic() + 3
    while len(seen) < 5 and time.monotonic() < deadline:
        status = sim.get(BASES["groq"] + "/models", key_of("groq")).status
        if not seen or seen[-1] != status:
            seen.append(status)
    assert seen == [200, 503, 200, 503, 200]


@pytest.mark.parametrize("script,message", [
    ("at 0 groq ok\nat 1 groq slowly\n", "scenario:2: unknown behaviour"), ("at x groq ok", "scenario:1: expected sec"),
    ("\nwhen 1 groq ok", 'scenario:2: expected "at" or "repeat"'), ("at 1 gr/oq ok", "scenario:1: expected a provider"),
    ("at 5 groq ok\nrepeat 5", "scenario:2: \"repeat\" comes before"), ("repeat 1\nrepeat 2", "scenario:2: \"repeat\" was"),
    ("at 1", "scenario:1:"), ("repeat", "scenario:1:"), ("at 1 groq", "scenario:1: expected a behaviour")])
def test_bad_scenario_names_its_line(sim, script, message):
    answer = sim.request("POST", "/_sim/scenario", script)
    assert answer.status == 400 and json.loads(answer.text)["error"].startswith(message)


def test_ten_thousand_providers(tmp_path):
    simulator = Simulator(tmp_path)
    connection = http.client.HTTPConnection("127.0.0.1", simulator.ports["http"], timeout=10)
    for i in range(10000):
        connection.request("GET", f"/x/p{i}/v1/models", headers=bearer(key_of(f"p{i}")))
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
    connection.close()
    providers = json.loads(simulator.get("/_sim/stats").text)["providers"]
    assert all(providers[f"p{i}"]["requests"] == 1 for i in range(10000))
    assert simulator.stop() == (0, "")


def test_many_waiting_at_once(sim):
    sim.behave("acme", "slow 100ms")
    sockets = [socket.create_connection(("127.0.0.1", sim.ports["http"])) for _ in range(200)]
    for s in sockets:
        s.sendall(b"GET /x/acme/v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
    assert all(s.recv(12) == b"HTTP/1.1 401" for s in sockets)
    for s in sockets:
        s.close()
    stats = sim.stats("acme")
    assert (stats["requests"], stats["connections"], stats["max_in_flight"]) == (200, 200, 200)


def tls_get(sim, listener, context, path="/groq/openai/v1/models", host="localhost"):
    connection = http.client.HTTPSConnection("127.0.0.1", sim.ports[listener], context=context, timeout=5)
    connection.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", sim.ports[listener]), 5),
                                          server_hostname=host)
    try:
        connection.request("GET", path, headers=bearer(key_of("groq")))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_tls(sim, host):
    assert tls_get(sim, "tls", ssl.create_default_context(cafile=sim.ca), host=host)[0] == 200
    assert tls_get(sim, "tls", ssl.create_default_context(cafile=sim.ca), "/_sim/stats")[0] == 404


@pytest.mark.parametrize("listener,reason", [("tls-expired", "expired"), ("tls-self-signed", "self-signed|self signed")])
def test_bad_certificates(sim, listener, reason):
    with pytest.raises(ssl.SSLCertVerificationError, match=reason):
        tls_get(sim, listener, ssl.create_default_context(cafile=sim.ca))


def test_broken_answers_over_tls(sim):
    context = ssl.create_default_context(cafile=sim.ca)
    for text, error in [("garbage", http.client.BadStatusLine), ("close", (ssl.SSLError, OSError)),
                        ("short", (http.client.IncompleteRead, ssl.SSLError)),
                        ("reset", (http.client.IncompleteRead, OSError))]:
        sim.behave("groq", text)
        with pytest.raises(error):
            tls_get(sim, "tls", context)
    sim.behave("groq", "ok")
    assert tls_get(sim, "tls", context)[0] == 200


def test_sigterm_ends_everything_in_flight(tmp_path):
    simulator = Simulator(tmp_path, "--no-record")
    assert simulator.get("/_sim/requests").status == 404
    texts = ["hang", "stall", "slow 1h", "drip 1000", "huge 1000000000", "endless-headers"]
    sockets = []
    for i, text in enumerate(texts):
        simulator.behave(f"p{i}", text)
        s = socket.create_connection(("127.0.0.1", simulator.ports["http"]))
        s.sendall(f"GET /x/p{i}/v1/models HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        sockets.append(s)
        wait_for(lambda: simulator.stats(f"p{i}")["requests"] == 1)
    start = time.monotonic()
    assert simulator.stop() == (0, "") and time.monotonic() - start < 3
    for s in sockets:
        s.close()


@pytest.mark.parametrize("arguments,message", [
    (["--listen", "localhost:0"], "expected HOST:PORT"), (["--listen", "127.0.0.1"], "expected HOST:PORT"),
    (["--scenario", "/nonexistent"], "cannot read the scenario"), (["--env-out", "/nonexistent/x"], "cannot write"),
    (["--ca-out", "/nonexistent/x"], "cannot write"), (["extra"], "unexpected argument"), (["--what"], "usage:")])
def test_bad_command_lines(arguments, message):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=10)
    assert done.returncode in (1, 2) and message in done.stderr


def test_port_in_use():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = subprocess.run([PROGRAM, "--listen", f"127.0.0.1:{taken.getsockname()[1]}"], capture_output=True,
                              text=True, timeout=10)
    assert done.returncode == 1 and "Address already in use" in done.stderr


def test_scenario_file(tmp_path):
    bad = tmp_path / "bad.scenario"
    bad.write_text("at 0 groq ok\nat 1 groq nonsense\n")
    done = subprocess.run([PROGRAM, "--scenario", str(bad)], capture_output=True, text=True, timeout=10)
    assert done.returncode == 1 and f"{bad}:2: unknown behaviour" in done.stderr
    simulator = Simulator(tmp_path, "--scenario", str(pathlib.Path(__file__).parent / "demo.scenario"))
    statuses = {simulator.get(BASES["groq"] + "/models", key_of("groq")).status}
    assert simulator.stop() == (0, "") and statuses == {200}
