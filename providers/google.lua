-- Google Gemini, by the keys GOOGLE_API_KEY, … that Google's own SDKs read (see lib/google.lua).

return require "google".provider {
  name = "google",
  title = "Google AI",
  keys = keys("GOOGLE_API_KEY", "GOOGLE_GENERATIVE_AI_API_KEY"),
}
