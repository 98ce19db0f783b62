-- g4f (NVIDIA): a hosted gpt4free endpoint; no key needed, G4F_API_KEY is sent when it is set (see lib/g4f.lua).
-- Base: Nvidia.backup_url of gpt4free.

return require "g4f".provider {
  name = "g4f_nvidia",
  title = "g4f (NVIDIA)",
  base_url = "https://g4f.space/api/nvidia",
}
