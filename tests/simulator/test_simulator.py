"""The simulator itself: each provider's happy path and each behaviour, over plain sockets.

PROVIDERD_SIMULATOR names the program; without it, build-asan/provider-simulator of this tree.
"""
import gzip
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import struct
import subprocess
import time
import urllib.parse

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("PROVIDERD_SIMULATOR", str(ROOT / "build-asan" / "provider-simulator"))


class Simulator:
    def __init__(self, folder, *arguments):
        self.ca = folder / "ca.pem"
        self.env_file = folder / "env"
        self.process = subprocess.Popen(
            [PROGRAM, "--tls", "127.0.0.1:0", "--tls-expired", "127.0.0.1:0", "--tls-self-signed", "127.0.0.1:0",
             "--ca-out", str(self.ca), "--env-out", str(self.env_file), *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.ports = {}
        while len(self.ports) < 4:
            line = self.process.stdout.readline()
            assert line, self.process.stderr.read()
            name, port = re.fullmatch(r"simulator: ([a-z-]+) on https?://127\.0\.0\.1:(\d+)\n", line).groups()
            self.ports[name] = int(port)
        self.env = dict(line.split("=", 1) for line in self.env_file.read_text().splitlines())

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=10)
        return self.process.returncode, errors

    def request(self, method, path, body=None, headers=None, timeout=5):
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["http"], timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            answer.text = answer.read()
            return answer
        finally:
            connection.close()

    def get(self, path, key=None, **headers):
        return self.request("GET", path, headers=bearer(key) | headers)

    def behave(self, name, text):
        answer = self.request("PUT", f"/_sim/behaviour/{name}", text)
        assert answer.status == 200, answer.text

    def stats(self, name):
        return json.loads(self.get("/_sim/stats").text)["providers"][name]

    def raw(self, path, key, timeout=2):
        """All bytes of the answer, and how the connection ended: "eof", "reset" or "timeout"."""
        with socket.create_connection(("127.0.0.1", self.ports["http"]), timeout=timeout) as s:
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
            got = b""
            try:
                while len(got) < 1 << 20:
                    piece = s.recv(65536)
                    if not piece:
                        return got, "eof"
                    got += piece
                return got, "endless"
            except ConnectionResetError:
                return got, "reset"
            except socket.timeout:
                return got, "timeout"


def bearer(key):
    return {"Authorization": f"Bearer {key}"} if key else {}


def key_of(name):
    return f"sim-{name}-key-0123456789"


def wait_for(condition):
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    simulator = Simulator(tmp_path_factory.mktemp("simulator"))
    yield simulator
    status, errors = simulator.stop()
    assert (status, errors) == (0, "")


@pytest.fixture
def sim(process):
    assert process.request("POST", "/_sim/reset").status == 200
    return process


CHAT = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 1})
STREAM = json.dumps({"model": "m", "messages": [], "stream": True})
BASES = {"groq": "/groq/openai/v1", "openrouter": "/openrouter/api/v1", "together": "/together/v1",
         "nvidia": "/nvidia/v1", "mistral": "/mistral/v1", "huggingface": "/huggingface/v1", "g4f": "/g4f/v1",
         "g4f_main": "/g4f_main/v1", "g4f_groq": "/g4f_groq", "g4f_grok": "/g4f_grok", "g4f_gemini": "/g4f_gemini",
         "g4f_nvidia": "/g4f_nvidia", "g4f_ollama": "/g4f_ollama", "g4f_pollinations": "/g4f_pollinations",
         "acme": "/x/acme/v1"}
NO_KEY_NEEDED = {name for name in BASES if name.startswith("g4f")}


@pytest.mark.parametrize("name", BASES)
def test_models(sim, name):
    answer = sim.get(BASES[name] + "/models", key_of(name))
    body = json.loads(answer.text)
    assert answer.status == 200 and answer.getheader("content-type") == "application/json"
    models = body if name == "together" else body["data"]
    assert len(models) > 3 and all(model["id"] for model in models)
    assert ("x-ratelimit-limit-requests" in answer.headers) == (name == "groq")


@pytest.mark.parametrize("name", BASES)
def test_completion_and_stream(sim, name):
    answer = sim.request("POST", BASES[name] + "/chat/completions", CHAT, bearer(key_of(name)))
    assert answer.status == 200 and json.loads(answer.text)["choices"][0]["message"]["content"]
    answer = sim.request("POST", BASES[name] + "/chat/completions", STREAM, bearer(key_of(name)))
    events = [line[6:] for line in answer.text.decode().splitlines() if line.startswith("data: ")]
    assert answer.getheader("content-type") == "text/event-stream" and events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    assert any(c["choices"] and c["choices"][0]["delta"].get("content") for c in chunks)
    assert chunks[-1]["usage"]["total_tokens"] == 10


@pytest.mark.parametrize("name,header,value", [
    ("groq", "x-ratelimit-reset-requests", "1m26.4s"), ("mistral", "x-ratelimit-limit-req-minute", "188"),
    ("acme", "x-ratelimit-remaining-requests", "499"), ("openrouter", "x-ratelimit-limit", None),
    ("together", "x-ratelimit-reset", None), ("nvidia", "x-ratelimit-limit-requests", None)])
def test_completion_limits(sim, name, header, value):
    answer = sim.request("POST", BASES[name] + "/chat/completions", CHAT, bearer(key_of(name)))
    assert answer.getheader(header) == value


@pytest.mark.parametrize("name,missing,wrong", [
    ("groq", 401, 401), ("openrouter", 401, 401), ("together", 401, 401), ("nvidia", 401, 403), ("mistral", 401, 401),
    ("huggingface", 401, 401), ("g4f", 200, 403), ("g4f_main", 200, 401), ("g4f_groq", 200, 401), ("acme", 401, 401)])
def test_keys_on_completions(sim, name, missing, wrong):
    assert sim.request("POST", BASES[name] + "/chat/completions", CHAT).status == missing
    assert sim.request("POST", BASES[name] + "/chat/completions", CHAT, bearer("wrong")).status == wrong


def test_refusal_bodies(sim):
    answer = sim.get("/together/v1/models")
    assert (answer.getheader("content-type"), answer.text) == ("text/plain", b"Missing API key")
    assert json.loads(sim.get("/groq/openai/v1/models", "x").text)["error"]["code"] == "invalid_api_key"
    assert json.loads(sim.get("/mistral/v1/models", "x").text) == {"detail": "Invalid API Key"}
    assert json.loads(sim.get("/openrouter/api/v1/key", "x").text)["error"]["message"] == "User not found."
    assert sim.get("/openrouter/api/v1/models").status == sim.get("/nvidia/v1/models").status == 200


def test_openrouter_key(sim):
    answer = sim.get("/openrouter/api/v1/key", key_of("openrouter"))
    assert answer.status == 200 and json.loads(answer.text)["data"]["usage"] == 1.25


def test_huggingface_whoami(sim):
    assert sim.get("/huggingface-hub/api/whoami-v2").status == 401
    answer = sim.get("/huggingface-hub/api/whoami-v2", key_of("huggingface"))
    assert json.loads(answer.text)["auth"]["accessToken"]["role"] == "read"
    assert sim.stats("huggingface")["requests"] == 2


@pytest.mark.parametrize("name", ["gemini", "google"])
def test_gemini(sim, name):
    key = {"x-goog-api-key": key_of(name)}
    base = f"/{name}/v1beta"
    assert sim.get(base + "/models").status == 403
    answer = sim.get(base + "/models", **{"x-goog-api-key": "bad"})
    assert answer.status == 400 and json.loads(answer.text)["error"]["details"][0]["reason"] == "API_KEY_INVALID"
    assert len(json.loads(sim.get(base + "/models", **key).text)["models"]) > 3
    assert len(json.loads(sim.get(base + "/models?pageSize=1", **key).text)["models"]) == 1
    answer = sim.request("POST", base + "/models/gemini-2.5-flash:generateContent", "{}", key)
    assert json.loads(answer.text)["candidates"][0]["content"]["parts"][0]["text"] == "H"
    answer = sim.request("POST", base + "/models/m:streamGenerateContent?alt=sse", "{}", key)
    assert answer.text.startswith(b"data: {") and b"[DONE]" not in answer.text


def test_gemini_cli(sim):
    load = "/gemini_cli/v1internal:loadCodeAssist"
    assert sim.request("POST", load, "{}").status == 401
    assert sim.request("POST", load, "{}", bearer("sim-gemini_cli-issued-999")).status == 401
    answer = sim.request("POST", load, "{}", bearer(sim.env["GEMINI_CLI_1_ACCESS_TOKEN"]))
    assert json.loads(answer.text)["currentTier"]["id"] == "standard-tier"
    form = (f"grant_type=refresh_token&client_id={sim.env['GEMINI_CLI_1_CLIENT_ID']}"
            f"&client_secret={sim.env['GEMINI_CLI_1_CLIENT_SECRET']}&refresh_token=")
    answer = sim.request("POST", "/gemini_cli/token", form + "old")
    assert answer.status == 400 and json.loads(answer.text)["error"] == "invalid_grant"
    answer = sim.request("POST", "/gemini_cli/token", form + sim.env["GEMINI_CLI_1_REFRESH_TOKEN"])
    token = json.loads(answer.text)["access_token"]
    answer = sim.request("POST", "/gemini_cli/v1internal:retrieveUserQuota", "{}", bearer(token))
    assert json.loads(answer.text)["buckets"][0]["remainingFraction"] == 0.75


def test_gemini_cli_tokens_run_out_as_their_account_says(sim):
    form = {"grant_type": "refresh_token", "client_id": sim.env["GEMINI_CLI_1_CLIENT_ID"],
            "client_secret": sim.env["GEMINI_CLI_1_CLIENT_SECRET"]}

    def refresh(ending):
        token = sim.env["GEMINI_CLI_1_REFRESH_TOKEN"] + ending
        return sim.request("POST", "/gemini_cli/token", urllib.parse.urlencode(form | {"refresh_token": token}))

    def status_with(token):
        return sim.request("POST", "/gemini_cli/v1internal:loadCodeAssist", "{}", bearer(token)).status

    short, normal = json.loads(refresh("-expires-1").text), json.loads(refresh("").text)
    assert (short["expires_in"], normal["expires_in"]) == (1, 3599)
    assert status_with(short["access_token"]) == status_with(normal["access_token"]) == 200
    wait_for(lambda: status_with(short["access_token"]) == 401)
    assert status_with(normal["access_token"]) == 200
    for ending in ("x", "-expires-", "-expires-x", "-expires-1234567"):
        assert refresh(ending).status == 400


def test_environment_names_working_bases(sim):
    origin = f"http://127.0.0.1:{sim.ports['http']}"
    for name, path in BASES.items():
        if name != "acme":
            assert sim.env[f"{name.upper()}_API_BASE"] == origin + path
            assert sim.env[f"{name.upper()}_API_KEY"] == key_of(name)
    assert sim.env["HF_ENDPOINT"] == origin + "/huggingface-hub"
    assert sim.env["GEMINI_CLI_TOKEN_URI"] == origin + "/gemini_cli/token"
    assert 3500 < int(sim.env["GEMINI_CLI_1_EXPIRY_DATE"]) / 1000 - time.time() <= 3600


def test_unknown_paths(sim):
    answer = sim.get("/groq/openai/v1/nothing", key_of("groq"))
    assert answer.status == 404 and json.loads(answer.text)["error"]["code"] == "unknown_url"
    assert sim.get("/together/nothing", key_of("together")).getheader("content-type").startswith("text/html")
    assert sim.get("/nobody").status == sim.get("/x//v1/models").status == 404


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


def test_a_refusal_shows_what_ran_out(sim):
    sim.behave("*", "429")
    limits = {name: {k.lower(): v for k, v in sim.get(BASES[name] + "/models").getheaders() if "ratelimit" in k.lower()}
              for name in ("groq", "mistral", "acme")}
    assert limits["groq"] == {"x-ratelimit-limit-tokens": "8000", "x-ratelimit-remaining-tokens": "0",
                              "x-ratelimit-reset-tokens": "3.405s"}
    assert limits["mistral"] == {"x-ratelimit-limit-req-minute": "50", "x-ratelimit-remaining-req-minute": "0"}
    assert limits["acme"] == {}


@pytest.mark.parametrize("path,minute,day", [
    (BASES["groq"] + "/models", b"per minute (TPM)", b"per day (RPD)"),
    (BASES["openrouter"] + "/key", b"free-models-per-min", b"free-models-per-day"),
    (BASES["acme"] + "/models", b"Rate limit exceeded", b"per day (RPD)"),
    (BASES["together"] + "/models", b"dynamic_request_limited", b"dynamic_request_limited"),
    (BASES["huggingface"] + "/models", b"Rate limit exceeded", b"Daily limit"),
    ("/gemini/v1beta/models", b"RequestsPerMinutePer", b"RequestsPerDayPer"),
    ("/gemini_cli/v1internal:loadCodeAssist", b"RATE_LIMIT_EXCEEDED", b"QUOTA_EXHAUSTED")])
def test_limits_of_a_minute_and_of_a_day(sim, path, minute, day):
    sim.behave("*", "429")
    assert minute in sim.get(path).text
    sim.behave("*", "429 rpd retry-after=9")
    answer = sim.get(path)
    assert answer.status == 429 and day in answer.text and answer.getheader("retry-after") == "9"
    assert isinstance(json.loads(answer.text), dict)


def test_openrouters_day_ends_at_midnight_utc(sim):
    sim.behave("openrouter", "429 rpd")
    reset_ms = int(sim.get(BASES["openrouter"] + "/key").getheader("x-ratelimit-reset"))
    assert reset_ms % 86400000 == 0 and 0 < reset_ms / 1000 - time.time() <= 86400


def test_nvidias_titles_are_those_of_the_status(sim):
    for status, title in [(403, "Forbidden"), (429, "Too Many Requests"), (503, "Service Unavailable")]:
        sim.behave("nvidia", str(status))
        body = json.loads(sim.get(BASES["nvidia"] + "/models").text)
        assert (body["status"], body["title"]) == (status, title)


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
