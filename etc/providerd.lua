-- The configuration of providerd: a Lua file that returns a table. Every setting stands here with its default, so this
-- file changes nothing; change what you like, check it with `providerd -t`, and send SIGHUP.
--
-- Durations are texts such as "300ms", "10s", "5m", "1h30m", "7d"; sizes are "16KB", "4MB" or a number of bytes.
-- Settings marked (restart) are read at start only.

return {
  -- Serving -----------------------------------------------------------------------------------------------------------

  -- Addresses of the REST interface: one, or a list. Port 0 takes a free one. Without authentication, so keep it on
  -- loopback. (restart)
  listen = "127.0.0.1:8000",
  -- Threads that answer requests; one answers more than 100,000 a second. (restart)
  http_threads = 1,
  -- Connections that one of these threads keeps open; further ones wait. (restart)
  max_connections = 1024,
  -- Request line and headers together; more is answered with 431. (restart)
  max_header_size = "16KB",
  -- Body of a request; more is answered with 413. (restart)
  max_request_body = "1MB",
  -- A client that stays silent this long, within a request or between two, is cut off. (restart)
  idle_timeout = "30s",
  -- At SIGTERM, answers on their way get this long to finish.
  shutdown_grace = "1500ms",
  -- Who is best: a file of plugins/policies, without .lua.
  policy = "lowest_latency",

  -- Probing -----------------------------------------------------------------------------------------------------------

  -- How often each provider is checked.
  interval = "5m",
  -- A check that takes longer has failed: name lookup, connection, and all of its requests together.
  timeout = "10s",
  -- Each check starts up to this share of its interval late, so that providers do not move in step.
  jitter_percent = 10,
  -- Requests on the wire at one time; further ones wait for their turn.
  max_probes_in_flight = 200,
  -- Larger answers of a provider are broken off.
  max_answer = "4MB",
  -- What the probes call themselves. NAME_USER_AGENT in the environment overrides it for one provider.
  user_agent = "providerd/0.1.0",
  -- Certificates to trust, one PEM file; false takes libcurl's own.
  ca_bundle = "/etc/ssl/certs/ca-certificates.crt",

  -- Judging -----------------------------------------------------------------------------------------------------------

  -- A good answer that takes longer makes a provider degraded.
  degraded_latency = "1000ms",
  -- This many failures in a row make it down; fewer make it degraded.
  max_consecutive_failures = 3,

  -- Storing -----------------------------------------------------------------------------------------------------------

  -- The history, an SQLite file; relative to the working directory. (restart)
  database = "provider_status.db",
  -- Older checks are deleted.
  retention = "7d",
  -- Checks are written together this often: what a power cut can lose at most. "0s" writes each at once.
  commit_interval = "1s",
  -- Checks kept in memory while the database cannot be written; beyond it the oldest are dropped, and counted. (restart)
  store_queue = 100000,
  -- Threads that read history and exports. (restart)
  readers = 2,

  -- Scripts -----------------------------------------------------------------------------------------------------------

  -- Folders of provider scripts: every *.lua in them is loaded, their lib/ folders are for `require`. Relative ones
  -- start at this file's folder.
  provider_paths = { "../providers" },
  -- Folders of plugins: policies/ in them holds the policies.
  plugin_paths = { "../plugins" },
  -- A file of NAME=VALUE lines that scripts see beside the environment (which wins): where to add a key without a
  -- restart. Relative to the working directory; false for none.
  env_file = false,
  -- Memory of one script, and instructions of one call into it: past them its provider's check fails.
  script_memory = "16MB",
  script_instructions = 5000000,

  -- Logging -----------------------------------------------------------------------------------------------------------

  -- error, warning, info or debug.
  log_level = "info",

  -- Single providers --------------------------------------------------------------------------------------------------

  -- By name; each may set enabled, interval, timeout, degraded_latency, max_consecutive_failures and base_url:
  --   groq = { interval = "1m", degraded_latency = "2s" },
  --   g4f_grok = { enabled = false },
  providers = {},
}
