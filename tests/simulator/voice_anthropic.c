/* Anthropic's Messages API: named events, without [DONE]. */
#include "completions.h"

#include "errors.h"

#include <string.h>

/* "event: NAME\ndata: {"type":"NAME"", to be gone on with. */
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
    struct json j = open_event(s, "ping");
    close_event(s, &j);
}

static void write_head(struct json *j, const struct speech *s)
{
    json_key(j, "id");
    json_text(j, "msg_sim");
    json_key(j, "type");
    json_text(j, "message");
    json_key(j, "role");
    json_text(j, "assistant");
    json_key(j, "model");
    json_bytes(j, s->model.base, s->model.len);
}

static void write_usage(struct json *j, const struct speech *s, unsigned tokens)
{
    json_key(j, "usage");
    json_object(j);
    json_key(j, "input_tokens");
    json_uint(j, s->prompt_tokens);
    json_key(j, "output_tokens");
    json_uint(j, tokens);
    json_end(j);
}

static void begin(struct speech *s)
{
    struct json j = open_event(s, "message_start");
    json_key(&j, "message");
    json_object(&j);
    write_head(&j, s);
    json_key(&j, "content");
    json_raw(&j, "[]", 2);
    json_key(&j, "stop_reason");
    json_null(&j);
    write_usage(&j, s, 1);
    json_end(&j);
    close_event(s, &j);
    keepalive(s);
}

/* Thoughts are block 0, then the text is block 1. */
static int block_of(const struct speech *s, bool reasoning)
{
    return s->reasoning > 0 && !reasoning;
}

static void open_block(struct speech *s, bool reasoning)
{
    struct json j = open_event(s, "content_block_start");
    json_key(&j, "index");
    json_int(&j, block_of(s, reasoning));
    json_key(&j, "content_block");
    if (reasoning)
        json_raw(&j, H2O_STRLIT("{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}"));
    else
        json_raw(&j, H2O_STRLIT("{\"type\":\"text\",\"text\":\"\"}"));
    close_event(s, &j);
}

static void close_block(struct speech *s, bool reasoning)
{
    struct json j = open_event(s, "content_block_stop");
    json_key(&j, "index");
    json_int(&j, block_of(s, reasoning));
    close_event(s, &j);
}

static void piece(struct speech *s, h2o_iovec_t text, bool reasoning, size_t number)
{
    if (number == s->reasoning && number > 0)
        close_block(s, true);
    if (number == 0 || number == s->reasoning)
        open_block(s, reasoning);
    struct json j = open_event(s, "content_block_delta");
    json_key(&j, "index");
    json_int(&j, block_of(s, reasoning));
    json_key(&j, "delta");
    json_object(&j);
    json_key(&j, "type");
    json_text(&j, reasoning ? "thinking_delta" : "text_delta");
    json_key(&j, reasoning ? "thinking" : "text");
    json_bytes(&j, text.base, text.len);
    json_end(&j);
    close_event(s, &j);
}

static const char *stop_reason(const struct speech *s)
{
    return s->length ? "max_tokens" : "end_turn";
}

static void end(struct speech *s)
{
    if (s->tokens > 0)
        close_block(s, s->count == 0);
    struct json j = open_event(s, "message_delta");
    json_key(&j, "delta");
    json_object(&j);
    json_key(&j, "stop_reason");
    json_text(&j, stop_reason(s));
    json_key(&j, "stop_sequence");
    json_null(&j);
    json_end(&j);
    if (s->figures->usage) {
        json_key(&j, "usage");
        json_object(&j);
        json_key(&j, "output_tokens");
        json_uint(&j, s->tokens);
        json_end(&j);
    }
    close_event(s, &j);
    j = open_event(s, "message_stop");
    close_event(s, &j);
}

static void error(struct speech *s)
{
    struct json j = open_event(s, "error");
    json_key(&j, "error");
    json_raw(&j, H2O_STRLIT("{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}"));
    close_event(s, &j);
}

static void whole(struct speech *s)
{
    struct json j = json_begin(&s->body);
    json_object(&j);
    write_head(&j, s);
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
    json_key(&j, "stop_reason");
    json_text(&j, stop_reason(s));
    if (s->figures->usage)
        write_usage(&j, s, s->tokens);
    json_end(&j);
}

const struct voice voice_anthropic = {"text/event-stream; charset=utf-8", keepalive, begin, piece, end, error, whole};
