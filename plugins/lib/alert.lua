-- alert: what the files in alerts/ have in common: their credentials, and what an answer means for another try.
local alert = {}

-- The secret in the environment variable that a setting names: alert.secret(settings, "url_env"). It never shows.
function alert.secret(settings, name)
  local value = env(settings[name])
  if type(value) == "string" then
    value = secret(value)
  end
  return value
end

-- ready() of an alert that needs the variables which these settings name.
function alert.needs(...)
  local names = { ... }
  return function(settings)
    for _, name in ipairs(names) do
      if not env(settings[name]) then
        return false, "set " .. settings[name]
      end
    end
    return true
  end
end

-- ready() of an alert that needs these settings (not "").
function alert.requires(...)
  local names = { ... }
  return function(settings)
    for _, name in ipairs(names) do
      if settings[name] == "" then
        return false, "set settings." .. name
      end
    end
    return true
  end
end

-- All of several ready() functions.
function alert.all(...)
  local checks = { ... }
  return function(settings)
    for _, check in ipairs(checks) do
      local ok, why = check(settings)
      if not ok then
        return false, why
      end
    end
    return true
  end
end

-- At most `max` bytes of a text, cut at a character, with "…" for the rest.
function alert.cut(text, max)
  if #text <= max then
    return text
  end
  local last = max - #"…"
  while last > 0 and (text:byte(last + 1) & 0xC0) == 0x80 do
    last = last - 1
  end
  return text:sub(1, last) .. "…"
end

-- What an HTTP answer means: true, or false and why, when to try again, and whether that is of no use (RFC 9110, 15.5: a
-- 4xx says that the request is wrong; but 408, 425 and 429 ask for another).
function alert.result(answer, options)
  if answer.ok then
    return true
  end
  if answer.error then
    return false, { message = answer.error .. ": " .. (answer.message or "") }
  end
  local status = answer.status
  local passes = status == 408 or status == 425 or status == 429 or status >= 500
  local retry_after = tonumber(answer.headers["retry-after"])
  if not retry_after and options and options.retry_after then
    retry_after = options.retry_after(answer)
  end
  return false, {
    message = "HTTP " .. status .. ": " .. alert.cut(tostring(answer.body or ""), 200),
    retry_after = passes and retry_after or nil,
    final = not passes,
  }
end

-- Options of http.post that keep a short answer, whatever its status.
function alert.json(body, headers)
  return { json = body, headers = headers, keep = "always", max_body = 64 * 1024, timeout = "15s" }
end

-- "#rrggbb" by severity, as numbers too.
alert.colours = { critical = 0xD32F2F, warning = 0xF9A825, ok = 0x2E7D32, info = 0x1565C0 }

function alert.colour(severity)
  return string.format("#%06X", alert.colours[severity] or alert.colours.info)
end

alert.signs = { critical = "🔴", warning = "🟡", ok = "🟢", info = "🔵" }

-- The message in lines, each with a sign for its severity.
function alert.lines(message)
  local lines = {}
  for _, item in ipairs(message.items) do
    lines[#lines + 1] = (alert.signs[item.severity] or "") .. " " .. item.text
  end
  if message.count > #message.items then
    lines[#lines + 1] = string.format("and %d more", message.count - #message.items)
  end
  return lines
end

return alert
