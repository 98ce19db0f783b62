-- The configuration of etc/run --demo: the defaults of providerd.lua, with checks often enough to watch. Folders are
-- relative to this file.
return {
  interval = "2s",
  status_pages = false, -- these are real ones, out on the network
  provider_paths = { "../providers" },
  plugin_paths = { "../plugins", "../build/plugins" },
}
