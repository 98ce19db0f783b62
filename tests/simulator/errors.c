#include "errors.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define GOOGLE(code, message, status)                                                                                  \
    "{\"error\":{\"code\":" #code ",\"message\":\"" message "\",\"status\":\"" status "\""
#define HEADERS(...) ((const struct header_line[]){__VA_ARGS__, {NULL, NULL}})
#define TYPE_URL "\"@type\":\"type.googleapis.com/google.rpc."

/* Sources: the providers' documentation and recorded answers; ids in them are replaced. First match wins. */
static const struct error_row {
    enum family family;
    int status;
    enum error_cause cause;
    const char *content_type; /* NULL: application/json */
    const char *body;
    const struct header_line *headers; /* ends with a row of NULL; NULL: none */
} rows[] = {
    {FAMILY_OPENAI, 401, CAUSE_KEY_MISSING, NULL,
     "{\"error\":{\"message\":\"You didn't provide an API key.\",\"type\":\"invalid_request_error\",\"param\":null,"
     "\"code\":null}}",
     NULL},
    {FAMILY_OPENAI, 401, CAUSE_ANY, NULL,
     "{\"error\":{\"message\":\"Incorrect API key provided.\",\"type\":\"invalid_request_error\",\"param\":null,"
     "\"code\":\"invalid_api_key\"}}",
     NULL},

    {FAMILY_OPENAI, 429, CAUSE_DAY, NULL,
     "{\"error\":{\"message\":\"Rate limit reached for sim-large in organization org-sim on requests per day (RPD): "
     "Limit 200, Used 200, Requested 1. Please try again in 7m12s.\",\"type\":\"requests\",\"param\":null,"
     "\"code\":\"rate_limit_exceeded\"}}",
     HEADERS({"x-ratelimit-limit-requests", "200"}, {"x-ratelimit-remaining-requests", "0"},
             {"x-ratelimit-reset-requests", "7m12s"})},

    {FAMILY_GROQ, 401, CAUSE_ANY, NULL,
     "{\"error\":{\"message\":\"Invalid API Key\",\"type\":\"invalid_request_error\",\"code\":\"invalid_api_key\"}}",
     NULL},
    {FAMILY_GROQ, 403, CAUSE_ANY, "text/plain", "error code: 1010", HEADERS({"server", "cloudflare"})},
    {FAMILY_GROQ, 404, CAUSE_PATH, NULL,
     "{\"error\":{\"message\":\"Unknown request URL. Please check the URL for typos, or see the docs at "
     "https://console.groq.com/docs/\",\"type\":\"invalid_request_error\",\"code\":\"unknown_url\"}}",
     NULL},
    {FAMILY_GROQ, 404, CAUSE_ANY, NULL,
     "{\"error\":{\"message\":\"The model `sim` does not exist or you do not have access to it.\","
     "\"type\":\"invalid_request_error\",\"code\":\"model_not_found\"}}",
     NULL},
    {FAMILY_GROQ, 413, CAUSE_ANY, NULL,
     "{\"error\":{\"message\":\"Request too large for model `sim` in organization `org_sim` on tokens per minute "
     "(TPM): "
     "Limit 8000, Requested 11088, please reduce your message size and try again.\",\"type\":\"tokens\","
     "\"code\":\"rate_limit_exceeded\"}}",
     HEADERS({"retry-after", "65"})},
    {FAMILY_GROQ, 429, CAUSE_DAY, NULL,
     "{\"error\":{\"message\":\"Rate limit reached for model `sim` in organization `org_sim` on requests per day "
     "(RPD): "
     "Limit 1000, Used 1000, Requested 1. Please try again in 2h31m16.752s.\",\"type\":\"requests\","
     "\"code\":\"rate_limit_exceeded\"}}",
     HEADERS({"x-ratelimit-limit-requests", "1000"}, {"x-ratelimit-remaining-requests", "0"},
             {"x-ratelimit-reset-requests", "2h31m16.752s"})},
    {FAMILY_GROQ, 429, CAUSE_ANY, NULL,
     "{\"error\":{\"message\":\"Rate limit reached for model `sim` in organization `org_sim` on tokens per minute "
     "(TPM): "
     "Limit 8000, Used 8000, Requested 454. Please try again in 3.405s.\",\"type\":\"tokens\","
     "\"code\":\"rate_limit_exceeded\"}}",
     HEADERS({"x-ratelimit-limit-tokens", "8000"}, {"x-ratelimit-remaining-tokens", "0"},
             {"x-ratelimit-reset-tokens", "3.405s"})},
    {FAMILY_GROQ, 503, CAUSE_ANY, NULL,
     "{\"error\":{\"message\":\"sim is currently over capacity. Please try again and back off exponentially.\","
     "\"type\":\"internal_server_error\"}}",
     NULL},

    {FAMILY_OPENROUTER, 401, CAUSE_KEY_MISSING, NULL,
     "{\"error\":{\"message\":\"No auth credentials found\",\"code\":401}}", NULL},
    {FAMILY_OPENROUTER, 401, CAUSE_ANY, NULL, "{\"error\":{\"message\":\"User not found.\",\"code\":401}}", NULL},
    {FAMILY_OPENROUTER, 402, CAUSE_ANY, NULL,
     "{\"error\":{\"message\":\"This request requires more credits, or fewer max_tokens. You requested up to 4096 "
     "tokens, "
     "but can only afford 1183.\",\"code\":402,\"metadata\":{\"limit_source\":\"openrouter_credits\"}},"
     "\"user_id\":\"user_sim\"}",
     NULL},
    {FAMILY_OPENROUTER, 404, CAUSE_ANY, NULL, "{\"error\":{\"message\":\"No endpoints found for sim.\",\"code\":404}}",
     NULL},
    {FAMILY_OPENROUTER, 502, CAUSE_ANY, NULL,
     "{\"error\":{\"message\":\"Provider returned error\",\"code\":502,\"metadata\":{\"provider_name\":\"Sim\"}}}",
     NULL},
    {FAMILY_OPENROUTER, 503, CAUSE_ANY, NULL,
     "{\"error\":{\"message\":\"No allowed providers are available for the selected model.\",\"code\":503}}", NULL},

    {FAMILY_TOGETHER, 401, CAUSE_KEY_MISSING, "text/plain", "Missing API key", NULL},
    {FAMILY_TOGETHER, 401, CAUSE_ANY, NULL, "{\"error\":{\"message\":\"Unauthorized\"}}", NULL},
    {FAMILY_TOGETHER, 402, CAUSE_ANY, NULL,
     "{\"error\":{\"message\":\"Credit limit exceeded\",\"type\":\"credit_limit\"}}", NULL},
    {FAMILY_TOGETHER, 404, CAUSE_PATH, "text/html; charset=utf-8",
     "<!DOCTYPE html><html><head><title>404: This page could not be found</title></head><body></body></html>", NULL},
    {FAMILY_TOGETHER, 429, CAUSE_ANY, NULL,
     "{\"error\":{\"message\":\"You have been rate limited.\",\"type\":\"dynamic_request_limited\"}}",
     HEADERS({"x-ratelimit-reset", "7"})},
    {FAMILY_TOGETHER, 503, CAUSE_ANY, NULL,
     "{\"error\":{\"message\":\"The server is overloaded. Please try again later.\",\"type\":\"server_error\"}}", NULL},

    {FAMILY_NVIDIA, 401, CAUSE_ANY, "application/problem+json",
     "{\"status\":401,\"title\":\"Unauthorized\",\"detail\":\"Authentication failed\"}", NULL},
    {FAMILY_NVIDIA, 403, CAUSE_ANY, "application/problem+json",
     "{\"status\":403,\"title\":\"Forbidden\",\"detail\":\"Authorization failed\"}", NULL},
    {FAMILY_NVIDIA, 404, CAUSE_PATH, "text/plain", "404 page not found\n", NULL},
    {FAMILY_NVIDIA, 404, CAUSE_ANY, NULL,
     "{\"status\":404,\"title\":\"Not Found\",\"detail\":\"Function '00000000-0000-0000-0000-000000000000': Not found "
     "for "
     "account 'sim'\"}",
     NULL},
    {FAMILY_NVIDIA, 429, CAUSE_ANY, NULL, "{\"status\":429,\"title\":\"Too Many Requests\"}", NULL},

    {FAMILY_MISTRAL, 401, CAUSE_KEY_MISSING, NULL, "{\"detail\":\"Unauthorized\"}", NULL},
    {FAMILY_MISTRAL, 401, CAUSE_ANY, NULL, "{\"detail\":\"Invalid API Key\"}", NULL},
    {FAMILY_MISTRAL, 404, CAUSE_PATH, NULL, "{\"detail\":\"Not Found\"}", NULL},
    {FAMILY_MISTRAL, 429, CAUSE_ANY, NULL,
     "{\"object\":\"error\",\"message\":\"Rate limit exceeded\",\"type\":\"rate_limited\",\"param\":null,"
     "\"code\":\"1300\",\"raw_status_code\":429}",
     HEADERS({"x-ratelimit-limit-req-minute", "50"}, {"x-ratelimit-remaining-req-minute", "0"})},

    {FAMILY_HUGGINGFACE, 401, CAUSE_ANY, NULL, "{\"error\":\"Invalid username or password.\"}",
     HEADERS({"x-error-message", "Invalid username or password."})},
    {FAMILY_HUGGINGFACE, 402, CAUSE_ANY, NULL,
     "{\"error\":\"You have exceeded your monthly included credits for Inference Providers.\"}", NULL},
    {FAMILY_HUGGINGFACE, 503, CAUSE_ANY, NULL, "{\"error\":\"Model sim is currently loading\",\"estimated_time\":20.0}",
     NULL},

    {FAMILY_GEMINI, 400, CAUSE_KEY_WRONG, NULL,
     GOOGLE(400, "API key not valid. Please pass a valid API key.",
            "INVALID_ARGUMENT") ",\"details\":[{" TYPE_URL "ErrorInfo\",\"reason\":\"API_KEY_INVALID\",\"domain\":"
                                "\"googleapis.com\",\"metadata\":{\"service\":"
                                "\"generativelanguage.googleapis.com\"}},{" TYPE_URL
                                "LocalizedMessage\",\"locale\":\"en-US\",\"message\":"
                                "\"API key not valid. Please pass a valid API key.\"}]}}",
     NULL},
    {FAMILY_GEMINI, 403, CAUSE_KEY_MISSING, NULL,
     GOOGLE(403,
            "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or "
            "other form of API consumer identity to call this API.",
            "PERMISSION_DENIED") "}}",
     NULL},
    {FAMILY_GEMINI, 401, CAUSE_ANY, NULL,
     GOOGLE(401, "Request had invalid authentication credentials.",
            "UNAUTHENTICATED") ",\"details\":[{" TYPE_URL
                               "ErrorInfo\",\"reason\":\"ACCESS_TOKEN_TYPE_UNSUPPORTED\"}]}}",
     NULL},
    {FAMILY_GEMINI, 402, CAUSE_ANY, NULL,
     GOOGLE(402, "Your Prepay credit balance is depleted.", "RESOURCE_EXHAUSTED") "}}", NULL},
    {FAMILY_GEMINI, 429, CAUSE_DAY, NULL,
     GOOGLE(429, "You exceeded your current quota, please check your plan and billing details.",
            "RESOURCE_EXHAUSTED") ",\"details\":[{" TYPE_URL "QuotaFailure\",\"violations\":[{\"quotaId\":"
                                  "\"GenerateRequestsPerDayPerProjectPerModel-FreeTier\",\"quotaValue\":\"20\"}]},"
                                  "{" TYPE_URL "RetryInfo\",\"retryDelay\":\"32s\"}]}}",
     NULL},
    {FAMILY_GEMINI, 429, CAUSE_ANY, NULL,
     GOOGLE(429,
            "You exceeded your current quota, please check your plan and billing details. Please retry in "
            "56.185908122s.",
            "RESOURCE_EXHAUSTED") ",\"details\":[{" TYPE_URL "QuotaFailure\",\"violations\":[{\"quotaMetric\":"
                                  "\"generativelanguage.googleapis.com/generate_content_free_tier_requests\","
                                  "\"quotaId\":\"GenerateRequestsPerMinutePerProjectPerModel-FreeTier\",\"quotaValue\":"
                                  "\"5\"}]},{" TYPE_URL "RetryInfo\",\"retryDelay\":\"56s\"}]}}",
     NULL},
    {FAMILY_GEMINI, 500, CAUSE_ANY, NULL, GOOGLE(500, "An internal error has occurred.", "INTERNAL") "}}", NULL},
    {FAMILY_GEMINI, 503, CAUSE_ANY, NULL,
     GOOGLE(503, "The model is overloaded. Please try again later.", "UNAVAILABLE") "}}", NULL},

    {FAMILY_CODE_ASSIST, 401, CAUSE_ANY, NULL,
     GOOGLE(
         401,
         "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
         "authentication credential.",
         "UNAUTHENTICATED") "}}",
     NULL},
    {FAMILY_CODE_ASSIST, 403, CAUSE_ANY, NULL,
     GOOGLE(403, "UNSUPPORTED_CLIENT: This client is no longer supported for Gemini Code Assist for individuals.",
            "PERMISSION_DENIED") "}}",
     NULL},
    {FAMILY_CODE_ASSIST, 429, CAUSE_DAY, NULL,
     GOOGLE(
         429, "You have exhausted your capacity on this model. Your quota will reset after 156h14m36s.",
         "RESOURCE_EXHAUSTED") ",\"details\":[{" TYPE_URL
                               "ErrorInfo\",\"reason\":\"QUOTA_EXHAUSTED\",\"domain\":\"cloudcode-pa.googleapis.com\","
                               "\"metadata\":{\"quotaResetDelay\":\"156h14m36.752463453s\"}},{" TYPE_URL
                               "RetryInfo\",\"retryDelay\":\"562476.752463453s\"}]}}",
     NULL},
    {FAMILY_CODE_ASSIST, 429, CAUSE_ANY, NULL,
     GOOGLE(429, "Rate limit exceeded. Please retry in 10s.",
            "RESOURCE_EXHAUSTED") ",\"details\":[{" TYPE_URL "ErrorInfo\",\"reason\":\"RATE_LIMIT_EXCEEDED\","
                                  "\"domain\":\"cloudcode-pa.googleapis.com\"},{" TYPE_URL
                                  "RetryInfo\",\"retryDelay\":\"10s\"}]}}",
     NULL},

    {FAMILY_G4F, 401, CAUSE_ANY, NULL, "{\"error\":{\"message\":\"G4F API key required\"}}", NULL},
    {FAMILY_G4F, 403, CAUSE_ANY, NULL, "{\"error\":{\"message\":\"Invalid G4F API key\"}}", NULL},
    {FAMILY_G4F, 404, CAUSE_PATH, NULL, "{\"detail\":\"Not Found\"}", NULL},
    {FAMILY_G4F, 429, CAUSE_ANY, NULL,
     "{\"error\":{\"message\":\"RateLimitError: Too many requests\"},\"model\":\"sim\",\"provider\":\"Sim\"}", NULL},
    {FAMILY_G4F_HOSTED, 401, CAUSE_ANY, NULL,
     "{\"error\":{\"message\":\"Invalid API key\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"401\"}}",
     NULL},
    {FAMILY_G4F_HOSTED, 429, CAUSE_ANY, NULL,
     "{\"error\":{\"message\":\"RateLimitError: Too many requests\"},\"model\":\"sim\",\"provider\":\"Sim\"}", NULL},
};

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

static void write_error(struct json *j, enum family family, int status, const char *message, size_t len)
{
    size_t kind = generic_index(status);
    json_object(j);
    switch (family) {
    case FAMILY_NVIDIA:
        json_key(j, "status");
        json_int(j, status);
        json_key(j, "title");
        json_text(j, server_reason(status));
        json_key(j, "detail");
        json_bytes(j, message, len);
        break;
    case FAMILY_MISTRAL:
        json_key(j, "object");
        json_text(j, "error");
        json_key(j, "message");
        json_bytes(j, message, len);
        json_key(j, "type");
        json_text(j, generic[kind].type);
        json_key(j, "param");
        json_null(j);
        json_key(j, "code");
        json_null(j);
        json_key(j, "raw_status_code");
        json_int(j, status);
        break;
    case FAMILY_HUGGINGFACE:
    case FAMILY_HUGGINGFACE_HUB:
        json_key(j, "error");
        json_bytes(j, message, len);
        break;
    default:
        json_key(j, "error");
        json_object(j);
        if (family == FAMILY_OPENROUTER || family == FAMILY_GEMINI || family == FAMILY_CODE_ASSIST) {
            json_key(j, "code");
            json_int(j, status);
        }
        json_key(j, "message");
        json_bytes(j, message, len);
        if (family == FAMILY_GEMINI || family == FAMILY_CODE_ASSIST) {
            json_key(j, "status");
            json_text(j, generic[kind].google);
        } else if (family == FAMILY_OPENAI || family == FAMILY_GROQ || family == FAMILY_TOGETHER) {
            json_key(j, "type");
            json_text(j, generic[kind].type);
        }
        json_end(j);
    }
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

static const struct error_row *find_row(enum family family, int status, enum error_cause cause)
{
    if (family == FAMILY_HUGGINGFACE_HUB)
        family = FAMILY_HUGGINGFACE;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].family == family && rows[i].status == status &&
            (rows[i].cause == cause || rows[i].cause == CAUSE_ANY))
            return &rows[i];
    return NULL;
}

static int status_of_cause(enum family family, enum error_cause cause)
{
    if (cause == CAUSE_PATH || cause == CAUSE_MODEL)
        return 404;
    switch (family) {
    case FAMILY_GEMINI:
        return cause == CAUSE_KEY_WRONG ? 400 : 403;
    case FAMILY_NVIDIA:
    case FAMILY_G4F:
        return cause == CAUSE_KEY_WRONG ? 403 : 401;
    default:
        return 401;
    }
}

struct answer errors_answer(h2o_req_t *req, enum family family, int status, enum error_cause cause, int retry_after_s)
{
    enum { HEADERS_MAX = 4 }; /* three of a row, and Retry-After */
    struct header_line *headers = h2o_mem_alloc_pool(&req->pool, sizeof(*headers) * HEADERS_MAX);
    struct answer answer;
    size_t count = 0;
    if (status == 0)
        status = status_of_cause(family, cause);
    const struct error_row *row = find_row(family, status, cause);
    if (family == FAMILY_OPENROUTER && status == 429) {
        answer = openrouter_429(req, cause == CAUSE_DAY, headers);
        count = answer.header_count;
    } else if (row != NULL) {
        answer = (struct answer){.status = status,
                                 .content_type = row->content_type != NULL ? row->content_type : "application/json",
                                 .body = h2o_iovec_init(row->body, strlen(row->body))};
        for (const struct header_line *h = row->headers; h != NULL && h->name != NULL && count + 1 < HEADERS_MAX; h++)
            headers[count++] = *h;
    } else {
        const char *message = cause == CAUSE_DAY ? "Daily limit of requests exceeded, try again tomorrow."
                                                 : generic[generic_index(status)].message;
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
    struct answer answer;
    if (family == FAMILY_G4F || family == FAMILY_G4F_HOSTED)
        answer = errors_answer(req, family, 429, CAUSE_ANY, RETRY_AFTER_NONE);
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
