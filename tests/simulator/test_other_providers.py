"""The providers beyond the seed list: what proves a key there, their lists, completions, limits and refusals.

A row is the path that proves the key, the list's path, the completion's path, and the statuses without and with a wrong key.
"""
import base64
import json
import pathlib
import re
import subprocess
import time
import urllib.parse

import pytest

from simulator import PROGRAM, Simulator, bearer, key_of, models_of

ACCOUNT = "0123456789abcdef0123456789abcdef"
VERTEX = "/v1/projects/sim-project/locations/us-central1/publishers/google/models"
CHAT = "/v1/chat/completions"
PROVIDERS = {
    "openai": ("/v1/models", "/v1/models", CHAT, 401, 401),
    "anthropic": ("/v1/models?limit=1", "/v1/models", "/v1/messages", 401, 401),
    "deepseek": ("/user/balance", "/models", "/chat/completions", 401, 401),
    "cerebras": ("/v1/models", "/v1/models", CHAT, 403, 401),
    "cohere": ("POST /v1/check-api-key", "/v1/models", "/v2/chat", 401, 401),
    "xai": ("/v1/api-key", "/v1/models", CHAT, 401, 400),
    "fireworks": ("/v1/accounts", "/inference/v1/models", "/inference/v1/chat/completions", 401, 401),
    "sambanova": (None, "/v1/models", CHAT, 401, 401),
    "perplexity": ("/v1/models", "/v1/models", "/chat/completions", 401, 401),
    "deepinfra": ("/v1/me?checklist=true", "/v1/openai/models", "/v1/openai/chat/completions", 401, 401),
    "cloudflare": ("/client/v4/user/tokens/verify", f"/client/v4/accounts/{ACCOUNT}/ai/models/search",
                   f"/client/v4/accounts/{ACCOUNT}/ai/v1/chat/completions", 401, 403),
    "azure_openai": (None, "/openai/models?api-version=2024-10-21", "/openai/deployments/sim-gpt-4o-mini/chat/completions",
                     401, 401),
    "bedrock": ("/foundation-models", "/foundation-models", "/model/amazon.nova-micro-v1:0/converse", 403, 403),
    "vertex": (f"POST {VERTEX}/gemini-2.5-flash:countTokens", VERTEX, f"{VERTEX}/gemini-2.5-flash:generateContent", 401, 401),
    "moonshot": ("/v1/users/me/balance", "/v1/models", CHAT, 401, 401),
    "zai": ("/api/paas/v4/models", "/api/paas/v4/models", "/api/paas/v4/chat/completions", 401, 401),
    "dashscope": ("/compatible-mode/v1/models", "/compatible-mode/v1/models", "/compatible-mode/v1/chat/completions", 401, 401),
    "minimax": ("/v1/token_plan/remains", "/v1/models", CHAT, 401, 401),
    "siliconflow": ("/v1/user/info", "/v1/models", CHAT, 401, 401),
    "novita": ("/openapi/v1/billing/balance/detail", "/openai/v1/models", "/openai/v1/chat/completions", 401, 401),
    "hyperbolic": ("/billing/get_current_balance", "/v1/models", CHAT, 401, 401),
    "chutes": ("/users/me/quota_usage/me", "/v1/models", CHAT, 401, 401),
    "ollama": (None, "/api/tags", "/api/chat", 200, 401),
    "vllm": ("/v1/models", "/v1/models", CHAT, 401, 401),
    "llamacpp": ("/props", "/v1/models", CHAT, 401, 401),
    "lmstudio": (None, "/v1/models", CHAT, 200, 401),
    "litellm": ("/key/info", "/v1/models", CHAT, 401, 401),
}
PROMPT = "Repeat these words: alpha bravo charlie"


def headers(name, key):
    if name == "anthropic":
        return {"anthropic-version": "2023-06-01"} | ({"x-api-key": key} if key else {})
    return bearer(key) if name != "azure_openai" or not key else {"api-key": key}


def ask(sim, name, path, key="right", body=None):
    method, _, path = path.rpartition(" ")
    key = key_of(name) if key == "right" else key
    method = method or ("POST" if body is not None else "GET")
    return sim.request(method, f"/{name}{path}", body or ("{}" if method == "POST" else None), headers(name, key))


def question(name, **more):
    """A request for a completion in the provider's own form."""
    messages = [{"role": "user", "content": PROMPT}]
    if name == "bedrock":
        return json.dumps({"messages": [{"role": "user", "content": [{"text": PROMPT}]}]})
    if name == "vertex":
        return json.dumps({"contents": [{"role": "user", "parts": [{"text": PROMPT}]}]})
    return json.dumps({"model": "m", "messages": messages, "stream": False, **more})


def text_of(name, body):
    if name == "anthropic":
        return body["content"][0]["text"]
    if name == "cohere":
        return body["message"]["content"][0]["text"]
    if name == "bedrock":
        return body["output"]["message"]["content"][0]["text"]
    if name == "vertex":
        return body["candidates"][0]["content"]["parts"][0]["text"]
    return body["message"]["content"] if name == "ollama" else body["choices"][0]["message"]["content"]


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_good_key_is_let_in_and_a_bad_one_is_not(sim, name):
    proof, _, chat, missing, wrong = PROVIDERS[name]
    if proof:
        assert ask(sim, name, proof).status == 200
        assert [ask(sim, name, proof, key).status for key in (None, "nonsense")] == [missing, wrong]
    body = question(name)
    assert [ask(sim, name, chat, key, body).status for key in ("right", None, "nonsense")] == [200, missing, wrong]


@pytest.mark.parametrize("name", PROVIDERS)
def test_the_list_of_models(sim, name):
    answer = ask(sim, name, PROVIDERS[name][1])
    ids = models_of(answer)
    assert answer.status == 200 and len(set(ids)) == len(ids) >= 1
    if name not in ("deepseek", "vllm", "llamacpp", "chutes", "perplexity", "zai", "moonshot", "cerebras", "anthropic"):
        assert any(re.search("embed|bge|whisper|sensevoice|image|flux|speech|e5-", i.lower()) for i in ids)
    assert PROVIDERS[name][3] == 200 or name in {"sambanova", "novita", "chutes", "deepinfra", "llamacpp"} or \
        ask(sim, name, PROVIDERS[name][1], None).status != 200


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_completion_says_what_it_was_asked_to(sim, name):
    answer = ask(sim, name, PROVIDERS[name][2], body=question(name))
    assert text_of(name, json.loads(answer.text)) == "alpha bravo charlie"


@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("status", [401, 402, 404, 429, 500, 503])
def test_refusals_of_any_status(sim, name, status):
    sim.behave(name, f"{status}")
    for path, body in [(PROVIDERS[name][1], None), (PROVIDERS[name][2], question(name))]:
        answer = ask(sim, name, path, body=body)
        assert answer.status == status
        if answer.getheader("content-type") == "application/json":
            assert json.loads(answer.text)


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_model_that_is_gone(sim, name):
    sim.behave(name, "model-gone 1")
    first = models_of(ask(sim, name, PROVIDERS[name][1]))[0]
    path = PROVIDERS[name][2].replace("amazon.nova-micro-v1:0", first).replace("sim-gpt-4o-mini", first)
    answer = ask(sim, name, path, body=question(name, model=first))
    assert answer.status in (400, 404) and answer.text
    other = PROVIDERS[name][2].replace("amazon.nova-micro-v1:0", "other").replace("gemini-2.5-flash", "other")
    assert ask(sim, name, other, body=question(name)).status == 200


@pytest.mark.parametrize("name,limits", {
    "openai": {"x-ratelimit-limit-requests": "60", "x-ratelimit-reset-tokens": "6m0s"},
    "anthropic": {"anthropic-ratelimit-requests-remaining": "999", "anthropic-ratelimit-input-tokens-limit": "80000"},
    "cerebras": {"x-ratelimit-limit-requests-day": "2400", "x-ratelimit-reset-tokens-minute": "11.382867097854614"},
    "cohere": {"x-trial-endpoint-call-remaining": "19"}, "fireworks": {"x-ratelimit-over-limit": "no"},
    "sambanova": {"x-ratelimit-limit-requests-day": "400"}, "azure_openai": {"x-ratelimit-remaining-requests": "119"},
    "cloudflare": {"ratelimit": '"default";r=50;t=30', "ratelimit-policy": '"default";q=100;w=60'},
    "litellm": {"x-litellm-key-tpm-limit": "None"}, "deepseek": {}, "perplexity": {}, "moonshot": {}, "zai": {},
    "bedrock": {}}.items())
def test_limits_are_announced_where_the_provider_does(sim, name, limits):
    answer = ask(sim, name, PROVIDERS[name][2], body=question(name))
    found = {k.lower(): v for k, v in answer.getheaders() if "limit" in k.lower() or "trial" in k}
    assert bool(found) == bool(limits) and limits.items() <= found.items()
    listed = ask(sim, name, PROVIDERS[name][1])
    everywhere = name in ("cohere", "sambanova", "cloudflare")
    assert any("limit" in k.lower() for k, _ in listed.getheaders()) == everywhere


def test_anthropics_resets_are_times_ahead(sim):
    answer = ask(sim, "anthropic", "/v1/messages", body=question("anthropic"))
    reset = answer.getheader("anthropic-ratelimit-input-tokens-reset")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", reset)
    ahead = time.mktime(time.strptime(reset, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone - time.time()
    assert 0 < ahead <= 19


@pytest.mark.parametrize("name,path,status,body", [
    ("cerebras", "/v1/nothing", 404, b""), ("perplexity", "/v1/chat/completions", 404, b""), ("xai", "/v1/x", 404, b"Not Found"),
    ("lmstudio", "/nothing", 200, b"Unexpected endpoint"), ("fireworks", "/v1/x", 404, b"Path not found"),
    ("azure_openai", "/openai/x", 404, b"Resource not found"), ("ollama", "/x", 404, b"404 page not found")])
def test_unknown_paths(sim, name, path, status, body):
    answer = ask(sim, name, path)
    assert answer.status == status and (body in answer.text if body else answer.text == b"")


@pytest.mark.parametrize("name,path,field,value", [
    ("deepseek", "/user/balance", "is_available", True), ("moonshot", "/v1/users/me/balance", "status", True),
    ("siliconflow", "/v1/user/info", "code", 20000), ("cohere", "POST /v1/check-api-key", "valid", True),
    ("xai", "/v1/api-key", "team_blocked", False), ("novita", "/v3/user", "credit_balance", 49000),
    ("cloudflare", "/client/v4/user/tokens/verify", "success", True), ("zai", "/api/monitor/usage/quota/limit", "success", True),
    ("ollama", "/api/version", "version", "0.12.6"), ("llamacpp", "/health", "status", "ok")])
def test_accounts(sim, name, path, field, value):
    assert json.loads(ask(sim, name, path).text)[field] == value


def test_github_models_is_retired(sim):
    for path, key in [("/inference/models", None), ("/inference/chat/completions", key_of("github_models"))]:
        answer = sim.get("/github_models" + path, key)
        assert answer.status == 410
        assert json.loads(answer.text)["error"]["code"] == "github_models_retirement_brownout"


def test_pages_of_one_model(sim):
    for name, path in [("anthropic", "/v1/models?limit=1"), ("cohere", "/v1/models?page_size=1"),
                       ("cloudflare", f"/client/v4/accounts/{ACCOUNT}/ai/models/search?per_page=1")]:
        assert len(models_of(ask(sim, name, path))) == 1
    assert json.loads(ask(sim, "anthropic", "/v1/models?limit=1").text)["has_more"] is True


def test_lists_tell_context_prices_and_what_goes_away(sim):
    def first(name, path=None, place=0):
        body = json.loads(ask(sim, name, path or PROVIDERS[name][1]).text)
        return next(body[k] for k in ("data", "models", "result", "modelSummaries") if k in body)[place]

    assert first("sambanova")["pricing"] == {"prompt": "1e-07", "completion": "2e-07"}
    assert first("deepinfra")["metadata"]["pricing"] == {"input_tokens": 0.02, "output_tokens": 0.03}
    assert first("novita")["input_token_price_per_m"] == 200 and first("vllm")["max_model_len"] == 32768
    assert first("cohere", place=2)["is_deprecated"] and not first("cohere")["is_deprecated"]
    assert first("bedrock", place=1)["modelLifecycle"] == {"status": "LEGACY"}
    assert first("azure_openai", place=1)["lifecycle_status"] == "deprecated"
    assert first("cloudflare", place=2)["properties"][-1]["property_id"] == "planned_deprecation_date"
    assert "created" not in first("deepseek") and first("anthropic")["created_at"].startswith("2025-10-01T")
    assert first("lmstudio", "/api/v0/models")["state"] == "not-loaded"
    assert first("ollama", "/v1/models")["object"] == "model" and first("ollama")["size"] > 1 << 31


def test_anthropic_wants_its_version(sim):
    answer = sim.request("GET", "/anthropic/v1/models", headers={"x-api-key": key_of("anthropic")})
    assert answer.status == 400 and json.loads(answer.text)["error"]["type"] == "invalid_request_error"


def test_cloudflares_account_must_be_ours(sim):
    path = "/client/v4/accounts/ffffffffffffffffffffffffffffffff/ai/models/search"
    answer = ask(sim, "cloudflare", path)
    assert answer.status == 404 and json.loads(answer.text)["errors"][0]["code"] == 7003


def test_local_servers_answer_without_a_key(sim):
    assert sim.get("/ollama/").text == b"Ollama is running"
    assert (sim.get("/vllm/health").status, sim.get("/vllm/health").text) == (200, b"")
    assert sim.get("/litellm/health/liveliness").status == 200
    assert sim.get("/llamacpp/v1/models").status == sim.get("/lmstudio/v1/models").status == 200
    sim.behave("vllm", "503")
    assert (sim.get("/vllm/health").status, sim.get("/vllm/health").text) == (503, b"")


@pytest.mark.parametrize("model", ["o4-mini", "gpt-5-mini"])
def test_openais_reasoning_models(sim, model):
    answer = ask(sim, "openai", CHAT, body=question("openai", model=model, max_tokens=1))
    error = json.loads(answer.text)["error"]
    assert answer.status == 400 and error["param"] == "max_tokens" and error["message"] == (
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.")
    body = json.loads(ask(sim, "openai", CHAT, body=question("openai", model=model, max_completion_tokens=8)).text)
    assert body["choices"][0]["finish_reason"] == "length" and body["choices"][0]["message"]["content"] == ""
    assert "reasoning_content" not in body["choices"][0]["message"] and body["usage"]["completion_tokens"] == 8
    assert ask(sim, "openai", CHAT, body=question("openai", model="gpt-4o-mini", max_tokens=1)).status == 200


def signature(sim, **changes):
    parts = {"id": sim.env["AWS_ACCESS_KEY_ID"], "date": "20261123", "service": "bedrock", "sign": "0" * 64,
             "names": "host;x-amz-date"} | changes
    return {"X-Amz-Date": "20261123T150000Z", "Authorization":
            f"AWS4-HMAC-SHA256 Credential={parts['id']}/{parts['date']}/us-east-1/{parts['service']}/aws4_request, "
            f"SignedHeaders={parts['names']}, Signature={parts['sign']}"}


def test_bedrock_takes_signatures(sim):
    def get(signed):
        answer = sim.request("GET", "/bedrock/foundation-models", headers=signed)
        return answer.status, answer.getheader("x-amzn-errortype")

    assert get(signature(sim)) == (200, None)
    assert get({}) == (403, "MissingAuthenticationTokenException")
    for change in ({"id": "AKIAOTHER"}, {"date": "20261122"}, {"service": "s3"}, {"sign": "0" * 63}, {"sign": "x" * 64},
                   {"names": "host"}):
        assert get(signature(sim, **change)) == (403, "UnrecognizedClientException")


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_vertex_gives_tokens_for_assertions(sim):
    def exchange(algorithm="RS256", sign=b"s" * 256, **changes):
        claims = {"iss": "sim@example", "aud": sim.env["VERTEX_TOKEN_URI"], "iat": int(time.time()),
                  "scope": "https://www.googleapis.com/auth/cloud-platform", "exp": int(time.time()) + 3600} | changes
        token = ".".join([part({"alg": algorithm, "typ": "JWT"}), part(claims),
                          base64.urlsafe_b64encode(sign).rstrip(b"=").decode()])
        form = urllib.parse.urlencode({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": token})
        return sim.request("POST", "/vertex/token", form)

    answer = exchange()
    token = json.loads(answer.text)["access_token"]
    path = f"/vertex{VERTEX}/gemini-2.5-flash:countTokens"
    assert answer.status == 200 and sim.request("POST", path, "{}", bearer(token)).status == 200
    assert sim.request("POST", path.replace("sim-project", "other"), "{}", bearer(token)).status == 403
    for change in ({"algorithm": "HS256"}, {"sign": b"short"}, {"exp": 1}, {"iss": ""}, {"scope": None}):
        assert exchange(**change).status == 400
    assert sim.request("POST", "/vertex/token", "grant_type=urn%3aietf:params:oauth:grant-type:jwt-bearer").status == 400


def test_vertex_gives_tokens_for_the_credentials_of_its_file(sim):
    file = json.loads(pathlib.Path(sim.env["VERTEX_CREDENTIALS_FILE"]).read_text())
    assert file.pop("type") == "authorized_user"
    form = urllib.parse.urlencode(file | {"grant_type": "refresh_token"})
    token = json.loads(sim.request("POST", "/vertex/token", form).text)["access_token"]
    answer = sim.request("POST", f"/vertex{VERTEX}/gemini-2.5-flash:countTokens", "{}", bearer(token))
    assert answer.status == 200 and json.loads(answer.text)["totalTokens"] == 2


SEED = 17


@pytest.mark.parametrize("arguments,names", [
    ([], None), (["--providers", "openai,bedrock"], {"OPENAI", "BEDROCK"}), (["--providers", "groq"], {"GROQ"})])
def test_which_providers_the_environment_names(tmp_path, arguments, names):
    simulator = Simulator(tmp_path, *arguments)
    bases = {name[:-len("_API_BASE")] for name in simulator.env if name.endswith("_API_BASE")}
    assert simulator.stop() == (0, "")
    assert bases == names if names else len(bases) == SEED - 1 and not bases & {n.upper() for n in PROVIDERS}
    assert ("AWS_SECRET_ACCESS_KEY" in simulator.env) == (names is not None and "BEDROCK" in names)
    assert not (tmp_path / "env.vertex.json").exists()


def test_the_environment_names_working_bases(sim):
    origin = f"http://127.0.0.1:{sim.ports['http']}"
    for name in PROVIDERS:
        assert sim.env[f"{name.upper()}_API_BASE"].startswith(f"{origin}/{name}")
        if name not in ("bedrock", "vertex", "ollama", "lmstudio"):
            assert sim.env[f"{name.upper()}_API_KEY"] == key_of(name)
    assert sim.env["CLOUDFLARE_ACCOUNT_ID"] == ACCOUNT and sim.env["AZURE_OPENAI_ENDPOINT"] == origin + "/azure_openai"
    assert sim.env["VERTEXAI_PROJECT"] == "sim-project"


@pytest.mark.parametrize("names,message", [("openia", 'did you mean "openai"'), ("openai,", None), ("", "expected names")])
def test_unknown_providers_are_named(tmp_path, names, message):
    if message is None:
        assert Simulator(tmp_path, "--providers", names).stop() == (0, "")
        return
    done = subprocess.run([PROGRAM, "--env-out", str(tmp_path / "env"), "--providers", names], capture_output=True, text=True,
                          timeout=10)
    assert done.returncode == 1 and message in done.stderr
