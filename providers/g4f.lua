-- g4f: a gpt4free server of one's own, at its default address unless G4F_API_BASE says otherwise; no key needed, and
-- G4F_API_KEY is sent when it is set (see lib/g4f.lua).

return require "g4f".provider {
  name = "g4f",
  title = "g4f (local)",
  base_url = "http://localhost:1337/v1",
}
