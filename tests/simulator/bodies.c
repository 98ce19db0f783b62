#include "bodies.h"

#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { MODELS = 24, GZIP_ABOVE_BYTES = 1024 };

struct body {
    struct buf plain, gzip; /* gzip is empty for small ones */
};

struct bodies {
    struct body models[FAMILIES];
    struct body one_model;
};

static const char *const model_ids[FAMILIES][3] = {
    [FAMILY_OPENAI] = {"sim-large", "sim-small", "sim-mini"},
    [FAMILY_GROQ] = {"openai/gpt-oss-120b", "openai/gpt-oss-20b", "groq/compound"},
    [FAMILY_OPENROUTER] = {"nvidia/nemotron-3.5-lightning", "openai/gpt-oss-20b:free", "mistralai/mistral-small"},
    [FAMILY_TOGETHER] = {"meta-llama/Llama-3.3-70B-Instruct-Turbo", "openai/gpt-oss-20b", "Qwen/Qwen3-32B"},
    [FAMILY_NVIDIA] = {"meta/llama-3.1-8b-instruct", "openai/gpt-oss-20b", "nvidia/nemotron-nano-9b-v2"},
    [FAMILY_MISTRAL] = {"mistral-small-latest", "mistral-large-latest", "ministral-8b-latest"},
    [FAMILY_HUGGINGFACE] = {"openai/gpt-oss-120b", "openai/gpt-oss-20b", "Qwen/Qwen3-32B"},
    [FAMILY_HUGGINGFACE_HUB] = {"openai/gpt-oss-120b", "openai/gpt-oss-20b", "Qwen/Qwen3-32B"},
    [FAMILY_GEMINI] = {"gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-2.5-pro"},
    [FAMILY_CODE_ASSIST] = {"gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-2.5-pro"},
    [FAMILY_G4F] = {"gpt-4o", "gpt-4o-mini", "gpt-4"},
    [FAMILY_G4F_HOSTED] = {"gpt-4o", "gpt-4o-mini", "gpt-4"},
};

static void append_model(struct buf *out, enum family family, const char *id)
{
    buf_printf(out, family == FAMILY_GEMINI ? "{\"name\":\"models/%s\"" : "{\"id\":\"%s\"", id);
    switch (family) {
    case FAMILY_GROQ:
        buf_append_text(out, ",\"object\":\"model\",\"created\":1754408224,\"owned_by\":\"OpenAI\",\"active\":true,"
                             "\"context_window\":131072,\"public_apps\":null}");
        break;
    case FAMILY_OPENROUTER:
        buf_append_text(out,
                        ",\"created\":1786452751,\"context_length\":1000000,\"pricing\":{\"prompt\":\"0.00000008\","
                        "\"completion\":\"0.0000002\"},\"top_provider\":{\"context_length\":262144,"
                        "\"max_completion_tokens\":131072,\"is_moderated\":false},"
                        "\"supported_parameters\":[\"max_tokens\"]}");
        break;
    case FAMILY_TOGETHER:
        buf_append_text(out, ",\"object\":\"model\",\"created\":1692896905,\"type\":\"chat\",\"context_length\":131072,"
                             "\"pricing\":{\"hourly\":0,\"input\":0.3,\"output\":0.3,\"base\":0,\"finetune\":0}}");
        break;
    case FAMILY_MISTRAL:
        buf_append_text(out, ",\"object\":\"model\",\"created\":1711430400,\"owned_by\":\"mistralai\","
                             "\"capabilities\":{\"completion_chat\":true},\"max_context_length\":32768}");
        break;
    case FAMILY_HUGGINGFACE:
    case FAMILY_HUGGINGFACE_HUB:
        buf_append_text(out, ",\"object\":\"model\",\"created\":1754000000,\"owned_by\":\"openai\",\"providers\":[{"
                             "\"provider\":\"groq\",\"status\":\"live\",\"context_length\":131072,"
                             "\"pricing\":{\"input\":0.15,\"output\":0.75},\"supports_tools\":true}]}");
        break;
    case FAMILY_GEMINI:
        buf_append_text(out, ",\"version\":\"001\",\"displayName\":\"Gemini\",\"inputTokenLimit\":1048576,"
                             "\"outputTokenLimit\":65536,"
                             "\"supportedGenerationMethods\":[\"generateContent\",\"countTokens\"]}");
        break;
    case FAMILY_G4F:
    case FAMILY_G4F_HOSTED:
        buf_append_text(out, ",\"object\":\"model\",\"created\":0,\"owned_by\":\"\",\"image\":false,\"vision\":false,"
                             "\"provider\":false}");
        break;
    default:
        buf_append_text(out, ",\"object\":\"model\",\"created\":735790403,\"owned_by\":\"sim\"}");
        break;
    }
}

static void append_list(struct buf *out, enum family family, size_t count)
{
    if (family == FAMILY_TOGETHER)
        buf_append_text(out, "[");
    else if (family == FAMILY_GEMINI)
        buf_append_text(out, "{\"models\":[");
    else
        buf_append_text(out, family == FAMILY_OPENROUTER ? "{\"data\":[" : "{\"object\":\"list\",\"data\":[");
    for (size_t i = 0; i < count; i++) {
        char id[64];
        snprintf(id, sizeof(id), "sim/model-%02zu", i);
        if (i > 0)
            buf_append_char(out, ',');
        append_model(out, family, i < 3 && model_ids[family][i] != NULL ? model_ids[family][i] : id);
    }
    if (family == FAMILY_GEMINI && count < MODELS)
        buf_append_text(out, "],\"nextPageToken\":\"Ch9tb2RlbHM\"}");
    else
        buf_append_text(out, family == FAMILY_TOGETHER ? "]" : "]}");
}

static void compress_body(struct body *body)
{
    z_stream stream;
    if (body->plain.len <= GZIP_ABOVE_BYTES)
        return;
    memset(&stream, 0, sizeof(stream));
    if (deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return;
    if (buf_reserve(&body->gzip, deflateBound(&stream, body->plain.len))) {
        stream.next_in = (Bytef *)body->plain.bytes;
        stream.avail_in = (uInt)body->plain.len;
        stream.next_out = (Bytef *)body->gzip.bytes;
        stream.avail_out = (uInt)body->gzip.capacity;
        if (deflate(&stream, Z_FINISH) == Z_STREAM_END)
            body->gzip.len = stream.total_out;
    }
    deflateEnd(&stream);
}

struct bodies *bodies_new(void)
{
    struct bodies *bodies = calloc(1, sizeof(*bodies));
    bool good = bodies != NULL;
    for (int family = 0; good && family < FAMILIES; family++) {
        struct body *body = &bodies->models[family];
        append_list(&body->plain, (enum family)family, MODELS);
        compress_body(body);
        good = buf_ok(&body->plain);
    }
    if (good) {
        append_list(&bodies->one_model.plain, FAMILY_GEMINI, 1);
        good = buf_ok(&bodies->one_model.plain);
    }
    if (!good) {
        fputs("simulator: out of memory\n", stderr);
        abort();
    }
    return bodies;
}

static void dispose(struct body *body)
{
    buf_dispose(&body->plain);
    buf_dispose(&body->gzip);
}

void bodies_free(struct bodies *bodies)
{
    if (bodies == NULL)
        return;
    for (int family = 0; family < FAMILIES; family++)
        dispose(&bodies->models[family]);
    dispose(&bodies->one_model);
    free(bodies);
}

struct answer bodies_json(const char *text)
{
    return (struct answer){
        .status = 200, .content_type = "application/json", .body = h2o_iovec_init(text, strlen(text))};
}

struct answer bodies_models(const struct bodies *bodies, enum family family, bool one)
{
    const struct body *body = one ? &bodies->one_model : &bodies->models[family];
    struct answer answer = bodies_json("");
    answer.body = h2o_iovec_init(body->plain.bytes, body->plain.len);
    if (body->gzip.len != 0)
        answer.gzip = h2o_iovec_init(body->gzip.bytes, body->gzip.len);
    return answer;
}

uint64_t bodies_model_place(const struct bodies *bodies, enum family family, h2o_iovec_t id)
{
    (void)bodies;
    for (size_t i = 0; i < 3; i++)
        if (model_ids[family][i] != NULL &&
            h2o_memis(id.base, id.len, model_ids[family][i], strlen(model_ids[family][i])))
            return i;
    return UINT64_MAX;
}

static const struct header_line openai_limits[] = {
    {"x-ratelimit-limit-requests", "500"},     {"x-ratelimit-remaining-requests", "499"},
    {"x-ratelimit-reset-requests", "120ms"},   {"x-ratelimit-limit-tokens", "30000"},
    {"x-ratelimit-remaining-tokens", "29984"}, {"x-ratelimit-reset-tokens", "32ms"},
};
static const struct header_line groq_limits[] = {
    {"x-ratelimit-limit-requests", "1000"},    {"x-ratelimit-remaining-requests", "999"},
    {"x-ratelimit-reset-requests", "1m26.4s"}, {"x-ratelimit-limit-tokens", "6000"},
    {"x-ratelimit-remaining-tokens", "5992"},  {"x-ratelimit-reset-tokens", "80ms"},
};
static const struct header_line mistral_limits[] = {
    {"x-ratelimit-limit-req-minute", "188"},       {"x-ratelimit-remaining-req-minute", "187"},
    {"x-ratelimit-limit-tokens-minute", "625000"}, {"x-ratelimit-remaining-tokens-minute", "624982"},
    {"x-ratelimit-tokens-query-cost", "18"},
};
static const struct header_line hub_limits[] = {
    {"ratelimit", "\"api\";r=489;t=55"},
    {"ratelimit-policy", "\"fixed window\";\"api\";q=500;w=300"},
};

#define LIMITS(array) answer->headers = array, answer->header_count = sizeof(array) / sizeof(array[0])

void bodies_add_limits(struct answer *answer, enum family family)
{
    if (family == FAMILY_OPENAI)
        LIMITS(openai_limits);
    else if (family == FAMILY_GROQ)
        LIMITS(groq_limits);
    else if (family == FAMILY_MISTRAL)
        LIMITS(mistral_limits);
    else if (family == FAMILY_HUGGINGFACE_HUB)
        LIMITS(hub_limits);
}
