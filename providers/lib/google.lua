-- google: the Generative Language API (Gemini), for the providers gemini and google.
--
-- What proves the key: GET /models, which refuses a bad key with 400 API_KEY_INVALID and a missing one with 403.
-- The key goes into x-goog-api-key, never into ?key=, which lands in logs.
-- What the script cannot know: rate limits; the API sends no headers for them, only a 429 tells.
-- Docs: https://ai.google.dev/api/models; facts as collected 2026-11-23 from google-gemini/gemini-cli
-- (packages/core/src/utils/googleQuotaErrors.ts) and from recorded answers.

local base = require "base"
local sample = require "sample"

local M = {}

local function probe(provider)
  return base.with_keys(provider, function(key)
    local response = http.get(provider.base_url .. "/models?pageSize=1", {
      headers = { ["x-goog-api-key"] = key },
      expect = "json",
    })
    return sample.from(response)
  end)
end

function M.provider(spec)
  spec.base_url = base.url(spec.name, "https://generativelanguage.googleapis.com/v1beta")
  spec.docs = "https://ai.google.dev/api/models"
  spec.missing = base.missing(spec.keys)
  spec.probe = probe
  return spec
end

return M
