#include "providers.h"

#include "bodies.h"
#include "completions.h"
#include "dialect.h"
#include "errors.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct dialect dialects[] = {
    {"groq", "groq", "/openai/v1", "GROQ_API_BASE", "GROQ_API_KEY", FAMILY_GROQ, false},
    {"openrouter", "openrouter", "/api/v1", "OPENROUTER_API_BASE", "OPENROUTER_API_KEY", FAMILY_OPENROUTER, true},
    {"together", "together", "/v1", "TOGETHER_API_BASE", "TOGETHER_API_KEY", FAMILY_TOGETHER, false},
    {"nvidia", "nvidia", "/v1", "NVIDIA_API_BASE", "NVIDIA_API_KEY", FAMILY_NVIDIA, true},
    {"mistral", "mistral", "/v1", "MISTRAL_API_BASE", "MISTRAL_API_KEY", FAMILY_MISTRAL, false},
    {"huggingface", "huggingface", "/v1", "HUGGINGFACE_API_BASE", "HUGGINGFACE_API_KEY", FAMILY_HUGGINGFACE, true},
    {"huggingface", "huggingface-hub", "", "HF_ENDPOINT", NULL, FAMILY_HUGGINGFACE_HUB, false},
    {"gemini", "gemini", "/v1beta", "GEMINI_API_BASE", "GEMINI_API_KEY", FAMILY_GEMINI, false},
    {"google", "google", "/v1beta", "GOOGLE_API_BASE", "GOOGLE_API_KEY", FAMILY_GEMINI, false},
    {"gemini_cli", "gemini_cli", "", "CODE_ASSIST_ENDPOINT", NULL, FAMILY_CODE_ASSIST, false},
    {"g4f", "g4f", "/v1", "G4F_API_BASE", "G4F_API_KEY", FAMILY_G4F, true},
    {"g4f_main", "g4f_main", "/v1", "G4F_MAIN_API_BASE", "G4F_MAIN_API_KEY", FAMILY_G4F_HOSTED, true},
    {"g4f_groq", "g4f_groq", "", "G4F_GROQ_API_BASE", "G4F_GROQ_API_KEY", FAMILY_G4F_HOSTED, true},
    {"g4f_grok", "g4f_grok", "", "G4F_GROK_API_BASE", "G4F_GROK_API_KEY", FAMILY_G4F_HOSTED, true},
    {"g4f_gemini", "g4f_gemini", "", "G4F_GEMINI_API_BASE", "G4F_GEMINI_API_KEY", FAMILY_G4F_HOSTED, true},
    {"g4f_nvidia", "g4f_nvidia", "", "G4F_NVIDIA_API_BASE", "G4F_NVIDIA_API_KEY", FAMILY_G4F_HOSTED, true},
    {"g4f_ollama", "g4f_ollama", "", "G4F_OLLAMA_API_BASE", "G4F_OLLAMA_API_KEY", FAMILY_G4F_HOSTED, true},
    {"g4f_pollinations", "g4f_pollinations", "", "G4F_POLLINATIONS_API_BASE", "G4F_POLLINATIONS_API_KEY",
     FAMILY_G4F_HOSTED, true},
};

/* /x/NAME/v1 is any provider that speaks the OpenAI API. */
static const struct dialect generic_dialect = {NULL, "x", "/v1", NULL, NULL, FAMILY_OPENAI, false};

enum { DIALECTS = sizeof(dialects) / sizeof(dialects[0]) };

static const char access_token[] = "sim-gemini_cli-access-0123456789";
static const char refresh_token[] = "sim-gemini_cli-refresh-0123456789";
static const char issued_prefix[] = "sim-gemini_cli-issued-"; /* then NUMBER-MS, the moment that it ends at */
static const char short_lived[] = "-expires-"; /* after the refresh token, with seconds: another account */
enum { TOKEN_LIFE_S = 3599 };
static const char client_id[] = "sim-client";
static const char client_secret[] = "sim-client-secret-0123";

void providers_enlist(struct stage *stage)
{
    for (size_t i = 0; i < DIALECTS; i++)
        stage_upstream(stage, dialects[i].upstream, strlen(dialects[i].upstream));
}

/* Takes the path's first segment off. */
static h2o_iovec_t take_segment(h2o_iovec_t *path)
{
    if (path->len == 0 || path->base[0] != '/')
        return h2o_iovec_init(path->base, 0);
    size_t len = 1;
    while (len < path->len && path->base[len] != '/')
        len++;
    h2o_iovec_t segment = h2o_iovec_init(path->base + 1, len - 1);
    *path = h2o_iovec_init(path->base + len, path->len - len);
    return segment;
}

/* What follows the base; an endpoint that no provider has when the base is not there. */
static h2o_iovec_t endpoint_below(const char *base, h2o_iovec_t rest)
{
    size_t len = strlen(base);
    if (rest.len < len || memcmp(rest.base, base, len) != 0 || (rest.len > len && rest.base[len] != '/'))
        return h2o_iovec_init(H2O_STRLIT(""));
    return h2o_iovec_init(rest.base + len, rest.len - len);
}

bool providers_route(struct stage *stage, h2o_iovec_t path, const struct dialect **dialect, struct upstream **upstream,
                     h2o_iovec_t *endpoint)
{
    h2o_iovec_t mount = take_segment(&path);
    *dialect = NULL;
    *upstream = NULL;
    if (h2o_memis(mount.base, mount.len, H2O_STRLIT("x"))) {
        h2o_iovec_t name = take_segment(&path);
        *dialect = &generic_dialect;
        *upstream = stage_upstream(stage, name.base, name.len);
    }
    for (size_t i = 0; *dialect == NULL && i < DIALECTS; i++) {
        if (!h2o_memis(mount.base, mount.len, dialects[i].mount, strlen(dialects[i].mount)))
            continue;
        *dialect = &dialects[i];
        *upstream = stage_upstream(stage, dialects[i].upstream, strlen(dialects[i].upstream));
    }
    if (*upstream == NULL)
        return false;
    *endpoint = endpoint_below((*dialect)->base, path);
    return true;
}

static h2o_iovec_t header_value(const h2o_req_t *req, const char *name)
{
    ssize_t at = h2o_find_header_by_str(&req->headers, name, strlen(name), -1);
    return at != -1 ? req->headers.entries[at].value : h2o_iovec_init(NULL, 0);
}

/* The key that was sent, .base NULL for none: `Authorization: Bearer K`, x-goog-api-key or g4f-api-key. */
static h2o_iovec_t sent_key(const struct call *call)
{
    static const char bearer[] = "Bearer ";
    enum family family = call->dialect->family;
    if (family == FAMILY_GEMINI)
        return header_value(call->req, "x-goog-api-key");
    if (family == FAMILY_G4F || family == FAMILY_G4F_HOSTED) {
        h2o_iovec_t key = header_value(call->req, "g4f-api-key");
        if (key.base != NULL)
            return key;
    }
    h2o_iovec_t value = header_value(call->req, "authorization");
    if (value.base == NULL || value.len < sizeof(bearer) || memcmp(value.base, bearer, sizeof(bearer) - 1) != 0)
        return h2o_iovec_init(NULL, 0);
    return h2o_iovec_init(value.base + sizeof(bearer) - 1, value.len - (sizeof(bearer) - 1));
}

static bool token_is_good(const struct call *call, h2o_iovec_t token)
{
    char text[64];
    if (h2o_memis(token.base, token.len, access_token, sizeof(access_token) - 1))
        return true;
    if (token.len >= sizeof(text) || token.len < sizeof(issued_prefix) ||
        memcmp(token.base, issued_prefix, sizeof(issued_prefix) - 1) != 0)
        return false;
    memcpy(text, token.base, token.len);
    text[token.len] = '\0';
    char *rest;
    unsigned long number = strtoul(text + sizeof(issued_prefix) - 1, &rest, 10);
    return number >= 1 && number <= call->simulator->tokens_issued && *rest == '-' &&
           strtoull(rest + 1, NULL, 10) > clock_monotonic_ms();
}

static bool key_is_good(const struct call *call, h2o_iovec_t key)
{
    char expected[UPSTREAM_NAME_MAX + 32];
    if (call->dialect->family == FAMILY_CODE_ASSIST)
        return token_is_good(call, key);
    int len = snprintf(expected, sizeof(expected), "sim-%s-key-0123456789", call->upstream->name);
    return h2o_memis(key.base, key.len, expected, (size_t)len);
}

/* CAUSE_ANY when the caller may go on. */
static enum error_cause check_key(const struct call *call)
{
    enum family family = call->dialect->family;
    h2o_iovec_t key = sent_key(call);
    if (key.base == NULL)
        return family == FAMILY_G4F || family == FAMILY_G4F_HOSTED ? CAUSE_ANY : CAUSE_KEY_MISSING;
    return key_is_good(call, key) ? CAUSE_ANY : CAUSE_KEY_WRONG;
}

static bool endpoint_is(const struct call *call, const char *endpoint)
{
    return h2o_memis(call->endpoint.base, call->endpoint.len, endpoint, strlen(endpoint));
}

static bool is_get(const struct call *call)
{
    h2o_iovec_t method = call->req->input.method;
    return h2o_memis(method.base, method.len, H2O_STRLIT("GET")) ||
           h2o_memis(method.base, method.len, H2O_STRLIT("HEAD"));
}

static bool is_post(const struct call *call)
{
    h2o_iovec_t method = call->req->input.method;
    return h2o_memis(method.base, method.len, H2O_STRLIT("POST"));
}

static struct answer refuse(const struct call *call, enum error_cause cause)
{
    return errors_answer(call->req, call->dialect->family, 0, cause, RETRY_AFTER_NONE);
}

/* The endpoint's answer to a caller with a good key; .status 0 when there is no such endpoint. */
static struct answer openai_endpoint(const struct call *call)
{
    enum family family = call->dialect->family;
    struct answer answer = {.status = 0};
    if (is_get(call) && endpoint_is(call, "/models")) {
        answer = bodies_models(call->simulator->bodies, family, false);
        if (family == FAMILY_GROQ)
            bodies_add_limits(&answer, family);
    } else if (is_post(call) && endpoint_is(call, "/chat/completions")) {
        answer = completions_answer(call, TONGUE_OPENAI);
    }
    return answer;
}

static struct answer openrouter_endpoint(const struct call *call)
{
    if (is_get(call) && (endpoint_is(call, "/key") || endpoint_is(call, "/auth/key")))
        return bodies_json(
            "{\"data\":{\"label\":\"sk-or-v1-sim...789\",\"limit\":null,\"limit_remaining\":null,\"limit_reset\":null,"
            "\"usage\":1.25,\"usage_daily\":0.1,\"usage_weekly\":0.4,\"usage_monthly\":1.25,\"byok_usage\":0,"
            "\"include_byok_in_limit\":false,\"is_free_tier\":false,\"is_management_key\":false,\"expires_at\":null,"
            "\"free_model_daily_requests\":{\"used\":3,\"limit\":1000,\"remaining\":997},"
            "\"rate_limit\":{\"requests\":-1,\"interval\":\"10s\",\"note\":\"deprecated\"}}}");
    if (is_get(call) && endpoint_is(call, "/credits"))
        return bodies_json("{\"data\":{\"total_credits\":100.5,\"total_usage\":25.75}}");
    return openai_endpoint(call);
}

static struct answer hub_endpoint(const struct call *call)
{
    struct answer answer = {.status = 0};
    if (is_get(call) && endpoint_is(call, "/api/whoami-v2")) {
        answer = bodies_json("{\"type\":\"user\",\"id\":\"sim\",\"name\":\"sim\",\"isPro\":false,\"auth\":{\"type\":"
                             "\"access_token\",\"accessToken\":{\"displayName\":\"sim\",\"role\":\"read\"}}}");
        bodies_add_limits(&answer, FAMILY_HUGGINGFACE_HUB);
    }
    return answer;
}

/* The query's pageSize is 1: the cheapest way to ask whether a key is good. */
static bool wants_one_model(const struct call *call)
{
    const char *size = asked_parameter(call->req, "pageSize");
    return size != NULL && strcmp(size, "1") == 0;
}

static struct answer gemini_endpoint(const struct call *call)
{
    if (is_get(call) && endpoint_is(call, "/models"))
        return bodies_models(call->simulator->bodies, FAMILY_GEMINI, wants_one_model(call));
    if (is_post(call) && asked_endpoint_ends(call, ":countTokens"))
        return bodies_json("{\"totalTokens\":2}");
    if (is_post(call) &&
        (asked_endpoint_ends(call, ":generateContent") || asked_endpoint_ends(call, ":streamGenerateContent")))
        return completions_answer(call, TONGUE_GEMINI);
    return (struct answer){.status = 0};
}

static struct answer code_assist_endpoint(const struct call *call)
{
    if (!is_post(call))
        return (struct answer){.status = 0};
    if (endpoint_is(call, "/v1internal:loadCodeAssist"))
        return bodies_json(
            "{\"currentTier\":{\"id\":\"standard-tier\",\"name\":\"Gemini Code Assist\"},\"allowedTiers\":[{\"id\":"
            "\"standard-tier\",\"isDefault\":true,\"userDefinedCloudaicompanionProject\":true}],"
            "\"cloudaicompanionProject\":\"sim-project\"}");
    if (endpoint_is(call, "/v1internal:retrieveUserQuota"))
        return bodies_json("{\"buckets\":[{\"modelId\":\"gemini-2.5-pro\",\"tokenType\":\"REQUESTS\","
                           "\"remainingFraction\":0.75,\"resetTime\":\"2030-01-01T00:00:00Z\"}]}");
    if (endpoint_is(call, "/v1internal:generateContent") || endpoint_is(call, "/v1internal:streamGenerateContent"))
        return completions_answer(call, TONGUE_GEMINI);
    return (struct answer){.status = 0};
}

static struct answer g4f_endpoint(const struct call *call)
{
    if (is_get(call) && endpoint_is(call, "/quota"))
        return bodies_json("{\"balance\":0.5}");
    if (is_get(call) && endpoint_is(call, "/providers"))
        return bodies_json("[{\"id\":\"Groq\",\"object\":\"provider\",\"created\":0,\"url\":\"https://groq.com\","
                           "\"label\":\"Groq\"}]");
    return openai_endpoint(call);
}

/* The value of a field of this form body, .base NULL when it is not there. The values here need no percent-encoding. */
static h2o_iovec_t form_value(h2o_iovec_t form, const char *name)
{
    size_t name_len = strlen(name);
    const char *at = form.base, *end = at + form.len;
    while (at != NULL && at < end) {
        const char *field_end = memchr(at, '&', (size_t)(end - at));
        size_t len = (size_t)((field_end != NULL ? field_end : end) - at);
        if (len > name_len && memcmp(at, name, name_len) == 0 && at[name_len] == '=')
            return h2o_iovec_init(at + name_len + 1, len - name_len - 1);
        at = field_end != NULL ? field_end + 1 : NULL;
    }
    return h2o_iovec_init(NULL, 0);
}

static bool form_has(h2o_iovec_t form, const char *name, const char *value)
{
    h2o_iovec_t found = form_value(form, name);
    return h2o_memis(found.base, found.len, value, strlen(value));
}

/* How long access tokens for this refresh token last, in seconds; -1 when it is not one of ours. */
static long life_of_account(h2o_iovec_t token)
{
    static const size_t plain = sizeof(refresh_token) - 1, mark = sizeof(short_lived) - 1;
    if (token.len < plain || memcmp(token.base, refresh_token, plain) != 0)
        return -1;
    token = h2o_iovec_init(token.base + plain, token.len - plain);
    if (token.len == 0)
        return TOKEN_LIFE_S;
    if (token.len <= mark || token.len > mark + 6 || memcmp(token.base, short_lived, mark) != 0)
        return -1;
    size_t seconds = h2o_strtosize(token.base + mark, token.len - mark);
    return seconds == SIZE_MAX ? -1 : (long)seconds;
}

/* OAuth 2, RFC 6749 section 6. */
static struct answer token_endpoint(const struct call *call)
{
    h2o_iovec_t form = call->req->entity;
    long life_s = life_of_account(form_value(form, "refresh_token"));
    struct answer answer;
    if (!form_has(form, "grant_type", "refresh_token")) {
        answer = bodies_json("{\"error\":\"unsupported_grant_type\",\"error_description\":\"Invalid grant_type\"}");
        answer.status = 400;
    } else if (!form_has(form, "client_id", client_id) || !form_has(form, "client_secret", client_secret)) {
        answer =
            bodies_json("{\"error\":\"invalid_client\",\"error_description\":\"The OAuth client was not found.\"}");
        answer.status = 401;
    } else if (life_s < 0) {
        answer =
            bodies_json("{\"error\":\"invalid_grant\",\"error_description\":\"Token has been expired or revoked.\"}");
        answer.status = 400;
    } else {
        enum { TEXT_MAX = 320 };
        char *text = h2o_mem_alloc_pool(&call->req->pool, TEXT_MAX);
        snprintf(text, TEXT_MAX,
                 "{\"access_token\":\"%s%u-%llu\",\"expires_in\":%ld,"
                 "\"scope\":\"https://www.googleapis.com/auth/cloud-platform\",\"token_type\":\"Bearer\"}",
                 issued_prefix, ++call->simulator->tokens_issued,
                 (unsigned long long)clock_monotonic_ms() + (unsigned long long)life_s * 1000, life_s);
        answer = bodies_json(text);
    }
    return answer;
}

struct answer providers_answer(const struct call *call)
{
    enum family family = call->dialect->family;
    bool public = call->dialect->models_public && is_get(call) && endpoint_is(call, "/models");
    if (family == FAMILY_CODE_ASSIST && is_post(call) && endpoint_is(call, "/token"))
        return token_endpoint(call);
    if (call->endpoint.len == 0)
        return refuse(call, CAUSE_PATH);
    enum error_cause cause = public ? CAUSE_ANY : check_key(call);
    if (cause != CAUSE_ANY)
        return refuse(call, cause);
    struct answer answer;
    switch (family) {
    case FAMILY_OPENROUTER:
        answer = openrouter_endpoint(call);
        break;
    case FAMILY_HUGGINGFACE_HUB:
        answer = hub_endpoint(call);
        break;
    case FAMILY_GEMINI:
        answer = gemini_endpoint(call);
        break;
    case FAMILY_CODE_ASSIST:
        answer = code_assist_endpoint(call);
        break;
    case FAMILY_G4F:
    case FAMILY_G4F_HOSTED:
        answer = g4f_endpoint(call);
        break;
    default:
        answer = openai_endpoint(call);
        break;
    }
    return answer.status != 0 ? answer : refuse(call, CAUSE_PATH);
}

struct answer providers_error(const struct call *call)
{
    const struct behaviour *b = &call->behaviour;
    enum error_cause cause = b->per_day ? CAUSE_DAY : b->status == 404 && !is_post(call) ? CAUSE_PATH : CAUSE_ANY;
    return errors_answer(call->req, call->dialect->family, b->status, cause, b->retry_after_s);
}

struct answer providers_error_in_200(const struct call *call)
{
    bool stream = asked_read(call, call->dialect->family == FAMILY_GEMINI ? TONGUE_GEMINI : TONGUE_OPENAI).stream;
    return errors_in_200(call->req, call->dialect->family, stream);
}

struct answer providers_echo_key(const struct call *call)
{
    static const char prefix[] = "Incorrect API key provided: ";
    h2o_iovec_t value =
        header_value(call->req, call->dialect->family == FAMILY_GEMINI ? "x-goog-api-key" : "authorization");
    h2o_iovec_t text = h2o_concat(&call->req->pool, h2o_iovec_init(H2O_STRLIT(prefix)), value);
    return errors_message(call->req, call->dialect->family, 401, text.base, text.len);
}

void providers_environment(const char *origin, struct buf *out)
{
    for (size_t i = 0; i < DIALECTS; i++) {
        const struct dialect *d = &dialects[i];
        buf_printf(out, "%s=%s/%s%s\n", d->base_name, origin, d->mount, d->base);
        if (d->key_name != NULL)
            buf_printf(out, "%s=sim-%s-key-0123456789\n", d->key_name, d->upstream);
    }
    buf_printf(out, "GEMINI_CLI_TOKEN_URI=%s/gemini_cli/token\n", origin);
    buf_printf(out, "GEMINI_CLI_1_ACCESS_TOKEN=%s\n", access_token);
    buf_printf(out, "GEMINI_CLI_1_REFRESH_TOKEN=%s\n", refresh_token);
    buf_printf(out, "GEMINI_CLI_1_EXPIRY_DATE=%lld\n", (long long)clock_wall_ms() + 3600000);
    buf_printf(out, "GEMINI_CLI_1_CLIENT_ID=%s\n", client_id);
    buf_printf(out, "GEMINI_CLI_1_CLIENT_SECRET=%s\n", client_secret);
    buf_append_text(out, "GEMINI_CLI_PROJECT_ID=sim-project\n");
}
