"""SOCKS 5: the bytes both ways, and every way to say no."""

from functools import partial

import pytest
import trio

from stresser.model.faults import PeerFin, ProtocolViolation, ProxyRefused
from stresser.net.socks import REPLIES, connect_through_socks
from stresser.scenario.secrets import Secret
from tests.net.channel import Talk

NO_LOGIN, LOGIN, LOGGED_IN = b"\x05\x00", b"\x05\x02", b"\x01\x00"
BOUND_4 = b"\x05\x00\x00\x01\xc0\x00\x02\x07\x04\x38"
BOUND_6 = b"\x05\x00\x00\x04" + bytes(16) + b"\x00\x00"
BOUND_NAME = b"\x05\x00\x00\x03\x03abc\x00\x00"
ANN = (Secret("U", "ann"), Secret("P", "grün"))


def asked(talk, host="broker.example.net", port=443, credentials=None):
    trio.run(partial(connect_through_socks, talk, host, port, credentials))
    return talk.heard


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("broker.example.net", b"\x03\x12broker.example.net"),
        ("192.0.2.7", b"\x01\xc0\x00\x02\x07"),
        ("2001:db8::7", b"\x04\x20\x01\x0d\xb8" + bytes(11) + b"\x07"),
    ],
)
@pytest.mark.parametrize("bound", [BOUND_4, BOUND_6, BOUND_NAME])
def test_a_connection(host, address, bound):
    """A name goes out as a name: the proxy looks it up."""
    talk = Talk(NO_LOGIN, bound + b"of the tunnel")
    heard = asked(talk, host)
    assert heard == b"\x05\x01\x00" + b"\x05\x01\x00" + address + b"\x01\xbb"
    assert talk.unread == b"of the tunnel"


def test_byte_by_byte():
    talk = Talk(*(bytes((byte,)) for byte in NO_LOGIN + BOUND_NAME))
    asked(talk)
    assert talk.unread == b""


def test_a_login():
    heard = asked(Talk(LOGIN, LOGGED_IN, BOUND_4), credentials=ANN)
    assert heard.startswith(b"\x05\x02\x00\x02" + b"\x01\x03ann\x05gr\xc3\xbcn" + b"\x05\x01\x00")


def test_a_login_that_is_not_asked_for_is_not_made():
    assert b"ann" not in asked(Talk(NO_LOGIN, BOUND_4), credentials=ANN)


@pytest.mark.parametrize("code", [*REPLIES, 9, 255])
@pytest.mark.parametrize("rest", [b"", b"\x00\x01" + bytes(6)])
def test_a_reply_that_says_no(code, rest):
    """Some servers send the code alone and hang up."""
    with pytest.raises(ProxyRefused) as refused:
        asked(Talk(NO_LOGIN, bytes((5, code)) + rest))
    failure, _ = REPLIES.get(code, ("socks_error", ""))
    assert (refused.value.failure, refused.value.status) == (failure, code)
    assert refused.value.reason


@pytest.mark.parametrize(
    ("credentials", "portions", "failure", "status"),
    [
        (None, [b"\x05\xff"], "socks_authentication_required", 255),
        (ANN, [b"\x05\xff"], "socks_authentication_required", 255),
        (ANN, [LOGIN, b"\x01\x01"], "socks_authentication_failed", 1),
        (ANN, [LOGIN, b"\x05\xff"], "socks_authentication_failed", 255),
    ],
)
def test_a_login_that_is_refused(credentials, portions, failure, status):
    with pytest.raises(ProxyRefused) as refused:
        asked(Talk(*portions), credentials=credentials)
    assert (refused.value.failure, refused.value.status) == (failure, status)
    assert "ann" not in str(refused.value)
    assert "gr" not in refused.value.reason.split()


@pytest.mark.parametrize(
    ("portions", "said"),
    [
        ([b"HTTP/1.1 400 Bad Request\r\n"], "not SOCKS 5"),
        ([b"\x00\x5b"], "not SOCKS 5"),
        ([LOGIN], "method 2, not offered"),
        ([b"\x05\x01"], "method 1, not offered"),
        ([NO_LOGIN, b"HT"], "not SOCKS 5"),
        ([NO_LOGIN, b"\x05\x00\x00\x09"], "type 9"),
    ],
)
def test_what_is_no_socks(portions, said):
    with pytest.raises(ProtocolViolation, match=said) as broken:
        asked(Talk(*portions))
    assert broken.value.layer == "socks"


WHOLE = NO_LOGIN + BOUND_NAME


@pytest.mark.parametrize("length", range(len(WHOLE)))
def test_a_proxy_that_hangs_up_anywhere(length):
    with pytest.raises(PeerFin):
        asked(Talk(*([WHOLE[:length]] if length else [])))
