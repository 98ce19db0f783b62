-- g4f (main): a hosted gpt4free endpoint; no key needed, G4F_API_KEY is sent when it is set (see lib/g4f.lua).
-- Base: g4f.space is what gpt4free's current code calls; whether /v1 there still answers is not confirmed.

return require "g4f".provider {
  name = "g4f_main",
  title = "g4f (main)",
  base_url = "https://g4f.space/v1",
}
