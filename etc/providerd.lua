-- The configuration of providerd: a Lua file that returns a table. Every setting stands here with its default, so this
-- file changes nothing; change what you like, check it with `providerd -t`, and send SIGHUP.
--
-- Durations are texts such as "300ms", "10s", "5m", "1h30m", "7d"; sizes are "16KB", "4MB" or a number of bytes.
-- Settings marked (restart) are read at start only.

return {
  -- Serving -----------------------------------------------------------------------------------------------------------

  -- Addresses of the REST interface: one, or a list. Port 0 takes a free one. "https://0.0.0.0:8443" with TLS; see
  -- `tokens` and `tls` for what belongs to listening beyond this machine. (restart)
  listen = "127.0.0.1:8000",
  -- An address such as "127.0.0.1:8001" at which HAProxy's agent checks are answered (etc/clients/README.md); false for
  -- none. (restart)
  agent_check = false,
  -- Beyond this machine it listens only with tokens, or when this is true.
  insecure = false,
  -- Who may ask what: { name = "router", scope = "report", hash = "sha256:..." }, as `providerd token router` prints it.
  -- "read" may ask, "report" also tell of its calls, "admin" everything; per_minute = 600 holds it to so many requests.
  -- None: everybody who can reach it may everything.
  tokens = {},
  -- Names with a dot by which clients may address it, such as "llm.example.org"; others are refused (DNS rebinding).
  -- Addresses and names without a dot need not be listed; "*": whatever they say.
  hosts = {},
  -- The certificate for addresses of `listen` that begin with "https://", read again at each reload:
  --   { certificate = "/etc/providerd/cert.pem", key = "/etc/providerd/key.pem" },
  tls = false,
  -- A page at /status, and badges, that anybody may see without a token, of these providers; { "*" } shows all:
  --   { title = "Our LLM providers", note = "Trouble? ask@example.org", providers = { "groq" }, latency = true,
  --     incidents = true },
  public_page = false,
  -- Origins such as "https://app.example.org" whose pages may ask from a browser (CORS); { "*" }: any.
  cors = {},
  -- A file to which each request gets a line, without its query; "-" is standard error, false none. Opened again at
  -- each reload.
  access_log = false,
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
  -- Other settings of policies than those that stand in their files:
  --   sticky = { margin_percent = 10 }, weighted = { price = 3, half_usd = 2 },
  policies = {},
  -- What calls cost, in US dollars for a million tokens, where the providers' lists of models do not say it, or say it
  -- wrongly; in and out together, or each:
  --   groq = 1.38, ["openai/gpt-4o-mini"] = { input = 0.15, output = 0.60 },
  prices = {},
  -- After an outage a provider gets a tenth of its calls, and over this time more and more of them. "0s": all at once.
  warm_up = "5m",

  -- Who is told of what (plugins/README.md). Each alert has a name; `use` is a file of plugins/alerts, without .lua.
  --   oncall = {
  --     use = "pagerduty",
  --     providers = { "groq" },       -- of these alone; without it, of all and of the daemon itself
  --     kinds = { "limit_near" },     -- of these events; a kind stands for its end as well. Without it: outages, a
  --                                   -- database that cannot be written, reloads that were refused
  --     after = "0s",                 -- a problem must last so long,
  --     after_failures = 0,           -- and so many checks in a row must have failed
  --     resolved = true,              -- that it is over is told, too
  --     remind = "0s",                -- again while it lasts; "0s" = not
  --     group = "10s",                -- what comes within that time is one message
  --     quiet = false,                -- "22:00-07:00": what happens then is told when it is over
  --     give_up = "24h",              -- what cannot be sent for so long is dropped
  --     settings = {},                -- of the file: see its head
  --   },
  alerts = {},
  -- When work on providers is announced: { providers = { "groq" }, hours = "sat 02:00-04:00" }, or from and to with
  -- times such as "2026-11-24T02:00:00Z". Nobody is told of their problems then.
  maintenance = {},
  -- Plugins that are no alerts, by the names of their files, with their settings: { watcher = { url = "..." } }.
  plugins = {},

  -- Probing -----------------------------------------------------------------------------------------------------------

  -- How often each provider is checked, as a rule.
  interval = "5m",
  -- While its state is in doubt (failing, but not yet down; coming back; or the network was at fault): this often.
  quick_interval = "30s",
  -- What has been down for ten minutes is asked more and more seldom, up to this.
  down_interval = "30m",
  -- Contenders for best are asked more often than the interval says, hopeless ones less often, up to twice; the number of
  -- checks stays the same.
  adaptive = true,
  -- Checks of one provider at a time, where it has several keys.
  max_probes_per_provider = 2,
  -- The lists of models: whether they are read, and how often.
  read_models = true,
  models_interval = "6h",
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

  -- URLs that answer whenever the network does. When a provider cannot be reached, and one of these cannot either, it is
  -- us: the state is then unknown, with the reason "local". Without any, other providers are asked instead.
  witnesses = {},
  -- Public status pages, where providers have one that can be read: shown as "announced", never judged by.
  status_pages = true,
  status_page_interval = "5m",

  -- Deep probes: real completions. The tiny one at each interval, the timed one (a few tokens, streamed) at each
  -- timed_interval, or when something looks odd. They cost tokens: never more than daily_tokens of a provider and day
  -- (UTC), nor than this share of the key's own daily limits, where these are known. The model is chosen from the list;
  -- `model` names one. Best switched on for single providers, below.
  deep = {
    enabled = false,
    interval = "1h",
    timed_interval = "6h",
    daily_tokens = 5000,
    share_percent = 5,
  },

  -- Judging -----------------------------------------------------------------------------------------------------------

  -- A good answer that takes longer makes a provider degraded. "p95 * 2" stands for twice what 95 of 100 of its own good
  -- answers of the last 7 days took at most; 1 s holds until 20 of them are known.
  degraded_latency = "1000ms",
  -- This many failures in a row make it down; fewer make it degraded.
  max_consecutive_failures = 3,
  -- This many good answers in a row bring it back up; until then it is degraded ("recovering").
  successes_to_recover = 1,
  -- What the score of a healthy provider is made of: its latency, its uptime of 24 hours, what is left of its tightest
  -- rate limit.
  score_weights = { latency = 1, uptime = 0, headroom = 0 },
  -- Other consequences of errors than those of providers/lib/kinds.lua (GET /api/error-kinds shows what is in force):
  --   credit = { ask = "6h" },
  error_kinds = {},
  -- Models that are one and the same though providers name them differently. Case, the vendor before the slash, and
  -- ":free" are set aside anyway; "*" stands for anything.
  model_aliases = {
    ["llama-3.3-70b"] = {
      "llama-3.3-70b-versatile", "llama-3.3-70b-instruct*", "meta-llama-3.3-70b-instruct*", "llama3.3:70b*",
    },
    ["llama-3.1-8b"] = {
      "llama-3.1-8b-instant", "llama-3.1-8b-instruct*", "meta-llama-3.1-8b-instruct*", "llama3.1:8b*", "llama3.1-8b",
    },
    ["gpt-oss-120b"] = { "gpt-oss:120b*" },
    ["gpt-oss-20b"] = { "gpt-oss:20b*" },
  },

  -- Clients' reports --------------------------------------------------------------------------------------------------

  -- How calls count that clients report (POST /api/providers/report). Who fails too often by them is ejected: down for a
  -- while, until a check has gone well. The rules are Envoy's outlier detection.
  reports = {
    weight_percent = 20,       -- of a check, that one report is worth in uptime; those of 10 s together one check at most
    cooldown = "10s",          -- of a key or model after a 429 or timeout that told no end; doubled when it happens again
    consecutive_errors = 5,    -- in a row eject a provider; 0 = this rule is off
    failure_percent = 50,      -- of a minute's calls likewise; 0 = off
    deviation_percent = 190,   -- of the standard deviation below the mean success rate of 5 or more; 0 = off
    min_requests = 20,         -- of a minute, for the last two
    eject = "30s",             -- the first time; each further one by as much longer,
    max_eject = "5m",          -- up to this
    max_ejected_percent = 50,  -- of the providers with traffic, but always one; 0 = nobody
  },

  -- Statistics --------------------------------------------------------------------------------------------------------

  -- Hours for which the uptime is told apart, in local time, such as "mon-fri 08:00-20:00, sat 10:00-14:00".
  busy_hours = false,

  -- Storing -----------------------------------------------------------------------------------------------------------

  -- The history, an SQLite file; relative to the working directory. (restart)
  database = "provider_status.db",
  -- Older checks are deleted; sums of each hour are kept longer, those of each day for ever.
  retention = "7d",
  -- Older hourly sums become daily ones; incidents that ended before that are deleted.
  rollup_retention = "400d",
  -- Events (/api/providers/events) are deleted after that.
  events_retention = "90d",
  -- Checks are written together this often: what a power cut can lose at most. "0s" writes each at once.
  commit_interval = "1s",
  -- Checks kept in memory while the database cannot be written; older ones go into the hourly sums only. (restart)
  store_queue = 100000,
  -- Threads that read history and exports. (restart)
  readers = 2,

  -- Scripts -----------------------------------------------------------------------------------------------------------

  -- Folders of provider scripts: every *.lua in them is loaded, their lib/ folders are for `require`. Relative ones
  -- start at this file's folder.
  provider_paths = { "../providers" },
  -- Folders of plugins: policies/ in them holds the policies, alerts/ the ways to tell somebody; one with an index.html is
  -- served, dashboard/ to browsers. The second has the chart library that the build copies.
  plugin_paths = { "../plugins", "../build/plugins" },
  -- true: editing this file, the env_file, a script or a plugin reloads by itself, as SIGHUP does.
  watch = false,
  -- A file of NAME=VALUE lines that scripts see beside the environment (which wins): where to add a key without a
  -- restart. Relative to the working directory; false for none.
  env_file = false,
  -- Memory of one script, and instructions of one call into it: past them its provider's check fails.
  script_memory = "16MB",
  script_instructions = 5000000,

  -- Logging -----------------------------------------------------------------------------------------------------------

  -- error, warning, info or debug.
  log_level = "info",
  -- A crash leaves no core dump, and nobody but root may look into the process, since keys are in its memory. true: as
  -- the system has it. (restart)
  core_dumps = false,

  -- Single providers --------------------------------------------------------------------------------------------------

  -- By name; each may set enabled, base_url, interval, quick_interval, down_interval, models_interval, timeout,
  -- max_probes_per_provider, degraded_latency, max_consecutive_failures, successes_to_recover, score_weights, deep,
  -- error_kinds, status_page (false: do not read it), and limits, for what the provider never announces:
  --   groq = { interval = "1m", degraded_latency = "p95 * 2", deep = true },
  --   deepseek = { limits = { { unit = "requests", window = "1m", limit = 60 } } },
  --   g4f_grok = { enabled = false },
  providers = {},
}
