-- opsgenie: alerts that open and close themselves.
-- Source (read 2026-11-24): https://docs.opsgenie.com/docs/alert-api (POST /v2/alerts with Authorization: GenieKey; message
-- up to 130 characters, alias up to 512, description up to 15000, priority P1-P5; POST
-- /v2/alerts/ALIAS/close?identifierType=alias; 202). The API of the EU instance is https://api.eu.opsgenie.com.
local alert = require "alert"

local priorities = { critical = "P1", warning = "P3", info = "P5", ok = "P5" }

local function escape(text)
  return (text:gsub("[^%w._~-]", function(c) return string.format("%%%02X", c:byte()) end))
end

return {
  about = "Opsgenie alerts, which close when the problem is over",
  settings = { key_env = "OPSGENIE_API_KEY", api = "https://api.opsgenie.com" },
  origins = function(settings) return { settings.api } end,
  ready = alert.needs "key_env",
  send = function(message, settings)
    local headers = { Authorization = "GenieKey " .. alert.secret(settings, "key_env") }
    for _, item in ipairs(message.items) do
      local answer
      if item.state == "resolved" then
        local url = settings.api .. "/v2/alerts/" .. escape(item.matter) .. "/close?identifierType=alias"
        answer = http.post(url, alert.json({ source = "providerd", note = alert.cut(item.text, 15000) }, headers))
      else
        answer = http.post(settings.api .. "/v2/alerts", alert.json({
          message = alert.cut(item.text, 130),
          alias = item.matter,
          description = alert.cut(item.text, 15000),
          priority = priorities[item.severity],
          source = "providerd",
          entity = item.provider,
          tags = { "providerd", item.kind },
        }, headers))
      end
      local ok, why = alert.result(answer)
      if not ok then
        return false, why
      end
    end
    return true
  end,
}
