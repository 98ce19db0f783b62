-- g4f (Grok): a hosted gpt4free endpoint; no key needed, G4F_API_KEY is sent when it is set (see lib/g4f.lua).
-- Base: the original tracker's; gpt4free's code has none for it any more, so it is likely gone.

return require "g4f".provider {
  name = "g4f_grok",
  title = "g4f (Grok)",
  base_url = "https://g4f.dev/api/grok",
}
