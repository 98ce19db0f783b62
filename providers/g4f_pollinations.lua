-- g4f (Pollinations): a hosted gpt4free endpoint; no key needed, G4F_API_KEY is sent when it is set (see lib/g4f.lua).
-- Base: Pollinations' backup_url in gpt4free. Watched when one of its variables is set.

return require "g4f".provider {
  name = "g4f_pollinations",
  title = "g4f (Pollinations)",
  base_url = "https://g4f.space/api/pollinations",
  always = false,
}
