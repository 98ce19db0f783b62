-- telegram: a chat, by a bot.
-- Source (read 2026-11-24): https://core.telegram.org/bots/api#sendmessage (chat_id, text of 1-4096 characters,
-- link_preview_options), https://core.telegram.org/bots/api#responseparameters (429 with parameters.retry_after).
local alert = require "alert"

return {
  about = "a Telegram chat, by a bot of yours",
  settings = {
    token_env = "TELEGRAM_BOT_TOKEN",
    chat_id = "", -- "-1001234567890" or "@channel"
    api = "https://api.telegram.org", -- or a server of your own
  },
  ready = alert.all(alert.needs "token_env", alert.requires "chat_id"),
  send = function(message, settings)
    local url = settings.api .. "/bot" .. alert.secret(settings, "token_env") .. "/sendMessage"
    return alert.result(http.post(url, alert.json {
      chat_id = settings.chat_id,
      text = alert.cut(table.concat(alert.lines(message), "\n"), 4000),
      link_preview_options = { is_disabled = true },
    }), { retry_after = function(answer)
      local parameters = answer.json and answer.json.parameters
      return type(parameters) == "table" and tonumber(parameters.retry_after) or nil
    end })
  end,
}
