"""Who may ask what: tokens, scopes, names, and what is said to who may not."""
import json
import re
import socket
import subprocess

import pytest

from browsing import Page, browser
from harness import BINARY, REPO, clean_environment, request, wait_for, write_settings
from made import good, script


def make(name, scope="read"):
    """A token and its rule, as `providerd token` prints them."""
    made = subprocess.run([BINARY, "token", name, "--scope", scope], capture_output=True, text=True, env=clean_environment(), check=True)
    token = re.search(r"^  (pd_[0-9a-f]{64})$", made.stdout, re.M).group(1)
    rule = re.search(r'hash = "(sha256:[0-9a-f]{64})"', made.stdout).group(1)
    return token, {"name": name, "scope": scope, "hash": rule}


@pytest.fixture(scope="module")
def tokens():
    return {scope: make(scope, scope) for scope in ("read", "report", "admin")}


@pytest.fixture
def guarded(providers, write_config, daemon, tokens):
    (providers / "made.lua").write_text(script({"a": good(1.0)}))
    running = daemon(provider_paths=[str(providers)], interval="30d", tokens=[rule for _, rule in tokens.values()])
    wait_for(lambda: ask(running, "/readyz").status == 200)
    return running


def ask(running, path, token=None, method="GET", body=None, **headers):
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return request(running.url, method, path, body=body, headers={k.replace("_", "-"): v for k, v in headers.items()})


REPORT = json.dumps({"provider": "a", "status": 200})
REQUESTS = [("GET", "/api/providers/best", None, "read"), ("GET", "/api/providers/status", None, "read"), ("GET", "/metrics", None, "read"),
            ("GET", "/api/providers/history", None, "read"), ("GET", "/api/providers/events?limit=1", None, "read"),
            ("POST", "/api/providers/report", REPORT, "report"), ("POST", "/api/providers/check/a", None, "admin")]
ORDER = ["read", "report", "admin"]


@pytest.mark.parametrize("method, path, body, wanted", REQUESTS)
def test_each_scope_may_what_it_may(guarded, tokens, method, path, body, wanted):
    assert ask(guarded, path, None, method, body).status == 401
    for scope in ORDER:
        answer = ask(guarded, path, tokens[scope][0], method, body)
        if ORDER.index(scope) >= ORDER.index(wanted):
            assert answer.status in (200, 202)
        else:
            assert (answer.status, answer.json["detail"]) == (403, f"this token is not enough: '{wanted}' is wanted")


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Basic cGQ6eA==", "Bearer pd_0000", "bearer x" * 50])
def test_what_is_no_token_is_refused(guarded, authorization):
    answer = request(guarded.url, "GET", "/api/providers/best", headers={"Authorization": authorization})
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith('Bearer realm="providerd"')


def test_pages_and_gates_are_open(guarded):
    for path in ("/", "/dashboard/app.js", "/livez", "/readyz"):
        assert ask(guarded, path).status == 200


@pytest.mark.tsan
def test_a_reload_takes_tokens_away(guarded, tokens, tmp_path):
    config = tmp_path / "providerd.lua"
    hash_of = tokens["read"][1]["hash"]
    config.write_text(config.read_text().replace(hash_of, make("other")[1]["hash"]))
    guarded.process.send_signal(1)
    wait_for(lambda: ask(guarded, "/api/providers/best", tokens["read"][0]).status == 401)
    assert ask(guarded, "/api/providers/best", tokens["admin"][0]).status == 200


def test_no_token_appears_anywhere(guarded, tokens, tmp_path):
    token = tokens["admin"][0]
    shown = [ask(guarded, path, token).body for path in ("/api/providers/health", "/metrics", "/api/providers/status")]
    ask(guarded, "/api/providers/best", token + "x")
    guarded.stop()
    assert token not in guarded.log
    assert all(token.encode() not in body for body in shown)


# -- beyond this machine


def start(tmp_path, **settings):
    path = write_settings(tmp_path, **settings)
    return subprocess.run([BINARY, "-c", path], env=clean_environment(), capture_output=True, text=True, timeout=60, cwd=tmp_path)


def test_it_does_not_listen_beyond_this_machine_without_tokens(tmp_path):
    refused = start(tmp_path, listen="0.0.0.0:0")
    assert refused.returncode == 2
    assert re.search(r"listen: http://0\.0\.0\.0:\d+ can be reached from other machines, and nobody needs a token", refused.stderr)
    assert "insecure = true" in refused.stderr


def test_with_tokens_or_when_it_is_meant_it_does(daemon, tokens, tmp_path):
    for settings in ({"tokens": [tokens["read"][1]]}, {"insecure": True}):
        running = daemon(listen="0.0.0.0:0", **settings)
        assert request(running.url.replace("0.0.0.0", "127.0.0.1"), "GET", "/livez").status == 200


def test_a_reload_that_would_lay_it_open_is_refused(daemon, tokens, tmp_path):
    running = daemon(listen="0.0.0.0:0", tokens=[tokens["read"][1]])
    running.url = running.url.replace("0.0.0.0", "127.0.0.1")
    config = tmp_path / "providerd.lua"
    config.write_text(re.sub(r'\["tokens"\] = \{.*?\}\}', '["tokens"] = {}', config.read_text()))
    mark = len(running.lines)
    running.process.send_signal(1)
    running.wait_for_line("reload refused, all goes on as before: listen: .* nobody needs a token", mark)
    assert ask(running, "/api/providers/best").status == 401


# -- names


@pytest.mark.parametrize("host, status", [
    ("127.0.0.1", 200), ("127.0.0.1:8000", 200), ("[::1]:8000", 200), ("localhost", 200), ("providerd:80", 200), ("10.1.2.3", 200),
    ("llm.example.org", 200), ("LLM.Example.org:8000", 200), ("evil.example", 421), ("127.0.0.1.evil.example", 421), ("evil.example:8000", 421),
])
def test_a_page_cannot_have_a_browser_ask_by_a_name_of_its_own(providers, daemon, host, status):
    running = daemon(provider_paths=[str(providers)], hosts=["llm.example.org"])
    answer = request(running.url, "GET", "/api/providers/status", headers={"Host": host})
    assert answer.status == status
    if status == 421:
        assert answer.json["detail"].startswith(f"'{host}' is none of this daemon's names")


def test_a_star_takes_any_name(providers, daemon):
    running = daemon(provider_paths=[str(providers)], hosts=["*"])
    assert request(running.url, "GET", "/livez", headers={"Host": "any.example"}).status == 200


# -- the command and the configuration


@pytest.mark.parametrize("arguments, said", [
    (["token"], "token: expected one name"), (["token", "a", "b"], "token: expected one name"),
    (["token", "a", "--scope", "all"], "'all' is no scope; expected read, report or admin"), (["token", 'a"b'], "without quotes"),
    (["--scope", "read"], "--scope belongs to providerd token"),
])
def test_the_command_says_what_is_wrong(arguments, said):
    made = subprocess.run([BINARY, *arguments], capture_output=True, text=True, env=clean_environment())
    assert made.returncode == 2
    assert said in made.stderr


def test_tokens_are_never_the_same():
    assert make("a")[0] != make("a")[0]


@pytest.mark.parametrize("rule, said", [
    ({"name": "a", "scope": "all", "hash": "sha256:" + "0" * 64}, 'tokens[1].scope: expected "read", "report" or "admin"'),
    ({"name": "a", "scope": "read", "hash": "pd_123"}, 'tokens[1].hash: expected "sha256:" and 64 digits'),
    ({"scope": "read", "hash": "sha256:" + "0" * 64}, "tokens[1].name: expected a text of 1 to 63 bytes"),
    ("pd_123", "tokens[1]: expected { name ="),
])
def test_faults_of_tokens_are_named(tmp_path, rule, said):
    refused = start(tmp_path, tokens=[rule])
    assert refused.returncode == 2
    assert said in refused.stderr


# -- in a browser


def test_the_dashboard_asks_for_a_token(guarded, tokens, tmp_path):
    guarded_url = guarded.url
    with browser(tmp_path / "browser") as driver:
        page = Page(driver, guarded_url).open()
        page.wait("#live", "a token is needed")
        page.run("document.querySelector('#token').value = arguments[0]", tokens["read"][0])
        page.click("form button")
        page.wait("tr[data-name=a]", "healthy")
        assert page.text("#live") == "live"


def test_the_port_is_free_again_after_a_refusal(tmp_path):
    with socket.socket() as free:
        free.bind(("0.0.0.0", 0))
        port = free.getsockname()[1]
    assert start(tmp_path, listen=f"0.0.0.0:{port}").returncode == 2
    with socket.socket() as again:
        again.bind(("0.0.0.0", port))
    assert (REPO / "etc/providerd.lua").exists()
