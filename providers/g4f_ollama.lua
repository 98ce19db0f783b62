-- g4f (Ollama): a hosted gpt4free endpoint; no key needed, G4F_API_KEY is sent when it is set (see lib/g4f.lua).
-- Base: Ollama.base_url of gpt4free. Watched when one of its variables is set.

return require "g4f".provider {
  name = "g4f_ollama",
  title = "g4f (Ollama)",
  base_url = "https://g4f.space/api/ollama",
  always = false,
}
