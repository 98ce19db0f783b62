-- matrix: a room, by an account's access token.
-- Source (read 2026-11-24): https://spec.matrix.org/v1.11/client-server-api/#put_matrixclientv3roomsroomidsendeventtypetxnid
-- (PUT with a transaction id: the same id twice is one message), #mroommessage-msgtypes (m.text, m.notice),
-- #rate-limiting (429 M_LIMIT_EXCEEDED with Retry-After, formerly retry_after_ms).
local alert = require "alert"

local function escape(text)
  return (text:gsub("[^%w._~-]", function(c) return string.format("%%%02X", c:byte()) end))
end

return {
  about = "a Matrix room",
  settings = { homeserver = "", room = "", token_env = "MATRIX_ACCESS_TOKEN" },
  origins = function(settings) return settings.homeserver ~= "" and { settings.homeserver } or {} end,
  ready = alert.all(alert.needs "token_env", alert.requires("homeserver", "room")),
  send = function(message, settings)
    local last = message.items[#message.items]
    local url = string.format("%s/_matrix/client/v3/rooms/%s/send/m.room.message/%s", settings.homeserver,
      escape(settings.room), escape(string.format("providerd-%s-%d-%d", message.alert, last.id, message.count)))
    return alert.result(http.put(url, alert.json({
      msgtype = "m.text",
      body = table.concat(alert.lines(message), "\n"),
    }, { Authorization = "Bearer " .. alert.secret(settings, "token_env") })), {
      retry_after = function(answer)
        local ms = answer.json and tonumber(answer.json.retry_after_ms)
        return ms and ms / 1000
      end,
    })
  end,
}
