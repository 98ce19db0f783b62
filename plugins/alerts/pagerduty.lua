-- pagerduty: incidents that open and resolve themselves, by the Events API v2.
-- Source (read 2026-11-24): https://developer.pagerduty.com/docs/events-api-v2/trigger-events/ (routing_key, event_action
-- trigger or resolve, dedup_key up to 255 characters, payload with summary up to 1024, source, severity critical, error,
-- warning or info, timestamp; 202; 400 is final, 429 and 5xx are to be tried again).
local alert = require "alert"

local severities = { critical = "critical", warning = "warning", info = "info", ok = "info" }

return {
  about = "PagerDuty incidents, which resolve when the problem does",
  settings = { key_env = "PAGERDUTY_ROUTING_KEY", url = "https://events.pagerduty.com/v2/enqueue", source = "providerd" },
  origins = function(settings) return { settings.url } end,
  ready = alert.needs "key_env",
  -- An incident for each problem: one message may hold several. To send one twice does no harm: it has a dedup_key.
  send = function(message, settings)
    for _, item in ipairs(message.items) do
      local ends = item.state == "resolved"
      local ok, why = alert.result(http.post(settings.url, alert.json {
        routing_key = alert.secret(settings, "key_env"),
        event_action = ends and "resolve" or "trigger",
        dedup_key = alert.cut(item.matter, 255),
        payload = not ends and {
          summary = alert.cut(item.text, 1000),
          source = settings.source,
          severity = severities[item.severity],
          timestamp = os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(item.time)),
          component = item.provider,
          class = item.kind,
          custom_details = { from = item.from, to = item.to, message = item.message, key = item.key },
        } or nil,
      }))
      if not ok then
        return false, why
      end
    end
    return true
  end,
}
