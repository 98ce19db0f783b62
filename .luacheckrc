-- What the host gives to provider scripts (providers/README.md), alerts and policies.
std = "lua54"
max_line_length = 125
files["providers/lib/annotations.lua"] = { ignore = { "1", "2", "6" } } -- declarations only
files["providers"] = {
  read_globals = {
    "env", "env_names", "keys", "secret", "credentials", "http", "json", "log", "now", "duration", "parse_time",
    "jwt",
  },
}
for _, place in ipairs { "plugins/alerts", "plugins/lib/alert.lua", "plugins/heartbeat.lua" } do
  files[place] = {
    read_globals = {
      "env", "env_names", "secret", "credentials", "http", "mail", "json", "log", "now", "duration", "parse_time", "jwt",
    },
  }
end
files["tests/lua"] = { std = "+busted" }
files["tests/fuzz/lua"] = {
  globals = { "one_input", "http" },
  read_globals = { "now" },
}
