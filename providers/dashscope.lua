-- Alibaba Cloud DashScope (Model Studio, Qwen).
-- Docs: https://www.alibabacloud.com/help/en/model-studio/error-code
-- Facts as collected 2026-11-23 (recorded errors of 2026-09; probe tests of clients).
-- What proves the key: GET /models. Keys of the international and the Chinese site are each other's strangers, 401: for
-- China set DASHSCOPE_API_BASE=https://dashscope.aliyuncs.com/compatible-mode/v1.
-- A 429 insufficient_quota is a mere throttle here; an empty account is a 400 Arrearage, a spent free part a 403.
-- What the script cannot know: limits and the balance; no key is told.

local openai = require "openai"

local KIND_BY_CODE = {
  ["AllocationQuota.FreeTierOnly"] = "credit",
  ["AccessDenied.Unpurchased"] = "forbidden",
  ["Model.AccessDenied"] = "key_valid_restricted",
  ["ModelNotFound"] = "model_gone",
  ["InvalidApiKey"] = "key_invalid",
}

local function classify(response, _, code)
  code = code or ""
  if response.status == 429 and (code == "insufficient_quota" or code:find "^Throttling") then
    return "rate"
  end
  return KIND_BY_CODE[code]
end

return openai.provider {
  name = "dashscope",
  title = "Alibaba DashScope",
  base_url = env("QWEN_API_BASE", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"),
  keys = keys("DASHSCOPE_API_KEY", "QWEN_API_KEY"),
  docs = "https://www.alibabacloud.com/help/en/model-studio/error-code",
  classify = classify,
}
