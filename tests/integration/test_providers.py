"""Each shipped provider against the simulator, which plays it as documented: what it is asked, with which headers, and
what is made of its answers."""
import json
import time
from typing import NamedTuple

import pytest

G4F = ["g4f", "g4f_main", "g4f_groq", "g4f_grok", "g4f_gemini", "g4f_nvidia", "g4f_ollama", "g4f_pollinations"]


class Probe(NamedTuple):
    """What one check of a provider looks like where it arrives."""
    name: str
    requests: list  # (method, path)
    header: str = "authorization"
    scheme: str = "Bearer "
    bad_key: str = "key_invalid"

    @property
    def key_variable(self):
        return f"{self.name.upper()}_API_KEY"


PROBES = [
    Probe("groq", [("GET", "/groq/openai/v1/models")]),
    Probe("openrouter", [("GET", "/openrouter/api/v1/key")]),
    Probe("together", [("GET", "/together/v1/models")]),
    Probe("nvidia", [("POST", "/nvidia/v1/chat/completions")]),
    Probe("mistral", [("GET", "/mistral/v1/models")]),
    Probe("huggingface", [("GET", "/huggingface-hub/api/whoami-v2"), ("GET", "/huggingface/v1/models")]),
    Probe("gemini", [("GET", "/gemini/v1beta/models?pageSize=1")], "x-goog-api-key", ""),
    Probe("google", [("GET", "/google/v1beta/models?pageSize=1")], "x-goog-api-key", ""),
]
PROBES += [Probe(name, [("POST", f"/{name}{'/v1' if name in ('g4f', 'g4f_main') else ''}/chat/completions")]) for name in G4F]
BAD_KEY_STATUS = {"nvidia": 403, "gemini": 400, "google": 400}  # the others say 401
EVERY = pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.name)
KEYED = pytest.mark.parametrize("probe", [p for p in PROBES if p.name not in G4F], ids=lambda probe: probe.name)


def environment_of(simulator, name):
    """What the simulator's providers need, of this one only."""
    own = (f"{name.upper()}_API_", "HF_" if name == "huggingface" else "-", "GEMINI_CLI_" if name == "gemini_cli" else "-",
           "CODE_ASSIST" if name == "gemini_cli" else "-")
    return {variable: value for variable, value in simulator.environment.items() if variable.startswith(own)}


@pytest.fixture
def run(simulator, daemon):
    """A daemon that watches one provider only, once it has been checked: the daemon, and its entry."""
    def start(name, environment=None, **settings):
        given = environment_of(simulator, name) if environment is None else environment
        running = daemon(given, providers={name: {"enabled": True}}, **settings)
        entry = running.wait_for_provider(name, lambda entry: True)
        assert list(running.get("/api/providers/status").json["providers"]) == [name]
        return running, entry
    return start


def lines(simulator, name):
    return [(entry["method"], entry["path"]) for entry in simulator.requests(name)]


@EVERY
def test_a_good_key_is_healthy_and_is_sent_as_documented(simulator, run, probe):
    running, entry = run(probe.name)
    assert (entry["status"], entry["reason"], entry["http_status"]) == ("healthy", "ok", 200), entry
    assert lines(simulator, probe.name) == probe.requests
    key = simulator.environment[probe.key_variable]
    for received in simulator.requests(probe.name):
        headers = received["headers"]
        assert headers[probe.header] == probe.scheme + key
        assert headers["user-agent"].startswith("providerd/") and "gzip" in headers["accept-encoding"]
        assert key not in received["path"] and key not in received["body"]
        assert "cookie" not in headers and "referer" not in headers
        if received["method"] == "POST":
            assert headers["content-type"] == "application/json"
            body = json.loads(received["body"])
            assert body["messages"] == [{"role": "user", "content": "ping"}] and body["model"]
    assert key not in running.log and key.encode() not in running.get("/api/providers/status").body


@EVERY
def test_a_bad_key_is_told_and_shows_nowhere(simulator, run, probe):
    wrong = "wrong-key-9876543210"
    running, entry = run(probe.name, {**environment_of(simulator, probe.name), probe.key_variable: wrong})
    assert entry["status"] == "degraded" and entry["error_message"]
    assert probe.name in G4F or entry["http_status"] == BAD_KEY_STATUS.get(probe.name, 401)
    expected = {"forbidden", "key_invalid"} if probe.name in G4F else {probe.bad_key}  # g4f: 403 "Invalid G4F API key"
    assert entry["reason"] in expected, entry
    assert wrong not in running.log and wrong.encode() not in running.get("/api/providers/status").body


@KEYED
def test_without_a_key_it_is_not_watched_and_the_variable_is_named(daemon, probe):
    status = daemon().get("/api/providers/status").json
    told = {absence["name"]: absence["message"] for absence in status["not_configured"]}
    assert told[probe.name].startswith(f"set {probe.key_variable}") and probe.name not in status["providers"]


@EVERY
@pytest.mark.parametrize("behaviour, status, reasons, limited", [
    ("429 retry-after=60", "degraded", {"rate_limited", "quota_window"}, True),
    ("500", "degraded", {"server_error"}, False),
    ("503", "degraded", {"capacity", "server_error"}, False),
    ("html", "degraded", {"bad_response", "waf"}, False),
    ("truncated", "degraded", {"bad_response"}, False),
], ids=["429", "500", "503", "html", "truncated"])
def test_its_own_errors_are_understood(simulator, run, probe, behaviour, status, reasons, limited):
    simulator.behave(probe.name, behaviour)
    _, entry = run(probe.name, timeout="5s")
    assert entry["status"] == status and entry["error_message"] and entry["reason"] in reasons, entry
    assert (entry["uptime_percent"], entry["consecutive_failures"]) == ((100.0, 0) if limited else (0.0, 1))


@pytest.mark.parametrize("name", ["openrouter", "nvidia", *G4F])
def test_an_error_inside_a_200_is_an_error(simulator, run, name):
    simulator.behave(name, "error200")
    _, entry = run(name)
    assert (entry["status"], entry["http_status"]) == ("degraded", 200) and entry["error_message"]
    # That of g4f is a rate limit, which is no failure.
    assert entry["uptime_percent"] == (100.0 if name in G4F else 0.0)


@KEYED
def test_each_key_is_watched_by_itself_and_a_bad_one_is_named(simulator, run, probe):
    environment = environment_of(simulator, probe.name)
    good = environment.pop(probe.key_variable)
    environment |= {f"{probe.key_variable}_1": "wrong-key-9876543210", f"{probe.key_variable}_2": good}
    running, _ = run(probe.name, environment)
    entry = running.wait_for_provider(probe.name, lambda entry: all(key["last_check"] for key in entry["keys"]))
    assert entry["status"] == "healthy", entry
    bad, well = entry["keys"]
    assert (bad["key"], bad["hint"], bad["error_kind"]) == (1, "…3210", "key_invalid"), bad
    assert (well["key"], well["hint"], well["status"]) == (2, "…" + good[-4:], "healthy")
    sent = {received["headers"][probe.header] for received in simulator.requests(probe.name)}
    assert sent == {f"{probe.scheme}wrong-key-9876543210", probe.scheme + good}
    assert f"{probe.name}: key 1 (…3210)" in running.log and "wrong-key" not in running.log


def test_the_user_agent_of_one_provider_can_be_set(simulator, run):
    run("groq", {**environment_of(simulator, "groq"), "GROQ_USER_AGENT": "acme/1.0"})
    assert simulator.requests("groq")[0]["headers"]["user-agent"] == "acme/1.0"


@pytest.mark.parametrize("name, aliases", [("huggingface", ["HF_TOKEN"]), ("together", ["TOGETHERAI_API_KEY"]),
                                           ("nvidia", ["NVIDIA_NIM_API_KEY"])])
def test_other_names_of_a_key_count_too(simulator, run, name, aliases):
    for alias in aliases:
        environment = environment_of(simulator, name)
        environment[alias] = environment.pop(f"{name.upper()}_API_KEY")
        assert run(name, environment)[1]["status"] == "healthy"


def test_g4f_needs_no_key(simulator, run):
    environment = environment_of(simulator, "g4f")
    del environment["G4F_API_KEY"]
    assert run("g4f", environment)[1]["status"] == "healthy"
    assert "authorization" not in simulator.requests("g4f")[0]["headers"]


def test_the_g4f_servers_of_the_original_are_always_watched(simulator, daemon):
    bases = {variable: value for variable, value in simulator.environment.items()
             if variable.startswith("G4F_") and variable.endswith("_API_BASE") and variable[:-9].lower() in G4F[:6]}
    running = daemon({**bases, "G4F_API_BASE": simulator.environment["G4F_API_BASE"]}, quiet=False)
    assert sorted(running.get("/api/providers/status").json["providers"]) == sorted(G4F[:6])


def test_all_together_are_healthy(simulator, daemon):
    running = daemon(simulator.environment, quiet=False)
    expected = sorted([probe.name for probe in PROBES] + ["gemini_cli"])
    assert list(running.get("/api/providers/status").json["providers"]) == expected and len(expected) == 17
    for name in expected:
        assert running.wait_for_provider(name, lambda entry: True)["status"] == "healthy", name


# -- gemini_cli --

def code_assist(entry):
    return [request for request in entry if request["path"].endswith(":loadCodeAssist")]


def test_gemini_cli_asks_load_code_assist_with_the_access_token(simulator, run):
    _, entry = run("gemini_cli")
    assert entry["status"] == "healthy", entry
    assert lines(simulator, "gemini_cli") == [("POST", "/gemini_cli/v1internal:loadCodeAssist")]
    received = simulator.requests("gemini_cli")[0]
    assert received["headers"]["authorization"] == "Bearer sim-gemini_cli-access-0123456789"
    assert received["headers"]["user-agent"].startswith("GeminiCLI/")
    body = json.loads(received["body"])
    assert (body["cloudaicompanionProject"], body["mode"]) == ("sim-project", "HEALTH_CHECK")


def test_gemini_cli_refreshes_a_token_that_has_run_out_and_only_then(simulator, run):
    environment = {**environment_of(simulator, "gemini_cli"), "GEMINI_CLI_1_EXPIRY_DATE": "1000"}
    running, entry = run("gemini_cli", environment)
    assert entry["status"] == "healthy", entry
    assert lines(simulator, "gemini_cli") == [("POST", "/gemini_cli/token"),
                                              ("POST", "/gemini_cli/v1internal:loadCodeAssist")]
    form = simulator.requests("gemini_cli")[0]
    assert form["headers"]["content-type"] == "application/x-www-form-urlencoded"
    assert "grant_type=refresh_token" in form["body"] and "authorization" not in form["headers"]
    running.check("gemini_cli")
    assert len(simulator.requests("gemini_cli")) == 3  # the new token lasts
    fresh = code_assist(simulator.requests("gemini_cli"))[-1]["headers"]["authorization"].removeprefix("Bearer ")
    assert fresh not in running.log and "sim-client-secret" not in running.log


def test_gemini_cli_refreshes_a_token_that_is_refused(simulator, run):
    environment = {**environment_of(simulator, "gemini_cli"), "GEMINI_CLI_1_ACCESS_TOKEN": "stale-token-9876543210"}
    assert run("gemini_cli", environment)[1]["status"] == "healthy"
    assert [path.rsplit("/", 1)[1] for _, path in lines(simulator, "gemini_cli")] == [
        "v1internal:loadCodeAssist", "token", "v1internal:loadCodeAssist"]


def test_gemini_cli_says_that_the_login_is_over(simulator, run):
    environment = {**environment_of(simulator, "gemini_cli"), "GEMINI_CLI_1_EXPIRY_DATE": "1000",
                   "GEMINI_CLI_1_REFRESH_TOKEN": "revoked-token-9876543210"}
    running, entry = run("gemini_cli", environment)
    assert entry["reason"] == "key_invalid" and "log in with gemini again" in entry["error_message"]
    assert "revoked-token" not in running.log


def test_gemini_cli_reads_the_file_of_the_cli_and_never_writes_it(simulator, run, tmp_path):
    folder = tmp_path / ".gemini"
    folder.mkdir()
    file = folder / "oauth_creds.json"
    content = json.dumps({"access_token": "sim-gemini_cli-access-0123456789", "token_type": "Bearer",
                          "refresh_token": "sim-gemini_cli-refresh-0123456789",
                          "expiry_date": int((time.time() + 3600) * 1000)})
    file.write_text(content)
    environment = {name: value for name, value in environment_of(simulator, "gemini_cli").items()
                   if not name.startswith("GEMINI_CLI_1_")}
    running, entry = run("gemini_cli", {**environment, "HOME": str(tmp_path)})
    assert entry["status"] == "healthy", entry
    assert file.read_text() == content
    # The CLI has refreshed its token; the old one is refused: the file is read anew, and no token is asked for.
    running.stop()
    file.write_text(content.replace("access-0123456789", "stale-9876543210"))
    running, _ = run("gemini_cli", {**environment, "HOME": str(tmp_path)})
    entry = running.check("gemini_cli")
    assert entry["reason"] == "key_invalid" and "GEMINI_OAUTH_CLIENT_ID" in entry["error_message"]
    file.write_text(content)
    assert running.check("gemini_cli")["status"] == "healthy"
    assert ("POST", "/gemini_cli/token") not in lines(simulator, "gemini_cli")


def test_gemini_cli_says_that_an_account_is_retired(simulator, run):
    simulator.behave("gemini_cli", "403")
    assert run("gemini_cli")[1]["reason"] == "retired"


def test_gemini_cli_without_a_credential_says_what_to_do(run, simulator):
    environment = {"GEMINI_CLI_PROJECT_ID": "p", "CODE_ASSIST_ENDPOINT": simulator.environment["CODE_ASSIST_ENDPOINT"]}
    _, entry = run("gemini_cli", environment)
    assert entry["reason"] == "key_missing" and "log in with gemini" in entry["error_message"]
    assert simulator.requests("gemini_cli") == []


def test_a_base_with_a_key_is_a_provider_and_a_base_alone_is_none(simulator, daemon):
    environment = {**simulator.generic("acme", "my_own_api"), "LONELY_API_BASE": simulator.base("lonely")}
    running = daemon(environment)
    for name in ("acme", "my_own_api"):
        assert running.wait_for_provider(name, lambda entry: True)["status"] == "healthy"
        assert lines(simulator, name) == [("GET", f"/x/{name}/v1/models")]
        assert simulator.requests(name)[0]["headers"]["authorization"] == f"Bearer sim-{name}-key-0123456789"
    assert list(running.get("/api/providers/status").json["providers"]) == ["acme", "my_own_api"]
