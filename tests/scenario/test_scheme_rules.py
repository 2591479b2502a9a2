"""What an endpoint's keys may not say because of its URL's scheme."""

import pytest

from tests.scenario.test_field_rules import HEAD, mistakes_in


def _mistakes(text, url="ws://h"):
    return mistakes_in(HEAD + f'[[endpoints]]\nname = "e"\nurl = "{url}"\n{text}\n')


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('ca = "a.pem"', "ca: a ws:// endpoint has no TLS, which ca is about"),
        ('verify = "require"', "verify: a ws:// endpoint has no TLS"),
        ('sni = "a.example"', "sni: a ws:// endpoint has no TLS"),
        ('alpn = ["h2"]', "alpn: a ws:// endpoint has no TLS"),
        ('tls_version = "1.3"', "tls_version: a ws:// endpoint has no TLS"),
        ('hello = "classic"', "hello: a ws:// endpoint has no TLS"),
        ('reflector = { token = "env:T" }', "reflector: a ws:// endpoint has no TLS"),
        (
            'headers = { A = "env:T" }',
            "headers.A: a ws:// endpoint has no TLS: the secret would go",
        ),
        (
            'open = [{ text = "${env:T}" }]',
            "open: a ws:// endpoint has no TLS: the secret would go",
        ),
    ],
)
def test_what_is_about_tls_is_refused_without_it(text, line):
    found = _mistakes(text)
    assert len(found) == 1
    assert line in found[0]


@pytest.mark.parametrize("text", ['headers = { A = "env:T" }', 'open = [{ text = "${env:T}" }]'])
def test_a_secret_goes_in_clear_only_where_the_scenario_says_so(text):
    assert _mistakes(f"{text}\nsend_secrets_over_unverified_chain = true") == []


@pytest.mark.parametrize("url", ["tls://h", "tcp://h:1"])
def test_without_websocket_there_is_no_upgrade_and_no_message(url):
    what = f"a {url.partition(':')[0]}:// endpoint has no"
    found = _mistakes('headers = { A = "b" }\nopen = [{ text = "x" }]', url)
    assert found == [
        f"s.toml: endpoints[0].headers: {what} upgrade request to carry them",
        f"s.toml: endpoints[0].open: {what} messages",
    ]
