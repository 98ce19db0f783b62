/* Ollama's own API: a line of JSON for each token; the last one says done and counts, with times in nanoseconds. */
#include "completions.h"

#include <string.h>

static struct json open_line(struct speech *s, h2o_iovec_t text, bool reasoning)
{
    struct json j = json_begin(&s->body);
    json_object(&j);
    json_key(&j, "model");
    json_bytes(&j, s->model.base, s->model.len);
    json_key(&j, "created_at");
    json_text(&j, "2026-08-01T10:00:00.000000Z");
    json_key(&j, "message");
    json_object(&j);
    json_key(&j, "role");
    json_text(&j, "assistant");
    json_key(&j, "content");
    json_bytes(&j, reasoning ? "" : text.base, reasoning ? 0 : text.len);
    if (reasoning) {
        json_key(&j, "thinking");
        json_bytes(&j, text.base, text.len);
    }
    json_end(&j);
    return j;
}

static void close_line(struct speech *s, struct json *j)
{
    json_end(j);
    buf_append_char(&s->body, '\n');
}

static void piece(struct speech *s, h2o_iovec_t text, bool reasoning, size_t number)
{
    (void)number;
    struct json j = open_line(s, text, reasoning);
    json_key(&j, "done");
    json_bool(&j, false);
    close_line(s, &j);
}

static void write_counts(struct json *j, const struct speech *s)
{
    uint64_t first_ns = s->figures->first_token_us * 1000;
    uint64_t all_ns = figures_due_us(s->figures, s->tokens) * 1000;
    uint64_t eval_ns = all_ns > first_ns ? all_ns - first_ns : 1000000;
    json_key(j, "done");
    json_bool(j, true);
    json_key(j, "done_reason");
    json_text(j, s->length ? "length" : "stop");
    json_key(j, "total_duration");
    json_uint(j, first_ns + eval_ns);
    json_key(j, "load_duration");
    json_uint(j, first_ns / 2);
    if (!s->figures->usage)
        return;
    json_key(j, "prompt_eval_count");
    json_uint(j, s->prompt_tokens);
    json_key(j, "prompt_eval_duration");
    json_uint(j, first_ns - first_ns / 2);
    json_key(j, "eval_count");
    json_uint(j, s->tokens);
    json_key(j, "eval_duration");
    json_uint(j, eval_ns);
}

static void end(struct speech *s)
{
    struct json j = open_line(s, h2o_iovec_init(H2O_STRLIT("")), false);
    write_counts(&j, s);
    close_line(s, &j);
}

static void error(struct speech *s)
{
    buf_append_text(&s->body, "{\"error\":\"llama runner process no longer running: -1\"}\n");
}

static void whole(struct speech *s)
{
    struct json j = open_line(s, s->text, false);
    write_counts(&j, s);
    json_end(&j);
}

const struct voice voice_ollama = {"application/x-ndjson", NULL, NULL, piece, end, error, whole};
