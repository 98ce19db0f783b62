-- Google Gemini, by the keys GEMINI_API_KEY, GEMINI_API_KEY_1, … (see lib/google.lua).

return require "google".provider {
  name = "gemini",
  title = "Google Gemini",
  keys = keys "GEMINI_API_KEY",
}
