/* Cohere's v2 chat: named events, finish reasons in capitals, no [DONE]. */
#include "completions.h"

#include <string.h>

static struct json open_event(struct speech *s, const char *name)
{
    buf_printf(&s->body, "event: %s\ndata: ", name);
    struct json j = json_begin(&s->body);
    json_object(&j);
    json_key(&j, "type");
    json_text(&j, name);
    return j;
}

static void close_event(struct speech *s, struct json *j)
{
    json_end(j);
    buf_append_text(&s->body, "\n\n");
}

static void keepalive(struct speech *s)
{
    buf_append_text(&s->body, ": keep-alive\n\n");
}

static void begin(struct speech *s)
{
    struct json j = open_event(s, "message-start");
    json_key(&j, "id");
    json_text(&j, "sim");
    json_key(&j, "delta");
    json_raw(&j, H2O_STRLIT("{\"message\":{\"role\":\"assistant\",\"content\":[],\"tool_plan\":\"\",\"tool_calls\":[],"
                            "\"citations\":[]}}"));
    close_event(s, &j);
}

static void piece(struct speech *s, h2o_iovec_t text, bool reasoning, size_t number)
{
    if (number == 0 || number == s->reasoning) {
        struct json j = open_event(s, "content-start");
        json_key(&j, "index");
        json_int(&j, number > 0);
        json_key(&j, "delta");
        if (reasoning)
            json_raw(&j, H2O_STRLIT("{\"message\":{\"content\":{\"type\":\"thinking\",\"thinking\":\"\"}}}"));
        else
            json_raw(&j, H2O_STRLIT("{\"message\":{\"content\":{\"type\":\"text\",\"text\":\"\"}}}"));
        close_event(s, &j);
    }
    struct json j = open_event(s, "content-delta");
    json_key(&j, "index");
    json_int(&j, s->reasoning > 0 && !reasoning);
    json_key(&j, "delta");
    json_object(&j);
    json_key(&j, "message");
    json_object(&j);
    json_key(&j, "content");
    json_object(&j);
    json_key(&j, reasoning ? "thinking" : "text");
    json_bytes(&j, text.base, text.len);
    json_end(&j);
    json_end(&j);
    json_end(&j);
    close_event(s, &j);
}

static void write_usage(struct json *j, const struct speech *s)
{
    static const char *const parts[] = {"billed_units", "tokens"};
    json_key(j, "usage");
    json_object(j);
    for (size_t i = 0; i < 2; i++) {
        json_key(j, parts[i]);
        json_object(j);
        json_key(j, "input_tokens");
        json_uint(j, s->prompt_tokens);
        json_key(j, "output_tokens");
        json_uint(j, s->tokens);
        json_end(j);
    }
    json_end(j);
}

static const char *finish_reason(const struct speech *s)
{
    return s->length ? "MAX_TOKENS" : "COMPLETE";
}

static void end(struct speech *s)
{
    struct json j = open_event(s, "content-end");
    json_key(&j, "index");
    json_int(&j, s->reasoning > 0 && s->count > 0);
    close_event(s, &j);
    j = open_event(s, "message-end");
    json_key(&j, "delta");
    json_object(&j);
    json_key(&j, "finish_reason");
    json_text(&j, finish_reason(s));
    if (s->figures->usage)
        write_usage(&j, s);
    json_end(&j);
    close_event(s, &j);
}

static void error(struct speech *s)
{
    struct json j = open_event(s, "message-end");
    json_key(&j, "delta");
    json_raw(&j, H2O_STRLIT("{\"error\":\"internal server error\",\"finish_reason\":\"ERROR\"}"));
    close_event(s, &j);
}

static void whole(struct speech *s)
{
    struct json j = json_begin(&s->body);
    json_object(&j);
    json_key(&j, "id");
    json_text(&j, "sim");
    json_key(&j, "finish_reason");
    json_text(&j, finish_reason(s));
    json_key(&j, "message");
    json_object(&j);
    json_key(&j, "role");
    json_text(&j, "assistant");
    json_key(&j, "content");
    json_array(&j);
    if (s->count > 0) {
        json_object(&j);
        json_key(&j, "type");
        json_text(&j, "text");
        json_key(&j, "text");
        json_bytes(&j, s->text.base, s->text.len);
        json_end(&j);
    }
    json_end(&j);
    json_end(&j);
    if (s->figures->usage)
        write_usage(&j, s);
    json_end(&j);
}

const struct voice voice_cohere = {"text/event-stream", keepalive, begin, piece, end, error, whole};
