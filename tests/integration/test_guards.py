"""What guards the server: TLS, other origins, slow clients, how often a token may ask, and the log of who asked."""
import hashlib
import json
import re
import socket
import ssl
import subprocess
import time

import pytest

from harness import BINARY, Daemon, clean_environment, request, wait_for
from made import good, script

TOKEN = "pd_" + "5" * 64


def rule(**more):
    return {"name": "router", "scope": "report", "hash": "sha256:" + hashlib.sha256(TOKEN.encode()).hexdigest(), **more}


@pytest.fixture
def fed(providers):
    (providers / "made.lua").write_text(script({"a": good(1.0)}))
    return str(providers)


# -- TLS


def certificate(folder, name):
    files = {"certificate": str(folder / f"{name}.pem"), "key": str(folder / f"{name}.key")}
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1",
                    "-keyout", files["key"], "-out", files["certificate"]], check=True, capture_output=True)
    return files


@pytest.fixture
def secured(fed, daemon, tmp_path):
    files = certificate(tmp_path, "first")

    def start(**settings):
        running = daemon(provider_paths=[fed], listen=["127.0.0.1:0", "https://127.0.0.1:0"], tls=files, interval="30d", **settings)
        running.tls_url = running.wait_for_line(r"listening on (https://\S+)").group(1)
        running.files = files
        return running
    return start


def connect(url, files, **options):
    """A TLS connection that trusts this certificate alone, and the name that the server shows."""
    host, port = url.removeprefix("https://").split(":")
    context = ssl.create_default_context(cafile=files["certificate"])
    for option, value in options.items():
        setattr(context, option, value)
    raw = socket.create_connection((host, int(port)), timeout=20)
    return context.wrap_socket(raw, server_hostname="127.0.0.1")


def ask_by(connection, path, **headers):
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{lines}\r\n".encode())
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    head, body = answer.split(b"\r\n\r\n", 1)
    return int(head.split()[1]), body


@pytest.mark.tsan
def test_both_kinds_of_listener_answer(secured):
    running = secured()
    assert request(running.url, "GET", "/livez").status == 200
    with connect(running.tls_url, running.files) as connection:
        assert connection.version() in ("TLSv1.2", "TLSv1.3")
        assert ask_by(connection, "/livez") == (200, b"ok\n")
    curl = subprocess.run(["curl", "-sS", "--noproxy", "*", "--cacert", running.files["certificate"], f"{running.tls_url}/livez"],
                          capture_output=True, text=True)
    assert (curl.returncode, curl.stdout) == (0, "ok\n")


def test_the_terminal_asks_by_tls_as_well(secured):
    running = secured()
    asked = subprocess.run([BINARY, "best"], capture_output=True, text=True,
                           env=clean_environment({"PROVIDERD_URL": running.tls_url, "PROVIDERD_CACERT": running.files["certificate"]}))
    assert (asked.returncode, asked.stdout) == (0, "a\n"), asked.stderr
    refused = subprocess.run([BINARY, "best"], capture_output=True, text=True, env=clean_environment({"PROVIDERD_URL": running.tls_url}))
    assert refused.returncode == 1 and "certificate" in refused.stderr


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_old_versions_of_tls_are_refused(secured):
    running = secured()
    with pytest.raises(ssl.SSLError):
        connect(running.tls_url, running.files, minimum_version=ssl.TLSVersion.TLSv1, maximum_version=ssl.TLSVersion.TLSv1_1)


def test_plain_http_on_a_port_with_tls_ends(secured):
    running = secured()
    host, port = running.tls_url.removeprefix("https://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as plain:
        plain.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200" not in plain.recv(4096)
    assert request(running.url, "GET", "/livez").status == 200


def test_a_reload_takes_the_new_certificate_and_open_connections_go_on(secured, tmp_path):
    running = secured()
    old = {"certificate": str(tmp_path / "old.pem")}
    (tmp_path / "old.pem").write_bytes(open(running.files["certificate"], "rb").read())
    with connect(running.tls_url, old) as before:
        fresh = certificate(tmp_path, "second")
        for kind in ("certificate", "key"):
            open(running.files[kind], "wb").write(open(fresh[kind], "rb").read())
        running.reload()

        def name():
            with connect(running.tls_url, fresh) as after:
                return dict(pair[0] for pair in after.getpeercert()["subject"])["commonName"]
        assert name() == "second"
        assert ask_by(before, "/livez")[0] == 200


def test_a_reload_with_a_broken_certificate_is_refused(secured):
    running = secured()
    with open(running.files["key"], "w") as key:
        key.write("no key")
    running.process.send_signal(1)
    line = running.wait_for_line(r"reload refused.*tls\.key: (.*)").group(1)
    assert running.files["key"] in line
    with connect(running.tls_url, running.files) as connection:
        assert ask_by(connection, "/livez")[0] == 200


def start(write_config, *arguments, **settings):
    return subprocess.run([BINARY, "-c", write_config(**settings), *arguments], capture_output=True, text=True, timeout=60,
                          env=clean_environment())


def test_faults_of_tls_are_named(write_config, tmp_path):
    files = certificate(tmp_path, "a")
    other = certificate(tmp_path, "b")
    for tls, said in [({"certificate": "/nowhere.pem", "key": files["key"]}, "tls.certificate: /nowhere.pem: No such file or directory"),
                      ({"certificate": files["key"], "key": files["key"]}, f"tls.certificate: {files['key']}: "),
                      ({"certificate": files["certificate"], "key": other["key"]}, f"tls.key: {other['key']}: key values mismatch"),
                      ({"certificate": files["certificate"]}, "tls.key: expected the name of a PEM file"), ("x", "tls: expected false, or {")]:
        refused = start(write_config, listen="https://127.0.0.1:0", tls=tls)
        assert refused.returncode == 2
        assert said in refused.stderr
    missing = start(write_config, listen="https://127.0.0.1:0")
    assert (missing.returncode, "listen: https://127.0.0.1:0 needs a certificate: set tls" in missing.stderr) == (2, True)


def test_a_tls_listener_beyond_this_machine_needs_tokens_as_well(write_config, tmp_path):
    refused = start(write_config, listen="https://0.0.0.0:0", tls=certificate(tmp_path, "a"))
    assert refused.returncode == 2
    assert "nobody needs a token" in refused.stderr


def test_agent_checks_beyond_this_machine_need_insecure(write_config):
    refused = start(write_config, agent_check="0.0.0.0:0")
    assert refused.returncode == 2
    assert "agent_check: 0.0.0.0:" in refused.stderr and "insecure = true" in refused.stderr


# -- pages of other origins

APP = "https://app.example.org"


def test_pages_of_other_origins_may_read_nothing_unless_they_are_named(fed, daemon):
    running = daemon(provider_paths=[fed])
    answer = request(running.url, "GET", "/api/providers/status", headers={"Origin": APP})
    assert answer.status == 200
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin, status", [(APP, 403), ("null", 403), ("https://127.0.0.1.example.org", 403), (None, 202)])
def test_pages_of_other_origins_may_not_post(fed, daemon, origin, status):
    running = daemon(provider_paths=[fed])
    headers = {} if origin is None else {"Origin": origin}
    assert request(running.url, "POST", "/api/providers/check", headers=headers).status == status


def test_our_own_pages_may_post(fed, daemon):
    running = daemon(provider_paths=[fed])
    assert request(running.url, "POST", "/api/providers/check", headers={"Origin": running.url}).status == 202


@pytest.mark.parametrize("cors", [[APP], ["*"]])
def test_named_origins_may_ask(fed, daemon, cors):
    running = daemon(provider_paths=[fed], cors=cors, tokens=[rule()])
    preflight = request(running.url, "OPTIONS", "/api/providers/best", headers={
        "Origin": APP, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"})
    assert preflight.status == 204
    assert preflight.headers["access-control-allow-origin"] == APP
    assert "authorization" in preflight.headers["access-control-allow-headers"]
    answer = request(running.url, "GET", "/api/providers/status", headers={"Origin": APP, "Authorization": f"Bearer {TOKEN}"})
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, APP)
    refused = request(running.url, "GET", "/api/providers/status", headers={"Origin": APP})
    assert (refused.status, refused.headers["access-control-allow-origin"]) == (401, APP), "a page can read why"
    if cors != ["*"]:
        assert "access-control-allow-origin" not in request(running.url, "GET", "/livez", headers={"Origin": "https://evil.example"}).headers


# -- how often


@pytest.mark.tsan
def test_a_token_has_so_many_requests_of_a_minute(fed, daemon):
    running = daemon(provider_paths=[fed], tokens=[rule(per_minute=20)], http_threads=2)
    answers = [request(running.url, "GET", "/api/providers/best", headers={"Authorization": f"Bearer {TOKEN}"}) for _ in range(30)]
    statuses = [answer.status for answer in answers]
    assert statuses[:20] == [200] * 20
    assert statuses.count(429) >= 5, "two or three more may have come back meanwhile"
    last = next(answer for answer in answers if answer.status == 429)
    assert 1 <= int(last.headers["retry-after"]) <= 3
    assert "has had its requests of a minute" in last.json["detail"]
    assert request(running.url, "GET", "/livez").status == 200


@pytest.mark.parametrize("value", [0, -1, 1.5, "many"])
def test_faults_of_the_rate_are_named(write_config, value):
    refused = start(write_config, "-t", tokens=[rule(per_minute=value)])
    assert refused.returncode == 2
    assert "tokens[1].per_minute: expected a whole number of requests" in refused.stderr


# -- slow clients


def test_who_takes_nothing_of_an_answer_is_cut_off_and_who_is_merely_slow_is_not(fed, daemon):
    running = daemon(provider_paths=[fed], idle_timeout="2s")
    host, port = running.url.removeprefix("http://").split(":")
    long_path = "/api/error-kinds"
    ask = f"GET {long_path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()

    def open_connection():
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(20)
        connection.connect((host, int(port)))
        connection.sendall(ask * 1000)  # several MB of answers: more than the kernel takes for us
        return connection

    stuck, slow = open_connection(), open_connection()
    began = time.monotonic()
    cut = None
    received = 0
    while time.monotonic() - began < 12 and cut is None:
        received += len(slow.recv(20000))
        time.sleep(0.1)  # a client that reads some 200 kB/s
        stuck.setblocking(False)
        try:
            stuck.send(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            cut = time.monotonic() - began
        except BlockingIOError:
            pass
    assert cut is not None and cut > 1.9
    assert received > 100000
    slow.recv(20000)
    assert request(running.url, "GET", "/livez").status == 200
    stuck.close()
    slow.close()


# -- the access log

LINE = re.compile(r'^127\.0\.0\.1 - (\S+) \[\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d \+0000\] "(\S+) (\S+) HTTP/1\.1" (\d{3}) (\d+) \d+\.\d{6}$')


def lines_of(path):
    return [LINE.match(line).groups() for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.tsan
def test_each_request_has_a_line_without_secrets(fed, daemon, tmp_path):
    log = tmp_path / "access.log"
    running = daemon(provider_paths=[fed], tokens=[rule()], access_log=str(log))
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    request(running.url, "GET", "/api/providers/best?token=very-secret", headers=bearer)
    request(running.url, "GET", "/api/providers/best", headers={"Authorization": "Bearer pd_wrong"})
    request(running.url, "POST", "/api/providers/report", headers=bearer, body=json.dumps({"provider": "a", "status": 200}))
    request(running.url, "GET", "/no%0Awhere/\"x\\")
    found = wait_for(lambda: len(lines_of(log)) == 4 and lines_of(log))
    assert [line[:4] for line in found] == [
        ("router", "GET", "/api/providers/best", "200"), ("-", "GET", "/api/providers/best", "401"),
        ("router", "POST", "/api/providers/report", "202"), ("-", "GET", '/no%0Awhere/\\x22x\\x5c', "404")]
    assert all(int(line[4]) > 0 for line in found)
    text = log.read_text()
    assert "secret" not in text and TOKEN not in text and "pd_" not in text
    assert log.stat().st_mode & 0o777 == 0o640


def test_a_reload_opens_it_again_as_logrotate_needs(fed, daemon, tmp_path):
    log, rotated = tmp_path / "access.log", tmp_path / "access.log.1"
    running = daemon(provider_paths=[fed], access_log=str(log))
    request(running.url, "GET", "/livez")
    log.rename(rotated)
    running.reload()
    wait_for(lambda: log.exists())
    seen = len(lines_of(log))
    request(running.url, "GET", "/readyz")
    wait_for(lambda: len(lines_of(log)) > seen)
    assert ("GET", "/livez", "200") in [line[1:4] for line in lines_of(rotated)]
    assert ("GET", "/readyz") in [line[1:3] for line in lines_of(log)]


def test_a_log_that_cannot_be_opened_is_a_fault(write_config, tmp_path):
    refused = start(write_config, access_log=str(tmp_path / "no" / "such"))
    assert refused.returncode == 2
    assert f"access_log: {tmp_path}/no/such: No such file or directory" in refused.stderr


def test_standard_error_is_a_log_as_well(fed, daemon):
    running = daemon(provider_paths=[fed], access_log="-")
    request(running.url, "GET", "/livez")
    running.wait_for_line(r'"GET /livez HTTP/1.1" 200 3 ')


def test_a_full_disk_loses_lines_and_says_so(fed, daemon):
    running = daemon(provider_paths=[fed], access_log="/dev/full")
    request(running.url, "GET", "/livez")
    running.wait_for_line(r"access_log: /dev/full: No space left on device; \d+ bytes of it are lost")
    assert request(running.url, "GET", "/livez").status == 200
