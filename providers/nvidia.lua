-- NVIDIA NIM, the API catalog.
-- Docs: https://docs.api.nvidia.com/nim/reference/llm-apis
-- Facts as collected 2026-11-23 (recorded answers; the free plan's limits are not documented).
-- What proves the key: nothing but a completion; GET /models answers to anyone. So one token is asked for, of the first
-- model that works: ids go within weeks, with 404 or 410, and a 400 "DEGRADED function" is a model that is out of order
-- for now. A bad key is 403 "Authorization failed", none at all 401.
-- What the script cannot know: limits; no header tells them.

local openai = require "openai"

local function classify(response, text)
  if response.status == 401 then
    return "key_missing"
  end
  if response.status == 404 and text and text:find("Not found for account", 1, true) then
    return "model_gone"
  end
  if response.status == 403 and text == "Authorization failed" then
    return "key_invalid"
  end
  if response.status == 400 and text and text:find("DEGRADED", 1, true) then
    return "capacity"
  end
  return nil
end

return openai.provider {
  name = "nvidia",
  title = "NVIDIA NIM",
  base_url = "https://integrate.api.nvidia.com/v1",
  keys = keys("NVIDIA_API_KEY", "NVIDIA_NIM_API_KEY"),
  docs = "https://docs.api.nvidia.com/nim/reference/llm-apis",
  models = { "meta/llama-3.1-8b-instruct", "meta/llama-3.3-70b-instruct", "openai/gpt-oss-20b" },
  classify = classify,
}
