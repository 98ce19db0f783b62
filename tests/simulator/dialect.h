/* dialect: how one provider's API speaks, and where it is found. The table is in dialects.c. */
#ifndef SIMULATOR_DIALECT_H
#define SIMULATOR_DIALECT_H

#include <stdbool.h>
#include <stddef.h>

enum family {
    FAMILY_OPENAI, /* the generic one */
    FAMILY_GROQ,
    FAMILY_OPENROUTER,
    FAMILY_TOGETHER,
    FAMILY_NVIDIA,
    FAMILY_MISTRAL,
    FAMILY_HUGGINGFACE,
    FAMILY_HUGGINGFACE_HUB,
    FAMILY_GEMINI,
    FAMILY_CODE_ASSIST,
    FAMILY_G4F,        /* its own server */
    FAMILY_G4F_HOSTED, /* the public endpoints */
    FAMILY_OPENAI_ITSELF,
    FAMILY_ANTHROPIC,
    FAMILY_DEEPSEEK,
    FAMILY_CEREBRAS,
    FAMILY_COHERE,
    FAMILY_XAI,
    FAMILY_FIREWORKS,
    FAMILY_SAMBANOVA,
    FAMILY_PERPLEXITY,
    FAMILY_DEEPINFRA,
    FAMILY_CLOUDFLARE,
    FAMILY_GITHUB_MODELS,
    FAMILY_AZURE,
    FAMILY_BEDROCK,
    FAMILY_VERTEX,
    FAMILY_MOONSHOT,
    FAMILY_ZAI,
    FAMILY_DASHSCOPE,
    FAMILY_MINIMAX,
    FAMILY_SILICONFLOW,
    FAMILY_NOVITA,
    FAMILY_HYPERBOLIC,
    FAMILY_CHUTES,
    FAMILY_OLLAMA,
    FAMILY_VLLM,
    FAMILY_LLAMACPP,
    FAMILY_LMSTUDIO,
    FAMILY_LITELLM,
    FAMILY_PAGES, /* status pages: pages.c */
    FAMILIES,
};

struct dialect {
    const char *upstream;  /* the provider's name: behaviours, records, keys go by it */
    const char *mount;     /* first part of the path */
    const char *base;      /* what follows it before the endpoint */
    const char *base_name; /* environment variable of the base URL */
    const char *key_name;  /* and of the key; NULL: not a plain key */
    enum family family;
    bool models_public;
    bool seed;            /* one of the providers that are there when none is named */
    const char *env_base; /* what follows the mount in the variable; NULL: as `base` */
};

extern const struct dialect dialects[];
extern const size_t dialect_count;

/* /x/NAME/v1 is any provider that speaks the OpenAI API. */
extern const struct dialect generic_dialect;

/* /_pages/FORMAT/NAME is NAME's status page, an upstream "page.NAME" of its own. */
extern const struct dialect pages_dialect;

/* Credentials that are not the plain key "sim-NAME-key-0123456789". */
extern const char gemini_cli_access_token[], gemini_cli_refresh_token[], oauth_client_id[], oauth_client_secret[];
extern const char aws_access_key_id[], aws_secret_access_key[], cloudflare_account[], google_project[];

#endif
