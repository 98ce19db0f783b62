-- slack: an incoming webhook of Slack.
-- Sources (read 2026-11-24): https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks (text, blocks; 200
-- "ok"; 404 no_service), https://docs.slack.dev/apis/web-api/rate-limits (429 with Retry-After),
-- https://docs.slack.dev/messaging/formatting-message-text (& < > are escaped).
local alert = require "alert"

local function escape(text)
  return (text:gsub("[&<>]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }))
end

return {
  about = "a Slack channel, by an incoming webhook",
  settings = { url_env = "SLACK_WEBHOOK_URL" },
  ready = alert.needs "url_env",
  send = function(message, settings)
    local text = alert.cut(escape(table.concat(alert.lines(message), "\n")), 2900) -- a section takes 3000
    return alert.result(http.post(alert.secret(settings, "url_env"), alert.json {
      text = alert.cut(escape(message.title), 300), -- in notifications
      blocks = { { type = "section", text = { type = "mrkdwn", text = text } } },
    }))
  end,
}
