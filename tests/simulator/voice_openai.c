/* The chat completions API as OpenAI made it and most others speak it: server-sent events that end with [DONE]. */
#include "completions.h"

#include "dialect.h"
#include "errors.h"

#include <string.h>

static void text_member(struct json *j, const char *key, h2o_iovec_t text)
{
    json_key(j, key);
    json_bytes(j, text.base, text.len);
}

static const char *reasoning_name(enum family family)
{
    switch (family) {
    case FAMILY_GROQ:
    case FAMILY_OPENROUTER:
    case FAMILY_CEREBRAS:
    case FAMILY_OLLAMA:
        return "reasoning";
    default:
        return "reasoning_content";
    }
}

/* prompt_tokens and so on, and what this provider adds to them. */
static void write_usage(struct json *j, const struct speech *s)
{
    json_object(j);
    json_key(j, "prompt_tokens");
    json_uint(j, s->prompt_tokens);
    json_key(j, "completion_tokens");
    json_uint(j, s->tokens);
    json_key(j, "total_tokens");
    json_uint(j, s->prompt_tokens + s->tokens);
    if (s->reasoning > 0) {
        json_key(j, "completion_tokens_details");
        json_object(j);
        json_key(j, "reasoning_tokens");
        json_uint(j, s->reasoning);
        json_end(j);
    }
    double seconds = (double)figures_due_us(s->figures, s->tokens) / 1e6;
    if (s->family == FAMILY_GROQ) {
        json_key(j, "queue_time");
        json_double(j, 0.01);
        json_key(j, "prompt_time");
        json_double(j, 0.002);
        json_key(j, "completion_time");
        json_double(j, seconds);
        json_key(j, "total_time");
        json_double(j, seconds + 0.002);
    } else if (s->family == FAMILY_SAMBANOVA) {
        json_key(j, "time_to_first_token");
        json_double(j, (double)s->figures->first_token_us / 1e6);
        json_key(j, "total_latency");
        json_double(j, seconds);
        json_key(j, "completion_tokens_per_sec");
        json_double(j, s->figures->tokens_per_second);
    } else if (s->family == FAMILY_PERPLEXITY) {
        json_key(j, "cost");
        json_object(j);
        json_key(j, "total_cost");
        json_double(j, 0.006);
        json_end(j);
    }
    json_end(j);
}

/* Opens a chunk up to its choices; they are an array in which the caller goes on. */
static struct json open_object(struct speech *s, const char *kind)
{
    struct json j = json_begin(&s->body);
    json_object(&j);
    json_key(&j, "id");
    json_text(&j, "chatcmpl-sim");
    json_key(&j, "object");
    json_text(&j, kind);
    json_key(&j, "created");
    json_int(&j, 1785658080);
    text_member(&j, "model", s->model);
    json_key(&j, "choices");
    json_array(&j);
    return j;
}

static struct json open_chunk(struct speech *s)
{
    buf_append_text(&s->body, "data: ");
    return open_object(s, "chat.completion.chunk");
}

static void close_chunk(struct speech *s, struct json *j)
{
    json_end(j);
    buf_append_text(&s->body, "\n\n");
}

static void keepalive(struct speech *s)
{
    buf_append_text(&s->body, s->family == FAMILY_OPENROUTER ? ": OPENROUTER PROCESSING\n\n" : ": keep-alive\n\n");
}

/* Azure tells first what its filters made of the prompt; then, unless told otherwise, the role alone. */
static void begin(struct speech *s)
{
    if (s->family == FAMILY_AZURE) {
        struct json j = open_chunk(s);
        json_end(&j);
        json_key(&j, "prompt_filter_results");
        json_raw(&j, H2O_STRLIT("[{\"prompt_index\":0,\"content_filter_results\":{}}]"));
        close_chunk(s, &j);
    }
    if (!s->figures->role_first)
        return;
    struct json j = open_chunk(s);
    json_raw(&j,
             H2O_STRLIT("{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}"));
    json_end(&j);
    close_chunk(s, &j);
}

static void piece(struct speech *s, h2o_iovec_t text, bool reasoning, size_t number)
{
    struct json j = open_chunk(s);
    json_object(&j);
    json_key(&j, "index");
    json_int(&j, 0);
    json_key(&j, "delta");
    json_object(&j);
    if (number == 0 && !s->figures->role_first) {
        json_key(&j, "role");
        json_text(&j, "assistant");
    }
    text_member(&j, reasoning ? reasoning_name(s->family) : "content", text);
    json_end(&j);
    json_key(&j, "finish_reason");
    json_null(&j);
    json_end(&j);
    json_end(&j);
    close_chunk(s, &j);
}

static void finish_member(struct json *j, const struct speech *s)
{
    json_key(j, "finish_reason");
    json_text(j, s->length ? "length" : "stop");
}

/* The usage stands in a chunk of its own, or beside the last choice (Mistral), or in it (Moonshot). */
static void end(struct speech *s)
{
    bool beside = s->family == FAMILY_MISTRAL, inside = s->family == FAMILY_MOONSHOT;
    struct json j = open_chunk(s);
    json_object(&j);
    json_key(&j, "index");
    json_int(&j, 0);
    json_key(&j, "delta");
    json_object(&j);
    json_end(&j);
    finish_member(&j, s);
    if (s->figures->usage && inside) {
        json_key(&j, "usage");
        write_usage(&j, s);
    }
    json_end(&j);
    json_end(&j);
    if (s->figures->usage && (beside || inside)) {
        json_key(&j, "usage");
        write_usage(&j, s);
    }
    close_chunk(s, &j);
    if (s->figures->usage && !beside && !inside) {
        j = open_chunk(s);
        json_end(&j);
        if (s->family == FAMILY_GROQ) {
            json_key(&j, "x_groq");
            json_object(&j);
            json_key(&j, "id");
            json_text(&j, "req_sim");
            json_key(&j, "usage");
            write_usage(&j, s);
            json_end(&j);
        }
        json_key(&j, "usage");
        write_usage(&j, s);
        close_chunk(s, &j);
    }
    buf_append_text(&s->body, "data: [DONE]\n\n");
}

static void error(struct speech *s)
{
    struct answer answer = errors_in_200(s->call->req, s->family, true);
    buf_append(&s->body, answer.body.base, answer.body.len);
}

static void write_message(struct json *j, const struct speech *s)
{
    json_object(j);
    json_key(j, "role");
    json_text(j, "assistant");
    text_member(j, "content", s->text);
    if (s->reasoning > 0 && !s->reasoning_hidden) {
        struct buf thoughts = BUF_EMPTY;
        for (size_t i = 0; i < s->reasoning; i++)
            buf_append(&thoughts, completions_thought().base, completions_thought().len);
        json_key(j, reasoning_name(s->family));
        json_bytes(j, buf_text(&thoughts), thoughts.len);
        buf_dispose(&thoughts);
    }
    json_end(j);
}

static void whole(struct speech *s)
{
    struct json j = open_object(s, "chat.completion");
    json_object(&j);
    json_key(&j, "index");
    json_int(&j, 0);
    json_key(&j, "message");
    write_message(&j, s);
    finish_member(&j, s);
    json_end(&j);
    json_end(&j);
    if (s->figures->usage) {
        json_key(&j, "usage");
        write_usage(&j, s);
    }
    if (s->family == FAMILY_GROQ) {
        json_key(&j, "x_groq");
        json_raw(&j, H2O_STRLIT("{\"id\":\"req_sim\"}"));
    }
    json_end(&j);
}

const struct voice voice_openai = {"text/event-stream", keepalive, begin, piece, end, error, whole};
