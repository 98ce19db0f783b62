"""etc/clients with the real programs: HAProxy and nginx route by what providerd tells."""
import http.server
import re
import shutil
import socket
import subprocess
import threading
import urllib.parse

import pytest

from harness import PATIENCE_S, REPO, Process, clean_environment, request, wait_for
from made import failing, good
from receiver import free_port

CLIENTS = REPO / "etc/clients"
GROQ_FAILS_LATER = {1: {"ms": 5.0}, 2: {"ms": 5.0, "kind": "server_error"}, 3: {"ms": 5.0}}


def needs(program):
    if shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin") is None:
        pytest.skip(f"{program} is not installed")


class Upstream:
    """A provider's API that answers with its name and the key it was sent."""

    def __init__(self, name):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                body = f"{name} {self.path} {self.headers.get('Authorization')}".encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def upstreams():
    servers = {name: Upstream(name) for name in ("groq", "mistral")}
    yield servers
    for server in servers.values():
        server.close()


def asked(url):
    """Who answers: the first word of the answer."""
    answer = request(url, "POST", "/v1/chat/completions", body=b"{}")
    return answer.body.decode().split() if answer.status == 200 else [answer.status]


# -- the agent check --

def agent(running, text):
    address = running.wait_for_line(r"agent checks on (\S+)").group(1)
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), PATIENCE_S) as connection:
        connection.sendall(text)
        answer = b""
        while (piece := connection.recv(4096)):
            answer += piece
    return answer.decode()


def test_a_line_for_each_state(made):
    running = made({"fine": good(5.0), "slow": good(3000.0), "gone": failing(), "limited": failing("rate"),
                    "other": failing("key_invalid")}, agent_check="127.0.0.1:0", max_consecutive_failures=1)
    assert re.fullmatch(r"up ready \d+%\n", agent(running, b"fine\n"))
    assert re.fullmatch(r"up ready \d+%\n", agent(running, b"slow\r\n"))
    assert agent(running, b"gone\n") == "down #server_error: no\n"
    assert agent(running, b"limited\n") == "up drain #rate_limited: no\n"
    assert agent(running, b"other\n").startswith("down #key_invalid")
    assert agent(running, b"nobody\n") == "\n"
    assert agent(running, b"nobody\n") == "\n"
    assert running.log.count("'nobody', which is not watched") == 1


def test_clients_that_say_nothing_or_too_much_are_cut_off(made):
    running = made({"a": good(5.0)}, agent_check="127.0.0.1:0")
    assert agent(running, b"") == ""
    try:
        assert agent(running, b"x" * 5000) == ""
    except ConnectionResetError:
        pass
    assert agent(running, b"a\n").startswith("up ready")


def test_an_address_that_is_none_is_refused(made, tmp_path):
    running = made({"a": good(5.0)})
    config = tmp_path / "other.lua"
    config.write_text((tmp_path / "providerd.lua").read_text().replace("return {", 'return { agent_check = "here",', 1))
    refused = subprocess.run([running.process.args[0], "-c", config], capture_output=True, text=True, timeout=PATIENCE_S,
                             env=clean_environment())
    assert refused.returncode == 2
    assert "agent_check: 'here': expected HOST:PORT" in refused.stderr


# -- HAProxy --

@pytest.fixture
def haproxy():
    started = []

    def start(environment):
        process = Process(["/usr/sbin/haproxy", "-db", "-f", CLIENTS / "haproxy/haproxy.cfg"], environment)
        started.append(process)
        return process
    yield start
    for process in started:
        process.end()


def test_haproxy_routes_by_the_agent_check(made, upstreams, haproxy):
    needs("haproxy")
    running = made({"groq": GROQ_FAILS_LATER, "mistral": good(5.0)}, agent_check="127.0.0.1:0", max_consecutive_failures=1,
                   warm_up="0s")
    port = running.wait_for_line(r"agent checks on 127.0.0.1:(\d+)").group(1)
    listen = f"127.0.0.1:{free_port()}"
    proxy = haproxy({"LLM_LISTEN": listen, "AGENT_PORT": port, "GROQ_API_KEY": "g-key",
                     "GROQ_ADDRESS": upstreams["groq"].address, "MISTRAL_ADDRESS": upstreams["mistral"].address})
    url = "http://" + listen

    def look(*names):
        def seen():
            try:
                return {asked(url)[0] for _ in range(20)} == set(names)
            except OSError:
                return False
        wait_for(seen, f"HAProxy to route to {names}\n{proxy.log}")
    look("groq", "mistral")
    running.check("groq")
    look("mistral")
    assert "server_error: no" in proxy.log
    running.check("groq")
    look("groq", "mistral")


# -- nginx --

@pytest.fixture
def nginx(tmp_path):
    started = []

    def start(values):
        text = (CLIENTS / "nginx/nginx.conf").read_text()
        for name, value in {**values, "FOLDER": str(tmp_path)}.items():
            text = text.replace(f"@{name}@", value)
        left = re.findall(r"@\w+@", text.split("worker_processes", 1)[1])
        assert not left
        config = tmp_path / "nginx.conf"
        config.write_text(text)
        process = Process(["/usr/sbin/nginx", "-e", "stderr", "-p", tmp_path, "-c", config])
        started.append(process)
        return process
    yield start
    for process in started:
        process.end()


def test_nginx_sends_each_request_to_the_best(made, upstreams, nginx):
    needs("nginx")
    running = made({"groq": GROQ_FAILS_LATER, "mistral": good(50.0)}, max_consecutive_failures=1, warm_up="0s")
    listen = f"127.0.0.1:{free_port()}"
    nginx({"LISTEN": listen, "PROVIDERD": urllib.parse.urlsplit(running.url).netloc, "GROQ_API_KEY": "g-key",
           "MISTRAL_API_KEY": "m-key", "GROQ_ADDRESS": upstreams["groq"].address,
           "MISTRAL_ADDRESS": upstreams["mistral"].address})
    url = "http://" + listen

    def answers(*expected):
        def seen():
            try:
                return asked(url) == list(expected)
            except OSError:
                return False
        wait_for(seen, f"nginx to give {expected}")
    answers("groq", "/v1/chat/completions", "Bearer", "g-key")
    running.check("groq")
    answers("mistral", "/v1/chat/completions", "Bearer", "m-key")
    running.stop()
    answers("groq", "/v1/chat/completions", "Bearer", "g-key")
