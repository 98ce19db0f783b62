"""Completions: what they say, and when the pieces of a stream arrive."""
import http.client
import json
import socket
import ssl
import time

import pytest

from simulator import BASES, Simulator, bearer, key_of, wait_for

CHAT = BASES["acme"] + "/chat/completions"
WORDS = "alpha bravo charlie delta echo foxtrot"


def prompt(text=f"Repeat these words: {WORDS}", **more):
    return {"model": "sim-large", "messages": [{"role": "user", "content": text}], "stream": True, **more}


def post(sim, body, path=CHAT, name="acme"):
    return sim.stream(path, body, bearer(key_of(name)))


def chunks(answer):
    """The JSON of each event, as the OpenAI dialect sends them; the last event must be [DONE]."""
    events = [event[6:] for event in answer.text.decode().split("\n\n") if event.startswith("data: ")]
    assert events.pop() == "[DONE]"
    return [json.loads(event) for event in events]


def deltas(answer, key="content"):
    found = [c["choices"][0]["delta"].get(key) for c in chunks(answer) if c["choices"]]
    return [text for text in found if text]


def finish(answer):
    return [c["choices"][0]["finish_reason"] for c in chunks(answer) if c["choices"]][-1]


def seconds_of(answer, marker):
    """When the first piece with these bytes arrived, and the last."""
    found = [at for at, piece in answer.arrivals if marker in piece]
    return found[0], found[-1]


@pytest.mark.parametrize("text,said", [
    (f"Repeat these words: {WORDS}", WORDS), ("Say: a: b : \n the end \n", "the end"), ("hi", "hi"),
    ("one two three four five six seven eight", "one two three four five six"), ("nothing after this:", "nothing after this:"),
    ("", "H"), ("Wörter: größer 日本語", "größer 日本語")])
def test_it_repeats_what_it_is_asked_to(sim, text, said):
    answer = post(sim, prompt(text))
    assert "".join(deltas(answer)) == said and finish(answer) == "stop"
    whole = json.loads(post(sim, prompt(text, stream=False)).text)
    assert whole["choices"][0]["message"] == {"role": "assistant", "content": said}
    usage = whole["usage"]
    assert usage == chunks(answer)[-1]["usage"] and usage["completion_tokens"] == len(deltas(answer))
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_the_last_user_message_counts_and_may_have_parts(sim):
    body = prompt()
    body["messages"] = [{"role": "user", "content": "Say: no"}, {"role": "assistant", "content": "Say: not this"},
                        {"role": "user", "content": [{"type": "text", "text": "Say: "}, {"type": "text", "text": "yes"}]},
                        {"role": "system", "content": "Say: never"}]
    assert "".join(deltas(post(sim, body))) == "yes"


def test_the_answer_names_the_model_that_was_asked_for_or_another(sim):
    assert {c["model"] for c in chunks(post(sim, prompt()))} == {"sim-large"}
    sim.tell("streams", "acme", model="sim-tiny")
    assert {c["model"] for c in chunks(post(sim, prompt()))} == {"sim-tiny"}


def test_text_and_pieces_as_told(sim):
    sim.tell("streams", "acme", text="größer als 9", pieces=6)
    assert deltas(post(sim, prompt())) == ["gr", "öß", "er", " a", "ls", " 9"]
    sim.tell("streams", "acme", text="ab", pieces=5)
    assert deltas(post(sim, prompt())) == ["a", "b", " ", " ", " "]


def test_the_limit_cuts_the_answer(sim):
    for limit in ("max_tokens", "max_completion_tokens"):
        answer = post(sim, prompt(**{limit: 3}))
        assert deltas(answer) == ["alph", "a br", "avo "] and finish(answer) == "length"
        assert chunks(answer)[-1]["usage"]["completion_tokens"] == 3


def test_parts_of_a_stream_can_be_left_out(sim):
    sim.tell("streams", "acme", role_first=False, usage=False)
    answer = post(sim, prompt())
    assert chunks(answer)[0]["choices"][0]["delta"] == {"role": "assistant", "content": "alph"}
    assert not any("usage" in chunk for chunk in chunks(answer))


def test_pieces_arrive_at_the_pace_that_was_told(sim):
    sim.tell("streams", "acme", first_token_ms=100, tokens_per_second=50, pieces=24, keepalives=2)
    answer = post(sim, prompt())
    assert len(deltas(answer)) == 24
    first, last = seconds_of(answer, b'{"content":"a')[0], answer.arrivals[-1][0]
    assert first >= 0.1 and last >= 0.1 + 23 / 50
    text = answer.text
    assert text.count(b": keep-alive\n\n") == 2
    places = [text.index(mark) for mark in (b": keep-alive", b'"role":"assistant"', b'{"content":"')]
    assert places == sorted(places) and text.rindex(b": keep-alive") < places[1]
    assert seconds_of(answer, b": keep-alive")[0] < seconds_of(answer, b'"role"')[0] < first


def test_a_missed_deadline_does_not_delay_the_next(sim):
    """200 pieces of 2 ms: sleeps that add up would always take longer than the sum. The quickest of a few counts."""
    sim.tell("streams", "acme", tokens_per_second=500, pieces=200)
    took = []
    while len(took) < 10 and (not took or min(took) > 199 / 500 * 1.1):
        answer = post(sim, prompt())
        took.append(answer.arrivals[-1][0])
        assert len(deltas(answer)) == 200 and took[-1] >= 199 / 500
    assert min(took) <= 199 / 500 * 1.1


def test_an_answer_that_is_not_streamed_takes_as_long(sim):
    sim.tell("streams", "acme", first_token_ms=100, tokens_per_second=100, pieces=11)
    answer = post(sim, prompt(stream=False))
    assert answer.headers_s >= 0.2 and answer.getheader("content-length") == str(len(answer.text))


def test_a_slow_provider_streams_after_its_delay(sim):
    sim.behave("acme", "slow 50ms")
    sim.tell("streams", "acme", first_token_ms=50)
    answer = post(sim, prompt())
    assert answer.headers_s >= 0.05 and seconds_of(answer, b'{"content"')[0] >= 0.1


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_leaves_ends_its_stream(sim, stream):
    sim.tell("streams", "acme", first_token_ms=20, tokens_per_second=0.0003)
    body = json.dumps(prompt(stream=stream))
    with socket.create_connection(("127.0.0.1", sim.ports["http"]), timeout=5) as s:
        s.sendall(f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key_of('acme')}\r\n"
                  f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
        assert not stream or s.recv(12) == b"HTTP/1.1 200"
        wait_for(lambda: sim.stats("acme")["in_flight"] == 1)
    wait_for(lambda: sim.stats("acme")["in_flight"] == 0)


def test_a_connection_is_used_again_after_a_stream(sim):
    sim.tell("streams", "acme", first_token_ms=20, tokens_per_second=100)
    body = json.dumps(prompt())
    request = (f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key_of('acme')}\r\n"
               f"Content-Length: {len(body)}\r\n\r\n{body}").encode()
    with socket.create_connection(("127.0.0.1", sim.ports["http"]), timeout=5) as s:
        s.sendall(request * 2)
        got = b""
        while got.count(b"0\r\n\r\n") < 2:
            got += s.recv(65536)
    assert got.count(b"HTTP/1.1 200 OK") == got.count(b"[DONE]") == 2 and sim.stats("acme")["connections"] == 1


def test_an_error_in_the_middle_of_a_stream(sim):
    sim.behave("acme", "stream-error")
    sim.tell("streams", "acme", tokens_per_second=1000)
    answer = post(sim, prompt())
    events = [json.loads(e[6:]) for e in answer.text.decode().split("\n\n")[:-2]]
    assert (answer.status, answer.whole) == (200, True)
    assert "error" in events[-1] and 0 < sum("choices" in e for e in events) < 11 and b'"stop"' not in answer.text


def test_a_stream_that_is_cut_off(sim):
    sim.behave("acme", "stream-cut")
    answer = post(sim, prompt())
    assert (answer.status, answer.whole) == (200, False)
    assert b'"content":"alph"' in answer.text and b"[DONE]" not in answer.text and b"foxt" not in answer.text
    assert post(sim, prompt(stream=False)).status == 200


def test_rubbish(sim):
    sim.behave("acme", "rubbish")
    answer = post(sim, prompt())
    assert answer.status == 200 and not set("".join(deltas(answer)).split()) & set(WORDS.split())


def test_models_that_are_gone(sim):
    models = [m["id"] for m in json.loads(sim.get(BASES["groq"] + "/models", key_of("groq")).text)["data"]][:3]
    sim.behave("groq", "model-gone 2")
    answers = [post(sim, prompt(model=model), BASES["groq"] + "/chat/completions", "groq") for model in models]
    assert [a.status for a in answers] == [404, 404, 200]
    assert json.loads(answers[0].text)["error"]["code"] == "model_not_found"
    assert sim.get(BASES["groq"] + "/models", key_of("groq")).status == 200


@pytest.mark.parametrize("model", ["deepseek-reasoner", "deepseek-ai/DeepSeek-R1", "Qwen3-Thinking", "openai/o3-mini", "gpt-5"])
def test_models_that_reason_spend_tokens_before_they_speak(sim, model):
    answer = post(sim, prompt(model=model, max_tokens=8))
    assert len(deltas(answer, "reasoning_content")) == 8 and not deltas(answer) and finish(answer) == "length"
    usage = chunks(answer)[-1]["usage"]
    assert usage["completion_tokens"] == usage["completion_tokens_details"]["reasoning_tokens"] == 8
    answer = post(sim, prompt(model=model, max_tokens=64))
    assert "".join(deltas(answer)) == WORDS and len(deltas(answer, "reasoning_content")) == 16
    assert finish(answer) == "stop"


def test_reasoning_as_told(sim):
    sim.tell("streams", "acme", reasoning_pieces=3)
    assert len(deltas(post(sim, prompt()), "reasoning_content")) == 3
    whole = json.loads(post(sim, prompt(stream=False)).text)["choices"][0]["message"]
    assert whole["reasoning_content"] and whole["content"] == WORDS
    sim.tell("streams", "acme", reasoning_pieces=0)
    assert not deltas(post(sim, prompt(model="o3")), "reasoning_content")


@pytest.mark.parametrize("text,message", [
    ('{"first_token_ms": -1}', "first_token_ms"), ('{"tokens_per_second": "x"}', "tokens_per_second"), ("3", "an object"),
    ('{"role_first": 1}', "true or false"), ('{"text": 1}', "a text"), ('{"speed": 1}', "unknown field"), ("{", "not JSON")])
def test_bad_figures_are_explained(sim, text, message):
    answer = sim.request("PUT", "/_sim/streams/acme", text)
    assert answer.status == 400 and message in json.loads(answer.text)["error"]


def test_figures_are_forgotten(sim):
    for forget in [("DELETE", "/_sim/streams/acme"), ("POST", "/_sim/reset")]:
        sim.tell("streams", "acme", text="told", first_token_ms=None)
        assert deltas(post(sim, prompt())) == ["told"]
        assert sim.request(*forget).status == 200
        assert "".join(deltas(post(sim, prompt()))) == WORDS


@pytest.mark.parametrize("body", ["", "nonsense", "[]", '{"messages": 1}', '{"messages": [1], "stream": true}'])
def test_requests_without_a_prompt_are_answered(sim, body):
    assert sim.request("POST", CHAT, body, bearer(key_of("acme"))).status == 200


def test_streams_over_tls(sim):
    sim.tell("streams", "acme", first_token_ms=20, tokens_per_second=200)
    context = ssl.create_default_context(cafile=sim.ca)
    for leaves in (False, True):
        connection = http.client.HTTPSConnection("localhost", sim.ports["tls"], context=context, timeout=5)
        connection.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", sim.ports["tls"]), 5),
                                              server_hostname="localhost")
        connection.request("POST", CHAT, json.dumps(prompt()), bearer(key_of("acme")))
        answer = connection.getresponse()
        assert b"[DONE]" in answer.read() if not leaves else answer.read(1)
        answer.close()
        connection.close()
    wait_for(lambda: sim.stats("acme")["in_flight"] == 0)


def test_a_stream_is_over_when_the_simulator_ends(tmp_path):
    simulator = Simulator(tmp_path)
    simulator.tell("streams", "acme", first_token_ms=20, tokens_per_second=0.0003)
    body = json.dumps(prompt())
    with socket.create_connection(("127.0.0.1", simulator.ports["http"]), timeout=5) as s:
        s.sendall(f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key_of('acme')}\r\n"
                  f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
        assert s.recv(12) == b"HTTP/1.1 200"
        start = time.monotonic()
        assert simulator.stop() == (0, "") and time.monotonic() - start < 3
