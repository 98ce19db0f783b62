#include "catalogue.h"

/* Rows of a family stand in the order of its list. Families without a row are served those of FAMILY_OPENAI. */
const struct model catalogue[] = {
    {FAMILY_OPENAI, "sim-large", MODEL_CHAT, 131072, 1, 2, 1735790403, false},
    {FAMILY_OPENAI, "sim-small", MODEL_CHAT, 131072, 0.1, 0.2, 1735790403, false},
    {FAMILY_OPENAI, "sim-mini", MODEL_CHAT, 32768, 0.05, 0.1, 1735790403, false},

    {FAMILY_GROQ, "openai/gpt-oss-120b", MODEL_CHAT, 131072, 0.15, 0.6, 1754408224, false},
    {FAMILY_GROQ, "openai/gpt-oss-20b", MODEL_CHAT, 131072, 0.075, 0.3, 1754407957, false},
    {FAMILY_GROQ, "groq/compound", MODEL_CHAT, 131072, 0, 0, 1756949530, false},
    {FAMILY_GROQ, "whisper-large-v3-turbo", MODEL_SPEECH, 448, 0, 0, 1728413088, false},
    {FAMILY_GROQ, "meta-llama/llama-guard-4-12b", MODEL_GUARD, 131072, 0.2, 0.2, 1746743847, false},

    {FAMILY_OPENROUTER, "nvidia/nemotron-3.5-lightning", MODEL_CHAT, 1000000, 0.08, 0.2, 1786452751, false},
    {FAMILY_OPENROUTER, "openai/gpt-oss-20b:free", MODEL_CHAT, 131072, 0, 0, 1754407957, false},
    {FAMILY_OPENROUTER, "mistralai/mistral-small", MODEL_CHAT, 131072, 0.1, 0.3, 1735790403, false},

    {FAMILY_TOGETHER, "meta-llama/Llama-3.3-70B-Instruct-Turbo", MODEL_CHAT, 131072, 0.88, 0.88, 1733466629, false},
    {FAMILY_TOGETHER, "openai/gpt-oss-20b", MODEL_CHAT, 131072, 0.05, 0.2, 1754408224, false},
    {FAMILY_TOGETHER, "Qwen/Qwen3-32B", MODEL_CHAT, 40960, 0.1, 0.3, 1745793600, false},
    {FAMILY_TOGETHER, "BAAI/bge-large-en-v1.5", MODEL_EMBEDDING, 512, 0.02, 0, 1692896905, false},
    {FAMILY_TOGETHER, "meta-llama/Llama-Guard-4-12B", MODEL_GUARD, 1048576, 0.2, 0.2, 1746743847, false},

    {FAMILY_NVIDIA, "meta/llama-3.1-8b-instruct", MODEL_CHAT, 131072, 0, 0, 735790403, false},
    {FAMILY_NVIDIA, "openai/gpt-oss-20b", MODEL_CHAT, 131072, 0, 0, 735790403, false},
    {FAMILY_NVIDIA, "nvidia/nemotron-nano-9b-v2", MODEL_CHAT, 131072, 0, 0, 735790403, false},
    {FAMILY_NVIDIA, "nvidia/nv-embed-v1", MODEL_EMBEDDING, 32768, 0, 0, 735790403, false},

    {FAMILY_MISTRAL, "mistral-small-latest", MODEL_CHAT, 131072, 0.1, 0.3, 1711430400, false},
    {FAMILY_MISTRAL, "mistral-large-latest", MODEL_CHAT, 131072, 2, 6, 1711430400, false},
    {FAMILY_MISTRAL, "ministral-8b-latest", MODEL_CHAT, 131072, 0.1, 0.1, 1711430400, false},
    {FAMILY_MISTRAL, "mistral-embed", MODEL_EMBEDDING, 8192, 0.1, 0, 1711430400, false},
    {FAMILY_MISTRAL, "open-mistral-7b", MODEL_CHAT, 32768, 0.25, 0.25, 1711430400, true},

    {FAMILY_HUGGINGFACE, "openai/gpt-oss-120b", MODEL_CHAT, 131072, 0.15, 0.75, 1754000000, false},
    {FAMILY_HUGGINGFACE, "openai/gpt-oss-20b", MODEL_CHAT, 131072, 0.05, 0.2, 1754000000, false},
    {FAMILY_HUGGINGFACE, "Qwen/Qwen3-32B", MODEL_CHAT, 131072, 0.1, 0.3, 1754000000, false},

    {FAMILY_GEMINI, "gemini-2.5-flash", MODEL_CHAT, 1048576, 0.3, 2.5, 0, false},
    {FAMILY_GEMINI, "gemini-2.5-flash-lite", MODEL_CHAT, 1048576, 0.1, 0.4, 0, false},
    {FAMILY_GEMINI, "gemini-2.5-pro", MODEL_CHAT, 1048576, 1.25, 10, 0, false},
    {FAMILY_GEMINI, "gemini-embedding-001", MODEL_EMBEDDING, 2048, 0.15, 0, 0, false},

    {FAMILY_CODE_ASSIST, "gemini-2.5-flash", MODEL_CHAT, 1048576, 0, 0, 0, false},
    {FAMILY_CODE_ASSIST, "gemini-2.5-pro", MODEL_CHAT, 1048576, 0, 0, 0, false},

    {FAMILY_G4F, "gpt-4o", MODEL_CHAT, 0, 0, 0, 0, false},
    {FAMILY_G4F, "gpt-4o-mini", MODEL_CHAT, 0, 0, 0, 0, false},
    {FAMILY_G4F, "gpt-4", MODEL_CHAT, 0, 0, 0, 0, false},
    {FAMILY_G4F, "flux", MODEL_IMAGE, 0, 0, 0, 0, false},
    {FAMILY_G4F_HOSTED, "gpt-4o", MODEL_CHAT, 0, 0, 0, 0, false},
    {FAMILY_G4F_HOSTED, "gpt-4o-mini", MODEL_CHAT, 0, 0, 0, 0, false},
    {FAMILY_G4F_HOSTED, "gpt-4", MODEL_CHAT, 0, 0, 0, 0, false},

    {FAMILY_OPENAI_ITSELF, "gpt-4o-mini", MODEL_CHAT, 128000, 0.15, 0.6, 1721172741, false},
    {FAMILY_OPENAI_ITSELF, "gpt-4.1-nano", MODEL_CHAT, 1047576, 0.1, 0.4, 1744321707, false},
    {FAMILY_OPENAI_ITSELF, "gpt-5-mini", MODEL_CHAT, 400000, 0.25, 2, 1754425928, false},
    {FAMILY_OPENAI_ITSELF, "o4-mini", MODEL_CHAT, 200000, 1.1, 4.4, 1744225351, false},
    {FAMILY_OPENAI_ITSELF, "gpt-3.5-turbo-0301", MODEL_CHAT, 4096, 0.5, 1.5, 1677649963, true},
    {FAMILY_OPENAI_ITSELF, "text-embedding-3-small", MODEL_EMBEDDING, 8192, 0.02, 0, 1705948997, false},
    {FAMILY_OPENAI_ITSELF, "whisper-1", MODEL_SPEECH, 0, 0, 0, 1677532384, false},
    {FAMILY_OPENAI_ITSELF, "omni-moderation-latest", MODEL_GUARD, 0, 0, 0, 1731689265, false},
    {FAMILY_OPENAI_ITSELF, "dall-e-3", MODEL_IMAGE, 0, 0, 0, 1698785189, false},

    {FAMILY_ANTHROPIC, "claude-haiku-4-5-20251001", MODEL_CHAT, 200000, 1, 5, 1759276800, false},
    {FAMILY_ANTHROPIC, "claude-sonnet-4-20250514", MODEL_CHAT, 200000, 3, 15, 1747872000, false},
    {FAMILY_ANTHROPIC, "claude-3-haiku-20240307", MODEL_CHAT, 200000, 0.25, 1.25, 1709769600, true},

    {FAMILY_DEEPSEEK, "deepseek-chat", MODEL_CHAT, 131072, 0.28, 0.42, 0, false},
    {FAMILY_DEEPSEEK, "deepseek-reasoner", MODEL_CHAT, 131072, 0.28, 0.42, 0, false},

    {FAMILY_CEREBRAS, "gpt-oss-120b", MODEL_CHAT, 131072, 0.35, 0.75, 0, false},
    {FAMILY_CEREBRAS, "qwen-3-32b", MODEL_CHAT, 131072, 0.4, 0.8, 0, false},
    {FAMILY_CEREBRAS, "llama3.1-8b", MODEL_CHAT, 32768, 0.1, 0.1, 0, true},

    {FAMILY_COHERE, "command-r7b-12-2024", MODEL_CHAT, 132000, 0.0375, 0.15, 0, false},
    {FAMILY_COHERE, "command-a-03-2025", MODEL_CHAT, 256000, 2.5, 10, 0, false},
    {FAMILY_COHERE, "command-r-plus", MODEL_CHAT, 128000, 2.5, 10, 0, true},
    {FAMILY_COHERE, "embed-v4.0", MODEL_EMBEDDING, 128000, 0.12, 0, 0, false},

    {FAMILY_XAI, "grok-3-mini", MODEL_CHAT, 131072, 0.3, 0.5, 1743724800, false},
    {FAMILY_XAI, "grok-4-fast-non-reasoning", MODEL_CHAT, 2000000, 0.2, 0.5, 1757376000, false},
    {FAMILY_XAI, "grok-2-image-1212", MODEL_IMAGE, 131072, 0, 0, 1736726400, false},

    {FAMILY_FIREWORKS, "accounts/fireworks/models/gpt-oss-20b", MODEL_CHAT, 131072, 0.07, 0.3, 1754000000, false},
    {FAMILY_FIREWORKS, "accounts/fireworks/models/gpt-oss-120b", MODEL_CHAT, 131072, 0.15, 0.6, 1754000000, false},
    {FAMILY_FIREWORKS, "accounts/fireworks/models/deepseek-r1", MODEL_CHAT, 163840, 3, 8, 1737397673, true},
    {FAMILY_FIREWORKS, "accounts/fireworks/models/flux-1-schnell-fp8", MODEL_IMAGE, 0, 0, 0, 1729535376, false},
    {FAMILY_FIREWORKS, "nomic-ai/nomic-embed-text-v1.5", MODEL_EMBEDDING, 8192, 0.008, 0, 1707436800, false},

    {FAMILY_SAMBANOVA, "Meta-Llama-3.1-8B-Instruct", MODEL_CHAT, 16384, 0.1, 0.2, 0, false},
    {FAMILY_SAMBANOVA, "DeepSeek-V3.1", MODEL_CHAT, 131072, 3, 4.5, 0, false},
    {FAMILY_SAMBANOVA, "E5-Mistral-7B-Instruct", MODEL_EMBEDDING, 4096, 0.13, 0, 0, false},
    {FAMILY_SAMBANOVA, "Whisper-Large-v3", MODEL_SPEECH, 4096, 0, 0, 0, false},

    {FAMILY_PERPLEXITY, "perplexity/sonar", MODEL_CHAT, 128000, 1, 1, 0, false},
    {FAMILY_PERPLEXITY, "openai/gpt-5-mini", MODEL_CHAT, 400000, 0.25, 2, 0, false},

    {FAMILY_DEEPINFRA, "meta-llama/Meta-Llama-3.1-8B-Instruct", MODEL_CHAT, 131072, 0.02, 0.03, 0, false},
    {FAMILY_DEEPINFRA, "openai/gpt-oss-20b", MODEL_CHAT, 131072, 0.03, 0.14, 0, false},
    {FAMILY_DEEPINFRA, "BAAI/bge-m3", MODEL_EMBEDDING, 8192, 0.01, 0, 0, false},
    {FAMILY_DEEPINFRA, "openai/whisper-large-v3", MODEL_SPEECH, 0, 0, 0, 0, false},

    {FAMILY_CLOUDFLARE, "@cf/meta/llama-3.1-8b-instruct", MODEL_CHAT, 7968, 0.28, 0.83, 0, false},
    {FAMILY_CLOUDFLARE, "@cf/openai/gpt-oss-20b", MODEL_CHAT, 128000, 0.2, 0.3, 0, false},
    {FAMILY_CLOUDFLARE, "@cf/meta/llama-2-7b-chat-fp16", MODEL_CHAT, 4096, 0.56, 6.67, 0, true},
    {FAMILY_CLOUDFLARE, "@cf/baai/bge-m3", MODEL_EMBEDDING, 60000, 0.012, 0, 0, false},
    {FAMILY_CLOUDFLARE, "@cf/openai/whisper", MODEL_SPEECH, 0, 0, 0, 0, false},

    {FAMILY_AZURE, "gpt-4o-mini-2024-07-18", MODEL_CHAT, 128000, 0, 0, 1721172741, false},
    {FAMILY_AZURE, "gpt-35-turbo-0301", MODEL_CHAT, 4096, 0, 0, 1677649963, true},
    {FAMILY_AZURE, "text-embedding-3-small-1", MODEL_EMBEDDING, 8192, 0, 0, 1705948997, false},

    {FAMILY_BEDROCK, "amazon.nova-micro-v1:0", MODEL_CHAT, 128000, 0.035, 0.14, 0, false},
    {FAMILY_BEDROCK, "anthropic.claude-3-haiku-20240307-v1:0", MODEL_CHAT, 200000, 0.25, 1.25, 0, true},
    {FAMILY_BEDROCK, "amazon.titan-embed-text-v2:0", MODEL_EMBEDDING, 8192, 0.02, 0, 0, false},

    {FAMILY_VERTEX, "gemini-2.5-flash", MODEL_CHAT, 1048576, 0.3, 2.5, 0, false},
    {FAMILY_VERTEX, "gemini-2.5-flash-lite", MODEL_CHAT, 1048576, 0.1, 0.4, 0, false},
    {FAMILY_VERTEX, "text-embedding-005", MODEL_EMBEDDING, 2048, 0.025, 0, 0, false},

    {FAMILY_MOONSHOT, "moonshot-v1-8k", MODEL_CHAT, 8192, 0.2, 2, 1700000000, false},
    {FAMILY_MOONSHOT, "kimi-k2-0905-preview", MODEL_CHAT, 262144, 0.6, 2.5, 1757030400, false},
    {FAMILY_MOONSHOT, "kimi-k2-thinking", MODEL_CHAT, 262144, 0.6, 2.5, 1762387200, false},

    {FAMILY_ZAI, "glm-4.5-air", MODEL_CHAT, 131072, 0.2, 1.1, 1753632000, false},
    {FAMILY_ZAI, "glm-4.6", MODEL_CHAT, 204800, 0.6, 2.2, 1759190400, false},

    {FAMILY_DASHSCOPE, "qwen-flash", MODEL_CHAT, 1000000, 0.05, 0.4, 1753660800, false},
    {FAMILY_DASHSCOPE, "qwen-plus", MODEL_CHAT, 1000000, 0.4, 1.2, 1706745600, false},
    {FAMILY_DASHSCOPE, "text-embedding-v4", MODEL_EMBEDDING, 8192, 0.07, 0, 1749000000, false},

    {FAMILY_MINIMAX, "MiniMax-M2", MODEL_CHAT, 204800, 0.3, 1.2, 1761523200, false},
    {FAMILY_MINIMAX, "MiniMax-Text-01", MODEL_CHAT, 1000192, 0.2, 1.1, 1736899200, false},
    {FAMILY_MINIMAX, "speech-02-turbo", MODEL_SPEECH, 0, 0, 0, 1743552000, false},

    {FAMILY_SILICONFLOW, "Qwen/Qwen3-8B", MODEL_CHAT, 131072, 0, 0, 0, false},
    {FAMILY_SILICONFLOW, "deepseek-ai/DeepSeek-V3.1", MODEL_CHAT, 163840, 0.27, 1, 0, false},
    {FAMILY_SILICONFLOW, "BAAI/bge-m3", MODEL_EMBEDDING, 8192, 0, 0, 0, false},
    {FAMILY_SILICONFLOW, "FunAudioLLM/SenseVoiceSmall", MODEL_SPEECH, 0, 0, 0, 0, false},

    {FAMILY_NOVITA, "meta-llama/llama-3.1-8b-instruct", MODEL_CHAT, 16384, 0.02, 0.05, 1721779200, false},
    {FAMILY_NOVITA, "openai/gpt-oss-20b", MODEL_CHAT, 131072, 0.04, 0.15, 1754408224, false},
    {FAMILY_NOVITA, "baai/bge-m3", MODEL_EMBEDDING, 8192, 0.01, 0, 1745000000, false},

    {FAMILY_HYPERBOLIC, "Qwen/Qwen2.5-72B-Instruct", MODEL_CHAT, 131072, 0.4, 0.4, 1726790400, false},
    {FAMILY_HYPERBOLIC, "openai/gpt-oss-20b", MODEL_CHAT, 131072, 0.1, 0.1, 1754408224, false},
    {FAMILY_HYPERBOLIC, "FLUX.1-dev", MODEL_IMAGE, 0, 0, 0, 1722470400, false},

    {FAMILY_CHUTES, "Qwen/Qwen3-8B", MODEL_CHAT, 40960, 0.03, 0.11, 1745793600, false},
    {FAMILY_CHUTES, "deepseek-ai/DeepSeek-V3.1", MODEL_CHAT, 163840, 0.2, 0.8, 1755734400, false},

    {FAMILY_OLLAMA, "gemma4:latest", MODEL_CHAT, 131072, 0, 0, 1785578400, false},
    {FAMILY_OLLAMA, "qwen3:0.6b", MODEL_CHAT, 40960, 0, 0, 1745793600, false},
    {FAMILY_OLLAMA, "nomic-embed-text:latest", MODEL_EMBEDDING, 2048, 0, 0, 1707436800, false},

    {FAMILY_VLLM, "Qwen/Qwen3-8B", MODEL_CHAT, 32768, 0, 0, 1760000000, false},
    {FAMILY_LLAMACPP, "Qwen3-8B-Q4_K_M.gguf", MODEL_CHAT, 32768, 0, 0, 1760000000, false},

    {FAMILY_LMSTUDIO, "qwen3-8b", MODEL_CHAT, 32768, 0, 0, 0, false},
    {FAMILY_LMSTUDIO, "text-embedding-nomic-embed-text-v1.5", MODEL_EMBEDDING, 2048, 0, 0, 0, false},

    {FAMILY_LITELLM, "gpt-4o-mini", MODEL_CHAT, 128000, 0.15, 0.6, 1677610602, false},
    {FAMILY_LITELLM, "claude-haiku", MODEL_CHAT, 200000, 1, 5, 1677610602, false},
    {FAMILY_LITELLM, "text-embedding-3-small", MODEL_EMBEDDING, 8192, 0.02, 0, 1677610602, false},
};

const size_t catalogue_size = sizeof(catalogue) / sizeof(catalogue[0]);
