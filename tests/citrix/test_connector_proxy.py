"""What is said of this host's proxies, one row a case."""

import pytest

from stresser.citrix.connector_proxy import proxy_sentences
from stresser.witness.proxy_settings import WindowsProxies

HOSTS = ["a.cloud.com", "b.cloud.com", "c.nssvc.net"]
DIRECT = WindowsProxies(winhttp="", user="")
NO_WINDOWS = (
    "this is no Windows host: the environment alone was looked at, no desktop settings and no PAC "
    "file. What a Connector takes, its own host says: netsh winhttp show proxy"
)


def test_elsewhere_than_on_windows_it_says_what_cannot_be_known():
    assert proxy_sentences(HOSTS, {}, None) == [NO_WINDOWS]


@pytest.mark.parametrize(
    ("environment", "sentences"),
    [
        ({}, []),
        ({"http_proxy": "http://p.example.net:3128"}, []),
        ({"https_proxy": ""}, []),
        ({"no_proxy": "*", "https_proxy": "http://p.example.net:3128"}, []),
        (
            {"HTTPS_PROXY": "http://user:secret@p.example.net:3128", "no_proxy": "nssvc.net"},
            [
                "the environment names the proxy http://p.example.net:3128 for 2 of 3 names: curl",
            ],
        ),
        (
            {"all_proxy": "ftp://user:secret@x"},
            ["the environment variable all_proxy holds no proxy that can be used"],
        ),
    ],
)
def test_the_environments_proxies(environment, sentences):
    said = proxy_sentences(HOSTS, environment, DIRECT)
    assert len(said) == len(sentences)
    for sentence, begins in zip(said, sentences, strict=True):
        assert sentence.startswith(begins)
        assert "secret" not in sentence


@pytest.mark.parametrize(
    ("windows", "begins"),
    [
        (DIRECT, []),
        (WindowsProxies(winhttp="p:1", user="p:1"), ["WinHTTP has the proxy p:1: a Connector on"]),
        (WindowsProxies(winhttp="", user="u:1"), ["this user has the proxy u:1, WinHTTP none:"]),
        (
            WindowsProxies(winhttp="p:1", user="u:1"),
            ["WinHTTP has the proxy p:1", "this user has the proxy u:1, WinHTTP another:"],
        ),
        (
            WindowsProxies(winhttp="", user="", user_pac="http://x/p\x1b.pac"),
            ["this user has the PAC file http://x/p\\x1b.pac: browsers read it, a Connector does"],
        ),
        (
            WindowsProxies(winhttp="", user="", user_looks_for_pac=True),
            ["this user's programs look for a PAC file (WPAD): a Connector does not"],
        ),
        (
            WindowsProxies(),
            ["WinHTTP did not say its proxy", "what proxy this user has is not known"],
        ),
    ],
)
def test_the_settings_of_windows(windows, begins):
    said = proxy_sentences(HOSTS, {}, windows)
    assert len(said) == len(begins)
    for sentence, beginning in zip(said, begins, strict=True):
        assert sentence.startswith(beginning)
