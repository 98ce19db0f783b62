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
      log.info("%s: the first key is no longer refused", provider.name) -- those behind it were not tried
    end
  end
end

-- A check may make 32 requests, and an attempt of lib/g4f.lua takes up to four.
local KEYS_PER_CHECK = 8

-- The key that a provider's next check begins with, where so many were refused that the rest stayed untried.
local begin_with = {}

--- Tries the keys in turn: `attempt(key)` gives a sample, and a refused key hands over to the next. A refused key is
--- named in the log even when another one works. Of more than eight keys, a check tries eight, and when all of these are
--- refused, the next check goes on behind them. Without keys the attempt is made once, with nil.
function M.with_keys(provider, attempt)
  local list = provider.keys
  if not list or #list == 0 then
    return attempt(nil)
  end
  local first, tries = begin_with[provider.name] or 1, math.min(#list, KEYS_PER_CHECK)
  local refused, sample = {}, nil
  for turn = 0, tries - 1 do
    local index = (first + turn - 1) % #list + 1
    sample = attempt(list[index])
    if sample.ok or not REFUSED[sample.kind] then
      break
    end
    refused[#refused + 1] = string.format("%s refused: %s", name_key(index, list[index]), sample.message)
  end
  local all_refused, untried = #refused == tries, #list - tries
  if all_refused and untried > 0 then
    begin_with[provider.name] = (first + tries - 1) % #list + 1
    table.insert(refused, 1, string.format("%d more keys wait for the next check", untried)) -- long texts lose their end
  end
  if #list > 1 and (first == 1 or #refused > 0) then
    tell_refused(provider, refused)
  end
  if #list > 1 and all_refused then
    sample.message = table.concat(refused, "; ")
  end
  return sample
end

return M
