"""What http.get and http.post do beyond asking: streams with arrival times, errors inside a 200, AWS signatures."""
import gzip
import hashlib
import hmac
import json
import re
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

PIECE_S = 0.03  # between the pieces of a stream


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, body, status=200, **headers):
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self, pieces):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            time.sleep(PIECE_S)  # the pace that is to be measured
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.requests.append((self.command, self.path, self.headers, body))
        self.server.answers[self.path.split("?")[0]](self)

    do_POST = do_GET


@pytest.fixture
def server():
    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    running.requests, running.answers = [], {}
    running.url = f"http://127.0.0.1:{running.server_address[1]}"
    thread = threading.Thread(target=running.serve_forever, args=(0.01,))
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture
def run(server, providers, daemon):
    """Runs the body of a probe once; what it gives is shown in the log as JSON."""
    def start(body, environment=None, **settings):
        (providers / "own.lua").write_text(f"""
            local function find(base)\n{body}\nend
            return {{ name = "own", base_url = "{server.url}", probe = function(provider)
              log.info("found %s", json.encode({{ find(provider.base_url) }}))
              return {{ ok = true, latency_ms = 1 }}
            end }}""")
        running = daemon(environment, provider_paths=[str(providers)], quiet=False, **settings)
        entry = running.wait_for_provider("own", lambda entry: True)
        assert entry["status"] == "healthy", entry
        return json.loads(running.wait_for_line(r"found (\[.*\])").group(1))
    return start


def test_a_stream_tells_when_each_piece_came(server, run):
    pieces = [b"data: %d\n\n" % i for i in range(8)]
    server.answers["/s"] = lambda request: request.stream(pieces)
    body, arrivals, first_byte = run("""
        local answer = http.post(base .. "/s", { stream = true, json = { stream = true } })
        return answer.body, answer.arrivals, answer.phases.first_byte_ms""")
    assert body == b"".join(pieces).decode()
    assert [mark["bytes"] for mark in arrivals] == [9 * (i + 1) for i in range(len(pieces))]
    times = [mark["ms"] for mark in arrivals]
    gaps = [after - before for before, after in zip(times, times[1:])]
    assert all(gap >= PIECE_S * 1000 * 0.5 for gap in gaps), times
    # the headers came at once, and the first piece a pause later: both from the same zero
    assert first_byte < times[0] and times[0] >= PIECE_S * 1000 * 0.9
    assert server.requests[0][2]["Accept-Encoding"] == "identity"


def test_a_whole_body_that_comes_at_once_is_one_mark(server, run):
    server.answers["/s"] = lambda request: request.answer(b"0123456789")
    arrivals, first_byte, plain = run("""
        local answer = http.get(base .. "/s", { stream = true })
        return answer.arrivals, answer.phases.first_byte_ms, http.get(base .. "/s").arrivals == nil""")
    assert [mark["bytes"] for mark in arrivals] == [10] and plain is True
    assert abs(arrivals[0]["ms"] - first_byte) < 20


def test_marks_of_a_long_stream_are_bounded(server, run):
    def flood(request):
        request.send_response(200)
        request.send_header("Connection", "close")
        request.end_headers()
        for _ in range(6000):
            request.wfile.write(b"x")
            request.wfile.flush()
            end = time.perf_counter() + 0.00015
            while time.perf_counter() < end:
                pass
        request.close_connection = True
    server.answers["/s"] = flood
    count, last = run("""
        local marks = http.get(base .. "/s", { stream = true }).arrivals
        for i = 2, #marks do
          assert(marks[i].bytes > marks[i - 1].bytes and marks[i].ms - marks[i - 1].ms >= 0.0999)
        end
        return #marks, marks[#marks].bytes""")
    assert count <= 4096 and last == 6000


ERROR = b'{"id": "x", "error": {"message": "no such model", "code": 404}}'
LIST = b'{"data": [%s], "error": null}' % b",".join(b'{"id": "model-%d", "error": "inner"}' % i for i in range(100))


@pytest.mark.parametrize("body, compressed, kept", [
    (ERROR, False, True), (ERROR, True, True), (b'{"success": false}', False, True),
    (LIST, False, False), (LIST, True, False),
    (b'{"error": "early", "padding": "%s"}' % (b"x" * 70000), False, False),
    (b'{"error": "early", "padding": "%s"}' % (b"x" * 70000), True, False),
])
def test_an_error_inside_a_200_is_kept_although_only_json_was_expected(server, run, body, compressed, kept):
    sent = {"Content_Encoding": "gzip"} if compressed else {}
    server.answers["/m"] = lambda request: request.answer(gzip.compress(body) if compressed else body, **sent)
    ok, text, decoded, never = run("""
        local answer = http.get(base .. "/m", { expect = "json" })
        local never = http.get(base .. "/m", { expect = "json", keep = "never" })
        return answer.ok, answer.body or false, answer.json or false, never.body == nil""")
    assert ok is True and never is True
    assert text == (body.decode() if kept else False)
    assert decoded == (json.loads(body) if kept else False)


def test_a_refused_request_inside_a_200_is_seen_by_the_usual_rules(server, providers, daemon):
    server.answers["/m"] = lambda request: request.answer(b'{"error": {"message": "Incorrect API key provided", "code": 401}}')
    (providers / "own.lua").write_text(f"""return {{ name = "own", base_url = "{server.url}", probe = function(provider)
        return http.get(provider.base_url .. "/m", {{ expect = "json" }}) end }}""")
    running = daemon(provider_paths=[str(providers)], quiet=False)
    entry = running.wait_for_provider("own", lambda entry: True)
    assert "Incorrect API key" in entry["error_message"]


# ---- AWS Signature Version 4. The server's side, written from "Create a signed AWS API request" (AWS IAM User Guide).

AWS_ID, AWS_SECRET, AWS_TOKEN = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "IQoJb3JpZ2lu/token+0123=="


def encoded(text):
    return urllib.parse.quote(text, safe="-_.~")


def canonical_query(query):
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    return "&".join(f"{name}={value}" for name, value in sorted(
        (encoded(urllib.parse.unquote(name)), encoded(urllib.parse.unquote(value))) for name, _, value in pairs))


def signature_of(method, target, headers, body, signed, date, scope, secret):
    path, _, query = target.partition("?")
    lines = [f"{name}:{','.join(' '.join(value.split()) for value in headers.get_all(name))}\n" for name in signed]
    # the path as it was sent, encoded once more
    canonical = "\n".join([method, urllib.parse.quote(path, safe="/-_.~"), canonical_query(query), "".join(lines),
                           ";".join(signed), hashlib.sha256(body).hexdigest()])
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = b"AWS4" + secret.encode()
    for step in [*scope.split("/"), text]:
        key = hmac.new(key, step.encode(), hashlib.sha256).digest()
    return key.hex()


def check_signature(request):
    method, target, headers, body = request.server.requests[-1]
    found = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\S+), SignedHeaders=(\S+), Signature=([0-9a-f]{64})",
                         headers["Authorization"])
    assert found, headers["Authorization"]
    key_id, scope, signed, signature = found.groups()
    date = headers["X-Amz-Date"]
    expected = signature_of(method, target, headers, body, signed.split(";"), date, scope, AWS_SECRET)
    good = key_id == AWS_ID and signature == expected and scope.split("/")[0] == date[:8]
    request.answer(json.dumps({"signed": signed, "scope": scope.split("/", 1)[1]}).encode(), 200 if good else 403)


AWS_ENVIRONMENT = {"AWS_ACCESS_KEY_ID": AWS_ID, "AWS_SECRET_ACCESS_KEY": AWS_SECRET, "AWS_SESSION_TOKEN": AWS_TOKEN}
SIGNED = ('aws_sigv4 = { provider = "aws:amz:us-east-1:bedrock", id = env "AWS_ACCESS_KEY_ID",'
          ' secret = env "AWS_SECRET_ACCESS_KEY", token = env "AWS_SESSION_TOKEN" }')


@pytest.mark.parametrize("method, target, options", [
    ("get", "/foundation-models", ""),
    ("get", "/foundation-models?byProvider=meta&byInferenceType=ON_DEMAND", ""),
    ("get", "/foundation-models?b=urn:x/y&a=%7e&a=%2f&c", ""),
    ("get", "/model/arn%3Aaws%3Abedrock%3A%3Aprofile%2Fx/invoke", ""),
    ("post", "/model/anthropic.claude-3-haiku-20240307-v1:0/converse", ', json = { messages = {} }'),
    ("post", "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse", ', json = { messages = {} }'),
    ("post", "/", ', body = "a  b", headers = { ["X-Amz-Target"] = "Service.Operation", Accept = "a,   b" }'),
    ("post", "/", ', form = { Action = "GetCallerIdentity", Version = "2011-06-15" }'),
])
def test_a_request_is_signed_for_aws(server, run, method, target, options):
    server.answers[target.split("?")[0]] = check_signature
    status, answer = run(f"""
        local answer = http.{method}(base .. "{target}", {{ keep = "always", {SIGNED}{options} }})
        return answer.status, answer.json or answer.message""", AWS_ENVIRONMENT)
    assert status == 200, answer
    assert answer["scope"] == "us-east-1/bedrock/aws4_request"
    sent = server.requests[0][2]
    assert sent["X-Amz-Security-Token"] == AWS_TOKEN
    signed = answer["signed"].split(";")
    assert {"host", "x-amz-date", "x-amz-security-token"} <= set(signed) and signed == sorted(signed)
    assert ("x-amz-target" in signed) == ("X-Amz-Target" in sent)


def test_a_signature_needs_no_token(server, run):
    server.answers["/"] = check_signature
    status, answer = run(f"""
        local answer = http.get(base .. "/", {{ keep = "always", {SIGNED.replace("token", "other")} }})
        return answer.status, answer.json""", AWS_ENVIRONMENT)
    assert status == 200 and answer["signed"] == "host;x-amz-date"


@pytest.mark.parametrize("change, expected", [
    (("aws:amz:us-east-1:bedrock", "aws:amz:us-east-1"), "expected \"aws:amz:REGION:SERVICE\""),
    (('secret = env "AWS_SECRET_ACCESS_KEY"', 'secret = "text"'), "aws_sigv4.secret is a string, expected a secret"),
    (('token = env "AWS_SESSION_TOKEN"', 'token = "text"'), "aws_sigv4.token is a string, expected a secret"),
    ((' id = env "AWS_ACCESS_KEY_ID",', ""), "aws_sigv4.id is a nil, expected a string or a secret"),
    ((SIGNED, "aws_sigv4 = 1"), "aws_sigv4 is a number"),
    (('provider.base_url', '"http://127.0.0.1:9"'), "a secret may not go to http://127.0.0.1:9"),
])
def test_a_wrong_signature_option_is_named(server, providers, daemon, change, expected):
    source = f"""return {{ name = "own", base_url = "{server.url}", probe = function(provider)
        return http.get(provider.base_url, {{ {SIGNED} }}) end }}"""
    (providers / "own.lua").write_text(source.replace(*change))
    running = daemon(AWS_ENVIRONMENT, provider_paths=[str(providers)], quiet=False)
    entry = running.wait_for_provider("own", lambda entry: True)
    assert entry["reason"] == "script_error" and expected in entry["error_message"]
    assert AWS_SECRET not in running.log and not server.requests
