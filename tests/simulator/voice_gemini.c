/* Google's generateContent: Gemini, Vertex and, inside {"response": ...}, Code Assist. With alt=sse the stream is
 * events with CRLF line ends and without [DONE]; else it is one JSON array. */
#include "completions.h"

#include "dialect.h"

static void open_item(struct speech *s)
{
    if (!s->asked.as_array)
        buf_append_text(&s->body, "data: ");
    else
        buf_append_text(&s->body, s->body.len == 0 ? "[" : "\r\n,\r\n");
}

static void close_item(struct speech *s)
{
    if (!s->asked.as_array)
        buf_append_text(&s->body, "\r\n\r\n");
}

static void keepalive(struct speech *s)
{
    buf_append_text(&s->body, s->asked.as_array ? "" : ": keep-alive\r\n\r\n");
}

static void write_usage(struct json *j, const struct speech *s, size_t thoughts, size_t text_tokens)
{
    json_key(j, "usageMetadata");
    json_object(j);
    json_key(j, "promptTokenCount");
    json_uint(j, s->prompt_tokens);
    if (text_tokens > 0) {
        json_key(j, "candidatesTokenCount");
        json_uint(j, text_tokens);
    }
    if (thoughts > 0) {
        json_key(j, "thoughtsTokenCount");
        json_uint(j, thoughts);
    }
    json_key(j, "totalTokenCount");
    json_uint(j, s->prompt_tokens + thoughts + text_tokens);
    json_end(j);
}

/* One answer: a part of it, or the whole. An answer without text has no parts. */
static void write_answer(struct speech *s, h2o_iovec_t text, bool thought, bool last, size_t thoughts,
                         size_t text_tokens)
{
    struct json j = json_begin(&s->body);
    bool wrapped = s->family == FAMILY_CODE_ASSIST;
    json_object(&j);
    if (wrapped) {
        json_key(&j, "response");
        json_object(&j);
    }
    json_key(&j, "candidates");
    json_array(&j);
    json_object(&j);
    json_key(&j, "content");
    json_object(&j);
    if (text.len != 0) {
        json_key(&j, "parts");
        json_array(&j);
        json_object(&j);
        json_key(&j, "text");
        json_bytes(&j, text.base, text.len);
        if (thought) {
            json_key(&j, "thought");
            json_bool(&j, true);
        }
        json_end(&j);
        json_end(&j);
    }
    json_key(&j, "role");
    json_text(&j, "model");
    json_end(&j);
    if (last) {
        json_key(&j, "finishReason");
        json_text(&j, s->length ? "MAX_TOKENS" : "STOP");
    }
    json_key(&j, "index");
    json_int(&j, 0);
    json_end(&j);
    json_end(&j);
    if (s->figures->usage)
        write_usage(&j, s, thoughts, text_tokens);
    json_key(&j, "modelVersion");
    json_bytes(&j, s->model.base, s->model.len);
    json_end(&j);
    if (wrapped) {
        json_key(&j, "traceId");
        json_text(&j, "sim");
        json_end(&j);
    }
}

static void piece(struct speech *s, h2o_iovec_t text, bool reasoning, size_t number)
{
    size_t thoughts = number + 1 < s->reasoning ? number + 1 : s->reasoning;
    open_item(s);
    write_answer(s, text, reasoning, number + 1 == s->tokens && s->count > 0, thoughts, number + 1 - thoughts);
    close_item(s);
}

/* The last piece told the finish; without one it is still to be told. */
static void end(struct speech *s)
{
    if (s->count == 0) {
        open_item(s);
        write_answer(s, h2o_iovec_init(H2O_STRLIT("")), false, true, s->reasoning, 0);
        close_item(s);
    }
    if (s->asked.as_array)
        buf_append_text(&s->body, "]");
}

static void error(struct speech *s)
{
    open_item(s);
    buf_append_text(&s->body,
                    "{\"error\":{\"code\":503,\"message\":\"The model is overloaded. Please try again later.\","
                    "\"status\":\"UNAVAILABLE\"}}");
    close_item(s);
    if (s->asked.as_array)
        buf_append_text(&s->body, "]");
}

static void whole(struct speech *s)
{
    write_answer(s, s->text, false, true, s->reasoning, s->count);
}

const struct voice voice_gemini = {"text/event-stream", keepalive, NULL, piece, end, error, whole};
