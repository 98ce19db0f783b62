-- discord: a webhook of a Discord channel.
-- Sources (read 2026-11-24): https://discord.com/developers/docs/resources/webhook#execute-webhook (content up to 2000
-- characters, embeds; 204), https://discord.com/developers/docs/topics/rate-limits (429 with
-- retry_after, seconds, in the body and Retry-After).
local alert = require "alert"

return {
  about = "a Discord channel, by its webhook",
  settings = { url_env = "DISCORD_WEBHOOK_URL", username = "providerd" },
  ready = alert.needs "url_env",
  send = function(message, settings)
    return alert.result(http.post(alert.secret(settings, "url_env"), alert.json {
      username = settings.username,
      embeds = { { -- in which nothing pings @everyone
        title = alert.cut(message.title, 250), -- 256 at most
        description = alert.cut(table.concat(alert.lines(message), "\n"), 4000), -- 4096 at most
        color = alert.colours[message.severity],
      } },
    }), { retry_after = function(answer) return answer.json and tonumber(answer.json.retry_after) end })
  end,
}
