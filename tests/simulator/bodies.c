#include "bodies.h"

#include "catalogue.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { SEED_MODELS = 24, GZIP_ABOVE_BYTES = 1024 };

struct body {
    struct buf plain, gzip; /* gzip is empty for small ones */
};

struct bodies {
    struct body models[FAMILIES][LISTS];
};

static void member_text(struct json *j, const char *key, const char *text)
{
    json_key(j, key);
    json_text(j, text);
}

static void member_int(struct json *j, const char *key, long value)
{
    json_key(j, key);
    json_int(j, value);
}

static void member_raw(struct json *j, const char *key, const char *json)
{
    json_key(j, key);
    json_raw(j, json, strlen(json));
}

static void member_bool(struct json *j, const char *key, bool value)
{
    json_key(j, key);
    json_bool(j, value);
}

/* {"KEY_IN": x, "KEY_OUT": y}: USD per million tokens divided by `unit`; as texts or as numbers. */
static void member_prices(struct json *j, const char *key, const char *in, const char *out, const struct model *m,
                          double unit, bool as_text)
{
    char text[32];
    json_key(j, key);
    json_object(j);
    for (int i = 0; i < 2; i++) {
        double price = (i == 0 ? m->in : m->out) / unit;
        json_key(j, i == 0 ? in : out);
        snprintf(text, sizeof(text), "%.10g", price);
        if (as_text)
            json_text(j, text);
        else
            json_double(j, price);
    }
    json_end(j);
}

/* What a family adds to id, object, created and owned_by. */
static void write_extras(struct json *j, enum family family, const struct model *m)
{
    bool chat = m->kind == MODEL_CHAT;
    switch (family) {
    case FAMILY_GROQ:
        member_raw(j, "active", "true");
        member_int(j, "context_window", m->context);
        member_raw(j, "public_apps", "null");
        break;
    case FAMILY_OPENROUTER:
        member_int(j, "context_length", m->context);
        member_prices(j, "pricing", "prompt", "completion", m, 1e6, true);
        member_raw(j, "top_provider",
                   "{\"context_length\":262144,\"max_completion_tokens\":131072,\"is_moderated\":false}");
        member_raw(j, "supported_parameters", "[\"max_tokens\"]");
        break;
    case FAMILY_TOGETHER:
        member_text(j, "type", chat ? "chat" : m->kind == MODEL_EMBEDDING ? "embedding" : "moderation");
        member_int(j, "context_length", m->context);
        member_prices(j, "pricing", "input", "output", m, 1, false);
        break;
    case FAMILY_MISTRAL:
        member_raw(j, "capabilities", chat ? "{\"completion_chat\":true}" : "{\"completion_chat\":false}");
        member_int(j, "max_context_length", m->context);
        member_raw(j, "deprecation", m->going ? "\"2026-12-31T12:00:00Z\"" : "null");
        break;
    case FAMILY_HUGGINGFACE:
    case FAMILY_HUGGINGFACE_HUB:
        member_raw(j, "providers",
                   "[{\"provider\":\"groq\",\"status\":\"live\",\"context_length\":131072,\"pricing\":{\"input\":0.15,"
                   "\"output\":0.75},\"supports_tools\":true}]");
        break;
    case FAMILY_G4F:
    case FAMILY_G4F_HOSTED:
        member_bool(j, "image", m->kind == MODEL_IMAGE);
        member_raw(j, "vision", "false");
        member_raw(j, "provider", "false");
        break;
    case FAMILY_FIREWORKS:
        member_int(j, "context_length", m->context);
        member_bool(j, "supports_chat", chat);
        break;
    case FAMILY_SAMBANOVA:
        member_int(j, "context_length", m->context);
        member_int(j, "max_completion_tokens", m->context / 2);
        member_prices(j, "pricing", "prompt", "completion", m, 1e6, true);
        break;
    case FAMILY_DEEPINFRA:
        json_key(j, "metadata");
        json_object(j);
        member_int(j, "context_length", m->context);
        member_prices(j, "pricing", "input_tokens", "output_tokens", m, 1, false);
        member_raw(j, "tags", chat ? "[\"chat\"]" : "[]");
        json_end(j);
        break;
    case FAMILY_AZURE:
        member_text(j, "status", "succeeded");
        member_text(j, "lifecycle_status", m->going ? "deprecated" : "generally-available");
        member_raw(j, "capabilities",
                   chat ? "{\"chat_completion\":true,\"inference\":true,\"embeddings\":false}"
                        : "{\"chat_completion\":false,\"inference\":true,\"embeddings\":true}");
        break;
    case FAMILY_NOVITA: /* ten thousandths of a dollar per million tokens */
        member_int(j, "input_token_price_per_m", (long)(m->in * 10000 + 0.5));
        member_int(j, "output_token_price_per_m", (long)(m->out * 10000 + 0.5));
        member_int(j, "context_size", m->context);
        member_text(j, "model_type", chat ? "chat" : "embedding");
        break;
    case FAMILY_HYPERBOLIC:
        member_bool(j, "supports_chat", chat);
        member_int(j, "context_length", m->context);
        json_key(j, "input_price");
        json_double(j, m->in);
        json_key(j, "output_price");
        json_double(j, m->out);
        break;
    case FAMILY_CHUTES:
        member_text(j, "root", m->id);
        member_int(j, "max_model_len", m->context);
        member_int(j, "context_length", m->context);
        member_prices(j, "pricing", "prompt", "completion", m, 1, false);
        break;
    case FAMILY_MOONSHOT:
        member_int(j, "context_length", m->context);
        break;
    case FAMILY_VLLM:
        member_text(j, "root", m->id);
        member_raw(j, "parent", "null");
        member_int(j, "max_model_len", m->context);
        break;
    case FAMILY_LLAMACPP:
        json_key(j, "meta");
        json_object(j);
        member_int(j, "n_ctx_train", m->context);
        json_end(j);
        break;
    default:
        break;
    }
}

static void write_openai_model(struct json *j, enum family family, const struct model *m)
{
    static const char *const owners[FAMILIES] = {
        [FAMILY_GROQ] = "OpenAI",
        [FAMILY_MISTRAL] = "mistralai",
        [FAMILY_HUGGINGFACE] = "openai",
        [FAMILY_HUGGINGFACE_HUB] = "openai",
        [FAMILY_G4F] = "",
        [FAMILY_G4F_HOSTED] = "",
        [FAMILY_OPENAI_ITSELF] = "system",
        [FAMILY_DEEPSEEK] = "deepseek",
        [FAMILY_CEREBRAS] = "Cerebras",
        [FAMILY_FIREWORKS] = "fireworks",
        [FAMILY_VLLM] = "vllm",
        [FAMILY_LLAMACPP] = "llamacpp",
        [FAMILY_LITELLM] = "openai",
        [FAMILY_OLLAMA] = "library",
    };
    member_text(j, "id", m->id);
    if (family != FAMILY_OPENROUTER)
        member_text(j, "object", "model");
    if (family != FAMILY_DEEPSEEK)
        member_int(j, "created", m->created);
    if (family != FAMILY_OPENROUTER && family != FAMILY_TOGETHER)
        member_text(j, "owned_by", owners[family] != NULL ? owners[family] : "sim");
    write_extras(j, family, m);
}

static void write_cloudflare_model(struct json *j, const struct model *m)
{
    static const char *const tasks[] = {"Text Generation", "Text Embeddings", "Automatic Speech Recognition",
                                        "Text Classification", "Text-to-Image"};
    char text[256];
    member_text(j, "id", m->id);
    member_text(j, "name", m->id);
    json_key(j, "task");
    json_object(j);
    member_text(j, "name", tasks[m->kind]);
    json_end(j);
    snprintf(text, sizeof(text),
             "[{\"property_id\":\"context_window\",\"value\":\"%ld\"},{\"property_id\":\"price\",\"value\":[{\"unit\":"
             "\"per M input tokens\",\"price\":%g,\"currency\":\"USD\"}]}%s]",
             m->context, m->in,
             m->going ? ",{\"property_id\":\"planned_deprecation_date\",\"value\":\"2026-12-31\"}" : "");
    member_raw(j, "properties", text);
}

/* Those whose lists are not of OpenAI's form. False when this family's is. */
static bool write_own_model(struct json *j, enum family family, enum list list, const struct model *m)
{
    char text[CLOCK_ISO_MAX + UPSTREAM_NAME_MAX];
    bool chat = m->kind == MODEL_CHAT;
    switch (family) {
    case FAMILY_GEMINI:
        snprintf(text, sizeof(text), "models/%s", m->id);
        member_text(j, "name", text);
        member_text(j, "version", "001");
        member_text(j, "displayName", m->id);
        member_int(j, "inputTokenLimit", m->context);
        member_int(j, "outputTokenLimit", 65536);
        member_raw(j, "supportedGenerationMethods",
                   chat ? "[\"generateContent\",\"countTokens\"]" : "[\"embedContent\"]");
        return true;
    case FAMILY_VERTEX:
        snprintf(text, sizeof(text), "publishers/google/models/%s", m->id);
        member_text(j, "name", text);
        member_text(j, "versionId", "default");
        member_text(j, "launchStage", m->going ? "DEPRECATED" : "GA");
        return true;
    case FAMILY_ANTHROPIC:
        clock_format_rfc3339((int64_t)m->created * 1000000, text);
        member_text(j, "type", "model");
        member_text(j, "id", m->id);
        member_text(j, "display_name", m->id);
        member_text(j, "created_at", text);
        return true;
    case FAMILY_COHERE:
        member_text(j, "name", m->id);
        member_bool(j, "is_deprecated", m->going);
        member_raw(j, "endpoints", chat ? "[\"chat\"]" : "[\"embed\"]");
        member_raw(j, "finetuned", "false");
        member_int(j, "context_length", m->context);
        return true;
    case FAMILY_CLOUDFLARE:
        write_cloudflare_model(j, m);
        return true;
    case FAMILY_BEDROCK:
        member_text(j, "modelId", m->id);
        member_text(j, "providerName", "Amazon");
        member_raw(j, "outputModalities", chat ? "[\"TEXT\"]" : "[\"EMBEDDING\"]");
        member_raw(j, "inferenceTypesSupported", "[\"ON_DEMAND\"]");
        member_raw(j, "modelLifecycle", m->going ? "{\"status\":\"LEGACY\"}" : "{\"status\":\"ACTIVE\"}");
        return true;
    case FAMILY_OLLAMA:
        if (list == LIST_IN_OTHER_FORM)
            return false;
        member_text(j, "name", m->id);
        member_text(j, "model", m->id);
        member_text(j, "modified_at", "2026-08-01T10:00:00Z");
        member_int(j, "size", 9608350245);
        member_raw(j, "details",
                   chat ? "{\"family\":\"gemma4\",\"parameter_size\":\"8B\","
                          "\"quantization_level\":\"Q4_K_M\"}"
                        : "{\"family\":\"nomic-bert\",\"parameter_size\":\"137M\","
                          "\"quantization_level\":\"F16\"}");
        return true;
    case FAMILY_LMSTUDIO:
        if (list != LIST_IN_OTHER_FORM)
            return false;
        member_text(j, "id", m->id);
        member_text(j, "object", "model");
        member_text(j, "type", chat ? "llm" : "embeddings");
        member_text(j, "state", "not-loaded");
        member_int(j, "max_context_length", m->context);
        return true;
    default:
        return false;
    }
}

/* The list's frame: what stands before the models and behind them. */
static const struct frame {
    enum family family;
    const char *before, *after, *after_one;
} frames[] = {
    {FAMILY_OPENROUTER, "{\"data\":[", "]}", NULL},
    {FAMILY_TOGETHER, "[", "]", NULL},
    {FAMILY_GEMINI, "{\"models\":[", "]}", "],\"nextPageToken\":\"Ch9tb2RlbHM\"}"},
    {FAMILY_VERTEX, "{\"publisherModels\":[", "]}", "],\"nextPageToken\":\"Ch9tb2RlbHM\"}"},
    {FAMILY_ANTHROPIC, "{\"data\":[", "],\"has_more\":false,\"first_id\":null,\"last_id\":null}",
     "],\"has_more\":true,\"first_id\":null,\"last_id\":null}"},
    {FAMILY_COHERE, "{\"models\":[", "],\"next_page_token\":\"\"}", "],\"next_page_token\":\"c2lt\"}"},
    {FAMILY_CLOUDFLARE, "{\"success\":true,\"errors\":[],\"messages\":[],\"result\":[", "]}", NULL},
    {FAMILY_BEDROCK, "{\"modelSummaries\":[", "]}", NULL},
    {FAMILY_OLLAMA, "{\"models\":[", "]}", NULL},
    {FAMILIES, "{\"object\":\"list\",\"data\":[", "]}", NULL}, /* everyone else */
};

static const struct frame *frame_of(enum family family, enum list list)
{
    const struct frame *frame = frames;
    while (frame->family != FAMILIES &&
           (frame->family != family || (family == FAMILY_OLLAMA && list == LIST_IN_OTHER_FORM)))
        frame++;
    return frame;
}

static enum family family_in_catalogue(enum family family)
{
    for (size_t i = 0; i < catalogue_size; i++)
        if (catalogue[i].family == family)
            return family;
    return family == FAMILY_HUGGINGFACE_HUB ? FAMILY_HUGGINGFACE : FAMILY_OPENAI;
}

static void append_model(struct buf *out, enum family family, enum list list, const struct model *m)
{
    struct json j = json_begin(out);
    json_object(&j);
    if (!write_own_model(&j, family, list, m))
        write_openai_model(&j, family, m);
    json_end(&j);
}

/* The seed's lists are as long as lists are: what their catalogue lacks is filled up. */
static void append_list(struct buf *out, enum family family, enum list list)
{
    const struct frame *frame = frame_of(family, list);
    enum family source = family_in_catalogue(family);
    size_t wanted = list == LIST_OF_ONE ? 1 : family < FAMILY_OPENAI_ITSELF ? SEED_MODELS : 0, count = 0;
    buf_append_text(out, frame->before);
    for (size_t i = 0; i < catalogue_size && !(wanted == 1 && count == 1); i++) {
        if (catalogue[i].family != source)
            continue;
        if (count++ > 0)
            buf_append_char(out, ',');
        append_model(out, family, list, &catalogue[i]);
    }
    for (; count < wanted; count++) {
        char id[64];
        struct model filler = {family, id, MODEL_CHAT, 32768, 0.5, 0.5, 1735790403, false};
        snprintf(id, sizeof(id), "sim/model-%02zu", count);
        buf_append_char(out, ',');
        append_model(out, family, list, &filler);
    }
    buf_append_text(out, list == LIST_OF_ONE && frame->after_one != NULL ? frame->after_one : frame->after);
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
    for (int i = 0; good && i < FAMILIES * LISTS; i++) {
        struct body *body = &bodies->models[i / LISTS][i % LISTS];
        append_list(&body->plain, (enum family)(i / LISTS), (enum list)(i % LISTS));
        compress_body(body);
        good = buf_ok(&body->plain);
    }
    if (!good) {
        fputs("simulator: out of memory\n", stderr);
        abort();
    }
    return bodies;
}

void bodies_free(struct bodies *bodies)
{
    if (bodies == NULL)
        return;
    for (int i = 0; i < FAMILIES * LISTS; i++) {
        buf_dispose(&bodies->models[i / LISTS][i % LISTS].plain);
        buf_dispose(&bodies->models[i / LISTS][i % LISTS].gzip);
    }
    free(bodies);
}

struct answer bodies_json(const char *text)
{
    return (struct answer){
        .status = 200, .content_type = "application/json", .body = h2o_iovec_init(text, strlen(text))};
}

struct answer bodies_models(const struct bodies *bodies, enum family family, enum list list)
{
    const struct body *body = &bodies->models[family][list];
    struct answer answer = bodies_json("");
    answer.body = h2o_iovec_init(body->plain.bytes, body->plain.len);
    if (body->gzip.len != 0)
        answer.gzip = h2o_iovec_init(body->gzip.bytes, body->gzip.len);
    return answer;
}

uint64_t bodies_model_place(enum family family, h2o_iovec_t id)
{
    uint64_t place = 0;
    family = family_in_catalogue(family);
    for (size_t i = 0; i < catalogue_size; i++) {
        if (catalogue[i].family != family)
            continue;
        if (h2o_memis(id.base, id.len, catalogue[i].id, strlen(catalogue[i].id)))
            return place;
        place++;
    }
    return UINT64_MAX;
}
