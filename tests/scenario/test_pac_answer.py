"""What FindProxyForURL is asked, and how its answer is read."""

import pytest

from stresser.scenario.endpoint import parse_url
from stresser.scenario.pac_answer import entries_of, entry_name, pac_ask, pac_place, said_words

P = "http://p.example.net"


@pytest.mark.parametrize(
    ("url", "asked", "host"),
    [
        ("wss://broker.example.net/token/abc?key=hunter2", "wss://broker.example.net/", None),
        ("wss://broker.example.net:8443/x", "wss://broker.example.net:8443/", None),
        ("wss://broker.example.net:443/", "wss://broker.example.net/", None),
        ("tls://mail.example.net:993", "https://mail.example.net:993/", "mail.example.net"),
        ("wss://10.1.2.3/x", "wss://10.1.2.3/", "10.1.2.3"),
        ("wss://[2001:db8::1]:8443/", "wss://[2001:db8::1]:8443/", "2001:db8::1"),
        ("wss://BÜCHER.example/", "wss://xn--bcher-kva.example/", "xn--bcher-kva.example"),
    ],
)
def test_a_pac_is_asked_as_browsers_ask(url, asked, host):
    assert pac_ask(parse_url(url)) == (asked, host or "broker.example.net")


@pytest.mark.parametrize(
    ("answer", "entries"),
    [
        ("DIRECT", ["direct"]),
        ("", ["direct"]),
        (" ; ;", ["direct"]),
        ("PROXY p.example.net:8080", [f"{P}:8080"]),
        ("proxy p.example.net:8080;direct", [f"{P}:8080", "direct"]),
        ("PROXY p.example.net", [f"{P}:80"]),
        ("HTTP p.example.net:1;\tPROXY\tp.example.net:1 ; ", [f"{P}:1"]),
        ("HTTPS p.example.net; DIRECT", ["https://p.example.net:443", "direct"]),
        ("SOCKS5 p.example.net", ["socks5h://p.example.net:1080"]),
        ("PROXY [2001:db8::1]:3128", ["http://[2001:db8::1]:3128"]),
        (
            "SOCKS5 p.example.net:1080; SOCKS p.example.net:1080; DIRECT",
            ["socks5h://p.example.net:1080", "direct"],
        ),
        ("DIRECT; PROXY p.example.net:1; DIRECT", ["direct", f"{P}:1"]),
    ],
)
def test_an_answer_is_a_list(answer, entries):
    assert [entry_name(one) for one in entries_of(answer)] == entries


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("SOCKS p:1080", '"SOCKS p:1080" is SOCKS 4, which is not spoken here'),
        ("SOCKS4 p; DIRECT", '"SOCKS4 p" is SOCKS 4'),
        ("SOCKS5 q:1080; SOCKS p:1080", '"SOCKS p:1080" is SOCKS 4'),
        ("QUIC p:443", "is HTTP over QUIC"),
        ("PROXY", '"PROXY" has no host and port that can be dialled'),
        ("PROXY p:99999", "has no host and port"),
        ("PROXY p:8080, DIRECT", "has no host and port"),
        ("PROXY u:hunter2@p:1", "has no host and port"),
        ("DIRECT p:1", "DIRECT names no host"),
        ("p:8080", '"p:8080" is no entry of a PAC'),
        ("SOCKS6 p:1", "is no entry of a PAC"),
        ("undefined", "is no entry of a PAC"),
        ("PROXY p:1;" * 33, "it names 33 proxies"),
        ("\x1b[2J", r'"\x1b[2J" is no entry'),
    ],
)
def test_what_cannot_be_followed_is_one_sentence(answer, said):
    with pytest.raises(ValueError, match=r".") as refused:
        entries_of(answer)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("pac:corp.pac", "corp.pac"),
        ("pac:/etc/corp.pac", "/etc/corp.pac"),
        ("pac:~/corp.pac", "~/corp.pac"),
        ("pac:C:\\corp.pac", "C:\\corp.pac"),
        ("pac:file:///etc/my%20corp.pac", "/etc/my corp.pac"),
        ("pac:file:///C:/corp.pac", "C:/corp.pac"),
        ("pac:http://wpad.example.net/wpad.dat?site=1", "http://wpad.example.net/wpad.dat?site=1"),
        ("pac:HTTPS://wpad.example.net:8443/", "HTTPS://wpad.example.net:8443/"),
    ],
)
def test_where_a_pac_is(written, place):
    assert pac_place(written) == place


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("pac:", "a PAC file is named as"),
        ("pac:a\nb", "a PAC file is named as"),
        ("pac:" + "x" * 3000, "a PAC file is named as"),
        ("pac:ftp://wpad/x", "by http, https or from a file"),
        ("pac:data:text/plain,x", None),
        ("pac:http://u:hunter2@wpad/x", "no user and password in it"),
        ("pac:http:///x", "is not the URL of a PAC file"),
        ("pac:http://wpad:99999/x", "is not the URL of a PAC file"),
        ("pac:file://server/share/x", "names no file of this host"),
    ],
)
def test_where_a_pac_cannot_be(written, said):
    if said is None:
        assert pac_place(written) == "data:text/plain,x"  # a file's name like any other
        return
    with pytest.raises(ValueError, match=said) as refused:
        pac_place(written)
    assert "hunter2" not in str(refused.value)


def test_what_was_said_is_escaped_and_bounded():
    words = said_words("pac:\x1b.pac", "PROXY " + "p" * 5000, None)
    assert words.startswith(r'\x1b.pac returned "PROXY p')
    assert len(words) < 300
    assert said_words("http://w/x (GNOME's settings)", "", "cannot be read: HTTP 404") == (
        "the PAC file http://w/x (GNOME's settings) cannot be read: HTTP 404"
    )
