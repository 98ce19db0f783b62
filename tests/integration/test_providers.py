"""Every shipped provider against the simulator that plays it: what it sends, and what it makes of refusals."""
import pytest

from harness import REPO

BEARER = {"groq", "together", "nvidia", "mistral"}


@pytest.fixture
def running(simulator, daemon):
    started = daemon(simulator.environment, provider_paths=[str(REPO / "providers")], quiet=False)
    for name in started.get("/api/providers/status").json["providers"]:
        started.wait_for_provider(name, lambda entry: True)
    return started


def test_all_are_healthy_with_their_keys(running):
    states = running.get("/api/providers/status").json["providers"]
    assert sorted(states) == sorted([
        "groq", "openrouter", "together", "nvidia", "mistral", "huggingface", "gemini", "google", "gemini_cli", "g4f",
        "g4f_main", "g4f_groq", "g4f_grok", "g4f_gemini", "g4f_nvidia", "g4f_ollama", "g4f_pollinations"])
    assert {name: state["status"] for name, state in states.items() if state["status"] != "healthy"} == {}


@pytest.mark.parametrize("name, method, path, header, value", [
    ("groq", "GET", "/groq/openai/v1/models", "authorization", "Bearer sim-groq-key-0123456789"),
    ("openrouter", "GET", "/openrouter/api/v1/key", "authorization", "Bearer sim-openrouter-key-0123456789"),
    ("together", "GET", "/together/v1/models", "authorization", "Bearer sim-together-key-0123456789"),
    ("nvidia", "POST", "/nvidia/v1/chat/completions", "authorization", "Bearer sim-nvidia-key-0123456789"),
    ("mistral", "GET", "/mistral/v1/models", "authorization", "Bearer sim-mistral-key-0123456789"),
    ("gemini", "GET", "/gemini/v1beta/models?pageSize=1", "x-goog-api-key", "sim-gemini-key-0123456789"),
    ("google", "GET", "/google/v1beta/models?pageSize=1", "x-goog-api-key", "sim-google-key-0123456789"),
    ("gemini_cli", "POST", "/gemini_cli/v1internal:loadCodeAssist", "authorization", "Bearer sim-gemini_cli-access-0123456789"),
    ("g4f", "POST", "/g4f/v1/chat/completions", "authorization", "Bearer sim-g4f-key-0123456789"),
    ("g4f_groq", "POST", "/g4f_groq/chat/completions", "authorization", "Bearer sim-g4f_groq-key-0123456789"),
])
def test_each_sends_what_its_api_wants(running, simulator, name, method, path, header, value):
    sent = simulator.requests(name)[-1]
    assert (sent["method"], sent["path"]) == (method, path)
    headers = {key.lower(): text for key, text in sent["headers"].items()}
    assert headers[header] == value
    assert headers["user-agent"] and "gzip" in headers["accept-encoding"]


def test_huggingface_asks_the_hub_for_the_token_and_the_router_for_its_models(running, simulator):
    paths = [sent["path"] for sent in simulator.requests("huggingface")]
    assert paths[-2:] == ["/huggingface-hub/api/whoami-v2", "/huggingface/v1/models"]


@pytest.mark.parametrize("name, status, reason", [
    ("groq", 401, "key_invalid"), ("openrouter", 401, "key_invalid"), ("together", 401, "key_invalid"),
    ("nvidia", 403, "key_invalid"), ("mistral", 401, "key_invalid"), ("huggingface", 401, "key_invalid"),
    ("gemini", 400, "key_invalid"), ("google", 400, "key_invalid"),
])
def test_a_wrong_key_is_known_by_each_ones_own_answer(simulator, daemon, name, status, reason):
    environment = {**simulator.environment, f"{name.upper()}_API_KEY": "wrong-key-0123456789"}
    running = daemon(environment, provider_paths=[str(REPO / "providers")], quiet=False)
    entry = running.wait_for_provider(name, lambda entry: True)
    assert (entry["http_status"], entry["reason"]) == (status, reason)
    assert "wrong-key-0123456789" not in running.log


def test_a_second_key_helps_out_and_the_bad_one_is_named(simulator, daemon):
    environment = {"GROQ_API_BASE": simulator.environment["GROQ_API_BASE"], "GROQ_API_KEY": "wrong-key-0123456789",
                   "GROQ_API_KEY_1": "sim-groq-key-0123456789"}
    running = daemon(environment)
    assert running.wait_for_provider("groq", lambda entry: True)["status"] == "healthy"
    assert "key 1 (GROQ_API_KEY, …6789) refused" in running.log


def test_an_expired_token_is_refreshed_before_the_check(simulator, daemon):
    environment = {**simulator.environment, "GEMINI_CLI_1_EXPIRY_DATE": "1000"}
    running = daemon(environment)
    assert running.wait_for_provider("gemini_cli", lambda entry: True)["status"] == "healthy"
    sent = simulator.requests("gemini_cli")
    assert [request["path"] for request in sent] == ["/gemini_cli/token", "/gemini_cli/v1internal:loadCodeAssist"]
    assert "grant_type=refresh_token" in sent[0]["body"]
    bearer = {key.lower(): text for key, text in sent[1]["headers"].items()}["authorization"]
    assert bearer != "Bearer sim-gemini_cli-access-0123456789"


def test_a_refresh_token_that_was_revoked_says_log_in_again(simulator, daemon):
    environment = {**simulator.environment, "GEMINI_CLI_1_EXPIRY_DATE": "1000",
                   "GEMINI_CLI_1_REFRESH_TOKEN": "revoked-0123456789"}
    entry = daemon(environment).wait_for_provider("gemini_cli", lambda entry: True)
    assert entry["reason"] == "key_invalid" and "log in" in entry["error_message"]


def test_credentials_come_from_the_clis_file(simulator, daemon, tmp_path):
    import json
    import time
    file = tmp_path / "oauth_creds.json"
    file.write_text(json.dumps({"access_token": "sim-gemini_cli-access-0123456789", "token_type": "Bearer",
                                "expiry_date": int(time.time() * 1000) + 3600000}))
    before = file.read_bytes()
    running = daemon({"CODE_ASSIST_ENDPOINT": simulator.environment["CODE_ASSIST_ENDPOINT"], "GEMINI_CLI_OAUTH_1": str(file)})
    assert running.wait_for_provider("gemini_cli", lambda entry: True)["status"] == "healthy"
    assert file.read_bytes() == before and "sim-gemini_cli-access" not in running.log


def test_a_retired_account_is_said_to_be_retired(simulator, daemon):
    simulator.behave("gemini_cli", "403")
    entry = daemon(simulator.environment).wait_for_provider("gemini_cli", lambda entry: True)
    assert entry["reason"] == "retired"


@pytest.mark.parametrize("name", ["g4f", "g4f_main", "g4f_groq"])
def test_g4f_finds_errors_in_answers_that_claim_to_be_well(simulator, daemon, name):
    simulator.behave(name, "error200")
    running = daemon(simulator.environment, provider_paths=[str(REPO / "providers")], quiet=False)
    entry = running.wait_for_provider(name, lambda entry: True)
    assert entry["status"] == "degraded" and entry["http_status"] == 200 and entry["error_message"]


def test_a_user_agent_of_the_environment_is_sent(simulator, daemon):
    environment = {**simulator.generic("acme"), "ACME_USER_AGENT": "Mozilla/5.0 (test)"}
    daemon(environment).wait_for_provider("acme", lambda entry: True)
    headers = {key.lower(): text for key, text in simulator.requests("acme")[0]["headers"].items()}
    assert headers["user-agent"] == "Mozilla/5.0 (test)"
