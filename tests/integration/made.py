"""Providers made for a test: each is a table that says how its checks end."""
from harness import lua

# Providers that answer as their table says; a step of the answers for each check, the last one from then on.
MADE = """
local function provider(name, spec)
  local n = 0
  return { name = name, base_url = spec.base_url or ("http://" .. name .. ".test:9"), keys = spec.keys,
    upstream = spec.upstream, features = spec.features, interval = spec.interval,
    list_models = spec.models and function() return spec.models end or nil,
    probe = function(_, check)
      n = n + 1
      if spec.hang and n > 1 then
        http.get(env "HANGS")
      end
      local answer = spec[math.min(n, #spec)]
      local kind = answer.kind
      return { ok = not kind, kind = kind, message = kind and "no" or nil, latency_ms = answer.ms,
        rate_limit_percent = spec.used and spec.used[check.key_number or 1], retry_at = answer.retry_at,
        limits = spec.limits }
    end }
end
return { %s }"""


def good(ms, **spec):
    return {1: {"ms": ms}, **spec}


def failing(kind="server_error", **spec):
    return {1: {"ms": 5.0, "kind": kind}, **spec}


def script(specs):
    """A provider script with providers of these specs: a table, or Lua text, for each name."""
    return MADE % ", ".join(f'provider("{name}", {spec if isinstance(spec, str) else lua(spec)})'
                            for name, spec in specs.items())
