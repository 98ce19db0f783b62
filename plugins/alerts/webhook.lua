-- webhook: the message as JSON to any URL; or what a template makes of it.
--
-- In a template {name} stands for a field of the message (title, text, severity, alert, count), written as a JSON string's
-- content; {items} for the array of items as JSON.
local alert = require "alert"

local function fill(template, message)
  return (template:gsub("{(%w+)}", function(name)
    local value = message[name]
    if name == "items" then
      return json.encode(message.items)
    elseif type(value) == "string" then
      return json.encode(value):sub(2, -2)
    elseif type(value) == "number" then
      return json.encode(value)
    end
    return nil -- left as it is
  end))
end

return {
  about = "the message as JSON to a URL of yours",
  settings = {
    url_env = "ALERT_WEBHOOK_URL", -- the variable that holds the URL
    method = "POST", -- or PUT
    token_env = "ALERT_WEBHOOK_TOKEN", -- sent as a bearer token when it is set
    template = "", -- of the body; "" = the message as it is
    content_type = "application/json", -- of a template
  },
  ready = alert.needs "url_env",
  send = function(message, settings)
    local token = alert.secret(settings, "token_env")
    local options = alert.json(message, token and { Authorization = "Bearer " .. token } or nil)
    if settings.template ~= "" then
      options.json = nil
      options.body = fill(settings.template, message)
      options.headers = options.headers or {}
      options.headers["Content-Type"] = settings.content_type
    end
    local ask = settings.method == "PUT" and http.put or http.post
    return alert.result(ask(alert.secret(settings, "url_env"), options))
  end,
}
