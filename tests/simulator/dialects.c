#include "dialect.h"

/* Of the first ones the endpoints stand below `base`; of the others (base "") endpoints.c names whole paths. */
const struct dialect dialects[] = {
    {"groq", "groq", "/openai/v1", "GROQ_API_BASE", "GROQ_API_KEY", FAMILY_GROQ, false, true, NULL},
    {"openrouter", "openrouter", "/api/v1", "OPENROUTER_API_BASE", "OPENROUTER_API_KEY", FAMILY_OPENROUTER, true, true,
     NULL},
    {"together", "together", "/v1", "TOGETHER_API_BASE", "TOGETHER_API_KEY", FAMILY_TOGETHER, false, true, NULL},
    {"nvidia", "nvidia", "/v1", "NVIDIA_API_BASE", "NVIDIA_API_KEY", FAMILY_NVIDIA, true, true, NULL},
    {"mistral", "mistral", "/v1", "MISTRAL_API_BASE", "MISTRAL_API_KEY", FAMILY_MISTRAL, false, true, NULL},
    {"huggingface", "huggingface", "/v1", "HUGGINGFACE_API_BASE", "HUGGINGFACE_API_KEY", FAMILY_HUGGINGFACE, true, true,
     NULL},
    {"huggingface", "huggingface-hub", "", "HF_ENDPOINT", NULL, FAMILY_HUGGINGFACE_HUB, false, true, NULL},
    {"gemini", "gemini", "/v1beta", "GEMINI_API_BASE", "GEMINI_API_KEY", FAMILY_GEMINI, false, true, NULL},
    {"google", "google", "/v1beta", "GOOGLE_API_BASE", "GOOGLE_API_KEY", FAMILY_GEMINI, false, true, NULL},
    {"gemini_cli", "gemini_cli", "", "CODE_ASSIST_ENDPOINT", NULL, FAMILY_CODE_ASSIST, false, true, NULL},
    {"g4f", "g4f", "/v1", "G4F_API_BASE", "G4F_API_KEY", FAMILY_G4F, true, true, NULL},
    {"g4f_main", "g4f_main", "/v1", "G4F_MAIN_API_BASE", "G4F_MAIN_API_KEY", FAMILY_G4F_HOSTED, true, true, NULL},
    {"g4f_groq", "g4f_groq", "", "G4F_GROQ_API_BASE", "G4F_GROQ_API_KEY", FAMILY_G4F_HOSTED, true, true, NULL},
    {"g4f_grok", "g4f_grok", "", "G4F_GROK_API_BASE", "G4F_GROK_API_KEY", FAMILY_G4F_HOSTED, true, true, NULL},
    {"g4f_gemini", "g4f_gemini", "", "G4F_GEMINI_API_BASE", "G4F_GEMINI_API_KEY", FAMILY_G4F_HOSTED, true, true, NULL},
    {"g4f_nvidia", "g4f_nvidia", "", "G4F_NVIDIA_API_BASE", "G4F_NVIDIA_API_KEY", FAMILY_G4F_HOSTED, true, true, NULL},
    {"g4f_ollama", "g4f_ollama", "", "G4F_OLLAMA_API_BASE", "G4F_OLLAMA_API_KEY", FAMILY_G4F_HOSTED, true, true, NULL},
    {"g4f_pollinations", "g4f_pollinations", "", "G4F_POLLINATIONS_API_BASE", "G4F_POLLINATIONS_API_KEY",
     FAMILY_G4F_HOSTED, true, true, NULL},

    {"openai", "openai", "", "OPENAI_API_BASE", "OPENAI_API_KEY", FAMILY_OPENAI_ITSELF, false, false, "/v1"},
    {"anthropic", "anthropic", "", "ANTHROPIC_API_BASE", "ANTHROPIC_API_KEY", FAMILY_ANTHROPIC, false, false, "/v1"},
    {"deepseek", "deepseek", "", "DEEPSEEK_API_BASE", "DEEPSEEK_API_KEY", FAMILY_DEEPSEEK, false, false, ""},
    {"cerebras", "cerebras", "", "CEREBRAS_API_BASE", "CEREBRAS_API_KEY", FAMILY_CEREBRAS, false, false, "/v1"},
    {"cohere", "cohere", "", "COHERE_API_BASE", "COHERE_API_KEY", FAMILY_COHERE, false, false, ""},
    {"xai", "xai", "", "XAI_API_BASE", "XAI_API_KEY", FAMILY_XAI, false, false, "/v1"},
    {"fireworks", "fireworks", "", "FIREWORKS_API_BASE", "FIREWORKS_API_KEY", FAMILY_FIREWORKS, false, false,
     "/inference/v1"},
    {"sambanova", "sambanova", "", "SAMBANOVA_API_BASE", "SAMBANOVA_API_KEY", FAMILY_SAMBANOVA, true, false, "/v1"},
    {"perplexity", "perplexity", "", "PERPLEXITY_API_BASE", "PERPLEXITY_API_KEY", FAMILY_PERPLEXITY, false, false, ""},
    {"deepinfra", "deepinfra", "", "DEEPINFRA_API_BASE", "DEEPINFRA_API_KEY", FAMILY_DEEPINFRA, false, false,
     "/v1/openai"},
    {"cloudflare", "cloudflare", "", "CLOUDFLARE_API_BASE", "CLOUDFLARE_API_KEY", FAMILY_CLOUDFLARE, false, false,
     "/client/v4"},
    {"github_models", "github_models", "", "GITHUB_MODELS_API_BASE", "GITHUB_MODELS_API_KEY", FAMILY_GITHUB_MODELS,
     false, false, "/inference"},
    {"azure_openai", "azure_openai", "", "AZURE_OPENAI_API_BASE", "AZURE_OPENAI_API_KEY", FAMILY_AZURE, false, false,
     "/openai/v1"},
    {"bedrock", "bedrock", "", "BEDROCK_API_BASE", NULL, FAMILY_BEDROCK, false, false, ""},
    {"vertex", "vertex", "", "VERTEX_API_BASE", NULL, FAMILY_VERTEX, false, false, ""},
    {"moonshot", "moonshot", "", "MOONSHOT_API_BASE", "MOONSHOT_API_KEY", FAMILY_MOONSHOT, false, false, "/v1"},
    {"zai", "zai", "", "ZAI_API_BASE", "ZAI_API_KEY", FAMILY_ZAI, false, false, "/api/paas/v4"},
    {"dashscope", "dashscope", "", "DASHSCOPE_API_BASE", "DASHSCOPE_API_KEY", FAMILY_DASHSCOPE, false, false,
     "/compatible-mode/v1"},
    {"minimax", "minimax", "", "MINIMAX_API_BASE", "MINIMAX_API_KEY", FAMILY_MINIMAX, false, false, "/v1"},
    {"siliconflow", "siliconflow", "", "SILICONFLOW_API_BASE", "SILICONFLOW_API_KEY", FAMILY_SILICONFLOW, false, false,
     "/v1"},
    {"novita", "novita", "", "NOVITA_API_BASE", "NOVITA_API_KEY", FAMILY_NOVITA, true, false, "/openai/v1"},
    {"hyperbolic", "hyperbolic", "", "HYPERBOLIC_API_BASE", "HYPERBOLIC_API_KEY", FAMILY_HYPERBOLIC, false, false,
     "/v1"},
    {"chutes", "chutes", "", "CHUTES_API_BASE", "CHUTES_API_KEY", FAMILY_CHUTES, true, false, "/v1"},
    {"ollama", "ollama", "", "OLLAMA_API_BASE", NULL, FAMILY_OLLAMA, true, false, ""},
    {"vllm", "vllm", "", "VLLM_API_BASE", "VLLM_API_KEY", FAMILY_VLLM, false, false, "/v1"},
    {"llamacpp", "llamacpp", "", "LLAMACPP_API_BASE", "LLAMACPP_API_KEY", FAMILY_LLAMACPP, true, false, ""},
    {"lmstudio", "lmstudio", "", "LMSTUDIO_API_BASE", NULL, FAMILY_LMSTUDIO, true, false, "/v1"},
    {"litellm", "litellm", "", "LITELLM_API_BASE", "LITELLM_API_KEY", FAMILY_LITELLM, false, false, ""},
};

const size_t dialect_count = sizeof(dialects) / sizeof(dialects[0]);

const struct dialect generic_dialect = {NULL, "x", "/v1", NULL, NULL, FAMILY_OPENAI, false, false, NULL};
const struct dialect pages_dialect = {NULL, "_pages", "", NULL, NULL, FAMILY_PAGES, true, false, NULL};

const char gemini_cli_access_token[] = "sim-gemini_cli-access-0123456789";
const char gemini_cli_refresh_token[] = "sim-gemini_cli-refresh-0123456789";
const char oauth_client_id[] = "sim-client";
const char oauth_client_secret[] = "sim-client-secret-0123";
const char aws_access_key_id[] = "AKIASIMULATOR0123456";
const char aws_secret_access_key[] = "sim-bedrock-secret-0123456789";
const char cloudflare_account[] = "0123456789abcdef0123456789abcdef";
const char google_project[] = "sim-project";
