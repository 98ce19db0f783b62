"""The last exchange that failed, as it is shown to whoever asks why: whole enough to see the reason, clean enough to be
passed on."""
import datetime
import json
import urllib.parse

import pytest

from harness import REPO

KEY = "sim-acme-key-0123456789"
PATH = "/api/providers/status/acme/last_failure"


@pytest.fixture
def acme(simulator, providers, daemon):
    """A daemon that has checked acme, a generic provider, and asks it only when told to."""
    def start(**settings):
        (providers / "generic.lua").symlink_to(REPO / "providers/generic.lua")  # nothing else, which starts sooner
        running = daemon(simulator.generic("acme"), provider_paths=[str(providers)], interval="30d", quick_interval="30d",
                         **settings)
        running.wait_for_provider("acme", lambda entry: True)
        return running
    return start


@pytest.fixture
def run(providers, simulator, daemon):
    """A daemon with a script of this probe (Lua), and the keys given."""
    def start(probe, *keys, **settings):
        (providers / "acme.lua").write_text(
            f'return {{ name = "acme", base_url = env "ACME_API_BASE", keys = keys "ACME_API_KEY",\n'
            f'  probe = function(provider, check) {probe} end }}')
        variables = {f"ACME_API_KEY_{n}": key for n, key in enumerate(keys, 1)}
        return daemon({"ACME_API_BASE": simulator.base("acme"), **variables}, provider_paths=[str(providers)],
                      interval="30d", quick_interval="30d", **settings)
    return start


def failure(running, query=""):
    running.wait_for_provider("acme", lambda entry: all(key["last_check"] for key in entry.get("keys", [])))
    answer = running.get(PATH + query)
    assert answer.status == 200, answer
    return answer.json


@pytest.mark.tsan
def test_it_tells_the_request_the_answer_and_the_times(simulator, acme):
    simulator.answer("acme", 500, {"x-request-id": "req-77aa", "x-odd": "a b"}, {"error": {"message": "no luck today"}})
    running = acme()
    found = failure(running)
    entry = running.provider("acme")
    assert list(found) == ["provider_name", "key", "failed", "kind", "exchange"]
    assert (found["provider_name"], found["key"], found["kind"]) == ("acme", 1, "server_error")
    assert found["failed"] == entry["last_check"]
    exchange = found["exchange"]
    sent, answered = exchange["request"], exchange["response"]
    assert (sent["method"], sent["url"], sent["body"]) == ("GET", simulator.base("acme") + "/models", None)
    headers = {name.lower(): value for name, value in sent["headers"].items()}
    assert headers["authorization"] == "***" and headers["user-agent"].startswith("providerd/")
    assert (answered["status"], answered["truncated"]) == (500, False)
    assert json.loads(answered["body"]) == {"error": {"message": "no luck today"}}
    received = {name.lower(): value for name, value in answered["headers"].items()}
    assert (received["x-request-id"], received["x-odd"]) == ("req-77aa", "a b")
    phases = exchange["phases"]
    assert phases["tls_ms"] is None and phases["connect_ms"] is not None
    assert 0 < phases["first_byte_ms"] <= phases["total_ms"] == pytest.approx(entry["response_time_ms"], abs=5)
    assert (exchange["error"], exchange["message"]) == (None, None)


@pytest.mark.tsan
def test_there_is_none_before_a_failure_and_it_outlasts_a_success(simulator, acme):
    running = acme()
    running.wait_for_provider("acme", lambda entry: entry["status"] == "healthy")
    answer = running.get(PATH)
    assert (answer.status, answer.json["detail"]) == (404, "No check of 'acme' has failed since the start")
    simulator.behave("acme", "503")
    failed = running.check("acme")["last_check"]
    simulator.behave("acme", "ok")
    assert running.check("acme")["status"] == "healthy"
    assert (failure(running)["failed"], failure(running)["kind"]) == (failed, "capacity")
    simulator.behave("acme", "401")
    running.check("acme")
    assert failure(running)["kind"] == "key_invalid"  # the last one only


def test_unknown_names_and_methods(acme):
    running = acme()
    answer = running.get("/api/providers/status/nobody/last_failure")
    assert (answer.status, answer.json["detail"]) == (404, "Provider 'nobody' not found")
    assert running.post(PATH).status == 405


@pytest.mark.parametrize("behaviour, error, kind", [
    ("close", "bad_response", "bad_response"), ("hang", "timeout", "timeout"), ("garbage", "bad_response", "bad_response")])
def test_without_an_answer_it_says_what_became_of_the_request(simulator, acme, behaviour, error, kind):
    simulator.behave("acme", behaviour)
    found = failure(acme(timeout="500ms"))
    exchange = found["exchange"]
    assert (found["kind"], exchange["error"], exchange["response"]) == (kind, error, None)
    assert exchange["message"] and exchange["request"]["url"].endswith("/models")


def test_half_an_answer_is_shown_as_far_as_it_came(simulator, acme):
    simulator.behave("acme", "stall")
    exchange = failure(acme(timeout="500ms"))["exchange"]
    assert exchange["error"] == "timeout" and exchange["response"]["status"] == 200 and exchange["response"]["body"] == ""


def test_a_good_answer_that_is_refused_is_shown_too(simulator, acme):
    simulator.answer("acme", 200, body="<html>welcome to the hotel network</html>")
    found = failure(acme())
    assert found["kind"] == "bad_response" and "hotel network" in found["exchange"]["response"]["body"]


def test_a_script_that_fails_shows_what_it_had_asked_or_nothing(simulator, run):
    simulator.answer("acme", 200, body={"a": 1})
    running = run('http.get(provider.base_url .. "/first", { keep = "always" }) error "no luck"', KEY)
    found = failure(running)
    assert found["kind"] == "script_error" and found["exchange"]["request"]["url"].endswith("/first")
    assert found["exchange"]["response"]["body"].replace(" ", "") == '{"a":1}'


def test_a_check_without_a_request_has_no_exchange(run):
    running = run('return { kind = "key_missing", message = "set it", latency_ms = 1 }', KEY)
    running.wait_for_provider("acme", lambda entry: True)
    assert (failure(running)["kind"], failure(running)["exchange"]) == ("key_missing", None)


@pytest.mark.parametrize("body, shown", [
    ('json = { model = "m-1" }', '{"model":"m-1"}'),
    ('form = { token = check.key }', "token=***"),
    ('json = { token = check.key }', "***"),  # what a secret has become part of is one
])
def test_of_several_requests_the_last_is_shown_with_its_body(simulator, run, body, shown):
    simulator.answer("acme", 200, body="pong", path="/ping")
    simulator.answer("acme", 402, body={"error": {"message": "pay"}}, path="/chat")
    running = run('http.get(provider.base_url .. "/ping") return http.post(provider.base_url .. "/chat", '
                  f'{{ {body}, headers = {{ ["X-Api-Key"] = check.key }} }})', KEY)
    sent = failure(running)["exchange"]["request"]
    assert (sent["method"], sent["body"]) == ("POST", shown) and sent["url"].endswith("/chat")
    assert {name.lower(): value for name, value in sent["headers"].items()}["x-api-key"] == "***"
    received = simulator.requests("acme")[-1]
    assert received["headers"]["x-api-key"] == KEY and (KEY in received["body"]) == ("***" in shown)


# -- what must not be in it --

SECRETS = [KEY, urllib.parse.quote(KEY + "/+", safe=""), "org-AbCdEf0123456789", "org_01h8xyzABCDEF", "user-Zz9Yy8Xx7Ww6",
           "proj_aBcDeF123456", "someone.else@example.org", "0f8fad5b-d9cb-469f-a165-70867728950e", "123456789012",
           "sk-proj-Ab12Cd34Ef56Gh78Ij90", "hunter2:geheim", "sessionid=abcdef0123456789"]


@pytest.mark.parametrize("status, content_type", [(401, "application/json"), (403, "text/plain"), (500, "text/html")])
def test_a_nasty_echo_is_cleaned(simulator, acme, status, content_type):
    text = (f"key {KEY} (Bearer {KEY}) of {SECRETS[2]} / {SECRETS[3]}, {SECRETS[4]}, {SECRETS[5]}, <{SECRETS[6]}>, "
            f"id {SECRETS[7]}, projects/{SECRETS[8]}/x, arn:aws:iam::{SECRETS[8]}:user/bob, {SECRETS[9]}, "
            f"https://{SECRETS[10]}@example.org/, ****456789")
    headers = {"content-type": content_type, "x-echo": f"Bearer {KEY}", "set-cookie": f"{SECRETS[11]}; Path=/",
               "openai-organization": "acme-corp", "x-request-id": "req-77aa", "x-mail": SECRETS[6],
               "www-authenticate": f'Bearer token="{KEY}"'}
    body = {"error": {"message": text, "key": KEY, "list": [KEY]}} if content_type == "application/json" else text
    simulator.answer("acme", status, headers, body)
    running = acme(log_level="debug")
    found = failure(running)
    shown = json.dumps(found, ensure_ascii=False)
    for secret in SECRETS:
        assert secret not in shown, secret
    for part in ("acme-corp", KEY[-8:], KEY[:12], "iam::1", "user/bob"):
        assert part not in shown, part
    assert "***" in found["exchange"]["response"]["body"] and "req-77aa" in shown
    everything = running.get("/api/providers/status").body.decode() + running.log
    assert KEY not in everything and SECRETS[9] not in everything


def test_a_key_is_cleaned_however_it_is_written(simulator, run):
    key = "k3y/with+odd=chars&0123456789"
    quoted = urllib.parse.quote(key, safe="")
    simulator.answer("acme", 401, {"x-echo": quoted}, f"no {key} or {quoted} or {quoted.lower()}")
    running = run('return http.get(provider.base_url .. "/x", { headers = { ["X-Key"] = check.key } })', key)
    body = failure(running)["exchange"]["response"]["body"]
    assert body.startswith("no *** or *** or ") and "0123456789" not in json.dumps(failure(running))


# -- how much of it --

def test_of_a_long_answer_four_kilobytes_are_shown(simulator, acme):
    running = acme()
    for text in ("x" * 4096, "x" * 4097, "ä" * 30000, "€" * 2000, "x" * 3000000):
        simulator.answer("acme", 500, body=text)
        running.check("acme")
        answered = failure(running)["exchange"]["response"]
        shown = answered["body"].encode()
        assert answered["truncated"] is (len(text.encode()) > 4096), len(text)
        assert 4096 - 3 <= len(shown) <= 4096 and text.startswith(answered["body"])


def test_a_key_at_the_cut_is_not_shown_by_half(simulator, acme):
    running = acme()
    # At the end of what is shown, and of what is kept.
    for before in [*range(4096 - len(KEY) - 1, 4098, 4), *range(6144 - len(KEY) - 1, 6146, 6)]:
        simulator.answer("acme", 401, body="." * before + KEY + "." * 9000)
        running.check("acme")
        answered = failure(running)["exchange"]["response"]
        assert "sim" not in answered["body"] and answered["truncated"] is True
        assert len(answered["body"]) <= 4096


# -- several keys --

def test_each_key_has_its_own_and_without_a_number_it_is_the_latest(simulator, run):
    probe = 'return http.get(provider.base_url .. "/key/" .. check.key.last4, { headers = { ["X-Key"] = check.key } })'
    simulator.answer("acme", 401, body="one", path="/key/aaaa")
    simulator.answer("acme", 402, body="two", path="/key/bbbb")
    simulator.answer("acme", 200, body="fine", path="/key/cccc")
    running = run(probe, *(f"secret-0123456789-{end}" for end in ("aaaa", "bbbb", "cccc")), max_probes_per_provider=1)
    one, two = failure(running, "?key=1"), failure(running, "?key=2")
    assert (one["key"], one["kind"], one["exchange"]["response"]["body"]) == (1, "key_invalid", "one")
    assert (two["key"], two["kind"], two["exchange"]["response"]["body"]) == (2, "credit", "two")
    assert running.get(PATH + "?key=3").status == 404
    for query in ("?key=4", "?key=0", "?key=two", "?key="):
        answer = running.get(PATH + query)
        assert answer.status == 400 and "1 to 3" in answer.json["detail"], query
    latest = max((one, two), key=lambda found: datetime.datetime.fromisoformat(found["failed"]))
    assert failure(running)["failed"] == latest["failed"]


def test_the_latest_may_be_that_of_a_key_that_does_not_lead(simulator, run):
    probe = 'return http.get(provider.base_url .. "/key/" .. check.key.last4, { headers = { ["X-Key"] = check.key } })'
    simulator.answer("acme", 500, path="/key/")
    running = run(probe, "secret-0123456789-aaaa", "secret-0123456789-bbbb", max_probes_per_provider=1)
    failure(running)
    simulator.answer("acme", 200, path="/key/aaaa")  # this one leads from now on; it failed longer ago
    simulator.answer("acme", 402, path="/key/bbbb")
    assert running.post("/api/providers/check/acme").status == 202
    running.wait_for_provider("acme", lambda entry: entry["keys"][1]["error_kind"] == "credit")
    assert running.provider("acme")["status"] == "healthy"
    assert (failure(running)["key"], failure(running)["kind"]) == (2, "credit")
