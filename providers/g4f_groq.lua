-- g4f (Groq): a hosted gpt4free endpoint; no key needed, G4F_API_KEY is sent when it is set (see lib/g4f.lua).
-- Base: Groq.backup_url of gpt4free.

return require "g4f".provider {
  name = "g4f_groq",
  title = "g4f (Groq)",
  base_url = "https://g4f.space/api/groq",
}
