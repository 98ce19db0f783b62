-- kinds: what can go wrong, each with its consequence. The daemon reads this table; the configuration's `error_kinds` and
-- a provider's own `error_kinds` change single fields of it, and GET /api/error-kinds shows what is in force.
--
-- scope   whom it concerns: "key" (this credential), "model", "provider", or "us" (the script, this machine).
-- effect  on the state:
--           "failure"   degraded, and down from the third in a row on (max_consecutive_failures)
--           "limited"   degraded with the reason rate_limited; the provider answered, so it counts as up
--           "degraded"  degraded, never down: it answered, and something narrower is wrong
--           "none"      nothing was learned: the state is unknown, and uptime does not count it
-- clears  what ends it, for people: by a later success, in any case; a time that was told is evidence only.
-- ask     when to ask next, once the state is settled (while it is in doubt, quick_interval holds):
--           "interval"  as always
--           "backoff"   the interval doubles from check to check, up to down_interval
--           "reset"     at the time told, else like "backoff"
--           "1h"        a duration
--
-- Sources: transport kinds are libcurl's layers; the verdicts are what providers' documentation and recorded answers tell
-- apart (facts as collected 2026-11-23; each provider's script cites its own).

return {
  -- Transport: no HTTP answer, or none that can be read.
  timeout = {
    scope = "provider", effect = "failure", clears = "by itself", ask = "interval",
    about = "no whole answer within the time allowed",
  },
  dns = {
    scope = "provider", effect = "failure", clears = "by itself", ask = "interval",
    about = "the name could not be looked up",
  },
  connect = {
    scope = "provider", effect = "failure", clears = "by itself", ask = "interval",
    about = "no connection",
  },
  tls = {
    scope = "provider", effect = "failure", clears = "by itself", ask = "interval",
    about = "the TLS handshake or the certificate failed",
  },
  bad_response = {
    scope = "provider", effect = "failure", clears = "by itself", ask = "interval",
    about = "cut off, not HTTP, too large, or not what the API answers",
  },
  cancelled = {
    scope = "us", effect = "none", clears = "at the next check", ask = "interval",
    about = "the check was broken off by us",
  },
  script_error = {
    scope = "us", effect = "failure", clears = "by mending the script", ask = "interval",
    about = "the script raised, looped, or returned what it must not",
  },
  ["local"] = {
    scope = "us", effect = "none", clears = "at the next check", ask = "interval",
    about = "this machine or its network failed, not the provider",
  },

  -- The provider's verdicts.
  key_missing = {
    scope = "key", effect = "failure", clears = "by setting a key", ask = "1h",
    about = "the provider wants a key and saw none",
  },
  key_invalid = {
    scope = "key", effect = "failure", clears = "by a new key", ask = "1h",
    about = "the key is wrong, expired, withdrawn, or of another region",
  },
  key_valid_restricted = {
    scope = "key", effect = "degraded", clears = "by a key with more rights", ask = "1h",
    about = "the key is good, but lacks the right to this call",
  },
  forbidden = {
    scope = "key", effect = "failure", clears = "by the provider's console", ask = "1h",
    about = "the account or plan does not allow this",
  },
  region = {
    scope = "key", effect = "failure", clears = "by another location", ask = "1h",
    about = "the provider does not serve this country",
  },
  credit = {
    scope = "key", effect = "failure", clears = "by paying", ask = "30m",
    about = "the account is empty: a human must pay",
  },
  quota_window = {
    scope = "key", effect = "limited", clears = "at the window's end", ask = "reset",
    about = "a day's or month's allowance is spent",
  },
  rate = {
    scope = "key", effect = "limited", clears = "within seconds or minutes", ask = "reset",
    about = "too many requests or tokens for this minute",
  },
  too_large = {
    scope = "us", effect = "degraded", clears = "by a smaller request", ask = "interval",
    about = "this request can never pass; not the provider's fault",
  },
  capacity = {
    scope = "provider", effect = "failure", clears = "by itself", ask = "reset",
    about = "overloaded, or its queue is full",
  },
  model_gone = {
    scope = "model", effect = "degraded", clears = "by another model", ask = "interval",
    about = "the model is not there any more; the key is proven good",
  },
  bad_path = {
    scope = "us", effect = "failure", clears = "by mending the script or base_url", ask = "backoff",
    about = "the API does not know this path",
  },
  bad_request = {
    scope = "us", effect = "failure", clears = "by mending the script", ask = "backoff",
    about = "the API refused the request itself",
  },
  server_error = {
    scope = "provider", effect = "failure", clears = "by itself", ask = "interval",
    about = "the provider's own error",
  },
  waf = {
    scope = "us", effect = "failure", clears = "by another user agent or address", ask = "backoff",
    about = "an edge in front of the provider refused us",
  },
  retired = {
    scope = "provider", effect = "failure", clears = "never", ask = "1d",
    about = "the service is closed",
  },
}
