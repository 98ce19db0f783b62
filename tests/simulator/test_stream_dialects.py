"""Streams as each API writes them."""
import json

import pytest

from simulator import bearer, key_of

WORDS = "alpha bravo charlie"
PROMPT = f"Repeat these words: {WORDS}"
PIECES = ["alph", "a br", "avo ", "char", "lie"]
VERTEX = "/vertex/v1/projects/sim-project/locations/us-central1/publishers/google/models/gemini-2.5-flash"


def messages(**more):
    return {"model": "m", "messages": [{"role": "user", "content": PROMPT}], "stream": True, **more}


def contents(**config):
    return {"contents": [{"role": "user", "parts": [{"text": PROMPT}]}], "generationConfig": config}


def anthropic(sim, **more):
    key = {"x-api-key": key_of("anthropic"), "anthropic-version": "2023-06-01"}
    return sim.stream("/anthropic/v1/messages", messages(**more), key)


def cohere(sim, **more):
    return sim.stream("/cohere/v2/chat", messages(**more), bearer(key_of("cohere")))


def gemini(sim, query="?alt=sse", **config):
    return sim.stream("/gemini/v1beta/models/gemini-2.5-flash:streamGenerateContent" + query, contents(**config),
                      {"x-goog-api-key": key_of("gemini")})


def vertex(sim):
    return sim.stream(VERTEX + ":streamGenerateContent?alt=sse", contents(), bearer(key_of("vertex")))


def code_assist(sim):
    return sim.stream("/gemini_cli/v1internal:streamGenerateContent?alt=sse", {"model": "m", "request": contents()},
                      bearer(sim.env["GEMINI_CLI_1_ACCESS_TOKEN"]))


def ollama(sim, **more):
    body = messages(**more)
    del body["stream"]  # a stream unless it says otherwise
    return sim.stream("/ollama/api/chat", body, {})


def named_events(answer):
    """[(name, JSON)]; each event's type is its name."""
    events = []
    for block in answer.text.decode().split("\n\n")[:-1]:
        if not block.startswith(":"):
            name, data = block.split("\n")
            events.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    assert all(data["type"] == name for name, data in events)
    return events


def data_events(answer):
    return [json.loads(block.removeprefix("data: ")) for block in answer.text.decode().split("\r\n\r\n")[:-1]]


def test_anthropic(sim):
    sim.tell("streams", "anthropic", keepalives=2)
    answer = anthropic(sim)
    events = named_events(answer)
    assert answer.getheader("content-type").startswith("text/event-stream") and b"[DONE]" not in answer.text
    assert [name for name, _ in events] == (["ping"] * 2 + ["message_start", "ping", "content_block_start"] +
                                            ["content_block_delta"] * 5 +
                                            ["content_block_stop", "message_delta", "message_stop"])
    assert [e["delta"] for n, e in events if n == "content_block_delta"] == [{"type": "text_delta", "text": p} for p in PIECES]
    start, stop = events[2][1]["message"], events[-2][1]
    assert start["model"] == "m" and start["usage"]["input_tokens"] > 9
    assert stop["delta"]["stop_reason"] == "end_turn" and stop["usage"] == {"output_tokens": 5}


def test_anthropic_thinks_in_a_block_of_its_own(sim):
    sim.tell("streams", "anthropic", reasoning_pieces=2)
    events = named_events(anthropic(sim, max_tokens=4))
    blocks = [(n, e["index"], e.get("content_block", e.get("delta", {})).get("type")) for n, e in events
              if n.startswith("content_block")]
    assert blocks == ([("content_block_start", 0, "thinking")] + [("content_block_delta", 0, "thinking_delta")] * 2 +
                      [("content_block_stop", 0, None), ("content_block_start", 1, "text")] +
                      [("content_block_delta", 1, "text_delta")] * 2 + [("content_block_stop", 1, None)])
    assert events[-2][1]["delta"]["stop_reason"] == "max_tokens"
    events = named_events(anthropic(sim, max_tokens=1))
    assert [n for n, _ in events if n.startswith("content")] == [
        "content_block_start", "content_block_delta", "content_block_stop"]


def test_cohere(sim):
    events = named_events(cohere(sim, max_tokens=3))
    assert [name for name, _ in events] == (["message-start", "content-start"] + ["content-delta"] * 3 +
                                            ["content-end", "message-end"])
    assert [e["delta"]["message"]["content"]["text"] for n, e in events if n == "content-delta"] == PIECES[:3]
    end = events[-1][1]["delta"]
    assert end["finish_reason"] == "MAX_TOKENS" and end["usage"]["tokens"]["output_tokens"] == 3


@pytest.mark.parametrize("ask", [gemini, vertex, code_assist])
def test_gemini(sim, ask):
    answer = ask(sim)
    events = [event.get("response", event) for event in data_events(answer)]
    assert answer.getheader("content-type") == "text/event-stream" and b"[DONE]" not in answer.text
    assert (b'"response"' in answer.text) == (ask == code_assist)
    candidates = [event["candidates"][0] for event in events]
    assert [c["content"]["parts"][0]["text"] for c in candidates] == PIECES
    assert [c.get("finishReason") for c in candidates] == [None] * 4 + ["STOP"]
    assert events[-1]["usageMetadata"]["candidatesTokenCount"] == 5


def test_gemini_without_alt_is_an_array(sim):
    answer = gemini(sim, query="")
    assert answer.getheader("content-type") == "application/json"
    assert [e["candidates"][0]["content"]["parts"][0]["text"] for e in json.loads(answer.text)] == PIECES


def test_gemini_can_end_without_a_text(sim):
    sim.tell("streams", "gemini", reasoning_pieces=8)
    events = data_events(gemini(sim, maxOutputTokens=4))
    assert [e["candidates"][0]["content"]["parts"][0]["thought"] for e in events[:-1]] == [True] * 4
    assert "parts" not in events[-1]["candidates"][0]["content"]
    assert events[-1]["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert events[-1]["usageMetadata"]["thoughtsTokenCount"] == 4


def test_ollama(sim):
    sim.tell("streams", "ollama", first_token_ms=20, tokens_per_second=100)
    answer = ollama(sim, options={"num_predict": 4})
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.getheader("content-type") == "application/x-ndjson"
    assert [line["message"]["content"] for line in lines] == PIECES[:4] + [""]
    assert [line["done"] for line in lines] == [False] * 4 + [True]
    last = lines[-1]
    assert (last["done_reason"], last["eval_count"]) == ("length", 4)
    assert last["eval_count"] / last["eval_duration"] * 1e9 == pytest.approx(100)
    assert last["total_duration"] >= last["eval_duration"] + last["prompt_eval_duration"] + last["load_duration"]


def test_ollama_thinks_beside_the_content(sim):
    lines = [json.loads(line) for line in ollama(sim, model="deepseek-r1:8b").text.splitlines()]
    assert all(line["message"]["thinking"] and not line["message"]["content"] for line in lines[:16])
    assert "".join(line["message"]["content"] for line in lines) == WORDS


@pytest.mark.parametrize("name,path", [("openai", "/v1"), ("mistral", "/v1"), ("moonshot", "/v1"), ("azure_openai", "/openai/v1"),
                                       ("sambanova", "/v1"), ("cohere", "/compatibility/v1"), ("ollama", "/v1")])
def test_openais_dialect_elsewhere(sim, name, path):
    answer = sim.stream(f"/{name}{path}/chat/completions", messages(), bearer(key_of(name)))
    assert answer.text.endswith(b"data: [DONE]\n\n")
    chunks = [json.loads(block.removeprefix("data: ")) for block in answer.text.decode().split("\n\n")[:-2]]
    assert [c["choices"][0]["delta"]["content"] for c in chunks if c["choices"] and
            c["choices"][0]["delta"].get("content")] == PIECES
    last = chunks[-1]
    assert last["usage"]["completion_tokens"] == 5
    assert bool(last["choices"]) == (name in ("mistral", "moonshot"))
    assert ("prompt_filter_results" in chunks[0] and chunks[0]["choices"] == []) == (name == "azure_openai")
    if name == "moonshot":
        assert last["choices"][0]["usage"] == last["usage"]


@pytest.mark.parametrize("ask,marks", [
    (anthropic, [b"event: error", b'"overloaded_error"']), (cohere, [b'"finish_reason":"ERROR"']),
    (gemini, [b'data: {"error":{"code":503', b"UNAVAILABLE"]), (vertex, [b"UNAVAILABLE"]), (ollama, [b'\n{"error":"'])])
def test_an_error_in_the_middle(sim, ask, marks):
    sim.behave("*", "stream-error")
    answer = ask(sim)
    assert answer.status == 200 and answer.whole and all(mark in answer.text for mark in marks)
    assert b"alph" in answer.text and b"lie" not in answer.text


@pytest.mark.parametrize("ask", [anthropic, cohere, gemini, vertex, code_assist, ollama])
def test_a_cut_in_the_middle(sim, ask):
    sim.behave("*", "stream-cut")
    answer = ask(sim)
    assert answer.status == 200 and not answer.whole and b"alph" in answer.text and b"lie" not in answer.text


@pytest.mark.parametrize("name,path,member", [("xai", "/v1", "code"), ("vllm", "/v1", "error"),
                                              ("deepinfra", "/v1/openai", "detail"), ("minimax", "/v1", "base_resp")])
def test_errors_of_others_in_the_middle_are_in_their_own_form(sim, name, path, member):
    sim.behave(name, "stream-error")
    events = sim.stream(f"/{name}{path}/chat/completions", messages(), bearer(key_of(name))).text.decode().split("\n\n")
    error = json.loads(events[-3].removeprefix("data: "))
    assert events[-2:] == ["data: [DONE]", ""] and member in error


@pytest.mark.parametrize("ask,start", [(anthropic, b"event: error\n"), (gemini, b'data: {"error":'), (ollama, b'{"error":'),
                                       (cohere, b"event: message-end\n")])
def test_error200_in_a_stream(sim, ask, start):
    sim.behave("*", "error200")
    answer = ask(sim)
    assert answer.status == 200 and answer.whole and answer.text.startswith(start)
