-- email: a mail by SMTP (RFC 5321), over TLS unless `plain` says that the server is trusted without.
-- The message: RFC 5322; headers that are not ASCII by RFC 2047; the text as quoted-printable (RFC 2045, 6.7).
local alert = require "alert"

local function base64(text)
  local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
  local out = {}
  for i = 1, #text, 3 do
    local a, b, c = text:byte(i, i + 2)
    local bits = a << 16 | (b or 0) << 8 | (c or 0)
    for shift = 18, 0, -6 do
      local place = bits >> shift & 63
      local beyond = (shift == 6 and not b) or (shift == 0 and not c)
      out[#out + 1] = beyond and "=" or alphabet:sub(place + 1, place + 1)
    end
  end
  return table.concat(out)
end

-- A header's text: an encoded word of at most 75 characters takes 45 bytes.
local function header(text)
  text = text:gsub("%c", " ")
  if not text:find "[\128-\255]" then
    return text
  end
  local words = {}
  while #text > 0 do
    local last = math.min(45, #text)
    while last < #text and last > 1 and (text:byte(last + 1) & 0xC0) == 0x80 do
      last = last - 1
    end
    words[#words + 1] = "=?UTF-8?B?" .. base64(text:sub(1, last)) .. "?="
    text = text:sub(last + 1)
  end
  return table.concat(words, "\r\n ")
end

local function quoted_printable(text)
  local lines = {}
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    line = line:gsub("[^\32-\60\62-\126]", function(c) return string.format("=%02X", c:byte()) end)
    line = line:gsub(" $", "=20")
    while #line > 75 do
      local last = 72
      if line:sub(last - 1, last - 1) == "=" then
        last = last - 2
      elseif line:sub(last, last) == "=" then
        last = last - 1
      end
      lines[#lines + 1] = line:sub(1, last) .. "="
      line = line:sub(last + 1)
    end
    lines[#lines + 1] = line
  end
  return table.concat(lines, "\r\n")
end

return {
  about = "a mail by SMTP",
  settings = {
    url = "smtp://127.0.0.1:25", -- or smtps://mail.example.com:465, smtp://mail.example.com:587 (STARTTLS)
    from = "",
    to = {}, -- addresses
    user = "",
    password_env = "SMTP_PASSWORD",
    plain = false, -- true: without TLS if the server has none; for a server on this machine
  },
  ready = function(settings)
    if settings.from == "" or #settings.to == 0 then
      return false, "set settings.from and settings.to"
    elseif settings.user ~= "" and not env(settings.password_env) then
      return false, "set " .. settings.password_env
    end
    return true
  end,
  send = function(message, settings)
    local last = message.items[#message.items]
    local text = table.concat({
      "From: " .. settings.from,
      "To: " .. table.concat(settings.to, ", "),
      "Subject: " .. header("[providerd] " .. alert.cut(message.title, 200)),
      "Date: " .. os.date("!%a, %d %b %Y %H:%M:%S +0000", math.floor(message.time)),
      string.format("Message-ID: <%d.%d.%s@providerd>", last and last.id or 0, math.floor(message.time),
        message.alert:gsub("[^%w.-]", "_")),
      "Auto-Submitted: auto-generated", -- RFC 3834
      "MIME-Version: 1.0",
      "Content-Type: text/plain; charset=utf-8",
      "Content-Transfer-Encoding: quoted-printable",
      "",
      quoted_printable(table.concat(alert.lines(message), "\n")),
      "",
    }, "\r\n")
    local with_login = settings.user ~= ""
    local answer = mail.send {
      url = settings.url, from = settings.from, to = settings.to, message = text, plain = settings.plain,
      user = with_login and settings.user or nil,
      password = with_login and alert.secret(settings, "password_env") or nil,
    }
    if not answer.error then
      return true
    end
    -- 5yz is permanent (RFC 5321, 4.2.1): a recipient that does not exist, a login that is refused.
    return false, { message = answer.message, final = answer.status >= 500 and answer.status < 600 }
  end,
}
