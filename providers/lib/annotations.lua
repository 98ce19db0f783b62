---@meta
-- annotations: the API for provider scripts, for lua-language-server (https://luals.github.io/wiki/annotations). Nothing
-- requires this file; the .luarc.json of the source tree names it. The manual is ../README.md.

-- ---- values

--- A credential. It can be joined with `..`, compared and sent, never shown: tostring gives "***".
---@class secret
---@field label string where it came from
---@field last4 string the most that may be shown
---@operator concat(string|secret): secret

---@alias duration string|number "30s", "2m59.56s", "7d"; a number is in seconds
---@alias error_kind
---| "timeout" | "dns" | "connect" | "tls" | "bad_response" | "key_missing" | "key_invalid" | "key_valid_restricted"
---| "forbidden" | "region" | "credit" | "quota_window" | "rate" | "too_large" | "capacity" | "model_gone" | "bad_path"
---| "bad_request" | "server_error" | "waf" | "retired"

-- ---- what a script returns

---@class provider
---@field name string a-z 0-9 _ . -, at most 63
---@field title? string for people
---@field docs? string link to the documentation
---@field base_url string inside a probe, the one in force
---@field origins? string[] further URLs whose hosts may receive this provider's secrets
---@field missing? string why it cannot be watched, such as "set ACME_API_KEY"
---@field keys? secret[] each is a target of its own
---@field features? string[] what every model of it can do, such as "streaming"
---@field upstream? string|string[] what it runs on: those with one in common fail together
---@field fallback? boolean gives way to another script's provider of the same name
---@field user_agent? string
---@field probe? fun(provider: provider, check: check): response|sample
---@field judge? fun(sample: sample, state: judge_state): string, string, number status, reason, score
---@field list_models? fun(provider: provider, check: check): model[]?, sample?
---@field complete? fun(provider: provider, check: check, request: completion_request): sample
---@field choose_model? fun(models: model[], provider: provider): string[] ids, the best first
---@field status_page? status_page
---@field classify? fun(response: response, text: string?, code: string?, class: string?): error_kind?, number?
---@field limit_windows? table<string, integer> seconds of the windows of x-ratelimit headers, by unit
---@field time_zone? string see lib/hints.lua
---@field limits? declared_limit[] what the provider never announces; counted by the daemon
---@field error_kinds? table<string, kind_change>
---@field deep? boolean|deep_settings
---@field interval? duration
---@field quick_interval? duration
---@field down_interval? duration
---@field models_interval? duration
---@field timeout? duration
---@field degraded_latency? duration a duration, or a share of its own past such as "p95 * 2"
---@field max_consecutive_failures? integer
---@field successes_to_recover? integer
---@field score_weights? { latency: number?, uptime: number?, headroom: number? }

---@class openai_provider: provider
---@field path? string what is asked to see whether the key is good; default "/models"
---@field models? string[] or one token of the first of these that exists
---@field headers? table<string, string|secret> in every request
---@field auth_header? string takes the bare key, in place of Authorization: Bearer
---@field key_optional? boolean watched without a key as well

---@class declared_limit
---@field unit? "requests"|"tokens"
---@field window duration
---@field limit number

---@class kind_change
---@field effect? "failure"|"limited"|"degraded"|"none"
---@field ask? "interval"|"backoff"|"reset"|string or a duration

---@class deep_settings
---@field models? string[] preferred ids; "*" stands for any text
---@field try_next? table<error_kind, boolean> further failures after which the next model is tried
---@field enabled? boolean
---@field interval? duration
---@field timed_interval? duration
---@field daily_tokens? integer
---@field share_percent? number of the key's own daily limits
---@field model? string the one to ask first

---@class status_page
---@field url string
---@field format "statuspage"|"incident.io"|"instatus"|"betterstack"
---@field component? string its name or id

-- ---- what a check gets and gives

---@class check
---@field name string
---@field now number seconds since 1970
---@field timeout_s number
---@field key? secret
---@field key_number? integer
---@field rung? "tiny"|"timed" of a deep probe, as are the next three
---@field model? string
---@field models? model[]
---@field tokens_left? integer

---@class sample
---@field ok boolean
---@field kind? error_kind required when not ok
---@field message? string for people
---@field http_status? integer
---@field latency_ms? number
---@field phases? table<string, number>
---@field retry_at? number seconds since 1970
---@field limits? limit_window[]
---@field limited? boolean refused for a limit that clears by itself
---@field text? string of a completion, as are the next ones
---@field model? string
---@field tokens? integer
---@field prompt_tokens? integer
---@field first_token_ms? number
---@field tokens_per_second? number

---@class limit_window
---@field unit string "requests", "tokens", "input_tokens", "output_tokens" or another
---@field window_s? number
---@field limit? number
---@field remaining? number
---@field reset_at? number seconds since 1970
---@field name? string the policy or model that it is for

---@class model
---@field id string
---@field context? integer tokens
---@field price? number USD for a million tokens in and a million out
---@field created? number seconds since 1970
---@field chat? boolean
---@field deprecated? boolean
---@field features? string[] such as "tools", "vision"

---@class completion_request
---@field model string
---@field prompt string
---@field max_tokens integer
---@field stream boolean

---@class judge_state
---@field status string the last one
---@field consecutive_failures integer
---@field degraded_latency_ms number
---@field max_consecutive_failures integer
---@field now number
---@field uptime_percent number
---@field rate_limit_percent number -1 = not known
---@field weights { latency: number, uptime: number, headroom: number }
---@field effect? "failure"|"limited"|"degraded"|"none" of the sample's kind

-- ---- requests and answers

---@class request_options
---@field headers? table<string, string|number|secret>
---@field json? any encoded as the body
---@field form? table<string, string|secret>
---@field body? string|secret
---@field timeout? duration
---@field keep? "errors"|"always"|"never" which bodies are kept
---@field expect? "json"
---@field stream? boolean keeps the body and gives `arrivals`
---@field aws_sigv4? { provider: string, id: string|secret, secret: secret, token: secret? }
---@field max_body? integer bytes

---@class response
---@field status integer 0 = none
---@field ok boolean 2xx and whole
---@field headers table<string, string?> in any case
---@field body? string
---@field json? any the decoded body; nil when it is no JSON
---@field error? "timeout"|"dns"|"connect"|"tls"|"bad_response"
---@field message? string
---@field latency_ms number
---@field phases table<string, number>
---@field url string
---@field arrivals? { bytes: integer, ms: number }[]

-- ---- functions

--- A variable; a secret where its name says so.
---@param name string
---@param default? string
---@return any
function env(name, default) end

--- Sorted names of the variables that match a Lua pattern as a whole.
---@param pattern string
---@return string[]
function env_names(pattern) end

--- The secrets of NAME, NAME_0, NAME_1, ..., then of each alias.
---@param name string
---@param ... string aliases
---@return secret[]
function keys(name, ...) end

---@param text string
---@return secret
function secret(text) end

--- A JSON file, its secrets hidden. "~/" is HOME.
---@param path string
---@return table? file, string? message
function credentials(path) end

http = {}

--- Only inside a check, which waits for the answer. A transport error never raises.
---@param url string
---@param options? request_options
---@return response
function http.get(url, options) end

---@param url string
---@param options? request_options
---@return response
function http.post(url, options) end

json = { null = nil }

---@param value any
---@return string
function json.encode(value) end

---@param text string
---@return any value, string? message
function json.decode(text) end

log = {}

---@param format string
---@param ... any
function log.debug(format, ...) end

---@param format string
---@param ... any
function log.info(format, ...) end

---@param format string
---@param ... any
function log.warn(format, ...) end

---@param format string
---@param ... any
function log.error(format, ...) end

--- A JSON Web Token signed with RS256 (RFC 7519), for service accounts.
---@param claims table
---@param options { key: secret, kid: string? }
---@return secret? token, string? message
function jwt(claims, options) end

---@return number seconds since 1970
function now() end

---@param text string
---@return number? seconds, string? message
function duration(text) end

--- Seconds since 1970 of an RFC 3339 time or an HTTP date.
---@param text string
---@return number?
function parse_time(text) end
