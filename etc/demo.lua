-- The configuration of etc/run --demo: the defaults of providerd.lua, with checks often enough to watch. Folders are
-- relative to this file.
return {
  interval = "2s",
  provider_paths = { "../providers" },
  plugin_paths = { "../plugins" },
}
