"""Servers that take what alerts send: HTTP, and mail."""
import email
import email.policy
import http.server
import json
import queue
import socket
import socketserver
import threading

from harness import PATIENCE_S


class Receiver:
    """Takes HTTP requests; each is answered as `answers` says, (200, {}, "") when that is empty."""

    def __init__(self):
        self.requests = queue.Queue()
        self.answers = queue.Queue()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def take(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.requests.put((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                try:
                    status, headers, text = outer.answers.get_nowait()
                except queue.Empty:
                    status, headers, text = 200, {}, "ok"
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_POST = do_PUT = take

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, status, headers=None, text=""):
        self.answers.put((status, headers or {}, text))

    def take(self):
        """The next request: method, path, headers, and its body, decoded where it is JSON."""
        method, path, headers, body = self.requests.get(timeout=PATIENCE_S)
        if headers.get("content-type", "").startswith("application/json"):
            body = json.loads(body)
        return method, path, headers, body

    def body(self):
        return self.take()[3]

    def silent(self, seconds):
        """Nothing comes for so long."""
        try:
            return self.requests.get(timeout=seconds) is None
        except queue.Empty:
            return True

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class MailServer:
    """Takes mail as RFC 5321 has it, without TLS; `refuse` is what it says to the next recipients."""

    def __init__(self):
        self.mails = queue.Queue()
        self.refuse = None
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def say(self, line):
                self.wfile.write(line.encode() + b"\r\n")

            def handle(self):
                sender, recipients, login = None, [], None
                self.say("220 test ESMTP")
                while (line := self.rfile.readline().decode().strip()):
                    verb = line.upper()
                    if verb.startswith("EHLO"):
                        self.say("250-test")
                        self.say("250 AUTH PLAIN")
                    elif verb.startswith("AUTH"):
                        if len(line.split()) == 2:  # without an initial response (RFC 4954, 4)
                            self.say("334 ")
                            line = self.rfile.readline().decode().strip()
                        login = line.split()[-1]
                        self.say("235 2.7.0 welcome")
                    elif verb.startswith("MAIL FROM"):
                        sender = line.split(":", 1)[1]
                        self.say("250 ok")
                    elif verb.startswith("RCPT TO"):
                        recipients.append(line.split(":", 1)[1])
                        self.say(outer.refuse or "250 ok")
                    elif verb == "DATA":
                        self.say("354 go on")
                        text = b""
                        while (line := self.rfile.readline()) != b".\r\n":
                            text += line[1:] if line.startswith(b"..") else line
                        message = email.message_from_bytes(text, policy=email.policy.default)
                        outer.mails.put((sender, recipients, login, message))
                        self.say("250 taken")
                    elif verb == "QUIT":
                        self.say("221 bye")
                        return
                    else:
                        self.say("502 what?")

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"smtp://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self):
        return self.mails.get(timeout=PATIENCE_S)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
