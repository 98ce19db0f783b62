/* Bedrock's Converse. It does not stream: ConverseStream speaks binary frames, which nobody here reads. */
#include "completions.h"

static void whole(struct speech *s)
{
    struct json j = json_begin(&s->body);
    json_object(&j);
    json_key(&j, "output");
    json_object(&j);
    json_key(&j, "message");
    json_object(&j);
    json_key(&j, "role");
    json_text(&j, "assistant");
    json_key(&j, "content");
    json_array(&j);
    json_object(&j);
    json_key(&j, "text");
    json_bytes(&j, s->text.base, s->text.len);
    json_end(&j);
    json_end(&j);
    json_end(&j);
    json_end(&j);
    json_key(&j, "stopReason");
    json_text(&j, s->length ? "max_tokens" : "end_turn");
    json_key(&j, "usage");
    json_object(&j);
    json_key(&j, "inputTokens");
    json_uint(&j, s->prompt_tokens);
    json_key(&j, "outputTokens");
    json_uint(&j, s->tokens);
    json_key(&j, "totalTokens");
    json_uint(&j, s->prompt_tokens + s->tokens);
    json_end(&j);
    json_key(&j, "metrics");
    json_object(&j);
    json_key(&j, "latencyMs");
    json_uint(&j, figures_due_us(s->figures, s->tokens) / 1000);
    json_end(&j);
    json_end(&j);
}

const struct voice voice_bedrock = {.whole = whole};
