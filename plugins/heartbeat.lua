-- heartbeat: asks a URL now and then, so that somebody notices when it stops: a watcher for the watcher.
--
--   plugins = { heartbeat = { every = "60s" } },     -- with HEARTBEAT_URL in the environment
--
-- The URL is a secret, since who knows it can keep quiet about a dead daemon. Services that take it: Healthchecks.io (any of
-- HEAD, GET, POST: https://healthchecks.io/docs/http_api/), Uptime Kuma's push monitors, Dead Man's Snitch (both GET).
-- A URL that does not answer is said in the log once, and when it is back.
local alert = require "alert"

local due, failing = 0, false

return {
  settings = { url_env = "HEARTBEAT_URL", every = "60s" },
  ready = alert.needs "url_env",
  on_tick = function(_, settings)
    local time = now()
    if time < due then
      return
    end
    due = time + duration(settings.every)
    local answer = http.get(alert.secret(settings, "url_env"), { timeout = "10s" })
    if answer.ok and failing then
      log.info "heartbeat: it is heard again"
    elseif not answer.ok and not failing then
      log.warn("heartbeat: it is not heard: %s", answer.message or "HTTP " .. answer.status)
    end
    failing = not answer.ok
  end,
}
