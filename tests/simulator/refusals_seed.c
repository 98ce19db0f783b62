#include "refusals.h"

const struct refusal refusals_seed[] = {
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
     HEADER_LINES({"x-ratelimit-limit-requests", "200"}, {"x-ratelimit-remaining-requests", "0"},
                  {"x-ratelimit-reset-requests", "7m12s"})},

    {FAMILY_GROQ, 401, CAUSE_ANY, NULL,
     "{\"error\":{\"message\":\"Invalid API Key\",\"type\":\"invalid_request_error\",\"code\":\"invalid_api_key\"}}",
     NULL},
    {FAMILY_GROQ, 403, CAUSE_ANY, "text/plain", "error code: 1010", HEADER_LINES({"server", "cloudflare"})},
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
     HEADER_LINES({"retry-after", "65"})},
    {FAMILY_GROQ, 429, CAUSE_DAY, NULL,
     "{\"error\":{\"message\":\"Rate limit reached for model `sim` in organization `org_sim` on requests per day "
     "(RPD): "
     "Limit 1000, Used 1000, Requested 1. Please try again in 2h31m16.752s.\",\"type\":\"requests\","
     "\"code\":\"rate_limit_exceeded\"}}",
     HEADER_LINES({"x-ratelimit-limit-requests", "1000"}, {"x-ratelimit-remaining-requests", "0"},
                  {"x-ratelimit-reset-requests", "2h31m16.752s"})},
    {FAMILY_GROQ, 429, CAUSE_ANY, NULL,
     "{\"error\":{\"message\":\"Rate limit reached for model `sim` in organization `org_sim` on tokens per minute "
     "(TPM): "
     "Limit 8000, Used 8000, Requested 454. Please try again in 3.405s.\",\"type\":\"tokens\","
     "\"code\":\"rate_limit_exceeded\"}}",
     HEADER_LINES({"x-ratelimit-limit-tokens", "8000"}, {"x-ratelimit-remaining-tokens", "0"},
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
     HEADER_LINES({"x-ratelimit-reset", "7"})},
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
     HEADER_LINES({"x-ratelimit-limit-req-minute", "50"}, {"x-ratelimit-remaining-req-minute", "0"})},

    {FAMILY_HUGGINGFACE, 400, CAUSE_MODEL, NULL,
     "{\"error\":{\"message\":\"The requested model 'sim' is not supported by any provider you have enabled.\"}}",
     NULL},
    {FAMILY_HUGGINGFACE, 401, CAUSE_ANY, NULL, "{\"error\":\"Invalid username or password.\"}",
     HEADER_LINES({"x-error-message", "Invalid username or password."})},
    {FAMILY_HUGGINGFACE, 402, CAUSE_ANY, NULL,
     "{\"error\":\"You have exceeded your monthly included credits for Inference Providers.\"}", NULL},
    {FAMILY_HUGGINGFACE, 503, CAUSE_ANY, NULL, "{\"error\":\"Model sim is currently loading\",\"estimated_time\":20.0}",
     NULL},

    {FAMILY_GEMINI, 400, CAUSE_KEY_WRONG, NULL,
     GOOGLE_ERROR(400, "API key not valid. Please pass a valid API key.",
                  "INVALID_ARGUMENT") ",\"details\":[{" GOOGLE_TYPE
                                      "ErrorInfo\",\"reason\":\"API_KEY_INVALID\",\"domain\":"
                                      "\"googleapis.com\",\"metadata\":{\"service\":"
                                      "\"generativelanguage.googleapis.com\"}},{" GOOGLE_TYPE
                                      "LocalizedMessage\",\"locale\":\"en-US\",\"message\":"
                                      "\"API key not valid. Please pass a valid API key.\"}]}}",
     NULL},
    {FAMILY_GEMINI, 403, CAUSE_KEY_MISSING, NULL,
     GOOGLE_ERROR(
         403,
         "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or "
         "other form of API consumer identity to call this API.",
         "PERMISSION_DENIED") "}}",
     NULL},
    {FAMILY_GEMINI, 401, CAUSE_ANY, NULL,
     GOOGLE_ERROR(401, "Request had invalid authentication credentials.",
                  "UNAUTHENTICATED") ",\"details\":[{" GOOGLE_TYPE
                                     "ErrorInfo\",\"reason\":\"ACCESS_TOKEN_TYPE_UNSUPPORTED\"}]}}",
     NULL},
    {FAMILY_GEMINI, 402, CAUSE_ANY, NULL,
     GOOGLE_ERROR(402, "Your Prepay credit balance is depleted.", "RESOURCE_EXHAUSTED") "}}", NULL},
    {FAMILY_GEMINI, 404, CAUSE_MODEL, NULL,
     GOOGLE_ERROR(404,
                  "models/sim is not found for API version v1beta, or is not supported for generateContent. Call "
                  "ListModels to see the list of available models and their supported methods.",
                  "NOT_FOUND") "}}",
     NULL},
    {FAMILY_GEMINI, 429, CAUSE_DAY, NULL,
     GOOGLE_ERROR(
         429, "You exceeded your current quota, please check your plan and billing details.",
         "RESOURCE_EXHAUSTED") ",\"details\":[{" GOOGLE_TYPE "QuotaFailure\",\"violations\":[{\"quotaId\":"
                               "\"GenerateRequestsPerDayPerProjectPerModel-FreeTier\",\"quotaValue\":\"20\"}]},"
                               "{" GOOGLE_TYPE "RetryInfo\",\"retryDelay\":\"32s\"}]}}",
     NULL},
    {FAMILY_GEMINI, 429, CAUSE_ANY, NULL,
     GOOGLE_ERROR(
         429,
         "You exceeded your current quota, please check your plan and billing details. Please retry in "
         "56.185908122s.",
         "RESOURCE_EXHAUSTED") ",\"details\":[{" GOOGLE_TYPE "QuotaFailure\",\"violations\":[{\"quotaMetric\":"
                               "\"generativelanguage.googleapis.com/generate_content_free_tier_requests\","
                               "\"quotaId\":\"GenerateRequestsPerMinutePerProjectPerModel-FreeTier\",\"quotaValue\":"
                               "\"5\"}]},{" GOOGLE_TYPE "RetryInfo\",\"retryDelay\":\"56s\"}]}}",
     NULL},
    {FAMILY_GEMINI, 500, CAUSE_ANY, NULL, GOOGLE_ERROR(500, "An internal error has occurred.", "INTERNAL") "}}", NULL},
    {FAMILY_GEMINI, 503, CAUSE_ANY, NULL,
     GOOGLE_ERROR(503, "The model is overloaded. Please try again later.", "UNAVAILABLE") "}}", NULL},

    {FAMILY_CODE_ASSIST, 401, CAUSE_ANY, NULL,
     GOOGLE_ERROR(
         401,
         "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
         "authentication credential.",
         "UNAUTHENTICATED") "}}",
     NULL},
    {FAMILY_CODE_ASSIST, 403, CAUSE_ANY, NULL,
     GOOGLE_ERROR(403, "UNSUPPORTED_CLIENT: This client is no longer supported for Gemini Code Assist for individuals.",
                  "PERMISSION_DENIED") "}}",
     NULL},
    {FAMILY_CODE_ASSIST, 429, CAUSE_DAY, NULL,
     GOOGLE_ERROR(
         429, "You have exhausted your capacity on this model. Your quota will reset after 156h14m36s.",
         "RESOURCE_EXHAUSTED") ",\"details\":[{" GOOGLE_TYPE
                               "ErrorInfo\",\"reason\":\"QUOTA_EXHAUSTED\",\"domain\":\"cloudcode-pa.googleapis.com\","
                               "\"metadata\":{\"quotaResetDelay\":\"156h14m36.752463453s\"}},{" GOOGLE_TYPE
                               "RetryInfo\",\"retryDelay\":\"562476.752463453s\"}]}}",
     NULL},
    {FAMILY_CODE_ASSIST, 429, CAUSE_ANY, NULL,
     GOOGLE_ERROR(429, "Rate limit exceeded. Please retry in 10s.",
                  "RESOURCE_EXHAUSTED") ",\"details\":[{" GOOGLE_TYPE "ErrorInfo\",\"reason\":\"RATE_LIMIT_EXCEEDED\","
                                        "\"domain\":\"cloudcode-pa.googleapis.com\"},{" GOOGLE_TYPE
                                        "RetryInfo\",\"retryDelay\":\"10s\"}]}}",
     NULL},

    {FAMILY_G4F, 401, CAUSE_ANY, NULL, "{\"error\":{\"message\":\"G4F API key required\"}}", NULL},
    {FAMILY_G4F, 403, CAUSE_ANY, NULL, "{\"error\":{\"message\":\"Invalid G4F API key\"}}", NULL},
    {FAMILY_G4F, 404, CAUSE_MODEL, NULL,
     "{\"error\":{\"message\":\"ModelNotFoundError: Model not found: sim\"},\"model\":\"sim\",\"provider\":\"Sim\"}",
     NULL},
    {FAMILY_G4F, 404, CAUSE_PATH, NULL, "{\"detail\":\"Not Found\"}", NULL},
    {FAMILY_G4F, 429, CAUSE_ANY, NULL,
     "{\"error\":{\"message\":\"RateLimitError: Too many requests\"},\"model\":\"sim\",\"provider\":\"Sim\"}", NULL},
    {FAMILY_G4F_HOSTED, 401, CAUSE_ANY, NULL,
     "{\"error\":{\"message\":\"Invalid API key\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"401\"}}",
     NULL},
    {FAMILY_G4F_HOSTED, 429, CAUSE_ANY, NULL,
     "{\"error\":{\"message\":\"RateLimitError: Too many requests\"},\"model\":\"sim\",\"provider\":\"Sim\"}", NULL},
};

const size_t refusals_seed_count = sizeof(refusals_seed) / sizeof(refusals_seed[0]);
