"""Writing a provider script: providerd new writes one to start from, providerd check FILE tries it alone."""
import json
import pathlib
import re
import subprocess

import pytest

from harness import BINARY, clean_environment, wait_for
from observing import tell

KEY, BAD_KEY = "sim-acme-key-0123456789", "not-a-good-key-4321"


@pytest.fixture
def providerd(write_config, tmp_path):
    """Runs a command of providerd in a folder of its own."""
    folder = tmp_path / "work"
    folder.mkdir()

    def run(*arguments, environment=None, **settings):
        done = subprocess.run([BINARY, "-c", write_config(**settings), *arguments], cwd=folder, capture_output=True,
                              env=clean_environment(environment), text=True, timeout=60)
        assert "Sanitizer" not in done.stderr, done.stderr
        return done
    run.folder = folder
    return run


@pytest.fixture
def script(providerd):
    def write(text, name="acme.lua"):
        (providerd.folder / name).write_text(text)
        return name
    return write


def acme(simulator, **more):
    return {"ACME_API_BASE": f"{simulator.url}/x/acme/v1", "ACME_API_KEY": KEY, **more}


@pytest.mark.parametrize("kind", ["openai", "custom", "oauth"])
def test_a_new_script_is_sound_and_explains_itself(providerd, kind):
    done = providerd("new", "acme-ai", "--kind", kind)
    assert done.returncode == 0 and "wrote acme-ai.lua" in done.stdout and "check acme-ai.lua" in done.stdout
    text = (providerd.folder / "acme-ai.lua").read_text()
    assert "@" not in text and 'name = "acme-ai"' in text and "ACME_AI_" in text and text.count("--") > 5
    done = providerd("check", "acme-ai.lua")
    assert done.returncode == 2
    assert re.search(r"acme-ai: not watched: set ACME_AI_", done.stderr)  # loaded; only its variables are not there


def test_a_new_script_works_once_it_knows_the_address(simulator, providerd):
    assert providerd("new", "acme").returncode == 0
    done = providerd("check", "acme.lua", environment=acme(simulator))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"> GET {simulator.url}/x/acme/v1/models" in done.stdout and "< HTTP 200" in done.stdout
    assert re.search(r"^acme +healthy .* 200  ok$", done.stdout, re.M)
    assert re.search(r"^acme: models: \d+: ", done.stdout, re.M)
    assert KEY not in done.stdout


def test_what_is_there_is_not_overwritten(providerd, script):
    script("-- mine", "acme.lua")
    done = providerd("new", "acme")
    assert done.returncode == 2 and "there is a file of this name already" in done.stderr
    assert (providerd.folder / "acme.lua").read_text() == "-- mine"


@pytest.mark.parametrize("arguments, message", [
    (["new"], "expected one name"),
    (["new", "a", "b"], "expected one name"),
    (["new", "Big"], "'Big' is no name for a provider"),
    (["new", "../up"], "'../up' is no name for a provider"),
    (["new", "x" * 64], "at most 63"),
    (["new", "acme", "--kind", "soap"], "expected openai, custom or oauth"),
    (["new", "acme", "--kind", "../kinds"], "expected openai, custom or oauth"),
    (["check", "--kind", "openai"], "--kind belongs to providerd new"),
    (["new", "acme", "--deep"], "--deep belongs to providerd check"),
    (["check", "--json", "--trace"], "exclude each other"),
    (["check", "a.lua", "b.lua"], "'b.lua' is too much"),
])
def test_a_wrong_command_is_told_and_nothing_is_written(providerd, arguments, message):
    done = providerd(*arguments)
    assert done.returncode == 2 and message in done.stderr and done.stdout == ""
    assert list(providerd.folder.iterdir()) == []


@pytest.mark.parametrize("text, message", [
    ("return {", r"acme\.lua:1: .*expected"),
    ("local x = 1\nreturn { name = 5 }", r"acme\.lua: .*name"),
    ("\n\nerror 'no luck'", r"acme\.lua:3: no luck"),
    ("return {}", r"declares no provider"),
    ("return require 'nothing'", r"acme\.lua:1: .*nothing"),
])
def test_a_script_that_cannot_be_loaded_is_told_with_its_line(providerd, script, text, message):
    done = providerd("check", script(text))
    assert done.returncode == 2 and re.search(message, done.stderr), done.stderr
    assert done.stdout == ""


def test_a_script_that_fails_in_its_check_is_told_with_its_line_after_the_exchange(simulator, providerd, script):
    done = providerd("check", script(f"""return {{ name = "acme", base_url = "{simulator.url}/x/acme/v1",
      probe = function(provider)
        local answer = http.get(provider.base_url .. "/models")
        return answer.json.data[1].id
      end }}"""))
    assert done.returncode == 1
    assert "< HTTP 401" in done.stdout
    assert re.search(r"^acme +degraded .*script_error: .*acme\.lua:4: ", done.stdout, re.M)


def test_each_key_is_tried_and_none_is_shown(simulator, providerd):
    providerd("new", "acme")
    done = providerd("check", "acme.lua", environment=acme(simulator, ACME_API_KEY_1=BAD_KEY))
    assert done.returncode == 1
    assert re.search(r"^acme key 1 …6789 +healthy ", done.stdout, re.M)
    assert re.search(r"^acme key 2 …4321 +degraded .* 401  key_invalid: ", done.stdout, re.M)
    assert KEY not in done.stdout and BAD_KEY not in done.stdout
    as_json = providerd("check", "acme.lua", "--json", environment=acme(simulator, ACME_API_KEY_1=BAD_KEY))
    entry = json.loads(as_json.stdout)["providers"]["acme"]
    assert entry["status"] == "healthy" and len(entry["models"]) > 3
    assert [(key["key"], key["hint"], key["error_kind"]) for key in entry["keys"]] == [
        (1, "…6789", None), (2, "…4321", "key_invalid")]


def test_a_completion_is_asked_for_only_when_wished(simulator, providerd):
    providerd("new", "acme")
    providerd("check", "acme.lua", environment=acme(simulator))
    assert not [asked for asked in simulator.requests("acme") if "completions" in asked["path"]]
    tell(simulator, "streams", "acme", first_token_ms=100, tokens_per_second=50)
    done = providerd("check", "--deep", "acme.lua", environment=acme(simulator))
    assert done.returncode == 0
    spent = re.search(r"^acme: completion of sim-mini: first token after \d+\.\d ms.* \((\d+) tokens spent\)", done.stdout, re.M)
    assert spent and int(spent[1]) > 0


def test_exchanges_of_named_providers_are_shown_on_wish_one_by_one(simulator, providerd):
    names = ("acme", "other")
    done = providerd("check", "--trace", environment=simulator.generic(*names))
    assert done.returncode == 0
    heads = [line for line in done.stdout.splitlines() if line.startswith(("== ", "> GET", "< HTTP"))]
    assert [head.split()[0] for head in heads] == ["==", ">", "<"] * 2
    assert heads[0].startswith("== acme") and "/x/acme/" in heads[1]
    assert not any(simulator.generic(name)[f"{name.upper()}_API_KEY"] in done.stdout for name in names)


def test_a_module_beside_the_script_can_be_required(simulator, providerd, script):
    (providerd.folder / "lib").mkdir()
    (providerd.folder / "lib" / "here.lua").write_text(f'return "{simulator.url}/x/acme/v1"')
    done = providerd("check", script("""return require "openai".provider {
      name = "acme", base_url = require "here", keys = keys "ACME_API_KEY" }"""), environment={"ACME_API_KEY": KEY})
    assert done.returncode == 0, done.stderr


class TestOAuth:
    """A provider with tokens that are refreshed, written from the template in fewer than 40 lines."""

    @pytest.fixture
    def fictional(self, simulator, providerd):
        providerd("new", "fictional", "--kind", "oauth")
        assert len((providerd.folder / "fictional.lua").read_text().splitlines()) < 40
        tell(simulator, "answers", "auth", status=200, body={"access_token": "sim-fictional-key-0123456789", "expires_in": 3600})
        return {"FICTIONAL_API_BASE": f"{simulator.url}/x/fictional/v1", "FICTIONAL_CLIENT_ID": "the-client",
                "FICTIONAL_TOKEN_URL": f"{simulator.url}/x/auth/token", "FICTIONAL_REFRESH_TOKEN": "refresh-0123456789abcdef"}

    def test_a_token_is_fetched_and_used_and_neither_is_shown(self, providerd, fictional):
        done = providerd("check", "fictional.lua", environment=fictional)
        assert done.returncode == 0, done.stdout
        assert re.search(r"^fictional +healthy", done.stdout, re.M)
        assert "refresh-0123456789abcdef" not in done.stdout and "sim-fictional-key" not in done.stdout

    def test_one_token_serves_many_checks(self, simulator, daemon, providers, providerd, fictional):
        (pathlib.Path(providers) / "fictional.lua").write_text((providerd.folder / "fictional.lua").read_text())
        running = daemon(fictional, provider_paths=[str(providers)], interval="100ms")
        running.wait_for_provider("fictional", lambda entry: entry["status"] == "healthy")
        wait_for(lambda: len(simulator.requests("fictional")) >= 3, "three checks")
        assert len(simulator.requests("auth")) == 1

    def test_a_refused_refresh_is_the_credentials_fault(self, simulator, providerd, fictional):
        tell(simulator, "answers", "auth", status=400, body={"error": "invalid_grant", "error_description": "Token revoked"})
        done = providerd("check", "fictional.lua", environment=fictional)
        assert done.returncode == 1 and "key_invalid" in done.stdout
