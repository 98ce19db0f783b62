#include "refusals.h"

#define OPENAI_ERROR(message, type, code)                                                                              \
    "{\"error\":{\"message\":\"" message "\",\"type\":\"" type "\",\"param\":null,\"code\":" code "}}"
#define ANTHROPIC_ERROR(type, message)                                                                                 \
    "{\"type\":\"error\",\"error\":{\"type\":\"" type "\",\"message\":\"" message "\"},\"request_id\":\"req_sim\"}"
#define FLAT_ERROR(message, type, param, code)                                                                         \
    "{\"message\":\"" message "\",\"type\":\"" type "\",\"param\":\"" param "\",\"code\":\"" code "\"}"
#define CLOUDFLARE_ERROR(code, message)                                                                                \
    "{\"result\":null,\"success\":false,\"errors\":[{\"code\":" #code ",\"message\":\"" message "\"}],\"messages\":[]" \
    "}"
#define AMAZON_ERROR(type) HEADER_LINES({"x-amzn-errortype", type})
#define SILENCE "", ""

const struct refusal refusals_others[] = {
    {FAMILY_OPENAI_ITSELF, 401, CAUSE_KEY_MISSING, NULL,
     OPENAI_ERROR("You didn't provide an API key. You need to provide your API key in an Authorization header using "
                  "Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
                  "invalid_request_error", "null"),
     NULL},
    {FAMILY_OPENAI_ITSELF, 401, CAUSE_ANY, NULL,
     OPENAI_ERROR("Incorrect API key provided: sk-****. You can find your API key at "
                  "https://platform.openai.com/account/api-keys.",
                  "invalid_request_error", "\"invalid_api_key\""),
     NULL},
    {FAMILY_OPENAI_ITSELF, 403, CAUSE_ANY, NULL,
     OPENAI_ERROR("Country, region, or territory not supported", "request_forbidden",
                  "\"unsupported_country_region_territory\""),
     NULL},
    {FAMILY_OPENAI_ITSELF, 404, CAUSE_MODEL, NULL,
     OPENAI_ERROR("The model `sim` does not exist or you do not have access to it.", "invalid_request_error",
                  "\"model_not_found\""),
     NULL},
    {FAMILY_OPENAI_ITSELF, 429, CAUSE_DAY, NULL,
     OPENAI_ERROR("Rate limit reached for sim in organization org-sim on requests per day (RPD): Limit 200, Used 200, "
                  "Requested 1. Please try again in 7m12s.",
                  "requests", "\"rate_limit_exceeded\""),
     HEADER_LINES({"x-ratelimit-limit-requests", "200"}, {"x-ratelimit-remaining-requests", "0"},
                  {"x-ratelimit-reset-requests", "7m12s"})},
    {FAMILY_OPENAI_ITSELF, 429, CAUSE_ANY, NULL,
     OPENAI_ERROR("Rate limit reached for sim in organization org-sim on tokens per min (TPM): Limit 150000, Used "
                  "150000, Requested 50. Please try again in 20ms.",
                  "tokens", "\"rate_limit_exceeded\""),
     HEADER_LINES({"x-ratelimit-limit-tokens", "150000"}, {"x-ratelimit-remaining-tokens", "0"},
                  {"x-ratelimit-reset-tokens", "20ms"})},
    {FAMILY_OPENAI_ITSELF, 402, CAUSE_ANY, NULL,
     OPENAI_ERROR("You exceeded your current quota, please check your plan and billing details.", "insufficient_quota",
                  "\"insufficient_quota\""),
     NULL},
    {FAMILY_OPENAI_ITSELF, 503, CAUSE_ANY, NULL,
     OPENAI_ERROR("The engine is currently overloaded, please try again later", "server_error", "null"), NULL},

    {FAMILY_ANTHROPIC, 401, CAUSE_KEY_MISSING, NULL,
     ANTHROPIC_ERROR("authentication_error", "x-api-key header is required"), NULL},
    {FAMILY_ANTHROPIC, 401, CAUSE_ANY, NULL, ANTHROPIC_ERROR("authentication_error", "invalid x-api-key"), NULL},
    {FAMILY_ANTHROPIC, 402, CAUSE_ANY, NULL,
     ANTHROPIC_ERROR("billing_error", "There is an issue with your billing or payment information."), NULL},
    {FAMILY_ANTHROPIC, 404, CAUSE_MODEL, NULL, ANTHROPIC_ERROR("not_found_error", "model: sim"), NULL},
    {FAMILY_ANTHROPIC, 404, CAUSE_ANY, NULL, ANTHROPIC_ERROR("not_found_error", "Not Found"), NULL},
    {FAMILY_ANTHROPIC, 429, CAUSE_DAY, NULL,
     ANTHROPIC_ERROR("rate_limit_error", "This request would exceed your organization's monthly spend limit."), NULL},
    {FAMILY_ANTHROPIC, 429, CAUSE_ANY, NULL,
     ANTHROPIC_ERROR("rate_limit_error", "Number of input tokens has exceeded your per-minute rate limit."), NULL},
    {FAMILY_ANTHROPIC, 500, CAUSE_ANY, NULL, ANTHROPIC_ERROR("api_error", "Internal server error"), NULL},
    {FAMILY_ANTHROPIC, 529, CAUSE_ANY, NULL, ANTHROPIC_ERROR("overloaded_error", "Overloaded"), NULL},

    {FAMILY_DEEPSEEK, 400, CAUSE_MODEL, NULL,
     OPENAI_ERROR("Model Not Exist", "invalid_request_error", "\"invalid_request_error\""), NULL},
    {FAMILY_DEEPSEEK, 401, CAUSE_KEY_MISSING, "text/plain", "Authentication Fails (governor)", NULL},
    {FAMILY_DEEPSEEK, 401, CAUSE_ANY, NULL,
     OPENAI_ERROR("Authentication Fails, Your api key: ****6789 is invalid", "authentication_error",
                  "\"invalid_request_error\""),
     NULL},
    {FAMILY_DEEPSEEK, 402, CAUSE_ANY, NULL,
     OPENAI_ERROR("Insufficient Balance", "unknown_error", "\"invalid_request_error\""), NULL},

    {FAMILY_CEREBRAS, 401, CAUSE_ANY, NULL,
     FLAT_ERROR("Wrong API Key", "invalid_request_error", "api_key", "wrong_api_key"), NULL},
    {FAMILY_CEREBRAS, 402, CAUSE_ANY, NULL,
     FLAT_ERROR("Payment required.", "payment_required_error", "quota", "payment_required"), NULL},
    {FAMILY_CEREBRAS, 403, CAUSE_KEY_MISSING, NULL, "{\"detail\":\"Not authenticated\"}", NULL},
    {FAMILY_CEREBRAS, 403, CAUSE_ANY, "text/plain", "error code: 1010", HEADER_LINES({"server", "cloudflare"})},
    {FAMILY_CEREBRAS, 404, CAUSE_PATH, SILENCE, NULL},
    {FAMILY_CEREBRAS, 404, CAUSE_ANY, NULL,
     FLAT_ERROR("Model sim does not exist or you do not have access to it.", "not_found_error", "model",
                "model_not_found"),
     NULL},
    {FAMILY_CEREBRAS, 429, CAUSE_DAY, NULL,
     FLAT_ERROR("Tokens per day limit exceeded - too many tokens processed.", "too_many_tokens_error", "quota",
                "token_quota_exceeded"),
     NULL},
    {FAMILY_CEREBRAS, 429, CAUSE_ANY, NULL,
     FLAT_ERROR("Requests per minute limit exceeded - too many requests sent.", "too_many_requests_error", "quota",
                "request_quota_exceeded"),
     NULL},

    {FAMILY_COHERE, 401, CAUSE_KEY_MISSING, NULL, "{\"id\":\"sim\",\"message\":\"no api key supplied\"}", NULL},
    {FAMILY_COHERE, 401, CAUSE_ANY, NULL, "{\"id\":\"sim\",\"message\":\"invalid api token\"}", NULL},
    {FAMILY_COHERE, 404, CAUSE_MODEL, NULL,
     "{\"id\":\"sim\",\"message\":\"model 'sim' was removed on September 15, 2025.\"}", NULL},
    {FAMILY_COHERE, 429, CAUSE_DAY, NULL,
     "{\"message\":\"You are using a Trial key, which is limited to 1000 API calls / month.\"}", NULL},
    {FAMILY_COHERE, 429, CAUSE_ANY, NULL,
     "{\"message\":\"You are using a Trial key, which is limited to 20 API calls / minute.\"}", NULL},

    {FAMILY_XAI, 400, CAUSE_KEY_WRONG, NULL,
     "{\"code\":\"invalid-argument\",\"error\":\"Incorrect API key provided: xa***. You can obtain an API key from "
     "https://console.x.ai.\"}",
     NULL},
    {FAMILY_XAI, 401, CAUSE_ANY, NULL,
     "{\"code\":\"unauthenticated:no-credentials\",\"error\":\"No credentials presented.\"}", NULL},
    {FAMILY_XAI, 402, CAUSE_ANY, NULL,
     "{\"code\":\"permission-denied\",\"error\":\"Your team has run out of credits.\"}", NULL},
    {FAMILY_XAI, 403, CAUSE_ANY, NULL,
     "{\"code\":\"permission-denied\",\"error\":\"Your team has run out of credits.\"}", NULL},
    {FAMILY_XAI, 404, CAUSE_PATH, "text/plain", "Not Found", NULL},
    {FAMILY_XAI, 404, CAUSE_ANY, NULL,
     "{\"code\":\"not-found\",\"error\":\"The model sim does not exist or your team does not have access to it.\"}",
     NULL},
    {FAMILY_XAI, 429, CAUSE_ANY, NULL,
     "{\"code\":\"resource-exhausted\",\"error\":\"Too many requests: rate limit reached\"}", NULL},

    {FAMILY_FIREWORKS, 401, CAUSE_KEY_MISSING, NULL,
     "{\"error\":{\"type\":\"error\",\"code\":\"UNAUTHORIZED\",\"message\":\"You must provide an API key.\"},"
     "\"request_id\":\"sim\"}",
     NULL},
    {FAMILY_FIREWORKS, 401, CAUSE_ANY, NULL,
     "{\"error\":{\"type\":\"error\",\"code\":\"UNAUTHORIZED\",\"message\":\"The API key you provided is invalid.\"},"
     "\"request_id\":\"sim\"}",
     NULL},
    {FAMILY_FIREWORKS, 404, CAUSE_PATH, NULL,
     "{\"error\":{\"type\":\"error\",\"code\":\"NOT_FOUND\",\"message\":\"Path not found: /v1/x\"},"
     "\"request_id\":\"sim\"}",
     NULL},
    {FAMILY_FIREWORKS, 404, CAUSE_ANY, NULL,
     "{\"error\":{\"object\":\"error\",\"type\":\"invalid_request_error\",\"code\":\"NOT_FOUND\",\"message\":\"Model "
     "not found, inaccessible, and/or not deployed\"}}",
     NULL},

    {FAMILY_SAMBANOVA, 410, CAUSE_ANY, NULL,
     OPENAI_ERROR("Model sim has been deprecated and is no longer available.", "invalid_request_error",
                  "\"model_gone\""),
     NULL},

    {FAMILY_PERPLEXITY, 401, CAUSE_ANY, NULL,
     "{\"error\":{\"message\":\"Invalid API key provided.\",\"type\":\"invalid_api_key\",\"code\":401}}", NULL},
    {FAMILY_PERPLEXITY, 404, CAUSE_PATH, SILENCE, NULL},

    {FAMILY_DEEPINFRA, 401, CAUSE_ANY, NULL, "{\"detail\":\"User is not authorized to access this resource\"}", NULL},
    {FAMILY_DEEPINFRA, 402, CAUSE_ANY, NULL, "{\"detail\":\"Payment required\"}", NULL},
    {FAMILY_DEEPINFRA, 404, CAUSE_MODEL, NULL, "{\"detail\":\"Model is not available\"}", NULL},

    {FAMILY_CLOUDFLARE, 400, CAUSE_MODEL, NULL, CLOUDFLARE_ERROR(5007, "No such model @cf/sim or task"), NULL},
    {FAMILY_CLOUDFLARE, 401, CAUSE_ANY, NULL, CLOUDFLARE_ERROR(10000, "Authentication error"), NULL},
    {FAMILY_CLOUDFLARE, 403, CAUSE_ANY, NULL, CLOUDFLARE_ERROR(10000, "Authentication error"), NULL},
    {FAMILY_CLOUDFLARE, 404, CAUSE_ANY, NULL,
     CLOUDFLARE_ERROR(7003, "Could not route to the path, perhaps your object identifier is invalid?"), NULL},
    {FAMILY_CLOUDFLARE, 429, CAUSE_DAY, NULL,
     CLOUDFLARE_ERROR(4006, "you have used up your daily free allocation of 10,000 neurons, please upgrade to "
                            "Cloudflare's Workers Paid plan"),
     NULL},
    {FAMILY_CLOUDFLARE, 503, CAUSE_ANY, NULL, CLOUDFLARE_ERROR(3040, "Capacity temporarily exceeded, try again."),
     NULL},

    {FAMILY_GITHUB_MODELS, 410, CAUSE_ANY, NULL,
     "{\"error\":{\"code\":\"github_models_retirement_brownout\",\"message\":\"GitHub Models is temporarily "
     "unavailable as part of a scheduled retirement brownout.\"}}",
     NULL},

    {FAMILY_AZURE, 401, CAUSE_ANY, NULL,
     "{\"error\":{\"code\":\"401\",\"message\":\"Access denied due to invalid subscription key or wrong API endpoint. "
     "Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your "
     "resource.\"}}",
     NULL},
    {FAMILY_AZURE, 404, CAUSE_PATH, NULL, "{\"error\":{\"code\":\"404\",\"message\":\"Resource not found\"}}", NULL},
    {FAMILY_AZURE, 404, CAUSE_ANY, NULL,
     "{\"error\":{\"code\":\"DeploymentNotFound\",\"message\":\"The API deployment for this resource does not "
     "exist.\"}}",
     NULL},
    {FAMILY_AZURE, 429, CAUSE_DAY, NULL,
     "{\"error\":{\"code\":\"429\",\"message\":\"Requests to the ChatCompletions_Create Operation have exceeded the "
     "call rate limit. Please retry after 86400 seconds.\"}}",
     HEADER_LINES({"retry-after", "86400"})},
    {FAMILY_AZURE, 429, CAUSE_ANY, NULL,
     "{\"error\":{\"code\":\"429\",\"message\":\"Requests to the ChatCompletions_Create Operation under Azure OpenAI "
     "API version 2024-10-21 have exceeded call rate limit of your current OpenAI S0 pricing tier. Please retry after "
     "38 seconds.\"}}",
     HEADER_LINES({"retry-after", "38"})},

    {FAMILY_BEDROCK, 403, CAUSE_KEY_MISSING, NULL, "{\"message\":\"Missing Authentication Token\"}",
     AMAZON_ERROR("MissingAuthenticationTokenException")},
    {FAMILY_BEDROCK, 403, CAUSE_KEY_WRONG, NULL,
     "{\"message\":\"The security token included in the request is invalid.\"}",
     AMAZON_ERROR("UnrecognizedClientException")},
    {FAMILY_BEDROCK, 403, CAUSE_ANY, NULL,
     "{\"message\":\"User: arn:aws:iam::000000000000:user/sim is not authorized to perform: "
     "bedrock:ListFoundationModels\"}",
     AMAZON_ERROR("AccessDeniedException")},
    {FAMILY_BEDROCK, 404, CAUSE_PATH, NULL, "{\"message\":null}", AMAZON_ERROR("UnknownOperationException")},
    {FAMILY_BEDROCK, 404, CAUSE_ANY, NULL, "{\"message\":\"Could not resolve the foundation model.\"}",
     AMAZON_ERROR("ResourceNotFoundException")},
    {FAMILY_BEDROCK, 429, CAUSE_ANY, NULL, "{\"message\":\"Too many requests, please wait before trying again.\"}",
     AMAZON_ERROR("ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/")},
    {FAMILY_BEDROCK, 500, CAUSE_ANY, NULL, "{\"message\":\"The system encountered an unexpected error.\"}",
     AMAZON_ERROR("InternalServerException")},
    {FAMILY_BEDROCK, 503, CAUSE_ANY, NULL, "{\"message\":\"The service is currently unavailable.\"}",
     AMAZON_ERROR("ServiceUnavailableException")},

    {FAMILY_VERTEX, 401, CAUSE_ANY, NULL,
     GOOGLE_ERROR(401, "Request had invalid authentication credentials.",
                  "UNAUTHENTICATED") ",\"details\":[{" GOOGLE_TYPE
                                     "ErrorInfo\",\"reason\":\"ACCESS_TOKEN_EXPIRED\"}]}}",
     NULL},
    {FAMILY_VERTEX, 403, CAUSE_ANY, NULL,
     GOOGLE_ERROR(403, "Vertex AI API has not been used in project sim-project before or it is disabled.",
                  "PERMISSION_DENIED") ",\"details\":[{" GOOGLE_TYPE "ErrorInfo\",\"reason\":\"SERVICE_DISABLED\"}]}}",
     NULL},
    {FAMILY_VERTEX, 404, CAUSE_MODEL, NULL,
     GOOGLE_ERROR(404,
                  "Publisher Model `projects/sim-project/locations/us-central1/publishers/google/models/sim` was "
                  "not found or your project does not have access to it.",
                  "NOT_FOUND") "}}",
     NULL},
    {FAMILY_VERTEX, 429, CAUSE_ANY, NULL,
     GOOGLE_ERROR(429, "Resource exhausted. Please try again later.", "RESOURCE_EXHAUSTED") "}}", NULL},

    {FAMILY_MOONSHOT, 401, CAUSE_ANY, NULL,
     "{\"error\":{\"message\":\"Invalid Authentication\",\"type\":\"invalid_authentication_error\"}}", NULL},
    {FAMILY_MOONSHOT, 402, CAUSE_ANY, NULL,
     "{\"error\":{\"message\":\"Your account sim is suspended due to insufficient balance, please recharge your "
     "account or check your plan and billing details\",\"type\":\"exceeded_current_quota_error\"}}",
     NULL},
    {FAMILY_MOONSHOT, 404, CAUSE_ANY, NULL,
     "{\"error\":{\"message\":\"Not found the model sim or Permission denied\",\"type\":"
     "\"resource_not_found_error\"}}",
     NULL},
    {FAMILY_MOONSHOT, 429, CAUSE_ANY, NULL,
     "{\"error\":{\"message\":\"Your account sim request reached organization max RPM: 3, please try again after 1 "
     "seconds\",\"type\":\"rate_limit_reached_error\"}}",
     NULL},
    {FAMILY_MOONSHOT, 503, CAUSE_ANY, NULL,
     "{\"error\":{\"message\":\"The engine is currently overloaded, please try again later\",\"type\":"
     "\"engine_overloaded_error\"}}",
     NULL},

    {FAMILY_ZAI, 400, CAUSE_MODEL, NULL,
     "{\"error\":{\"code\":\"1211\",\"message\":\"Unknown Model, please check the model code.\"}}", NULL},
    {FAMILY_ZAI, 401, CAUSE_KEY_MISSING, NULL,
     "{\"error\":{\"code\":\"1001\",\"message\":\"Authentication parameter not received in Header, unable to "
     "authenticate\"}}",
     NULL},
    {FAMILY_ZAI, 401, CAUSE_ANY, NULL, "{\"error\":{\"code\":\"1000\",\"message\":\"Authentication Failed\"}}", NULL},
    {FAMILY_ZAI, 402, CAUSE_ANY, NULL,
     "{\"error\":{\"code\":\"1113\",\"message\":\"Insufficient balance or no resource package. Please recharge.\"}}",
     NULL},
    {FAMILY_ZAI, 429, CAUSE_DAY, NULL,
     "{\"error\":{\"code\":\"1308\",\"message\":\"Usage limit reached for 5 hour. Your limit will reset at 2030-01-01 "
     "08:00:00\"}}",
     NULL},
    {FAMILY_ZAI, 429, CAUSE_ANY, NULL,
     "{\"error\":{\"code\":\"1302\",\"message\":\"High concurrency usage of this API, please reduce concurrency\"}}",
     NULL},

    {FAMILY_DASHSCOPE, 401, CAUSE_ANY, NULL,
     "{\"error\":{\"message\":\"Incorrect API key provided. \",\"type\":\"invalid_request_error\",\"param\":null,"
     "\"code\":\"invalid_api_key\"},\"request_id\":\"sim\"}",
     NULL},
    {FAMILY_DASHSCOPE, 404, CAUSE_MODEL, NULL,
     "{\"error\":{\"message\":\"The model `sim` does not exist or you do not have access to it.\",\"type\":"
     "\"invalid_request_error\",\"param\":null,\"code\":\"model_not_found\"},\"request_id\":\"sim\"}",
     NULL},
    {FAMILY_DASHSCOPE, 402, CAUSE_ANY, NULL,
     "{\"code\":\"Arrearage\",\"message\":\"Access denied, please make sure your account is in good standing.\","
     "\"request_id\":\"sim\"}",
     NULL},
    {FAMILY_DASHSCOPE, 429, CAUSE_ANY, NULL,
     "{\"error\":{\"message\":\"You exceeded your current quota, please check your plan and billing details.\","
     "\"type\":\"insufficient_quota\",\"param\":null,\"code\":\"insufficient_quota\"},\"request_id\":\"sim\"}",
     NULL},

    {FAMILY_MINIMAX, 401, CAUSE_ANY, NULL,
     "{\"type\":\"error\",\"error\":{\"type\":\"authorized_error\",\"message\":\"login fail: Please carry the API "
     "secret key in the 'Authorization' field of the request header (1004)\",\"http_code\":\"401\"},\"request_id\":"
     "\"sim\"}",
     NULL},
    {FAMILY_MINIMAX, 402, CAUSE_ANY, NULL,
     "{\"type\":\"error\",\"error\":{\"type\":\"insufficient_balance_error\",\"message\":\"insufficient balance "
     "(1008)\",\"http_code\":\"402\"},\"request_id\":\"sim\"}",
     NULL},
    {FAMILY_MINIMAX, 429, CAUSE_ANY, NULL,
     "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"rate limit (1002)\",\"http_code\":"
     "\"429\"},\"request_id\":\"sim\"}",
     NULL},

    {FAMILY_SILICONFLOW, 400, CAUSE_MODEL, NULL,
     "{\"code\":20012,\"message\":\"Model does not exist. Please check it carefully.\",\"data\":null}", NULL},
    {FAMILY_SILICONFLOW, 401, CAUSE_ANY, NULL, "{\"code\":30014,\"data\":null,\"message\":\"Invalid token\"}", NULL},
    {FAMILY_SILICONFLOW, 403, CAUSE_ANY, NULL,
     "{\"code\":30001,\"data\":null,\"message\":\"Sorry, your account balance is insufficient\"}", NULL},

    {FAMILY_NOVITA, 401, CAUSE_ANY, NULL,
     "{\"code\":401,\"reason\":\"INVALID_API_KEY\",\"message\":\"invalid api key\",\"metadata\":{}}", NULL},
    {FAMILY_NOVITA, 402, CAUSE_ANY, NULL,
     "{\"code\":402,\"reason\":\"NOT_ENOUGH_BALANCE\",\"message\":\"not enough balance\",\"metadata\":{}}", NULL},
    {FAMILY_NOVITA, 403, CAUSE_ANY, NULL,
     "{\"code\":403,\"reason\":\"NOT_ENOUGH_BALANCE\",\"message\":\"not enough balance\",\"metadata\":{}}", NULL},
    {FAMILY_NOVITA, 404, CAUSE_MODEL, NULL,
     "{\"code\":404,\"reason\":\"MODEL_NOT_FOUND\",\"message\":\"model not found\",\"metadata\":{\"reason\":\"model: "
     "sim not "
     "found\"}}",
     NULL},
    {FAMILY_NOVITA, 429, CAUSE_ANY, NULL,
     "{\"code\":429,\"reason\":\"RATE_LIMIT_EXCEEDED\",\"message\":\"rate limit exceeded\",\"metadata\":{}}", NULL},

    {FAMILY_OLLAMA, 401, CAUSE_ANY, NULL,
     "{\"error\":\"unauthorized\",\"signin_url\":\"https://ollama.com/connect?name=sim\"}", NULL},
    {FAMILY_OLLAMA, 404, CAUSE_PATH, "text/plain", "404 page not found", NULL},
    {FAMILY_OLLAMA, 404, CAUSE_ANY, NULL, "{\"error\":\"model 'sim' not found\"}", NULL},

    {FAMILY_VLLM, 401, CAUSE_ANY, NULL, "{\"error\":\"Unauthorized\"}", NULL},
    {FAMILY_VLLM, 404, CAUSE_PATH, NULL, "{\"detail\":\"Not Found\"}", NULL},
    {FAMILY_VLLM, 404, CAUSE_ANY, NULL,
     "{\"error\":{\"message\":\"The model `sim` does not exist.\",\"type\":\"NotFoundError\",\"param\":null,"
     "\"code\":404}}",
     NULL},
    {FAMILY_VLLM, 503, CAUSE_ANY, SILENCE, NULL},

    {FAMILY_LLAMACPP, 401, CAUSE_ANY, NULL,
     "{\"error\":{\"code\":401,\"message\":\"Invalid API Key\",\"type\":\"authentication_error\"}}", NULL},
    {FAMILY_LLAMACPP, 404, CAUSE_PATH, NULL,
     "{\"error\":{\"code\":404,\"message\":\"File Not Found\",\"type\":\"not_found_error\"}}", NULL},
    {FAMILY_LLAMACPP, 503, CAUSE_ANY, NULL,
     "{\"error\":{\"code\":503,\"message\":\"Loading model\",\"type\":\"unavailable_error\"}}", NULL},

    {FAMILY_LMSTUDIO, 200, CAUSE_PATH, NULL, "{\"error\":\"Unexpected endpoint or method. (GET /sim)\"}", NULL},

    {FAMILY_LITELLM, 400, CAUSE_MODEL, NULL,
     OPENAI_ERROR("Invalid model name passed in model=sim. Call `/v1/models` to view available models for your key.",
                  "invalid_request_error", "\"400\""),
     NULL},
    {FAMILY_LITELLM, 401, CAUSE_KEY_MISSING, NULL,
     OPENAI_ERROR("Authentication Error, No api key passed in.", "auth_error", "\"401\""), NULL},
    {FAMILY_LITELLM, 401, CAUSE_ANY, NULL,
     OPENAI_ERROR("Authentication Error, Invalid proxy server token passed. Unable to find token in cache or "
                  "`LiteLLM_VerificationTokenTable`",
                  "token_not_found_in_db", "\"401\""),
     NULL},
    {FAMILY_LITELLM, 429, CAUSE_DAY, NULL,
     OPENAI_ERROR("Budget has been exceeded! Current cost: 10.1, Max budget: 10.0", "budget_exceeded", "\"429\""),
     NULL},
};

const size_t refusals_others_count = sizeof(refusals_others) / sizeof(refusals_others[0]);
