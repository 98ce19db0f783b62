-- base: what provider scripts of every kind begin with: where the API is, and which keys there are.

local M = {}

--- NAME_API_BASE of the environment, else the default; without a slash at its end.
function M.url(name, default)
  local url = env(name:upper():gsub("[^A-Z0-9]", "_") .. "_API_BASE", default)
  return (url:gsub("/+$", ""))
end

--- The address of a path of the API. Read inside probe: the configuration may have set another base_url by then.
function M.at(provider, path)
  return (provider.base_url:gsub("/+$", "")) .. path
end

--- What to say when none of the keys is set; nil when one is.
function M.missing(key_list)
  if #key_list == 0 then
    return "set " .. key_list.variable
  end
  return nil
end

-- A refusal that another key of the same provider might not meet.
local REFUSED = { key_invalid = true, key_missing = true, key_valid_restricted = true, forbidden = true, credit = true }

local function name_key(index, key)
  local shown = key.last4 ~= "" and ", …" .. key.last4 or ""
  return string.format("key %d (%s%s)", index, key.label, shown)
end

-- The refused keys of each provider, as told last: told again only when it changes.
local told = {}

local function tell_refused(provider, refused)
  local text = table.concat(refused, "; ")
  if text ~= (told[provider.name] or "") then
    told[provider.name] = text
    if text ~= "" then
      log.warn("%s: %s", provider.name, text)
    else
      log.info("%s: every key is accepted", provider.name)
    end
  end
end

--- Tries the keys in turn: `attempt(key)` gives a sample, and a refused key hands over to the next. A refused key is
--- named in the log even when another one works. Without keys the attempt is made once, with nil.
function M.with_keys(provider, attempt)
  local list = provider.keys
  if not list or #list == 0 then
    return attempt(nil)
  end
  local refused, sample = {}, nil
  for index, key in ipairs(list) do
    sample = attempt(key)
    if sample.ok or not REFUSED[sample.kind] then
      break
    end
    refused[#refused + 1] = string.format("%s refused: %s", name_key(index, key), sample.message)
  end
  if #list > 1 then
    tell_refused(provider, refused)
    if #refused == #list then
      sample.message = table.concat(refused, "; ")
    end
  end
  return sample
end

return M
