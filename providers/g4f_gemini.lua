-- g4f (Gemini): a hosted gpt4free endpoint; no key needed, G4F_API_KEY is sent when it is set (see lib/g4f.lua).
-- Base: GeminiPro.backup_url of gpt4free.

return require "g4f".provider {
  name = "g4f_gemini",
  title = "g4f (Gemini)",
  base_url = "https://g4f.space/api/gemini-v1beta",
}
