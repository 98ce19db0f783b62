"""Answers that a test told the simulator: they arrive as told."""
import http.client
import json
import time

import pytest

from simulator import BASES, CHAT, bearer, key_of

MODELS = BASES["groq"] + "/models"
CHAT_PATH = BASES["groq"] + "/chat/completions"


def chat(sim):
    return sim.request("POST", CHAT_PATH, CHAT, bearer(key_of("groq")))


def test_status_headers_and_json_body(sim):
    sim.tell("answers", "groq", status=429, headers={"retry-after": 4, "X-Odd": "a; b=\"c\""},
             body={"error": {"message": "ähm … \U0001f600"}})
    answer = sim.get(MODELS)
    assert answer.status == 429 and json.loads(answer.text) == {"error": {"message": "ähm … \U0001f600"}}
    assert (answer.getheader("retry-after"), answer.getheader("x-odd")) == ("4", 'a; b="c"')
    assert answer.getheader("content-type") == "application/json"
    assert chat(sim).status == 429  # every path, whatever the key


@pytest.mark.parametrize("body,content_type", [
    ("error code: 1010", "text/plain"), ("", None), (" {\"a\": 1}\r\n\t\u0000ü", "text/plain"), ([{"error": 1}], "application/json")])
def test_a_text_is_sent_byte_for_byte(sim, body, content_type):
    sim.tell("answers", "groq", status=403, body=body)
    answer = sim.get(MODELS)
    expected = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    assert (answer.status, answer.text, answer.getheader("content-type")) == (403, expected, content_type)
    assert answer.getheader("content-length") == str(len(expected))


def test_headers_that_the_server_would_set_itself(sim):
    own = sim.get(MODELS)
    assert own.getheader("server") == "simulator" and own.getheader("date").endswith(" GMT")
    told = {"date": "Sun, 02 Aug 2026 08:08:00 GMT", "Server": "cloudflare", "content-type": "text/html"}
    sim.tell("answers", "groq", status=403, headers=told, body="<title>Just a moment...</title>")
    answer = sim.get(MODELS)
    assert {name: answer.headers.get_all(name) for name in told} == {name: [value] for name, value in told.items()}
    assert sim.get(BASES["mistral"] + "/models").getheader("date").split()[3:] != ["2026", "08:08:00", "GMT"]


def test_the_latest_that_fits_counts(sim):
    sim.tell("answers", "groq", status=500, body="any")
    sim.tell("answers", "groq", status=418, body="models", path="/models")
    sim.tell("answers", "groq", status=402, body="posted", method="POST")
    assert (sim.get(MODELS).text, chat(sim).text, sim.get(MODELS + "/x").text) == (b"models", b"posted", b"models")
    assert sim.get(BASES["groq"] + "/nothing").text == b"any"
    assert sim.get(BASES["mistral"] + "/models", key_of("mistral")).status == 200
    sim.tell("answers", "groq", status=200, body="new")
    assert chat(sim).text == sim.get(MODELS).text == b"new"


def test_queries_are_part_of_the_path(sim):
    sim.tell("answers", "groq", body="page 2", path="after=x")
    assert sim.get(MODELS + "?after=x").text == b"page 2" and sim.get(MODELS).status == 401


def test_times(sim):
    sim.tell("answers", "groq", status=200, body="always")
    sim.tell("answers", "groq", status=503, body="twice", times=2)
    assert [sim.get(MODELS).text for _ in range(3)] == [b"twice", b"twice", b"always"]


def test_forgetting(sim):
    for forget in [("DELETE", "/_sim/answers/groq"), ("POST", "/_sim/reset")]:
        sim.tell("answers", "groq", status=503)
        assert sim.get(MODELS, key_of("groq")).status == 503
        assert sim.request(*forget).status == 200
        assert sim.get(MODELS, key_of("groq")).status == 200


def test_slow_and_truncated_apply_and_other_behaviours_go_before(sim):
    sim.tell("answers", "groq", status=402, body="0123456789")
    sim.behave("groq", "slow 50ms")
    start = time.monotonic()
    assert sim.get(MODELS).text == b"0123456789" and time.monotonic() - start >= 0.045  # its clock counts milliseconds
    sim.behave("groq", "truncated")
    assert sim.get(MODELS).text == b"01234"
    sim.behave("groq", "503")
    assert sim.get(MODELS).status == 503


def test_forgotten_while_it_is_being_sent(sim):
    sim.tell("answers", "groq", body="x" * 100000)
    sim.behave("groq", "drip 1")
    connection = http.client.HTTPConnection("127.0.0.1", sim.ports["http"], timeout=5)
    connection.request("GET", MODELS)
    answer = connection.getresponse()
    assert answer.read(1) == b"x"
    assert sim.request("DELETE", "/_sim/answers/groq").status == 200
    assert answer.read(5) == b"x" * 5
    connection.close()


@pytest.mark.parametrize("text,message", [
    ("", "not JSON at byte 0"), ("[]", "expected an object"), ('{"status": 99}', "status from 200"),
    ('{"status": 200,}', "a member's name"), ('{"stauts": 200}', 'unknown field "stauts"'),
    ('{"headers": {"a": []}}', 'header "a"'), ('{"headers": {"a": "b\\r\\nc: d"}}', 'header "a"'),
    ('{"headers": {"Content-Length": "3"}}', "content-length"), ('{"headers": {"date": "' + "x" * 30 + '"}}', "at most 29"),
    ('{"body": "x" "y"}', '"," or "}"'), ('{"body": "\\ud83d"}', None), ('{"body": "\\x"}', "escape"),
    ('{"body": 1e}', "number"), ('{"body": nul}', "a value"), ("[" * 100, "fewer levels"), ('{"body": "abc', "closing quote")])
def test_bad_answers_are_explained(sim, text, message):
    answer = sim.request("PUT", "/_sim/answers/groq", text)
    assert answer.status == (400 if message else 200)
    assert message is None or message in json.loads(answer.text)["error"]


def test_other_methods_and_names(sim):
    assert sim.get("/_sim/answers/groq").status == 405
    assert sim.request("PUT", "/_sim/answers/a/b", "{}").status == 400
    assert sim.request("PUT", "/_sim/answers/", "{}").status == 404


def test_many_answers(sim):
    for i in range(1100):
        sim.tell("answers", "groq", body=str(i), path=f"/p{i}.")
    assert sim.get(BASES["groq"] + "/p1099.").text == b"1099"
    assert sim.get(BASES["groq"] + "/p0.").status == 401
