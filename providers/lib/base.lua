-- base: what provider scripts of every kind begin with: where the API is, and which keys there are.
-- The daemon makes one target of each key in `keys`, and gives a check its own as check.key.

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

--- The address of the API with an ending of its path taken off: that of the provider's other calls. The first ending that
--- fits counts; where none does, the address stays as it is.
function M.root(provider, ...)
  local url = provider.base_url:gsub("/+$", "")
  for i = 1, select("#", ...) do
    local ending = select(i, ...)
    if #url > #ending and url:sub(-#ending) == ending then
      return url:sub(1, -#ending - 1)
    end
  end
  return url
end

--- An address that is a bare host gets the version that OpenAI-like paths stand under; others stay as they are.
function M.versioned(url)
  return url:find "^%a+://[^/?#]+$" and url .. "/v1" or url
end

--- What to say when none of the keys is set; nil when one is.
function M.missing(key_list)
  if #key_list == 0 then
    return "set " .. key_list.variable
  end
  return nil
end

return M
