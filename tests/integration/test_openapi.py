"""openapi.json says what the daemon does: every route, every parameter, every answer.

Each operation is asked by what its description says: without parameters, with each parameter's example or each of its
values, and with values that its schema does not allow. What comes back must be one of the answers described, with a
body that its schema allows; the schemas allow no field that they do not name.
"""
import functools
import json
import re
import urllib.parse

import jsonschema
import pytest

from harness import REPO, Daemon, request, wait_for, write_settings
from made import good, script

SPECS = {
    "alpha": good(12.5, limits={1: {"unit": "requests", "window_s": 60, "limit": 100, "remaining": 20}}, features=["streaming"],
                  models={1: {"id": "m-1", "context": 8192, "features": ["tools"]}, 2: {"id": "old", "deprecated": True}}),
    "gamma": good(2000.0, used={1: 95}),
}
KEYS = {"BETA_API_KEY_1": "sk-beta-0123456789", "BETA_API_KEY_2": "sk-beta-9876543210", "ALERT_WEBHOOK_URL": "http://127.0.0.1:1/"}
DOCUMENT = json.loads((REPO / "core/serve/openapi.json").read_text())
OPERATIONS = [(method.upper(), path, operation) for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()]
NAMES = {"/api/alerts/{name}/test": "oncall", "/api/providers/status/{name}/last_failure": "beta"}


def resolve(part):
    while "$ref" in part:
        part = functools.reduce(lambda found, step: found[step], part["$ref"].removeprefix("#/").split("/"), DOCUMENT)
    return part


def check(schema, value):
    jsonschema.validate(value, {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "components": DOCUMENT["components"]},
                        cls=jsonschema.Draft202012Validator)


def hold(operation, answer, told):
    """The answer to what the operation says of it."""
    described = operation["responses"].get(str(answer.status))
    assert described is not None, f"{told}: HTTP {answer.status} is not described: {answer.body[:300]}"
    content = resolve(described).get("content", {})
    kind = answer.headers.get("content-type", "").split(";")[0]
    assert kind in content, f"{told}: {kind} is not described"
    if kind == "application/json":
        try:
            check(content[kind]["schema"], answer.json)
        except jsonschema.ValidationError as error:
            raise AssertionError(f"{told}: {error.json_path}: {error.message[:600]}") from None


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A daemon about which there is something to tell in every answer."""
    folder = tmp_path_factory.mktemp("openapi")
    (folder / "providers").mkdir()
    (folder / "providers/lib").symlink_to(REPO / "providers/lib")
    (folder / "providers/made.lua").write_text(script(SPECS))
    (folder / "providers/beta.lua").write_text("""return { name = "beta", base_url = "http://127.0.0.1:1", keys = keys "BETA_API_KEY",
        probe = function(self) return http.get(self.base_url .. "/models") end }""")
    (folder / "providers/deepened.lua").write_text("""return { name = "deepened", base_url = "http://deepened.test:9", keys = keys "BETA_API_KEY",
        probe = function() return { ok = true, latency_ms = 3 } end, list_models = function() return { { id = "m-1" } } end,
        complete = function() return { ok = true, latency_ms = 30, first_token_ms = 12, tokens_per_second = 50, tokens = 20, model = "m-1" } end }""")
    path = write_settings(folder, provider_paths=[str(folder / "providers")], interval="30d", down_interval="30d", witnesses=[], read_models=True,
                          max_consecutive_failures=1, reports={"cooldown": "1h"}, deep={"enabled": True, "interval": "1h"}, database=str(folder / "checks.db"),
                          alerts={"oncall": {"use": "webhook", "after": "0s", "group": "0s"}},
                          public_page={"providers": ["*"], "latency": True, "incidents": True})
    daemon = Daemon(path, KEYS, folder)
    try:
        wait_for(lambda: daemon.get("/readyz").status == 200)
        daemon.post("/api/providers/report", json.dumps([{"provider": "gamma", "status": 429, "model": "m-1"}] + [{"provider": "alpha", "status": 200}] * 30))
        daemon.check("alpha")
        wait_for(lambda: daemon.get("/api/providers/incidents").json["incidents"])
        wait_for(lambda: daemon.provider("gamma")["cooling"] and daemon.provider("alpha")["model_count"])
        wait_for(lambda: len(daemon.get("/api/providers/history/alpha").json) >= 2)
        yield daemon
    finally:
        daemon.stop()


def ask(running, method, path, operation, query="", body=None):
    name = NAMES.get(path, "alpha")
    return request(running.url, method, path.replace("{name}", name) + (f"?{query}" if query else ""), body=body)


def parameters_of(operation):
    return [parameter for parameter in map(resolve, operation.get("parameters", [])) if parameter["in"] == "query"]


def good_values(parameter):
    schema = parameter["schema"]
    return schema.get("enum") or ([parameter["example"]] if "example" in parameter else [])


def bad_values(parameter):
    """What its schema does not allow."""
    schema = parameter["schema"]
    kind = schema.get("type")
    values = []
    if "enum" in schema:
        values.append("7777")
    if kind in ("integer", "number"):
        values += ["x", "-1"]
        values += [schema["maximum"] + 1] if "maximum" in schema else []
        values += [schema["minimum"] - 1] if schema.get("minimum", 0) > 0 else []
    return values


IDS = [f"{method} {path}" for method, path, _ in OPERATIONS]


def test_it_is_the_same_that_is_served_and_names_this_version(running):
    answer = request(running.url, "GET", "/openapi.json")
    assert (answer.status, answer.json) == (200, DOCUMENT)
    assert DOCUMENT["info"]["version"] == request(running.url, "GET", "/").json["providerd"]


def test_every_route_is_described_and_no_other(running):
    routes = {(route["method"], route["path"]) for route in request(running.url, "GET", "/").json["routes"]}
    assert {(method, path) for method, path, _ in OPERATIONS} == routes


def test_the_document_itself_is_sound():
    """What is referred to is there; ids are single; each path's parameters are described; examples are allowed by their schemas."""
    refs = set(re.findall(r'"\$ref": ?"#/([^"]+)"', json.dumps(DOCUMENT)))
    for ref in refs:
        resolve({"$ref": "#/" + ref})
    for kind in ("schemas", "parameters", "responses"):
        unused = {f"components/{kind}/{name}" for name in DOCUMENT["components"][kind]} - refs
        assert unused == set()
    ids = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(ids) == len(set(ids))
    for _, path, operation in OPERATIONS:
        described = {parameter["name"] for parameter in map(resolve, operation.get("parameters", [])) if parameter["in"] == "path"}
        assert described == set(re.findall(r"{(\w+)}", path))
        for parameter in parameters_of(operation):
            for value in good_values(parameter):
                check(parameter["schema"], value)
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("method, path, operation", OPERATIONS, ids=IDS)
def test_the_plain_question_is_answered_as_described(running, method, path, operation):
    body = json.dumps(operation["requestBody"]["content"]["application/json"]["example"]) if "requestBody" in operation else None
    answer = ask(running, method, path, operation, body=body)
    assert answer.status < 300, answer.body
    hold(operation, answer, path)


@pytest.mark.parametrize("method, path, operation", OPERATIONS, ids=IDS)
def test_every_parameter_is_taken_and_its_faults_are_refused(running, method, path, operation):
    for parameter in parameters_of(operation):
        name = parameter["name"]
        beside = {"wait": "version=1&", "version": "wait=1s&"}.get(name, "") if path != "/api/providers/events" else {"wait": "since_id=0&"}.get(name, "")
        for value in good_values(parameter):
            if value == "sse":  # a stream has no end
                continue
            query = f"{beside}{name}={urllib.parse.quote(str(value))}"
            answer = ask(running, method, path, operation, query)
            told = f"{path}?{query}"
            if (name, value) != ("merge", 1):  # which needs a step beside it
                assert answer.status in (200, 404), f"{told}: {answer.status} {answer.body[:300]}"
            hold(operation, answer, told)
        for value in bad_values(parameter):
            query = f"{beside}{name}={urllib.parse.quote(str(value))}"
            answer = ask(running, method, path, operation, query)
            assert answer.status == 400, f"{path}?{query}: {answer.status} {answer.body[:200]}"
            assert answer.json["detail"].startswith(name), answer.json
            hold(operation, answer, path)


RICH = ["/api/providers/status?window=7d", "/api/providers/status/beta", "/api/providers/status/deepened", "/api/providers/best?key=1&any=1&model=m-1",
        "/api/providers/history?hours=1", "/api/providers/history?step=10m&merge=1", "/api/providers/history?limit=1", "/api/providers/history/alpha?limit=1",
        "/api/providers/history/deepened?key=1", "/api/providers/history/deepened?model=m-1", "/api/providers/history/deepened?model=m-1&step=1h",
        "/api/models?model=m-1", "/api/providers/events?since_id=0&limit=1000"]


@pytest.mark.parametrize("target", RICH)
def test_answers_with_something_of_everything(running, target):
    path = target.split("?")[0]
    operation = next(operation for _, template, operation in OPERATIONS if re.fullmatch(re.sub(r"{\w+}", "[^/]+", template), path))
    answer = wait_for(lambda: (found := request(running.url, "GET", target)).status == 200 and found, target)
    hold(operation, answer, target)


@pytest.mark.parametrize("method, path, operation", [case for case in OPERATIONS if "{name}" in case[1]], ids=[i for i in IDS if "{name}" in i])
def test_who_is_not_there_is_answered_as_described(running, method, path, operation):
    answer = request(running.url, method, path.replace("{name}", "nobody"))
    assert answer.status == 404
    hold(operation, answer, path)


def test_every_parameter_that_the_code_reads_is_described():
    read = set()
    for file in (REPO / "core/serve").glob("*.c"):
        text = "" if file.name == "report_body.c" else file.read_text()
        read |= set(re.findall(r'\b(?:query_get|query_get_long)\(request->query, request->query_len, "(\w+)"', text))
        read |= set(re.findall(r'\b(?:span_read_number|span_read_text|read_moment|read_list|read_text|read_number|read_flag)\((?:request|&r|r|span), "(\w+)"', text))
    assert {"hours", "step", "policy", "window", "cursor"} <= read
    described = {parameter["name"] for _, _, operation in OPERATIONS for parameter in parameters_of(operation)}
    assert read - described == set()


def test_every_field_of_a_report_is_described(running):
    for field, schema in DOCUMENT["components"]["schemas"]["Report"]["properties"].items():
        report = {"provider": "alpha", "status": 200, field: {"a": "table"} if field != "headers" else "x"}
        answer = running.post("/api/providers/report", json.dumps(report))
        told = answer.json.get("detail") or json.dumps(answer.json["rejected"])
        assert field in told, f"{field} is not looked at: {told}"
        assert schema.get("type"), field


def test_what_needs_a_token_is_as_described(tmp_path, daemon, providers):
    (providers / "made.lua").write_text(script({"alpha": good(1.0)}))
    running = daemon(provider_paths=[str(providers)], tokens=[{"name": "x", "scope": "read", "hash": "sha256:" + "0" * 64}])
    for method, path, operation in OPERATIONS:
        answer = ask(running, method, path, operation)
        assert (answer.status == 401) == (operation["security"] != []), path
        hold(operation, answer, path)
