#include "errors.h"

#include "refusals.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct {
    int status;
    const char *message, *type, *google;
} generic[] = {
    {400, "Bad request.", "invalid_request_error", "INVALID_ARGUMENT"},
    {401, "Invalid API key.", "invalid_request_error", "UNAUTHENTICATED"},
    {402, "Insufficient credits.", "insufficient_quota", "RESOURCE_EXHAUSTED"},
    {403, "Forbidden.", "permission_error", "PERMISSION_DENIED"},
    {404, "Not found.", "invalid_request_error", "NOT_FOUND"},
    {405, "Method not allowed.", "invalid_request_error", "UNIMPLEMENTED"},
    {410, "The model has been retired.", "invalid_request_error", "NOT_FOUND"},
    {429, "Rate limit exceeded.", "rate_limit_error", "RESOURCE_EXHAUSTED"},
    {500, "The server had an error.", "server_error", "INTERNAL"},
    {502, "Bad gateway.", "server_error", "UNAVAILABLE"},
    {503, "The service is unavailable.", "server_error", "UNAVAILABLE"},
    {529, "Overloaded.", "overloaded_error", "UNAVAILABLE"},
    {0, "Error.", "api_error", "UNKNOWN"},
};

static size_t generic_index(int status)
{
    size_t i = 0;
    while (generic[i].status != 0 && generic[i].status != status)
        i++;
    return i;
}

/* Moves the text into the request's pool. */
static h2o_iovec_t into_pool(h2o_req_t *req, struct buf *text)
{
    h2o_iovec_t copy = h2o_strdup(&req->pool, buf_text(text), text->len);
    buf_dispose(text);
    return copy;
}

/* How a family's errors are built; those that are not named have {"error": {"message": ...}} alone. */
enum shape {
    SHAPE_MESSAGE_ONLY,
    SHAPE_OPENAI,     /* with type, param and code */
    SHAPE_TYPE,       /* with type only */
    SHAPE_CODE,       /* with the status as code */
    SHAPE_TEXT_CODE,  /* the same as text */
    SHAPE_GOOGLE,     /* with code and status */
    SHAPE_ANTHROPIC,  /* {"type": "error", "error": {type, message}} */
    SHAPE_PROBLEM,    /* {status, title, detail} */
    SHAPE_MISTRAL,    /* flat, with raw_status_code */
    SHAPE_FLAT,       /* {message, type, param, code} */
    SHAPE_MESSAGE,    /* {message} */
    SHAPE_DETAIL,     /* {detail} */
    SHAPE_ERROR_TEXT, /* {error: text} */
    SHAPE_XAI,        /* {code, error}, two texts */
    SHAPE_CLOUDFLARE, /* {result, success, errors, messages} */
    SHAPE_SILICONFLOW,
};

static const enum shape shapes[FAMILIES] = {
    [FAMILY_OPENAI] = SHAPE_TYPE,
    [FAMILY_GROQ] = SHAPE_TYPE,
    [FAMILY_TOGETHER] = SHAPE_TYPE,
    [FAMILY_OPENROUTER] = SHAPE_CODE,
    [FAMILY_NVIDIA] = SHAPE_PROBLEM,
    [FAMILY_MISTRAL] = SHAPE_MISTRAL,
    [FAMILY_HUGGINGFACE] = SHAPE_ERROR_TEXT,
    [FAMILY_HUGGINGFACE_HUB] = SHAPE_ERROR_TEXT,
    [FAMILY_GEMINI] = SHAPE_GOOGLE,
    [FAMILY_CODE_ASSIST] = SHAPE_GOOGLE,
    [FAMILY_VERTEX] = SHAPE_GOOGLE,
    [FAMILY_OPENAI_ITSELF] = SHAPE_OPENAI,
    [FAMILY_ANTHROPIC] = SHAPE_ANTHROPIC,
    [FAMILY_DEEPSEEK] = SHAPE_OPENAI,
    [FAMILY_CEREBRAS] = SHAPE_FLAT,
    [FAMILY_COHERE] = SHAPE_MESSAGE,
    [FAMILY_XAI] = SHAPE_XAI,
    [FAMILY_FIREWORKS] = SHAPE_OPENAI,
    [FAMILY_SAMBANOVA] = SHAPE_OPENAI,
    [FAMILY_PERPLEXITY] = SHAPE_CODE,
    [FAMILY_DEEPINFRA] = SHAPE_DETAIL,
    [FAMILY_CLOUDFLARE] = SHAPE_CLOUDFLARE,
    [FAMILY_AZURE] = SHAPE_TEXT_CODE,
    [FAMILY_BEDROCK] = SHAPE_MESSAGE,
    [FAMILY_MOONSHOT] = SHAPE_TYPE,
    [FAMILY_ZAI] = SHAPE_TEXT_CODE,
    [FAMILY_DASHSCOPE] = SHAPE_OPENAI,
    [FAMILY_MINIMAX] = SHAPE_ANTHROPIC,
    [FAMILY_SILICONFLOW] = SHAPE_SILICONFLOW,
    [FAMILY_NOVITA] = SHAPE_MESSAGE,
    [FAMILY_HYPERBOLIC] = SHAPE_DETAIL,
    [FAMILY_CHUTES] = SHAPE_DETAIL,
    [FAMILY_OLLAMA] = SHAPE_ERROR_TEXT,
    [FAMILY_VLLM] = SHAPE_CODE,
    [FAMILY_LLAMACPP] = SHAPE_CODE,
    [FAMILY_LMSTUDIO] = SHAPE_ERROR_TEXT,
    [FAMILY_LITELLM] = SHAPE_OPENAI,
};

static void member_text(struct json *j, const char *key, const char *text)
{
    json_key(j, key);
    json_text(j, text);
}

static void write_flat(struct json *j, enum shape shape, int status, h2o_iovec_t message)
{
    const char *name = shape == SHAPE_PROBLEM || shape == SHAPE_DETAIL   ? "detail"
                       : shape == SHAPE_ERROR_TEXT || shape == SHAPE_XAI ? "error"
                                                                         : "message";
    const char *type = generic[generic_index(status)].type;
    if (shape == SHAPE_PROBLEM) {
        json_key(j, "status");
        json_int(j, status);
        member_text(j, "title", server_reason(status));
    } else if (shape == SHAPE_MISTRAL) {
        member_text(j, "object", "error");
    } else if (shape == SHAPE_XAI) {
        member_text(j, "code", type);
    } else if (shape == SHAPE_SILICONFLOW) {
        json_key(j, "code");
        json_int(j, 50000 + status);
        member_text(j, "data", NULL);
    }
    json_key(j, name);
    json_bytes(j, message.base, message.len);
    if (shape == SHAPE_MISTRAL || shape == SHAPE_FLAT) {
        member_text(j, "type", type);
        member_text(j, "param", NULL);
        member_text(j, "code", NULL);
    }
    if (shape == SHAPE_MISTRAL) {
        json_key(j, "raw_status_code");
        json_int(j, status);
    }
}

static void write_nested(struct json *j, enum shape shape, int status, h2o_iovec_t message)
{
    char text_code[16];
    size_t kind = generic_index(status);
    if (shape == SHAPE_ANTHROPIC)
        member_text(j, "type", "error");
    json_key(j, "error");
    json_object(j);
    if (shape == SHAPE_CODE || shape == SHAPE_GOOGLE) {
        json_key(j, "code");
        json_int(j, status);
    } else if (shape == SHAPE_TEXT_CODE) {
        snprintf(text_code, sizeof(text_code), "%d", status);
        member_text(j, "code", text_code);
    }
    json_key(j, "message");
    json_bytes(j, message.base, message.len);
    if (shape == SHAPE_GOOGLE)
        member_text(j, "status", generic[kind].google);
    if (shape == SHAPE_TYPE || shape == SHAPE_OPENAI || shape == SHAPE_ANTHROPIC)
        member_text(j, "type", generic[kind].type);
    if (shape == SHAPE_OPENAI) {
        member_text(j, "param", NULL);
        member_text(j, "code", NULL);
    }
    json_end(j);
}

static void write_cloudflare(struct json *j, int status, h2o_iovec_t message)
{
    member_text(j, "result", NULL);
    json_key(j, "success");
    json_bool(j, false);
    json_key(j, "errors");
    json_array(j);
    json_object(j);
    json_key(j, "code");
    json_int(j, status);
    json_key(j, "message");
    json_bytes(j, message.base, message.len);
    json_end(j);
    json_end(j);
    json_key(j, "messages");
    json_array(j);
    json_end(j);
}

static void write_error(struct json *j, enum family family, int status, const char *message, size_t len)
{
    enum shape shape = shapes[family];
    json_object(j);
    if (shape == SHAPE_CLOUDFLARE)
        write_cloudflare(j, status, h2o_iovec_init(message, len));
    else if (shape >= SHAPE_PROBLEM)
        write_flat(j, shape, status, h2o_iovec_init(message, len));
    else
        write_nested(j, shape, status, h2o_iovec_init(message, len));
    json_end(j);
}

struct answer errors_message(h2o_req_t *req, enum family family, int status, const char *message, size_t len)
{
    struct buf text = BUF_EMPTY;
    struct json j = json_begin(&text);
    write_error(&j, family, status, message, len);
    return (struct answer){.status = status, .content_type = "application/json", .body = into_pool(req, &text)};
}

/* OpenRouter tells its reset in epoch milliseconds, in headers and again in the body. Days end at midnight UTC. */
static struct answer openrouter_429(h2o_req_t *req, bool per_day, struct header_line *headers)
{
    enum { DAY_MS = 86400000, MINUTE_LEFT_MS = 30000 };
    const char *limit = per_day ? "50" : "20";
    long long now_ms = clock_wall_ms();
    long long reset_ms = per_day ? now_ms - now_ms % DAY_MS + DAY_MS : now_ms + MINUTE_LEFT_MS;
    char *reset = h2o_mem_alloc_pool(&req->pool, 24);
    struct buf text = BUF_EMPTY;
    snprintf(reset, 24, "%lld", reset_ms);
    buf_printf(
        &text,
        "{\"error\":{\"message\":\"Rate limit exceeded: free-models-per-%s. \",\"code\":429,\"metadata\":{"
        "\"headers\":{\"X-RateLimit-Limit\":\"%s\",\"X-RateLimit-Remaining\":\"0\",\"X-RateLimit-Reset\":\"%s\"},"
        "\"provider_name\":null}},\"user_id\":\"user_sim\"}",
        per_day ? "day" : "min", limit, reset);
    headers[0] = (struct header_line){"x-ratelimit-limit", limit};
    headers[1] = (struct header_line){"x-ratelimit-remaining", "0"};
    headers[2] = (struct header_line){"x-ratelimit-reset", reset};
    return (struct answer){.status = 429,
                           .content_type = "application/json",
                           .body = into_pool(req, &text),
                           .headers = headers,
                           .header_count = 3};
}

static const char *retry_after_text(h2o_req_t *req, int retry_after_s)
{
    enum { DATE_MAX = 64 };
    char *text = h2o_mem_alloc_pool(&req->pool, DATE_MAX);
    if (retry_after_s >= 0) {
        snprintf(text, DATE_MAX, "%d", retry_after_s);
        return text;
    }
    struct tm utc;
    time_t when = time(NULL) + RETRY_AFTER_DATE_S;
    gmtime_r(&when, &utc);
    strftime(text, DATE_MAX, "%a, %d %b %Y %H:%M:%S GMT", &utc);
    return text;
}

static const struct refusal *find_in(const struct refusal *rows, size_t count, enum family family, int status,
                                     enum error_cause cause)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].family == family && rows[i].status == status &&
            (rows[i].cause == cause || rows[i].cause == CAUSE_ANY))
            return &rows[i];
    return NULL;
}

static const struct refusal *find_row(enum family family, int status, enum error_cause cause)
{
    if (family == FAMILY_HUGGINGFACE_HUB)
        family = FAMILY_HUGGINGFACE;
    const struct refusal *row = find_in(refusals_seed, refusals_seed_count, family, status, cause);
    return row != NULL ? row : find_in(refusals_others, refusals_others_count, family, status, cause);
}

/* Where a status is not 401 for a key and 404 for the rest. */
static const struct {
    enum family family;
    enum error_cause cause;
    int status;
} statuses[] = {
    {FAMILY_GEMINI, CAUSE_KEY_WRONG, 400},
    {FAMILY_GEMINI, CAUSE_KEY_MISSING, 403},
    {FAMILY_NVIDIA, CAUSE_KEY_WRONG, 403},
    {FAMILY_G4F, CAUSE_KEY_WRONG, 403},
    {FAMILY_HUGGINGFACE, CAUSE_MODEL, 400},
    {FAMILY_DEEPSEEK, CAUSE_MODEL, 400},
    {FAMILY_CEREBRAS, CAUSE_KEY_MISSING, 403},
    {FAMILY_XAI, CAUSE_KEY_WRONG, 400},
    {FAMILY_CLOUDFLARE, CAUSE_KEY_WRONG, 403},
    {FAMILY_CLOUDFLARE, CAUSE_MODEL, 400},
    {FAMILY_BEDROCK, CAUSE_KEY_MISSING, 403},
    {FAMILY_BEDROCK, CAUSE_KEY_WRONG, 403},
    {FAMILY_ZAI, CAUSE_MODEL, 400},
    {FAMILY_SILICONFLOW, CAUSE_MODEL, 400},
    {FAMILY_LITELLM, CAUSE_MODEL, 400},
    {FAMILY_LMSTUDIO, CAUSE_PATH, 200},
};

static int status_of_cause(enum family family, enum error_cause cause)
{
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        if (statuses[i].family == family && statuses[i].cause == cause)
            return statuses[i].status;
    return cause == CAUSE_PATH || cause == CAUSE_MODEL ? 404 : 401;
}

static const char *generic_message(int status, enum error_cause cause)
{
    if (cause == CAUSE_DAY)
        return "Daily limit of requests exceeded, try again tomorrow.";
    if (cause == CAUSE_MODEL)
        return "The model does not exist or you do not have access to it.";
    return generic[generic_index(status)].message;
}

struct answer errors_answer(h2o_req_t *req, enum family family, int status, enum error_cause cause, int retry_after_s)
{
    enum { HEADERS_MAX = 4 }; /* three of a row, and Retry-After */
    struct header_line *headers = h2o_mem_alloc_pool(&req->pool, sizeof(*headers) * HEADERS_MAX);
    struct answer answer;
    size_t count = 0;
    if (status == 0)
        status = status_of_cause(family, cause);
    const struct refusal *row = find_row(family, status, cause);
    if (family == FAMILY_OPENROUTER && status == 429) {
        answer = openrouter_429(req, cause == CAUSE_DAY, headers);
        count = answer.header_count;
    } else if (row != NULL) {
        answer = (struct answer){
            .status = status, .content_type = row->content_type, .body = h2o_iovec_init(row->body, strlen(row->body))};
        if (row->content_type == NULL)
            answer.content_type = "application/json";
        else if (*row->content_type == '\0')
            answer.content_type = NULL;
        for (const struct header_line *h = row->headers; h != NULL && h->name != NULL && count + 1 < HEADERS_MAX; h++)
            if (retry_after_s == RETRY_AFTER_NONE || strcmp(h->name, "retry-after") != 0)
                headers[count++] = *h;
    } else {
        const char *message = generic_message(status, cause);
        answer = errors_message(req, family, status, message, strlen(message));
    }
    if (retry_after_s != RETRY_AFTER_NONE)
        headers[count++] = (struct header_line){"retry-after", retry_after_text(req, retry_after_s)};
    answer.headers = headers;
    answer.header_count = count;
    return answer;
}

struct answer errors_in_200(h2o_req_t *req, enum family family, bool stream)
{
    struct answer answer = {.content_type = "application/json"};
    if (family == FAMILY_G4F || family == FAMILY_G4F_HOSTED)
        answer = errors_answer(req, family, 429, CAUSE_ANY, RETRY_AFTER_NONE);
    else if (family == FAMILY_MINIMAX)
        answer.body =
            h2o_iovec_init(H2O_STRLIT("{\"base_resp\":{\"status_code\":1000,\"status_msg\":\"unknown error\"}}"));
    else
        answer = errors_message(req, family, 502, "Provider returned error", strlen("Provider returned error"));
    if (stream) {
        struct buf text = BUF_EMPTY;
        buf_printf(&text, "data: %.*s\n\ndata: [DONE]\n\n", (int)answer.body.len, answer.body.base);
        answer.body = into_pool(req, &text);
        answer.content_type = "text/event-stream";
    }
    answer.status = 200;
    return answer;
}
