"""jwt(): assertions that a token server can verify, with openssl as the verifier."""
import base64
import json
import subprocess

import pytest

SCRIPT = """
return {
  name = "acme", base_url = "%s",
  probe = function(provider)
    return http.post(provider.base_url .. "/token", {
      form = { assertion = jwt({ iss = "me", exp = 5 }, { key = %s, kid = "k1" }) },
    })
  end,
}
"""


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@pytest.fixture
def rsa(tmp_path):
    subprocess.run(["openssl", "genrsa", "-out", tmp_path / "key.pem", "2048"], check=True, capture_output=True)
    subprocess.run(["openssl", "rsa", "-in", tmp_path / "key.pem", "-pubout", "-out", tmp_path / "public.pem"], check=True,
                   capture_output=True)
    return (tmp_path / "key.pem").read_text()


def check_by(daemon, providers, simulator, key_expression, environment):
    (providers / "acme.lua").write_text(SCRIPT % (simulator.url + "/x/acme/v1", key_expression))
    running = daemon(environment, provider_paths=[str(providers)], quiet=False)
    entry = running.wait_for_provider("acme", lambda entry: entry["last_check"] != "never")
    return running, entry


def test_an_assertion_verifies_with_the_public_key(simulator, daemon, providers, rsa, tmp_path):
    running, _ = check_by(daemon, providers, simulator, 'env "ACME_PRIVATE_KEY"', {"ACME_PRIVATE_KEY": rsa})
    body = simulator.requests("acme")[0]["body"]
    token = body.removeprefix("assertion=")
    header, claims, signature = token.split(".")
    assert json.loads(decoded(header)) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    assert json.loads(decoded(claims)) == {"iss": "me", "exp": 5}
    (tmp_path / "signature").write_bytes(decoded(signature))
    (tmp_path / "message").write_text(f"{header}.{claims}")
    verified = subprocess.run(["openssl", "dgst", "-sha256", "-verify", tmp_path / "public.pem", "-signature",
                               tmp_path / "signature", tmp_path / "message"], capture_output=True, text=True)
    assert verified.stdout == "Verified OK\n", verified.stderr
    failure = running.get("/api/providers/status/acme/last_failure")
    assert token not in failure.body.decode() and signature not in running.log


@pytest.mark.parametrize("key, told", [
    ('secret "no pem"', "jwt: the key is no RSA private key in PEM form"),
    ('"plain text"', "jwt: key is a string, expected a secret that holds a PEM key"),
])
def test_a_key_that_cannot_sign_is_told(simulator, daemon, providers, key, told):
    _, entry = check_by(daemon, providers, simulator, key, {})
    assert entry["error_kind"] == "script_error" and told in entry["error_message"]
