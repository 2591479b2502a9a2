"""URLs of endpoints: one row each."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stresser.scenario.endpoint import ascii_host_name, parse_url, shown_url
from stresser.scenario.plan import Scheme


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port", "target"),
    [
        ("wss://broker.example.net/connect", "wss", "broker.example.net", 443, "/connect"),
        ("wss://h", "wss", "h", 443, "/"),
        ("WSS://H.Example:8443?x=1", "wss", "h.example", 8443, "/?x=1"),
        ("wss://h/a%20b?q=a/b?c", "wss", "h", 443, "/a%20b?q=a/b?c"),
        ("tls://h:1", "tls", "h", 1, ""),
        ("tls://h.:65535/", "tls", "h", 65535, ""),
        ("tls://192.0.2.7", "tls", "192.0.2.7", 443, ""),
        ("wss://[2001:DB8::1]:8443/x", "wss", "2001:db8::1", 8443, "/x"),
        ("tls://bücher.example", "tls", "xn--bcher-kva.example", 443, ""),
        ("tls://faß.example", "tls", "xn--fa-hia.example", 443, ""),
        ("tls://under_score.example", "tls", "under_score.example", 443, ""),
    ],
)
def test_a_url_is_taken_apart(url, scheme, host, port, target):
    address = parse_url(url)
    assert (address.scheme, address.host, address.port, address.target) == (
        Scheme(scheme),
        host,
        port,
        target,
    )
    assert not address.is_lab


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "is not a URL"),
        ("broker.example.net", "is not a URL"),
        ("htp://x", 'write "wss://host/path" or "tls://host:443"'),
        ("http://h/x", "not known"),
        ("tcp://h", "has no port"),
        ("tcp://h:1/x", "a tcp:// URL ends with its host and port"),
        ("https://h/x", "not known"),
        ("wss:///path", "host is missing"),
        ("wss://h#frag", "fragment"),
        ("wss://h#", "fragment"),
        ("wss://h:0", "not a port"),
        ("wss://h:65536", "not a port"),
        ("wss://h:", "not a port"),
        ("wss://h:٤٤٣", "not a port"),
        ("wss://h:1:2", "not a host"),
        ("wss://2001:db8::1/x", "in brackets"),
        ("wss://[192.0.2.1]", "not an IPv6 address"),
        ("wss://[fe80::1%25eth0]/", "no zone"),
        ("wss://[::1", "not a host"),
        ("wss://a..b/", "not a host name"),
        ("wss://-a.b/", "not a host name"),
        ("wss://" + "a" * 64 + ".b/", "not a host name"),
        ("wss://" + "a." * 130 + "b/", "not a host name"),
        ("wss://300.1.1.1/", "last part is a number"),
        ("wss://0x7f.1/", "last part is a number"),
        ("wss://127.1/", "last part is a number"),
        ("wss://h/a b", "a space"),
        ("wss://h/a\r\nX: y", "control character"),
        ("wss://h/\u202e", "control character"),
        ("wss://h/é", "%XX"),
        ("wss://h/%zz", "%XX"),
        ('wss://h/"', "%XX"),
        ("tls://h/path", "ends with its host"),
        ("tls://h?x", "ends with its host"),
        ("wss://\u2024.example/", "not"),
        ("wss://" + "ü" * 300 + "/", "longer than a host name"),
        ("wss://h/" + "a" * 3000, "2048"),
        ("lab+wss://", "not a lab endpoint"),
        ("lab+wss://Echo", "not a lab endpoint"),
        ("lab+wss://echo:1", "not a lab endpoint"),
        ("lab+http://echo", "not known"),
    ],
)
def test_a_bad_url_is_answered_with_one_line(url, problem):
    with pytest.raises(ValueError, match=r".") as caught:
        parse_url(url)
    assert problem in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "url", ["wss://joe:hunter2@h/", "wss://joe:hunter2@h/ x", "ftp://h/?token=hunter2", "x?hunter2"]
)
def test_a_message_never_repeats_a_secret_in_the_url(url):
    with pytest.raises(ValueError, match=r".") as caught:
        parse_url(url)
    assert "hunter2" not in str(caught.value)


def test_a_lab_url_names_a_behaviour():
    address = parse_url("lab+wss://ws-close/1001:going%20away@5s")
    assert address.is_lab
    assert (address.behaviour, address.argument) == ("ws-close", "1001:going away@5s")
    lab = address.lab_endpoint("e", "1.2")
    assert (lab.name, lab.scheme, lab.behaviour, lab.tls_version) == ("e", "wss", "ws-close", "1.2")


def test_a_real_endpoint_is_no_lab_endpoint():
    with pytest.raises(TypeError):
        parse_url("wss://h/").lab_endpoint("e")


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("wss://h/", "h"),
        ("wss://h:8443/", "h:8443"),
        ("wss://[::1]/", "[::1]"),
        ("wss://[::1]:1/", "[::1]:1"),
        ("wss://127.0.0.1:1/", "127.0.0.1:1"),
    ],
)
def test_the_host_header(url, authority):
    assert parse_url(url).authority == authority


def test_a_host_name_in_a_labels():
    assert ascii_host_name("Straße.Example.") == "xn--strae-oqa.example"


@given(
    st.one_of(
        st.text(max_size=80),
        st.text(max_size=60).map("wss://".__add__),
        st.from_regex(r"(lab\+)?(wss|tls)://[^\s]{0,30}", fullmatch=True),
    )
)
@example("wss://\ud800/")
@example("wss://xn--/")
@example("wss://xn--a/")
@example("wss://\u200d/")
def test_any_text_is_a_url_or_one_line(text):
    try:
        address = parse_url(text)
    except ValueError as error:
        assert str(error).isprintable()  # noqa: PT017 - either outcome is right
        return
    assert address.target.isascii()
    assert address.host.isascii()
    assert address.is_lab or 1 <= address.port <= 65535


@given(st.text())
def test_a_shown_url_is_printable(text):
    assert shown_url(text).isprintable()
