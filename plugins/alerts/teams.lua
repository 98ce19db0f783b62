-- teams: a channel of Microsoft Teams, by a workflow ("When a Teams webhook request is received").
-- Source (read 2026-11-24): "Create and send messages" of Microsoft Teams' developer manual,
-- https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using (a
-- message with an Adaptive Card as its attachment; workflows take no other cards), answered with 202.
local alert = require "alert"

local styles = { critical = "Attention", warning = "Warning", ok = "Good", info = "Accent" }

return {
  about = "a Microsoft Teams channel, by a workflow's webhook",
  settings = { url_env = "TEAMS_WEBHOOK_URL" },
  ready = alert.needs "url_env",
  send = function(message, settings)
    local body = { {
      type = "TextBlock", size = "Medium", weight = "Bolder", wrap = true,
      text = alert.cut(message.title, 300), color = styles[message.severity],
    } }
    for _, line in ipairs(alert.lines(message)) do
      body[#body + 1] = { type = "TextBlock", wrap = true, text = alert.cut(line, 1000) }
    end
    return alert.result(http.post(alert.secret(settings, "url_env"), alert.json {
      type = "message",
      attachments = { {
        contentType = "application/vnd.microsoft.card.adaptive",
        contentUrl = json.null,
        content = {
          ["$schema"] = "http://adaptivecards.io/schemas/adaptive-card.json",
          type = "AdaptiveCard", version = "1.2", body = body,
        },
      } },
    }))
  end,
}
