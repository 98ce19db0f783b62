#include "limits.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 12 };

/* A value that starts with "+" is so many seconds from now, sent as RFC 3339 time. */
static const struct limits {
    enum family family;
    bool everywhere; /* on every answer, not only on completions */
    struct header_line lines[LINES_MAX];
} families[] = {
    {FAMILY_OPENAI,
     false,
     {{"x-ratelimit-limit-requests", "500"},
      {"x-ratelimit-remaining-requests", "499"},
      {"x-ratelimit-reset-requests", "120ms"},
      {"x-ratelimit-limit-tokens", "30000"},
      {"x-ratelimit-remaining-tokens", "29984"},
      {"x-ratelimit-reset-tokens", "32ms"}}},
    {FAMILY_OPENAI_ITSELF,
     false,
     {{"x-ratelimit-limit-requests", "60"},
      {"x-ratelimit-remaining-requests", "59"},
      {"x-ratelimit-reset-requests", "1s"},
      {"x-ratelimit-limit-tokens", "150000"},
      {"x-ratelimit-remaining-tokens", "149984"},
      {"x-ratelimit-reset-tokens", "6m0s"}}},
    {FAMILY_GROQ,
     true,
     {{"x-ratelimit-limit-requests", "1000"},
      {"x-ratelimit-remaining-requests", "999"},
      {"x-ratelimit-reset-requests", "1m26.4s"},
      {"x-ratelimit-limit-tokens", "6000"},
      {"x-ratelimit-remaining-tokens", "5992"},
      {"x-ratelimit-reset-tokens", "80ms"}}},
    {FAMILY_MISTRAL,
     false,
     {{"x-ratelimit-limit-req-minute", "188"},
      {"x-ratelimit-remaining-req-minute", "187"},
      {"x-ratelimit-limit-tokens-minute", "625000"},
      {"x-ratelimit-remaining-tokens-minute", "624982"},
      {"x-ratelimit-tokens-query-cost", "18"}}},
    {FAMILY_HUGGINGFACE_HUB,
     true,
     {{"ratelimit", "\"api\";r=489;t=55"}, {"ratelimit-policy", "\"fixed window\";\"api\";q=500;w=300"}}},
    {FAMILY_ANTHROPIC,
     false,
     {{"anthropic-ratelimit-requests-limit", "1000"},
      {"anthropic-ratelimit-requests-remaining", "999"},
      {"anthropic-ratelimit-requests-reset", "+1"},
      {"anthropic-ratelimit-input-tokens-limit", "80000"},
      {"anthropic-ratelimit-input-tokens-remaining", "79000"},
      {"anthropic-ratelimit-input-tokens-reset", "+18"},
      {"anthropic-ratelimit-output-tokens-limit", "16000"},
      {"anthropic-ratelimit-output-tokens-remaining", "16000"},
      {"anthropic-ratelimit-output-tokens-reset", "+1"}}},
    {FAMILY_CEREBRAS,
     false,
     {{"x-ratelimit-limit-requests-day", "2400"},
      {"x-ratelimit-remaining-requests-day", "2399"},
      {"x-ratelimit-reset-requests-day", "33011.382867097855"},
      {"x-ratelimit-limit-tokens-minute", "30000"},
      {"x-ratelimit-remaining-tokens-minute", "29990"},
      {"x-ratelimit-reset-tokens-minute", "11.382867097854614"}}},
    {FAMILY_COHERE,
     true,
     {{"x-endpoint-monthly-call-limit", "1000"},
      {"x-trial-endpoint-call-limit", "20"},
      {"x-trial-endpoint-call-remaining", "19"}}},
    {FAMILY_FIREWORKS,
     false,
     {{"x-ratelimit-limit-requests", "600"},
      {"x-ratelimit-remaining-requests", "599"},
      {"x-ratelimit-limit-tokens-prompt", "7200000"},
      {"x-ratelimit-remaining-tokens-prompt", "7193993"},
      {"x-ratelimit-limit-tokens-generated", "72000"},
      {"x-ratelimit-remaining-tokens-generated", "69338"},
      {"x-ratelimit-over-limit", "no"}}},
    {FAMILY_SAMBANOVA,
     true,
     {{"x-ratelimit-limit-requests", "20"},
      {"x-ratelimit-remaining-requests", "19"},
      {"x-ratelimit-reset-requests", "45"},
      {"x-ratelimit-limit-requests-day", "400"},
      {"x-ratelimit-remaining-requests-day", "380"},
      {"x-ratelimit-reset-requests-day", "40000"}}},
    {FAMILY_CLOUDFLARE, true, {{"Ratelimit", "\"default\";r=50;t=30"}, {"Ratelimit-Policy", "\"default\";q=100;w=60"}}},
    {FAMILY_AZURE,
     false,
     {{"x-ratelimit-remaining-requests", "119"}, {"x-ratelimit-remaining-tokens", "119984"}, {"x-ms-region", "Sim"}}},
    {FAMILY_LITELLM,
     false,
     {{"x-litellm-key-rpm-limit", "60"},
      {"x-litellm-key-tpm-limit", "None"},
      {"x-litellm-key-spend", "0.12"},
      {"x-litellm-key-max-budget", "10.0"},
      {"x-ratelimit-api_key-limit-requests", "60"},
      {"x-ratelimit-api_key-remaining-requests", "59"}}},
};

static const char *time_from_now(h2o_req_t *req, long seconds)
{
    char *text = h2o_mem_alloc_pool(&req->pool, CLOCK_ISO_MAX);
    clock_format_rfc3339((clock_wall_us() / 1000000 + seconds) * 1000000, text);
    strcpy(strchr(text, '.'), "Z"); /* whole seconds, as Anthropic tells them */
    return text;
}

void limits_add(h2o_req_t *req, struct answer *answer, enum family family, bool completion)
{
    const struct limits *limits = families;
    while (limits < families + sizeof(families) / sizeof(families[0]) && limits->family != family)
        limits++;
    if (limits == families + sizeof(families) / sizeof(families[0]) || !(completion || limits->everywhere))
        return;
    struct header_line *lines = h2o_mem_alloc_pool(&req->pool, sizeof(limits->lines));
    answer->headers = lines;
    for (const struct header_line *line = limits->lines; line->name != NULL; line++) {
        bool moves = *line->value == '+';
        lines[answer->header_count++] =
            (struct header_line){line->name, moves ? time_from_now(req, atol(line->value + 1)) : line->value};
    }
}
