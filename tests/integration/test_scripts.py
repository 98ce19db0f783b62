"""Scripts that fail, loop or lie break their own provider only, and the daemon says file, line and reason."""
import pytest

from harness import REPO

GOOD = 'return { name = "good", base_url = "http://127.0.0.1:9", probe = function() return { ok = true, latency_ms = 1 } end }'


def script(body, name="bad"):
    return f'return {{ name = "{name}", base_url = "http://127.0.0.1:9", probe = function(provider, check)\n{body}\nend }}'


@pytest.fixture
def run(providers, daemon):
    def start(source, **settings):
        (providers / "good.lua").write_text(GOOD)
        (providers / "bad.lua").write_text(source)
        running = daemon(provider_paths=[str(providers)], quiet=False, **settings)
        running.wait_for_provider("good", lambda entry: entry["status"] == "healthy")
        return running
    return start


@pytest.mark.parametrize("source, expected", [
    ("return {", r"bad.lua:1:"),
    ("error 'no luck'", r"bad.lua:1: no luck"),
    ("while true do end", "instruction budget"),
    ("while true do pcall(function() while true do end end) end", "instruction budget"),
    ("local s = string.rep('x', 1 << 30)", "not enough memory"),
    ("local t = {} for i = 1, 1e9 do t[i] = { i } end", "not enough memory"),
    ("return 42", "returned a number, expected a provider table"),
    ("return { name = 'Bad Name' }", "provider name 'Bad Name'"),
    ("return { title = 'x' }", "no name"),
    ("return { name = 'bad' }", "base_url is missing"),
    ("return { name = 'bad', base_url = 'ftp://x' }", "expected a URL"),
    ("return { name = 'bad', base_url = 'http://x' }", "probe is a nil, expected a function"),
    ("return { name = 'bad', base_url = 'http://x', probe = print, interval = '5' }", "interval is '5', expected a duration"),
    ("return require 'nothing'", "no library 'nothing'"),
    ("return require '../../etc/passwd'", "is not a library name"),
    ("return io.open('/etc/passwd')", "nil value (global 'io')"),
    ("return os.execute('true')", "nil value (field 'execute')"),
    ("return load('return 1')", "nil value (global 'load')"),
    ("\x1bLua", "binary"),
    ("http.get('http://127.0.0.1:9')", "works only inside probe()"),
    ("setmetatable({}, { __gc = function() while true do end end })", "__gc is not allowed"),
])
def test_a_script_that_cannot_be_loaded_is_named_and_the_others_run(run, source, expected):
    running = run(source)
    status = running.get("/api/providers/status").json
    assert list(status["providers"]) == ["good"]
    assert status["broken"][0]["name"] == "bad.lua" and expected in status["broken"][0]["message"]
    assert running.get("/api/providers/health").json["status"] == "degraded"


@pytest.mark.parametrize("body, expected", [
    ("error 'in the probe'", "bad.lua:2: in the probe"),
    ("local x = nil; return x.y", "bad.lua:2: attempt to index a nil value"),
    ("while true do end", "instruction budget"),
    ("while true do pcall(function() while true do end end) end", "instruction budget"),
    ("return string.rep('x', 1 << 30)", "not enough memory"),
    ("local function f() return 1 + f() end return f()", "not enough memory"),
    ("return", "probe returned nothing"),
    ("return 'fine'", "probe returned a string"),
    ("return {}", "names no kind"),
    ("return { ok = true, latency_ms = 0/0 }", "latency_ms"),
    ("return { ok = true, latency_ms = {} }", "latency_ms is a table"),
    ("http.get('file:///etc/passwd')", "expected a URL that begins with http"),
    ("http.get('http://127.0.0.1:9/\\r\\nX: y')", "line break"),
    ("http.get('http://127.0.0.1:9', { headers = { A = 'b\\nC: d' } })", "line break"),
    ("http.get('http://127.0.0.1:9', { keep = 'some' })", "keep must be"),
    ("http.get('http://127.0.0.1:9', { timeout = 'soon' })", "expected a duration"),
    ("for i = 1, 100 do http.get('http://127.0.0.1:9') end", "more than 32 requests"),
    ("http.get('http://127.0.0.1:10', { headers = { A = secret 'hidden-0123456789' } })", "declares only http://127.0.0.1:9"),
    ("http.get('http://127.0.0.1:9/?key=' .. secret 'hidden-0123456789')", "URL holds a secret"),
    ("return #secret 'hidden-0123456789'", "not measured"),
    ("error(secret 'hidden-0123456789')", "raised a userdata"),
    ("error(tostring(secret 'hidden-0123456789'))", "***"),
])
def test_a_probe_that_fails_breaks_its_own_provider_only(run, body, expected):
    running = run(script(body))
    entry = running.wait_for_provider("bad", lambda entry: True)
    assert (entry["status"], entry["reason"]) == ("degraded", "script_error")
    assert expected in entry["error_message"]
    assert "hidden-0123456789" not in running.log
    assert running.check("good")["status"] == "healthy"


@pytest.mark.parametrize("judge, expected", [
    ("error 'bad judge'", "bad judge"), ("return 'splendid'", "'splendid' as status"), ("while true do end", "budget"),
    ("return", "'nil' as status"),
])
def test_a_judge_that_fails_is_a_script_error(run, judge, expected):
    source = script("return { ok = true }").replace("probe =", f"judge = function()\n{judge}\nend, probe =")
    entry = run(source).wait_for_provider("bad", lambda entry: True)
    assert entry["reason"] == "script_error" and expected in entry["error_message"]


def test_an_own_judge_decides(run):
    source = script("return { ok = true }").replace("probe =", 'judge = function() return "down", "closed", 7 end, probe =')
    entry = run(source).wait_for_provider("bad", lambda entry: True)
    assert (entry["status"], entry["reason"], entry["score"]) == ("down", "closed", 7.0)


def test_two_scripts_of_one_name_are_refused(providers, write_config):
    import subprocess
    from harness import BINARY, clean_environment
    (providers / "a.lua").write_text(script("return { ok = true }", "same"))
    (providers / "b.lua").write_text(script("return { ok = true }", "same"))
    config = write_config(provider_paths=[str(providers)])
    done = subprocess.run([BINARY, "-c", config], env=clean_environment(), capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert "provider 'same' is declared twice" in done.stderr and "a.lua" in done.stderr and "b.lua" in done.stderr


def test_an_own_script_takes_precedence_over_the_generic_one(simulator, providers, daemon):
    (providers / "generic.lua").symlink_to(REPO / "providers/generic.lua")
    (providers / "acme.lua").write_text(
        'return require "openai".provider { name = "acme", title = "Mine", base_url = "http://x.invalid", keys = keys "ACME_API_KEY" }')
    running = daemon(simulator.generic("acme"), provider_paths=[str(providers)], quiet=False)
    entry = running.wait_for_provider("acme", lambda entry: True)
    assert (entry["title"], entry["status"]) == ("Mine", "healthy")


def test_a_script_may_refresh_a_token_and_then_check(simulator, providers, daemon):
    (providers / "oauth.lua").write_text(f"""
        local base = "{simulator.url}"
        return {{ name = "oauth", base_url = base, probe = function()
          local answer = http.post(base .. "/gemini_cli/token", {{ keep = "always", form = {{
            grant_type = "refresh_token", client_id = "sim-client", client_secret = secret "sim-client-secret-0123",
            refresh_token = secret "sim-gemini_cli-refresh-0123456789" }} }})
          if not answer.ok then return {{ ok = false, kind = "key_invalid", message = answer.body }} end
          return http.post(base .. "/gemini_cli/v1internal:loadCodeAssist", {{
            headers = {{ Authorization = "Bearer " .. secret(answer.json.access_token) }}, json = {{ a = json.null }} }})
        end }}""")
    running = daemon(provider_paths=[str(providers)], quiet=False)
    assert running.wait_for_provider("oauth", lambda entry: True)["status"] == "healthy", running.log
    assert [r["path"] for r in simulator.requests("gemini_cli")] == ["/gemini_cli/token",
                                                                   "/gemini_cli/v1internal:loadCodeAssist"]


def test_every_shipped_script_loads_with_an_empty_environment(daemon):
    running = daemon(provider_paths=[str(REPO / "providers")])
    status = running.get("/api/providers/status").json
    assert status["broken"] == []
    told = {absence["name"]: absence["message"] for absence in status["not_configured"]}
    assert told["groq"] == "set GROQ_API_KEY" and told["huggingface"] == "set HUGGINGFACE_API_KEY"
