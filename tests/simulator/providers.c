#include "providers.h"

#include "bodies.h"
#include "completions.h"
#include "dialect.h"
#include "endpoints.h"
#include "errors.h"
#include "keys.h"
#include "limits.h"
#include "pages.h"
#include "tokens.h"

#include <string.h>

void providers_enlist(struct stage *stage)
{
    for (size_t i = 0; i < dialect_count; i++)
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
    if (h2o_memis(mount.base, mount.len, H2O_STRLIT("_pages"))) {
        h2o_iovec_t format = take_segment(&path), name = take_segment(&path);
        *dialect = &pages_dialect;
        *upstream = pages_upstream(stage, name);
        *endpoint = h2o_iovec_init(format.base - 1, (size_t)(path.base + path.len - format.base) + 1);
        return *upstream != NULL;
    }
    for (size_t i = 0; *dialect == NULL && i < dialect_count; i++) {
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
        answer = bodies_models(call->simulator->bodies, family, LIST_OF_ALL);
        limits_add(call->req, &answer, family, false);
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
        limits_add(call->req, &answer, FAMILY_HUGGINGFACE_HUB, false);
    }
    return answer;
}

/* pageSize=1 is the cheapest way to ask whether a key is good. */
static struct answer gemini_models(const struct call *call)
{
    const char *size = asked_parameter(call->req, "pageSize");
    bool one = size != NULL && strcmp(size, "1") == 0;
    return bodies_models(call->simulator->bodies, FAMILY_GEMINI, one ? LIST_OF_ONE : LIST_OF_ALL);
}

static struct answer gemini_endpoint(const struct call *call)
{
    if (is_get(call) && endpoint_is(call, "/models"))
        return gemini_models(call);
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

/* What a provider wants beside the key: its version's header, one's own account. .status 0 when that is there. */
static struct answer other_refusal(const struct call *call)
{
    enum family family = call->dialect->family;
    struct answer none = {.status = 0};
    if (family == FAMILY_ANTHROPIC &&
        h2o_find_header_by_str(&call->req->headers, H2O_STRLIT("anthropic-version"), -1) == -1) {
        static const char text[] = "anthropic-version: header is required";
        return errors_message(call->req, family, 400, text, sizeof(text) - 1);
    }
    const char *scope = family == FAMILY_CLOUDFLARE ? "/accounts/" : family == FAMILY_VERTEX ? "/projects/" : NULL;
    const char *ours = family == FAMILY_CLOUDFLARE ? cloudflare_account : google_project;
    size_t at = scope != NULL ? h2o_strstr(call->endpoint.base, call->endpoint.len, scope, strlen(scope)) : SIZE_MAX;
    if (at == SIZE_MAX)
        return none;
    at += strlen(scope);
    size_t left = call->endpoint.len - at;
    if (left > strlen(ours) && memcmp(call->endpoint.base + at, ours, strlen(ours)) == 0 &&
        call->endpoint.base[at + strlen(ours)] == '/')
        return none;
    return errors_answer(call->req, family, family == FAMILY_VERTEX ? 403 : 404, CAUSE_ANY, RETRY_AFTER_NONE);
}

/* The providers of endpoints.c. */
static struct answer listed_endpoint(const struct call *call)
{
    const struct endpoint *endpoint = endpoints_find(call);
    bool public = endpoint != NULL && endpoint->public;
    enum error_cause cause = keys_check(call);
    if (call->dialect->family == FAMILY_GITHUB_MODELS)
        return errors_answer(call->req, FAMILY_GITHUB_MODELS, 410, CAUSE_ANY, RETRY_AFTER_NONE);
    /* DeepInfra's public list refuses a wrong key all the same. */
    if (cause != CAUSE_ANY && !(public && (cause == CAUSE_KEY_MISSING || call->dialect->family != FAMILY_DEEPINFRA)))
        return refuse(call, cause);
    struct answer answer = other_refusal(call);
    if (answer.status == 0)
        answer = endpoint != NULL ? endpoints_answer(call, endpoint) : refuse(call, CAUSE_PATH);
    return answer;
}

struct answer providers_answer(const struct call *call)
{
    enum family family = call->dialect->family;
    bool public = call->dialect->models_public && is_get(call) && endpoint_is(call, "/models");
    if (family == FAMILY_PAGES)
        return pages_answer(call);
    if (family >= FAMILY_OPENAI_ITSELF)
        return listed_endpoint(call);
    if (family == FAMILY_CODE_ASSIST && is_post(call) && endpoint_is(call, "/token"))
        return tokens_endpoint(call);
    if (call->endpoint.len == 0)
        return refuse(call, CAUSE_PATH);
    enum error_cause cause = public ? CAUSE_ANY : keys_check(call);
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
    enum error_cause cause = CAUSE_ANY;
    if (b->per_day)
        cause = CAUSE_DAY;
    else if (b->status == 404)
        cause = is_post(call) ? CAUSE_MODEL : CAUSE_PATH;
    return errors_answer(call->req, call->dialect->family, b->status, cause, b->retry_after_s);
}

struct answer providers_error_in_200(const struct call *call)
{
    enum family family = call->dialect->family;
    const struct endpoint *endpoint = endpoints_find(call);
    enum tongue tongue = family == FAMILY_GEMINI || family == FAMILY_CODE_ASSIST ? TONGUE_GEMINI
                         : endpoint != NULL                                      ? endpoint->tongue
                                                                                 : TONGUE_OPENAI;
    return is_post(call) ? completions_error(call, tongue) : errors_in_200(call->req, family, false);
}

struct answer providers_echo_key(const struct call *call)
{
    static const char prefix[] = "Incorrect API key provided: ";
    h2o_iovec_t text = h2o_concat(&call->req->pool, h2o_iovec_init(H2O_STRLIT(prefix)), keys_sent(call));
    return errors_message(call->req, call->dialect->family, 401, text.base, text.len);
}
