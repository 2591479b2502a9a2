import ssl
import time

import pytest

from tests.lab.lab_child import LabChild, endpoint
from tests.lab.plain_client import ACCEPT, REQUEST, RST, PlainClient, reason

NAMES = [
    "reset-in-upgrade",
    "fin-in-upgrade",
    "close-notify-in-upgrade",
    "alert-in-upgrade",
    "stall-in-upgrade",
    "refuse",
    "refuse/401",
    "refuse/599",
    "redirect",
    "redirect/307",
    "wrong-accept",
    "no-upgrade-header",
    "garbage-in-upgrade",
    "endless-headers",
    "drip-in-upgrade/20ms",
]


@pytest.fixture(scope="module")
def lab():
    entries = [
        endpoint(f"wss://{name}", None, version) for name in NAMES for version in ("1.2", "1.3")
    ]
    with LabChild({"endpoints": entries}) as child:
        yield child


@pytest.fixture(params=["1.2", "1.3"])
def ask(request, lab):
    """A client that has asked for the upgrade."""
    opened = []

    def open_client(name, **options):
        client = PlainClient(lab.port(f"wss://{name} {request.param}"), **options)
        opened.append(client)
        client.handshake().write(REQUEST)
        return client

    yield open_client
    for client in opened:
        client.sock.close()


def head_of(client):
    head = b""
    while b"\r\n\r\n" not in head:
        data = client.read()
        assert isinstance(data, bytes), data
        head += data
        assert data, head
    return head


def test_reset(ask):
    assert isinstance(ask("reset-in-upgrade").read_end(), RST)


def test_fin(ask):
    client = ask("fin-in-upgrade")
    assert isinstance(client.read_end(), ssl.SSLEOFError)
    assert client.raw_end() == b""


def test_close_notify(ask):
    client = ask("close-notify-in-upgrade")
    assert client.read_end() == b""
    assert client.raw_end() == b""


def test_alert_is_fatal_and_encrypted(ask):
    client = ask("alert-in-upgrade")
    assert reason(client.read_end()) == "SSLV3_ALERT_BAD_RECORD_MAC"
    assert client.raw_end() == b""


def test_stall(ask):
    client = ask("stall-in-upgrade", timeout=0.15)
    assert isinstance(client.read_end(), TimeoutError)
    assert client.unacked() == 0


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("refuse", b"HTTP/1.1 503 Service Unavailable"),
        ("refuse/401", b"HTTP/1.1 401 Unauthorized"),
        ("refuse/599", b"HTTP/1.1 599 Lab"),
        ("redirect", b"HTTP/1.1 302 Found"),
        ("redirect/307", b"HTTP/1.1 307 Temporary Redirect"),
    ],
)
def test_refusals_are_whole_answers(ask, name, line):
    client = ask(name)
    answer = head_of(client)
    while data := client.read():
        answer += data
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[0] == line
    assert f"Content-Length: {len(body)}".encode() in head
    assert (b"Location: https://" in head) == name.startswith("redirect")
    assert client.raw_end() == b""


def test_wrong_accept(ask):
    head = head_of(ask("wrong-accept"))
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"Sec-WebSocket-Accept: " in head
    assert ACCEPT not in head


def test_no_upgrade_header(ask):
    head = head_of(ask("no-upgrade-header"))
    assert ACCEPT in head
    assert b"\r\nupgrade:" not in head.lower()


def test_garbage(ask):
    assert not ask("garbage-in-upgrade").read().startswith(b"HTTP/")


def test_headers_without_end(ask):
    client = ask("endless-headers")
    seen = b""
    while len(seen) < 1 << 20:
        seen += client.read()
    assert seen.startswith(b"HTTP/1.1 101 ")
    assert b"\r\n\r\n" not in seen


def test_drip_is_a_good_answer_slowly(ask):
    client = ask("drip-in-upgrade/20ms")
    started = time.perf_counter()
    pieces = [client.read() for _ in range(10)]
    assert pieces == [bytes((byte,)) for byte in b"HTTP/1.1 1"]
    assert 0.12 < time.perf_counter() - started < 2


@pytest.mark.parametrize("junk", [b"\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\0" * 40])
def test_nonsense_for_a_request_ends_in_bounded_time(lab, junk):
    with PlainClient(lab.port("wss://wrong-accept 1.3")) as client:
        client.handshake().write(junk)
        client.sock.close()
    with PlainClient(lab.port("wss://wrong-accept 1.3")) as client:
        client.handshake().write(b"x" * 70_000)  # more than any request
        assert not isinstance(client.read_end(), TimeoutError)
