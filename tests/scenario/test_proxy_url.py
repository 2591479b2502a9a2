"""The URL of a proxy, and what must never be seen of one."""

import pytest

from stresser.scenario.proxy_url import (
    Proxy,
    ProxyScheme,
    check_credential,
    parse_proxy,
    shown_proxy,
)
from stresser.scenario.secrets import Secret


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("http://proxy.example.net:3128", (ProxyScheme.HTTP, "proxy.example.net", 3128)),
        ("http://proxy.example.net:3128/", (ProxyScheme.HTTP, "proxy.example.net", 3128)),
        ("HTTPS://Proxy.Example.Net:443", (ProxyScheme.HTTPS, "proxy.example.net", 443)),
        ("socks5://192.0.2.7:1080", (ProxyScheme.SOCKS5, "192.0.2.7", 1080)),
        ("socks5h://[2001:db8::7]:1080", (ProxyScheme.SOCKS5H, "2001:db8::7", 1080)),
        ("http://localhost:8080", (ProxyScheme.HTTP, "localhost", 8080)),
        ("http://bücher.example:8080", (ProxyScheme.HTTP, "xn--bcher-kva.example", 8080)),
    ],
)
def test_what_a_proxy_is(url, proxy):
    parsed = parse_proxy(url)
    assert (parsed.scheme, parsed.host, parsed.port) == proxy
    assert (parsed.user, parsed.password) == (None, None)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://proxy.example.net", "has no port"),
        ("proxy.example.net:3128", "is not the URL of a proxy"),
        ("", "is not the URL of a proxy"),
        ("http://", "the host is missing"),
        ("http://:3128", "the host is missing"),
        ("http://p:0", "is not a port"),
        ("http://p:65536", "is not a port"),
        ("http://p:", "is not a port"),
        ("http://p:3128/path", "is not the URL of a proxy"),
        ("http://p:3128?x=y", "is not the URL of a proxy"),
        ("http://p:3128#x", "is not the URL of a proxy"),
        ("http://p p:3128", "is not the URL of a proxy"),
        ("http://p\x1b[2J:3128", "is not the URL of a proxy"),
        ("http://2001:db8::7:3128", "is not a host"),
        ("socks4://p:1080", "http, https, socks5, socks5h are"),
        ("socks://p:1080", "is not a kind of proxy"),
        ("ftp://p:21", "is not a kind of proxy"),
        ("http://" + "p" * 3000 + ":1", "2048 characters at most"),
    ],
)
def test_what_is_none(url, said):
    with pytest.raises(ValueError, match=r"^[^\x1b\n]*$") as refused:
        parse_proxy(url)
    assert said in str(refused.value)


CLEAR = [
    "http://ann:hunter2@proxy.example.net:3128",
    "http://ann:hunt/er2@proxy.example.net:3128",
    "http://ann:hunt@er2@proxy.example.net:3128",
    "http://ann:hunt?er2@proxy.example.net:3128",
    "http://ann:hunt#er2@proxy.example.net:3128",
    "ann:hunter2@proxy.example.net:3128",
    "socks4://ann:hunter2@proxy.example.net:1080",
]


@pytest.mark.parametrize("url", CLEAR)
def test_credentials_in_clear_are_a_mistake_that_does_not_repeat_them(url):
    with pytest.raises(ValueError, match="proxy_user") as refused:
        parse_proxy(url)
    for text in (str(refused.value), shown_proxy(url)):
        assert "ann" not in text
        assert "hunt" not in text
        assert "er2" not in text
        assert "proxy.example.net" in text


def test_a_proxy_shows_no_credentials():
    user, password = Secret("U", "ann"), Secret("P", "hunter2")
    proxy = Proxy(scheme=ProxyScheme.HTTP, host="::1", port=3128, user=user, password=password)
    assert str(proxy) == "http://[::1]:3128"
    assert "hunter2" not in repr(proxy)
    assert "ann" not in repr(proxy)


def test_who_looks_names_up():
    looks = {s: Proxy(scheme=s, host="p", port=1).looks_names_up for s in ProxyScheme}
    assert [scheme for scheme, yes in looks.items() if not yes] == [ProxyScheme.SOCKS5]


@pytest.mark.parametrize("value", ["hunter2", "pass word", "grün", ":", "x" * 255])
def test_credentials(value):
    check_credential(value)


@pytest.mark.parametrize("value", ["", "x" * 256, "ü" * 128, "a\nb", "a\x00b", "a\x7f", "a\udcff"])
def test_no_credentials(value):
    with pytest.raises(ValueError, match="the value") as refused:
        check_credential(value)
    assert not value or value not in str(refused.value)
