import socket

import pytest

from tests.lab.lab_child import LabChild, endpoint
from tests.lab.plain_client import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    REQUEST,
    TCP_ESTABLISHED,
    TEXT,
    PlainClient,
)


@pytest.fixture(scope="module")
def lab():
    urls = ["wss://echo", "tls://echo", "wss://push/50", "tls://push/50"]
    entries = [endpoint(url, None, version) for url in urls for version in ("1.2", "1.3")]
    with LabChild({"endpoints": entries}) as child:
        yield child


@pytest.fixture(params=["1.2", "1.3"])
def open_client(lab, request):
    opened = []

    def connect(url, **options):
        client = PlainClient(lab.port(f"{url} {request.param}"), **options)
        opened.append(client)
        client.handshake()
        return client.upgrade() if url.startswith("wss") else client

    yield connect
    for client in opened:
        client.sock.close()


def test_messages_and_pings_are_answered(open_client):
    client = open_client("wss://echo")
    for opcode, payload in ((TEXT, "grüß".encode()), (BINARY, bytes(range(120))), (BINARY, b"")):
        client.send_frame(opcode, payload)
        assert client.next_frame() == (0x80 | opcode, payload)
    client.send_frame(PING, b"how are you")
    assert client.next_frame() == (0x80 | PONG, b"how are you")


def test_closing_handshake_then_close_notify_then_fin(open_client):
    client = open_client("wss://echo")
    client.send_frame(CLOSE, b"\x03\xe8bye")
    assert client.next_frame() == (0x80 | CLOSE, b"\x03\xe8bye")
    assert client.read_end() == b""
    assert client.raw_end() == b""


def test_bytes_are_sent_back_and_goodbye_is_answered(open_client):
    client = open_client("tls://echo")
    client.write(b"x" * 16_000)
    assert client.take(16_000) == b"x" * 16_000
    client.sock.shutdown(socket.SHUT_WR)
    client.raw_end()


@pytest.mark.parametrize(
    ("url", "message"), [("wss://push/50", b"\x81\x07message"), ("tls://push/50", b"message\n")]
)
def test_push_sends_by_itself(open_client, url, message):
    client = open_client(url)
    assert client.take(len(message) * 10) == message * 10


def test_push_answers_pings(open_client):
    open_client("wss://push/50").ping()


@pytest.mark.parametrize("cut", [0, 1, 40, len(REQUEST) - 1])
def test_clients_that_leave_before_the_upgrade_are_let_go(lab, cut):
    with PlainClient(lab.port("wss://echo 1.3")) as client:
        client.handshake()
        if cut:
            client.write(REQUEST[:cut])
        client.sock.shutdown(socket.SHUT_WR)
        assert client.raw_end() == b""


@pytest.mark.parametrize(
    "junk",
    [b"\xff" * 40 + b"\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"POST / HTTP/1.1\r\nHost: x\r\n\r\n"],
)
def test_no_junk_ends_the_lab_or_another_session(lab, open_client, junk):
    other = open_client("wss://echo")
    with PlainClient(lab.port("wss://echo 1.3")) as client:
        client.handshake().write(junk)
        client.read_end()
    for frame in (b"\x83\x80abcd", b"\x81\xfe\x00\x01abcdx", b"\xc1\x81abcdx", b"\x81\x05plain"):
        with PlainClient(lab.port("wss://echo 1.3")) as client:
            client.handshake().upgrade().write(frame)
            client.send_frame(PING)
            client.read_end()
    assert other.tcp_state() == TCP_ESTABLISHED
    other.ping()


def test_a_ping_during_the_closing_handshake_ends_nobody_else(lab, open_client):
    other = open_client("wss://echo")
    for _ in range(20):
        with PlainClient(lab.port("wss://echo 1.3")) as client:
            client.handshake().upgrade()
            client.tls.write(b"\x88\x82\0\0\0\0\x03\xe8")
            client.tls.write(b"\x89\x80\0\0\0\0")
            client.flush()
            client.read_end()
    other.ping()


def test_what_nobody_reads_is_not_kept(lab, open_client):
    psutil = pytest.importorskip("psutil")
    process = psutil.Process(lab.ready["pid"])
    before = process.memory_info().rss
    client = open_client("wss://echo")
    client.sock.settimeout(0.3)
    frame = b"\x82\xfe\xff\xff\0\0\0\0" + bytes(0xFFFF)
    sent = 0
    try:
        while sent < 64 << 20:
            client.write(frame)
            sent += len(frame)
    except TimeoutError:
        pass  # the backpressure that is hoped for
    assert sent < 64 << 20
    assert process.memory_info().rss - before < 16 << 20
    client.sock.close()
    open_client("wss://echo").ping()
