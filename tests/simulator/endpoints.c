#include "endpoints.h"

#include "bodies.h"
#include "completions.h"
#include "limits.h"
#include "tokens.h"

#include <string.h>

#define GET_MODELS(family, path)                                                                                       \
    {                                                                                                                  \
        family, "GET", path, false, ENDPOINT_MODELS, 0, NULL                                                           \
    }
#define OPEN_MODELS(family, path)                                                                                      \
    {                                                                                                                  \
        family, "GET", path, true, ENDPOINT_MODELS, 0, NULL                                                            \
    }
#define GET_JSON(family, path, body)                                                                                   \
    {                                                                                                                  \
        family, "GET", path, false, ENDPOINT_JSON, 0, body                                                             \
    }
#define OPEN_JSON(family, path, body)                                                                                  \
    {                                                                                                                  \
        family, "GET", path, true, ENDPOINT_JSON, 0, body                                                              \
    }
#define CHAT(family, path, tongue)                                                                                     \
    {                                                                                                                  \
        family, "POST", path, false, ENDPOINT_CHAT, tongue, NULL                                                       \
    }

/* Sources: the providers' documentation, and answers that others recorded, as collected 2026-11-23. */
static const struct endpoint endpoints[] = {
    GET_MODELS(FAMILY_OPENAI_ITSELF, "/v1/models"),
    CHAT(FAMILY_OPENAI_ITSELF, "/v1/chat/completions", TONGUE_OPENAI),

    GET_MODELS(FAMILY_ANTHROPIC, "/v1/models"),
    CHAT(FAMILY_ANTHROPIC, "/v1/messages", TONGUE_ANTHROPIC),

    GET_MODELS(FAMILY_DEEPSEEK, "/models"),
    GET_MODELS(FAMILY_DEEPSEEK, "/v1/models"),
    GET_JSON(FAMILY_DEEPSEEK, "/user/balance",
             "{\"is_available\":true,\"balance_infos\":[{\"currency\":\"USD\",\"total_balance\":\"50.00\","
             "\"granted_balance\":\"10.00\",\"topped_up_balance\":\"40.00\"}]}"),
    CHAT(FAMILY_DEEPSEEK, "/chat/completions", TONGUE_OPENAI),
    CHAT(FAMILY_DEEPSEEK, "/v1/chat/completions", TONGUE_OPENAI),

    GET_MODELS(FAMILY_CEREBRAS, "/v1/models"),
    CHAT(FAMILY_CEREBRAS, "/v1/chat/completions", TONGUE_OPENAI),

    GET_MODELS(FAMILY_COHERE, "/v1/models"),
    {FAMILY_COHERE, "POST", "/v1/check-api-key", false, ENDPOINT_JSON, 0,
     "{\"valid\":true,\"organization_id\":\"00000000-0000-0000-0000-000000000000\"}"},
    CHAT(FAMILY_COHERE, "/v2/chat", TONGUE_COHERE),
    CHAT(FAMILY_COHERE, "/compatibility/v1/chat/completions", TONGUE_OPENAI),

    GET_MODELS(FAMILY_XAI, "/v1/models"),
    GET_JSON(FAMILY_XAI, "/v1/api-key",
             "{\"redacted_api_key\":\"xai-...sim\",\"user_id\":\"sim\",\"name\":\"sim\",\"team_id\":\"sim\",\"acls\":["
             "\"api-key:model:*\",\"api-key:endpoint:*\"],\"team_blocked\":false,\"api_key_blocked\":false,"
             "\"api_key_disabled\":false}"),
    CHAT(FAMILY_XAI, "/v1/chat/completions", TONGUE_OPENAI),

    GET_MODELS(FAMILY_FIREWORKS, "/inference/v1/models"),
    GET_JSON(FAMILY_FIREWORKS, "/v1/accounts",
             "{\"accounts\":[{\"name\":\"accounts/sim\",\"suspendState\":\"UNSUSPENDED\"}]}"),
    CHAT(FAMILY_FIREWORKS, "/inference/v1/chat/completions", TONGUE_OPENAI),

    OPEN_MODELS(FAMILY_SAMBANOVA, "/v1/models"),
    CHAT(FAMILY_SAMBANOVA, "/v1/chat/completions", TONGUE_OPENAI),

    GET_MODELS(FAMILY_PERPLEXITY, "/v1/models"),
    CHAT(FAMILY_PERPLEXITY, "/chat/completions", TONGUE_OPENAI),
    CHAT(FAMILY_PERPLEXITY, "/v1/sonar", TONGUE_OPENAI),

    OPEN_MODELS(FAMILY_DEEPINFRA, "/v1/openai/models"), /* a wrong key is refused all the same */
    GET_JSON(FAMILY_DEEPINFRA, "/v1/me",
             "{\"uid\":\"sim\",\"checklist\":{\"stripe_balance\":12.5,\"recent\":0.5,\"limit\":20.0,"
             "\"suspended\":false,\"suspend_reason\":null}}"),
    CHAT(FAMILY_DEEPINFRA, "/v1/openai/chat/completions", TONGUE_OPENAI),

    GET_JSON(FAMILY_CLOUDFLARE, "/client/v4/user/tokens/verify",
             "{\"result\":{\"id\":\"sim\",\"status\":\"active\"},\"success\":true,\"errors\":[],\"messages\":[{"
             "\"code\":10000,\"message\":\"This API Token is valid and active\"}]}"),
    GET_MODELS(FAMILY_CLOUDFLARE, "/client/v4/accounts/*/ai/models/search"),
    CHAT(FAMILY_CLOUDFLARE, "/client/v4/accounts/*/ai/v1/chat/completions", TONGUE_OPENAI),

    GET_MODELS(FAMILY_AZURE, "/openai/models"),
    GET_MODELS(FAMILY_AZURE, "/openai/v1/models"),
    CHAT(FAMILY_AZURE, "/openai/v1/chat/completions", TONGUE_OPENAI),
    CHAT(FAMILY_AZURE, "/openai/deployments/*/chat/completions", TONGUE_OPENAI),

    GET_MODELS(FAMILY_BEDROCK, "/foundation-models"),
    CHAT(FAMILY_BEDROCK, "/model/*/converse", TONGUE_BEDROCK),

    {FAMILY_VERTEX, "POST", "/token", true, ENDPOINT_TOKEN, 0, NULL},
    {FAMILY_VERTEX, "POST", "*/models/*:countTokens", false, ENDPOINT_JSON, 0,
     "{\"totalTokens\":2,\"totalBillableCharacters\":2}"},
    GET_MODELS(FAMILY_VERTEX, "*/publishers/google/models"),
    CHAT(FAMILY_VERTEX, "*/models/*:generateContent", TONGUE_GEMINI),
    CHAT(FAMILY_VERTEX, "*/models/*:streamGenerateContent", TONGUE_GEMINI),

    GET_MODELS(FAMILY_MOONSHOT, "/v1/models"),
    GET_JSON(FAMILY_MOONSHOT, "/v1/users/me/balance",
             "{\"code\":0,\"data\":{\"available_balance\":49.58894,\"voucher_balance\":46.58893,"
             "\"cash_balance\":3.00001},\"scode\":\"0x0\",\"status\":true}"),
    CHAT(FAMILY_MOONSHOT, "/v1/chat/completions", TONGUE_OPENAI),

    GET_MODELS(FAMILY_ZAI, "/api/paas/v4/models"),
    GET_MODELS(FAMILY_ZAI, "/api/coding/paas/v4/models"),
    CHAT(FAMILY_ZAI, "/api/coding/paas/v4/chat/completions", TONGUE_OPENAI),
    GET_JSON(FAMILY_ZAI, "/api/monitor/usage/quota/limit",
             "{\"code\":200,\"msg\":\"OK\",\"data\":{\"limits\":[{\"type\":\"TOKENS_LIMIT\",\"percentage\":12,"
             "\"nextResetTime\":1893456000000}]},\"success\":true}"),
    CHAT(FAMILY_ZAI, "/api/paas/v4/chat/completions", TONGUE_OPENAI),

    GET_MODELS(FAMILY_DASHSCOPE, "/compatible-mode/v1/models"),
    CHAT(FAMILY_DASHSCOPE, "/compatible-mode/v1/chat/completions", TONGUE_OPENAI),

    GET_MODELS(FAMILY_MINIMAX, "/v1/models"),
    GET_JSON(FAMILY_MINIMAX, "/v1/token_plan/remains",
             "{\"model_remains\":[{\"model_name\":\"MiniMax-M2\",\"current_interval_remaining_percent\":88,"
             "\"start_time\":1893438000000,\"end_time\":1893456000000}],\"base_resp\":{\"status_code\":0,"
             "\"status_msg\":\"success\"}}"),
    CHAT(FAMILY_MINIMAX, "/v1/chat/completions", TONGUE_OPENAI),
    CHAT(FAMILY_MINIMAX, "/v1/text/chatcompletion_v2", TONGUE_OPENAI),

    GET_MODELS(FAMILY_SILICONFLOW, "/v1/models"),
    GET_JSON(FAMILY_SILICONFLOW, "/v1/user/info",
             "{\"code\":20000,\"message\":\"OK\",\"status\":true,\"data\":{\"id\":\"sim\",\"name\":\"sim\","
             "\"balance\":\"0.88\",\"chargeBalance\":\"88.00\",\"totalBalance\":\"88.88\",\"status\":\"normal\"}}"),
    CHAT(FAMILY_SILICONFLOW, "/v1/chat/completions", TONGUE_OPENAI),

    OPEN_MODELS(FAMILY_NOVITA, "/openai/v1/models"),
    GET_JSON(FAMILY_NOVITA, "/openapi/v1/billing/balance/detail",
             "{\"availableBalance\":\"49000\",\"cashBalance\":\"49000\",\"creditLimit\":\"0\",\"pendingCharges\":\"0\","
             "\"outstandingInvoices\":\"0\"}"),
    GET_JSON(FAMILY_NOVITA, "/v3/user", "{\"allow_features\":[],\"credit_balance\":49000,\"free_trial\":{}}"),
    CHAT(FAMILY_NOVITA, "/openai/v1/chat/completions", TONGUE_OPENAI),

    GET_MODELS(FAMILY_HYPERBOLIC, "/v1/models"),
    GET_JSON(FAMILY_HYPERBOLIC, "/billing/get_current_balance", "{\"credits\":1000}"),
    CHAT(FAMILY_HYPERBOLIC, "/v1/chat/completions", TONGUE_OPENAI),

    OPEN_MODELS(FAMILY_CHUTES, "/v1/models"),
    GET_JSON(FAMILY_CHUTES, "/users/me/quota_usage/me", "{\"quota\":2000,\"used\":37}"),
    CHAT(FAMILY_CHUTES, "/v1/chat/completions", TONGUE_OPENAI),

    OPEN_JSON(FAMILY_OLLAMA, "/", "Ollama is running"),
    OPEN_JSON(FAMILY_OLLAMA, "/api/version", "{\"version\":\"0.12.6\"}"),
    OPEN_MODELS(FAMILY_OLLAMA, "/api/tags"),
    OPEN_JSON(FAMILY_OLLAMA, "/api/ps",
              "{\"models\":[{\"name\":\"gemma4:latest\",\"model\":\"gemma4:latest\",\"size\":9608350245,"
              "\"digest\":\"0123456789abcdef\",\"details\":{\"family\":\"gemma4\",\"parameter_size\":\"8B\"},"
              "\"expires_at\":\"2030-01-01T00:00:00Z\",\"size_vram\":9608350245,\"context_length\":4096}]}"),
    {FAMILY_OLLAMA, "GET", "/v1/models", true, ENDPOINT_OTHER_LIST, 0, NULL},
    CHAT(FAMILY_OLLAMA, "/api/chat", TONGUE_OLLAMA),
    CHAT(FAMILY_OLLAMA, "/v1/chat/completions", TONGUE_OPENAI),

    OPEN_JSON(FAMILY_VLLM, "/health", ""),
    OPEN_JSON(FAMILY_VLLM, "/ping", ""),
    OPEN_JSON(FAMILY_VLLM, "/version", "{\"version\":\"0.11.0\"}"),
    OPEN_JSON(FAMILY_VLLM, "/load", "{\"server_load\":0}"),
    OPEN_JSON(FAMILY_VLLM, "/metrics",
              "# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running 0\n"
              "# TYPE vllm:num_requests_waiting gauge\nvllm:num_requests_waiting 0\n"),
    GET_MODELS(FAMILY_VLLM, "/v1/models"),
    CHAT(FAMILY_VLLM, "/v1/chat/completions", TONGUE_OPENAI),

    OPEN_JSON(FAMILY_LLAMACPP, "/health", "{\"status\":\"ok\"}"),
    OPEN_JSON(FAMILY_LLAMACPP, "/v1/health", "{\"status\":\"ok\"}"),
    OPEN_MODELS(FAMILY_LLAMACPP, "/v1/models"),
    OPEN_MODELS(FAMILY_LLAMACPP, "/models"),
    GET_JSON(FAMILY_LLAMACPP, "/props",
             "{\"default_generation_settings\":{\"n_ctx\":32768},\"total_slots\":1,"
             "\"model_path\":\"/models/Qwen3-8B-Q4_K_M.gguf\",\"build_info\":\"b6900-sim\"}"),
    CHAT(FAMILY_LLAMACPP, "/v1/chat/completions", TONGUE_OPENAI),

    OPEN_MODELS(FAMILY_LMSTUDIO, "/v1/models"),
    {FAMILY_LMSTUDIO, "GET", "/api/v0/models", true, ENDPOINT_OTHER_LIST, 0, NULL},
    CHAT(FAMILY_LMSTUDIO, "/v1/chat/completions", TONGUE_OPENAI),

    GET_MODELS(FAMILY_LITELLM, "/v1/models"),
    GET_MODELS(FAMILY_LITELLM, "/models"),
    GET_JSON(FAMILY_LITELLM, "/key/info",
             "{\"key\":\"sim\",\"info\":{\"spend\":0.12,\"max_budget\":10.0,\"budget_reset_at\":null,\"rpm_limit\":60,"
             "\"tpm_limit\":100000,\"expires\":null,\"blocked\":null}}"),
    OPEN_JSON(FAMILY_LITELLM, "/health/liveliness", "\"I'm alive!\""),
    OPEN_JSON(FAMILY_LITELLM, "/health/readiness", "{\"status\":\"healthy\",\"db\":\"connected\"}"),
    CHAT(FAMILY_LITELLM, "/v1/chat/completions", TONGUE_OPENAI),
    CHAT(FAMILY_LITELLM, "/chat/completions", TONGUE_OPENAI),
};

/* Does the path fit the pattern, in which "*" is any run of bytes? */
static bool fits(const char *pattern, const char *at, size_t len)
{
    for (; *pattern != '\0'; pattern++, at++, len--) {
        if (*pattern == '*') {
            for (size_t skip = 0; skip <= len; skip++)
                if (fits(pattern + 1, at + skip, len - skip))
                    return true;
            return false;
        }
        if (len == 0 || *at != *pattern)
            return false;
    }
    return len == 0;
}

const struct endpoint *endpoints_find(const struct call *call)
{
    h2o_iovec_t method = call->req->input.method;
    if (h2o_memis(method.base, method.len, H2O_STRLIT("HEAD")))
        method = h2o_iovec_init(H2O_STRLIT("GET"));
    for (size_t i = 0; i < sizeof(endpoints) / sizeof(endpoints[0]); i++)
        if (endpoints[i].family == call->dialect->family &&
            h2o_memis(method.base, method.len, endpoints[i].method, strlen(endpoints[i].method)) &&
            fits(endpoints[i].path, call->endpoint.base, call->endpoint.len))
            return &endpoints[i];
    return NULL;
}

/* The cheapest way to ask a list whether a key is good, by each provider's own name for it. */
static bool wants_one_model(const struct call *call)
{
    static const char *const names[] = {"limit", "page_size", "per_page", "pageSize"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *size = asked_parameter(call->req, names[i]);
        if (size != NULL && strcmp(size, "1") == 0)
            return true;
    }
    return false;
}

struct answer endpoints_answer(const struct call *call, const struct endpoint *endpoint)
{
    const struct bodies *bodies = call->simulator->bodies;
    enum family family = call->dialect->family;
    struct answer answer;
    switch (endpoint->kind) {
    case ENDPOINT_MODELS:
        answer = bodies_models(bodies, family, wants_one_model(call) ? LIST_OF_ONE : LIST_OF_ALL);
        break;
    case ENDPOINT_OTHER_LIST:
        answer = bodies_models(bodies, family, LIST_IN_OTHER_FORM);
        break;
    case ENDPOINT_CHAT:
        return completions_answer(call, endpoint->tongue);
    case ENDPOINT_TOKEN:
        return tokens_endpoint(call);
    default:
        answer = bodies_json(endpoint->body);
        if (*endpoint->body == '\0')
            answer.content_type = NULL;
        else if (strchr("{[\"", *endpoint->body) == NULL)
            answer.content_type = "text/plain; charset=utf-8";
    }
    limits_add(call->req, &answer, family, false);
    return answer;
}
