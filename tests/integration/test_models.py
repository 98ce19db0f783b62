"""Who serves which model: lists of models are read at their own pace, matched by name across providers, and told by
GET /api/models."""
import urllib.parse

import pytest

from harness import lua, wait_for

# The key is proven by /ping; the models are another call, as OpenAI lists them.
BY_PATH = """
return {
  name = "acme", base_url = env "ACME_API_BASE", list_models = require "models".openai,
  probe = function(provider) return http.get(provider.base_url .. "/ping") end,
}"""

# Providers that list what they are told to. The first check is good, since lists are read only then.
LISTS = """
local function provider(name, latency_ms, kind, models)
  local n = 0
  return { name = name, base_url = "http://127.0.0.1:9", list_models = function() return models end,
    probe = function()
      n = n + 1
      return { ok = not kind or n == 1, kind = kind, message = "no", latency_ms = latency_ms }
    end }
end
return { %s }"""


@pytest.fixture
def listing(providers, daemon):
    """A daemon with providers of these lists (Lua): name -> (models, latency_ms[, kind of error from the second check on])."""
    def start(offers, **settings):
        made = [f'provider("{name}", {ms}, {lua(*kind) if kind else "nil"}, {{ {models} }})'
                for name, (models, ms, *kind) in offers.items()]
        (providers / "lists.lua").write_text(LISTS % ", ".join(made))
        running = daemon(provider_paths=[str(providers)], read_models=True, interval="30d", **settings)
        for name in offers:
            running.wait_for_provider(name, lambda entry: entry["model_count"] is not None)
        return running
    return start


@pytest.fixture
def acme(simulator, providers, daemon):
    """A daemon that reads acme's models from the simulator."""
    def start(models_interval="30d", ping=True, **settings):
        (providers / "acme.lua").write_text(BY_PATH)
        if ping:
            simulator.answer("acme", body="pong", path="/ping")
        return daemon({"ACME_API_BASE": simulator.base("acme")}, provider_paths=[str(providers)],
                      **{"read_models": True, "interval": "30d", "jitter_percent": 0, "models_interval": models_interval,
                         **settings})
    return start


def tell(simulator, *ids, **conditions):
    simulator.answer("acme", body={"data": [{"id": id} for id in ids]}, path="/models", **conditions)


def details(running, name="acme"):
    return running.get(f"/api/providers/status/{name}").json


def ids_of(running, name="acme"):
    return [model["id"] for model in details(running, name)["models"]]


def served(running, model):
    answer = running.get("/api/models?" + urllib.parse.urlencode({"model": model})).json
    return answer["model"], [(offer["provider"], offer["id"]) for offer in answer["providers"]]


def asked(simulator, path):
    return sum(entry["path"].endswith(path) for entry in simulator.requests("acme"))


# -- who serves it --

@pytest.mark.tsan
def test_all_models_with_all_who_serve_them(listing):
    running = listing({
        "one": ('{ id = "vendor/Tiny-1", context = 8192, price = 0.5 }, { id = "big-2", deprecated = true }', 10),
        "two": ('{ id = "tiny-1:free" }', 20),
    })
    answer = running.get("/api/models")
    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    models = answer.json["models"]
    assert list(models) == ["big-2", "tiny-1"]
    assert [(offer["provider"], offer["id"]) for offer in models["tiny-1"]] == [("one", "vendor/Tiny-1"), ("two", "tiny-1:free")]
    first = models["tiny-1"][0]
    assert (first["status"], first["response_time_ms"], first["context"], first["price"]) == ("healthy", 10, 8192, 0.5)
    assert first["score"] > 90 and first["deprecated"] is False
    second = models["tiny-1"][1]
    assert (second["context"], second["price"]) == (None, None)
    assert [offer["deprecated"] for offer in models["big-2"]] == [True]


def test_names_match_without_case_vendor_and_variant(listing):
    running = listing({"one": ('{ id = "vendor/Tiny-1" }', 10), "two": ('{ id = "tiny-1:free" }, { id = "tiny-10" }', 20)})
    for model in ("tiny-1", "TINY-1", "vendor/tiny-1", "another/Tiny-1:free", "models/tiny-1"):
        assert served(running, model) == ("tiny-1", [("one", "vendor/Tiny-1"), ("two", "tiny-1:free")]), model


def test_aliases_of_the_configuration_join_names(listing):
    aliases = {"Llama-70B": ["llama-70b-versatile", "*llama-70b-instruct*", "llama:70b*"]}
    running = listing({"one": ('{ id = "llama-70b-versatile" }, { id = "llama-70b-vision" }', 10),
                       "two": ('{ id = "meta-llama/Meta-Llama-70B-Instruct-Turbo" }', 20),
                       "three": ('{ id = "llama:70b-q8" }, { id = "llama:7b" }', 30)}, model_aliases=aliases)
    for model in ("llama-70b", "llama-70b-versatile", "Meta-Llama-70B-Instruct-Turbo", "meta/llama-70b-instruct", "llama:70b-q4"):
        assert served(running, model) == ("llama-70b", [
            ("one", "llama-70b-versatile"), ("two", "meta-llama/Meta-Llama-70B-Instruct-Turbo"), ("three", "llama:70b-q8")]), model
    assert served(running, "llama-70b-vision")[1] == [("one", "llama-70b-vision")]


def test_other_aliases_hold_after_a_reload(listing, write_config, providers):
    running = listing({"one": ('{ id = "small" }', 10), "two": ('{ id = "little" }', 20)}, model_aliases={})
    assert served(running, "small") == ("small", [("one", "small")])
    write_config(provider_paths=[str(providers)], read_models=True, interval="30d",
                 model_aliases={"tiny": ["small", "little"]})
    assert running.reload()
    assert served(running, "little") == ("tiny", [("one", "small"), ("two", "little")])


def test_the_healthy_come_first_then_the_better(listing):
    running = listing({"broken": ('{ id = "m" }', 1, "model_gone"), "limited": ('{ id = "m" }', 1, "rate"),
                       "down": ('{ id = "m" }', 1, "server_error"), "slow": ('{ id = "m" }', 900),
                       "swift": ('{ id = "m" }', 10), "slower": ('{ id = "m" }', 4000)}, max_consecutive_failures=1)
    for name in ("broken", "limited", "down"):
        running.check(name)
    answer = running.get("/api/models?model=m").json["providers"]
    assert [offer["provider"] for offer in answer] == ["swift", "slow", "slower", "limited", "broken", "down"]
    assert [offer["status"] for offer in answer] == ["healthy"] * 2 + ["degraded"] * 3 + ["down"]


def test_a_model_that_nobody_serves_and_questions_that_make_no_sense(listing):
    running = listing({"one": ('{ id = "m" }', 10)})
    assert running.get("/api/models?model=nothing").json == {"model": "nothing", "providers": []}
    for query in ("model=", "model=" + "x" * 200, "model=%zz"):
        answer = running.get(f"/api/models?{query}")
        assert (answer.status, query) == (400, query) and "expected the name of a model" in answer.json["detail"], answer
    assert running.post("/api/models").status == 405


@pytest.mark.tsan
def test_answers_have_tags_of_their_own(listing):
    running = listing({"one": ('{ id = "m" }, { id = "n" }', 10)})
    tags = {path: running.get(path).headers["etag"] for path in ("/api/models", "/api/models?model=m", "/api/models?model=n")}
    assert len(set(tags.values())) == 3
    for path, tag in tags.items():
        answer = running.get(path, if_none_match=tag)
        assert (answer.status, answer.body) == (304, b"")
    assert running.get("/api/models?model=M").headers["etag"] == tags["/api/models?model=m"]  # the same answer
    running.check("one")
    assert running.get("/api/models", if_none_match=tags["/api/models"]).status == 200


def test_four_thousand_models(listing):
    def many(count):
        return f'table.unpack((function() local list = {{}} for i = 1, {count} do list[i] = {{ id = "m" .. i }} end return list end)())'
    running = listing({"most": (many(4000), 10), "one": ('{ id = "m4000" }', 20)})
    assert len(running.get("/api/models").json["models"]) == 4000
    assert details(running, "most")["model_count"] == len(details(running, "most")["models"]) == 4000
    assert served(running, "m4000") == ("m4000", [("most", "m4000"), ("one", "m4000")])


def test_more_than_four_thousand_are_refused(providers, daemon):
    (providers / "acme.lua").write_text("""
        return { name = "acme", base_url = "http://127.0.0.1:9", probe = function() return { ok = true, latency_ms = 1 } end,
          list_models = function() local list = {} for i = 1, 4001 do list[i] = { id = "m" .. i } end return list end }""")
    running = daemon(provider_paths=[str(providers)], read_models=True, interval="30d")
    wait_for(lambda: details(running)["models_error"], "a refusal of the list")
    assert "the list holds 4001 models, expected at most 4000" in details(running)["models_error"]
    assert details(running)["status"] == "healthy"


# -- reading the lists --

@pytest.mark.tsan
def test_a_list_is_read_at_its_own_pace(simulator, acme):
    tell(simulator, "m-1")
    running = acme(models_interval="150ms")
    wait_for(lambda: asked(simulator, "/models") >= 4, "four readings")
    assert asked(simulator, "/ping") == 1
    assert ids_of(running) == ["m-1"]
    tell(simulator, "m-1", "m-2")
    wait_for(lambda: ids_of(running) == ["m-1", "m-2"], "the new list")


def test_checks_do_not_read_the_list(simulator, acme):
    tell(simulator, "m-1")
    running = acme()
    wait_for(lambda: ids_of(running) == ["m-1"], "the list")
    for _ in range(3):
        running.check("acme")
    assert (asked(simulator, "/models"), asked(simulator, "/ping")) == (1, 4)
    entry = details(running)
    assert entry["model_count"] == 1 and entry["models_read"] < entry["last_check"] and entry["models_error"] is None


def test_a_list_is_read_once_the_key_has_proven_good(simulator, acme):
    tell(simulator, "m-1")
    simulator.answer("acme", 401, path="/ping")
    running = acme(ping=False)
    assert running.wait_for_provider("acme", lambda entry: True)["error_kind"] == "key_invalid"
    assert running.check("acme")["model_count"] is None
    simulator.answer("acme", body="pong", path="/ping")
    running.check("acme")
    wait_for(lambda: ids_of(running) == ["m-1"], "the list")
    assert [entry["path"].rsplit("/", 1)[1] for entry in simulator.requests("acme")] == ["ping"] * 3 + ["models"]


def test_lists_are_not_read_where_they_are_not_wished_for(simulator, acme):
    tell(simulator, "m-1")
    running = acme(models_interval="100ms", read_models=False)
    for _ in range(5):
        entry = running.check("acme")
    assert asked(simulator, "/models") == 0 and entry["model_count"] is None
    assert details(running)["models"] == [] and details(running)["models_read"] is None


@pytest.mark.parametrize("answer, expected", [
    ({"status": 500, "body": {"error": {"message": "no lists today"}}}, "server_error: HTTP 500: no lists today"),
    ({"status": 200, "body": "no JSON"}, "bad_response"),
    ({"status": 200, "body": {"models": 7}}, "bad_response"),
    ({"status": 401, "body": {"error": {"message": "who are you?"}}}, "key_invalid"),
])
def test_a_bad_list_keeps_the_old_one_and_says_why(simulator, acme, answer, expected):
    tell(simulator, "m-1", "m-2")
    running = acme(models_interval="150ms")
    wait_for(lambda: ids_of(running) == ["m-1", "m-2"], "the list")
    simulator.answer("acme", path="/models", **answer)
    wait_for(lambda: details(running)["models_error"], "an error of the list")
    entry = details(running)
    assert entry["models_error"].startswith(expected) and entry["model_count"] == 2
    assert [model["id"] for model in entry["models"]] == ["m-1", "m-2"]
    assert entry["status"] == "healthy" and entry["error_kind"] is None  # the check says what state it is in
    assert served(running, "m-1")[1] == [("acme", "m-1")]
    tell(simulator, "m-3")
    wait_for(lambda: ids_of(running) == ["m-3"], "a good list")
    assert details(running)["models_error"] is None


def test_a_script_that_fails_to_list_is_named(providers, daemon):
    (providers / "acme.lua").write_text("""
        return { name = "acme", base_url = "http://127.0.0.1:9", probe = function() return { ok = true, latency_ms = 1 } end,
          list_models = function() return { { id = "m" }, { name = "no id" } } end }""")
    running = daemon(provider_paths=[str(providers)], read_models=True, interval="30d")
    error = wait_for(lambda: details(running)["models_error"], "an error of the list")
    assert error.startswith("script_error: ") and "the id of model 2 of the list: expected a text of 1 to 127 bytes" in error
    assert details(running)["status"] == "healthy"


def test_a_model_that_is_listed_twice_is_one(listing):
    running = listing({"one": ('{ id = "m", context = 5 }, { id = "n" }, { id = "m", context = 6 }', 10)})
    assert [(model["id"], model["context"]) for model in details(running, "one")["models"]] == [("m", 5), ("n", None)]
