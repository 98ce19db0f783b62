"""What the tests of the simulator share: the running program, and requests to it.

PROVIDERD_SIMULATOR names the program; without it, build-asan/provider-simulator of this tree.
"""
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("PROVIDERD_SIMULATOR", str(ROOT / "build-asan" / "provider-simulator"))

CHAT = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 1})
STREAM = json.dumps({"model": "m", "messages": [], "stream": True})
BASES = {"groq": "/groq/openai/v1", "openrouter": "/openrouter/api/v1", "together": "/together/v1",
         "nvidia": "/nvidia/v1", "mistral": "/mistral/v1", "huggingface": "/huggingface/v1", "g4f": "/g4f/v1",
         "g4f_main": "/g4f_main/v1", "g4f_groq": "/g4f_groq", "g4f_grok": "/g4f_grok", "g4f_gemini": "/g4f_gemini",
         "g4f_nvidia": "/g4f_nvidia", "g4f_ollama": "/g4f_ollama", "g4f_pollinations": "/g4f_pollinations",
         "acme": "/x/acme/v1"}
LIST_NAMES = ("data", "models", "result", "modelSummaries", "publisherModels")


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

    def tell(self, what, name, **fields):
        """PUT /_sim/WHAT/NAME: answers, streams, pages."""
        answer = self.request("PUT", f"/_sim/{what}/{name}", json.dumps(fields))
        assert answer.status == 200, answer.text

    def stats(self, name):
        return json.loads(self.get("/_sim/stats").text)["providers"][name]

    def stream(self, path, body, headers, timeout=5):
        """The answer with .arrivals, [(seconds after the request was sent, bytes)], and .whole: it ended as it should."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["http"], timeout=timeout)
        try:
            sent = time.monotonic()
            connection.request("POST", path, json.dumps(body), headers)
            answer = connection.getresponse()
            answer.headers_s, answer.arrivals, answer.whole = time.monotonic() - sent, [], True
            try:
                while piece := answer.read1():
                    answer.arrivals.append((time.monotonic() - sent, piece))
            except http.client.IncompleteRead:
                answer.whole = False
            answer.text = b"".join(piece for _, piece in answer.arrivals)
            return answer
        finally:
            connection.close()

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


def models_of(answer):
    """The ids of a list of models, in any provider's form."""
    body = json.loads(answer.text)
    lists = [body] if isinstance(body, list) else [body[k] for k in LIST_NAMES if k in body]
    return [m.get("id") or m.get("modelId") or m["name"].rpartition("models/")[2] for m in lists[0]]


def bearer(key):
    return {"Authorization": f"Bearer {key}"} if key else {}


def key_of(name):
    return f"sim-{name}-key-0123456789"


def wait_for(condition):
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
