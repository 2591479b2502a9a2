"""CONNECT: what is asked, and what a proxy may answer."""

from base64 import b64decode

import pytest
import trio

from stresser.model.faults import PeerFin, ProtocolViolation, ProxyRefused
from stresser.model.proxy_login import UNNAMED_AUTH, LoginTrouble, ProxyAuth
from stresser.net.http_connect import connect_through_http
from stresser.net.login_talk import AnotherConnection, LoginMemory
from stresser.scenario.endpoint import authority_of
from stresser.scenario.proxy_url import Proxy, ProxyScheme
from stresser.scenario.secrets import Secret
from tests.net.channel import Talk

OPEN = b"HTTP/1.1 200 Connection established\r\n\r\n"


def asked(peer, host="broker.example.net", port=443, credentials=(None, None), auth=UNNAMED_AUTH):
    user, password = credentials
    proxy = Proxy(
        scheme=ProxyScheme.HTTP, host="p", port=1, user=user, password=password, auth=auth
    )
    talk = LoginMemory(proxy).talk(authority_of(host, port))
    return trio.run(connect_through_http, peer, host, port, "stresser/1", talk)


def test_the_request():
    talk = Talk(OPEN)
    assert asked(talk).behind == b""
    assert talk.heard == (
        b"CONNECT broker.example.net:443 HTTP/1.1\r\n"
        b"Host: broker.example.net:443\r\n"
        b"User-Agent: stresser/1\r\n\r\n"
    )


def test_an_ipv6_address_stands_in_brackets():
    talk = Talk(OPEN)
    asked(talk, "2001:db8::1", 8443)
    assert talk.heard.startswith(
        b"CONNECT [2001:db8::1]:8443 HTTP/1.1\r\nHost: [2001:db8::1]:8443\r\n"
    )


def test_credentials_go_out_as_basic_in_utf_8():
    talk = Talk(OPEN)
    credentials = Secret("U", "ann"), Secret("P", "grün:x")
    asked(talk, credentials=credentials, auth=(ProxyAuth.BASIC,))
    (line,) = [line for line in talk.heard.split(b"\r\n") if line.startswith(b"Proxy-Auth")]
    assert line.startswith(b"Proxy-Authorization: Basic ")
    assert b64decode(line.split(b" ")[-1]).decode() == "ann:grün:x"


@pytest.mark.parametrize(
    "answer",
    [
        OPEN,
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 17\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n: odd\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OPEN,
    ],
)
def test_any_2xx_opens_the_tunnel(answer):
    assert asked(Talk(answer)).behind == b""
    assert asked(Talk(*(bytes((byte,)) for byte in answer))).behind == b""


def test_what_comes_behind_the_answer_is_of_the_tunnel():
    assert asked(Talk(OPEN + b"\x16\x03")).behind == b"\x16\x03"


@pytest.mark.parametrize("status", [300, 400, 403, 407, 429, 502, 503, 504, 599])
def test_any_other_is_a_refusal(status):
    with pytest.raises(ProxyRefused) as refused:
        asked(Talk(f"HTTP/1.1 {status} No way\r\n\r\n<html>why</html>".encode()))
    fault = refused.value
    assert (fault.failure, fault.status, fault.reason) == (f"proxy_http_{status}", status, "No way")


def test_the_headers_that_tell_are_kept_and_no_others():
    answer = (
        b"HTTP/1.1 407 Proxy Authentication Required\r\n"
        b"Server: squid/5.7\r\nX-Squid-Error: ERR_CACHE_ACCESS_DENIED 0\r\n"
        b"Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n"
        b"Set-Cookie: a=b\r\nVia: 1.1 px (squid)\r\nProxy-Status: px; error=x\r\n\r\n"
    )
    with pytest.raises(ProxyRefused) as refused:
        asked(Talk(answer))
    assert refused.value.headers == {
        "server": "squid/5.7",
        "x-squid-error": "ERR_CACHE_ACCESS_DENIED 0",
        "proxy-authenticate": "Negotiate, NTLM",
        "via": "1.1 px (squid)",
        "proxy-status": "px; error=x",
    }


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "no status"),
        (b"HTTP/1.1 20 OK\r\n\r\n", "no status"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "no status"),
        (b"HTTP/1.1 abc\r\n\r\n", "no status"),
        (b"HTTP/1.1  200 OK\r\n\r\n", "no status"),
        (b"HTTP/1.9 200 OK\r\n\r\n", "no status"),
        (b"HTTP/1.1\r\n\r\n", "no status"),
        (b"\x05\xff", "not HTTP"),
        (b"\x15\x03\x03\x00\x02\x02\x28", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 10_000, "longer than"),
    ],
)
def test_what_is_no_answer(answer, said):
    with pytest.raises(ProtocolViolation, match=said) as broken:
        asked(Talk(answer))
    assert broken.value.layer == "proxy_http"
    assert len(str(broken.value)) < 300


@pytest.mark.parametrize("portions", [(), (b"HTTP/1.1 200 Connection",)])
def test_a_proxy_that_hangs_up(portions):
    with pytest.raises(PeerFin):
        asked(Talk(*portions))


def test_what_the_proxys_word_says_of_who_gave_it():
    answer = b"HTTP/1.1 200 OK\r\nVia: 1.1 a\r\nVia: 1.1 b\r\nX-Other: c\r\nProxy-Agent: x\r\n\r\n"
    assert asked(Talk(answer)).headers == {"via": "1.1 a, 1.1 b", "proxy-agent": "x"}


WHO = b"HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic realm=r\r\n"
ANN = Secret("U", "ann"), Secret("P", "hunter-2")
EITHER = (ProxyAuth.DIGEST, ProxyAuth.BASIC)


def test_a_407_is_answered_on_the_same_connection():
    talk = Talk(WHO + b"Content-Length: 4\r\n\r\nwh", b"o?", OPEN + b"early")
    assert asked(talk, credentials=ANN, auth=EITHER).behind == b"early"
    first, second = talk.heard.split(b"\r\n\r\n")[:2]
    assert b"Proxy-Auth" not in first
    assert b"Proxy-Authorization: Basic YW5uOmh1bnRlci0y" in second


@pytest.mark.parametrize(
    "portions",
    [
        (WHO + b"Connection: close\r\n\r\n",),
        (WHO + b"\r\n<html>",),
        (WHO + b"Content-Length: 4\r\n\r\nwh",),
        (WHO + b"Content-Length: 0\r\n\r\n",),
    ],
)
def test_a_proxy_that_ends_its_connection_is_asked_again_over_another(portions):
    with pytest.raises(AnotherConnection):
        asked(Talk(*portions), credentials=ANN, auth=EITHER)


def test_a_login_that_is_refused_says_what_was_tried():
    body = b"Content-Length: 0\r\n\r\n"
    with pytest.raises(ProxyRefused) as refused:
        asked(Talk(WHO + body, WHO + body), credentials=ANN, auth=EITHER)
    login = refused.value.login
    assert login is not None
    assert (login.trouble, login.tried) == (LoginTrouble.REFUSED, ProxyAuth.BASIC)
    assert refused.value.failure == "proxy_http_407"


def test_a_proxy_that_never_has_enough_is_left():
    stale = (
        b"HTTP/1.1 407 Again\r\nContent-Length: 0\r\n"
        b'Proxy-Authenticate: Digest realm="r", nonce="n", stale=true\r\n\r\n'
    )
    talk = Talk(*[stale] * 100)
    with pytest.raises(ProxyRefused):
        asked(talk, credentials=ANN, auth=EITHER)
    assert talk.heard.count(b"CONNECT") < 10
