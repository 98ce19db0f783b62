"""The providers of the seed list: their paths, keys, limits and refusals."""
import json
import time
import urllib.parse

import pytest

from simulator import BASES, CHAT, STREAM, bearer, key_of, wait_for


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
