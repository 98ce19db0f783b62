-- ntfy: a topic of ntfy.sh or a server of your own.
-- Source (read 2026-11-24): https://docs.ntfy.sh/publish/#publish-as-json (POST to the server's root: topic, title,
-- message, priority 1-5, tags), https://docs.ntfy.sh/publish/#access-tokens (Authorization: Bearer tk_...).
local alert = require "alert"

local priorities = { critical = 5, warning = 4, info = 3, ok = 3 }
local tags = { critical = "rotating_light", warning = "warning", ok = "white_check_mark", info = "information_source" }

return {
  about = "push messages to phones, by ntfy",
  settings = { server = "https://ntfy.sh", topic = "", token_env = "NTFY_TOKEN" },
  origins = function(settings) return { settings.server } end,
  ready = alert.requires "topic",
  send = function(message, settings)
    local token = alert.secret(settings, "token_env")
    return alert.result(http.post(settings.server, alert.json({
      topic = settings.topic,
      title = alert.cut(message.title, 250),
      message = alert.cut(message.text, 4000), -- 4096 bytes; what is longer becomes an attachment
      priority = priorities[message.severity],
      tags = { tags[message.severity] },
    }, token and { Authorization = "Bearer " .. token } or nil)))
  end,
}
