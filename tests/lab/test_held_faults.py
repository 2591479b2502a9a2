import ssl
import struct
import time
import zlib

import pytest

from tests.fakes.starved import Starved
from tests.lab.lab_child import LabChild, endpoint
from tests.lab.plain_client import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    RST,
    TCP_CLOSE_WAIT,
    TEXT,
    PlainClient,
    eventually,
    reason,
)

BOTH = [
    "reset/10ms",
    "fin/10ms",
    "close-notify/10ms",
    "close-notify-only/10ms",
    "half-close/10ms",
    "half-close-notify/10ms",
    "alert/10ms",
    "garbage-record/10ms",
    "vanish/10ms",
    "drip/10ms@10ms",
    "flood/100@10ms",
    "flood/0@10ms",
    "reset/400ms",
]
WSS = [
    "deaf/10ms",
    "ws-close/1001:going-away@10ms",
    "ws-close/none@10ms",
    "ws-close",
    "bad-frame/@10ms",
    "bad-frame/mask@10ms",
    "huge-close-reason/10ms",
    "gigabyte-frame/10ms",
    "bomb/10ms",
    "tiny-flood/10ms",
]


@pytest.fixture(scope="module")
def lab():
    urls = [f"{scheme}://{name}" for name in BOTH for scheme in ("tls", "wss")]
    urls += [f"wss://{name}" for name in WSS]
    entries = [endpoint(url, None, version) for url in urls for version in ("1.2", "1.3")]
    with LabChild({"endpoints": entries}) as child:
        yield child


@pytest.fixture(params=["1.2", "1.3"])
def version(request):
    return request.param


@pytest.fixture(params=["tls", "wss"])
def scheme(request):
    return request.param


@pytest.fixture
def open_client(lab, version):
    opened = []

    def hold(url, **options):
        client = PlainClient(lab.port(f"{url} {version}"), **options)
        opened.append(client)
        client.handshake()
        return client.upgrade() if url.startswith("wss") else client

    yield hold
    for client in opened:
        client.sock.close()


@pytest.fixture
def held(open_client, scheme):
    return lambda name, **options: open_client(f"{scheme}://{name}", **options)


def test_reset(held):
    client = held("reset/10ms")
    assert isinstance(client.read_end(), RST)


@pytest.mark.parametrize("version", ["1.3"], indirect=True)  # above TLS nothing differs
def test_a_fault_waits_for_its_moment_and_the_session_lives_until_then(lab, open_client):
    started, starved = time.perf_counter(), Starved(lab.process.pid)
    client = open_client("wss://reset/400ms")
    client.ping()
    client.send_frame(TEXT, b"echo me")
    assert client.next_frame() == (0x80 | TEXT, b"echo me")
    assert isinstance(client.read_end(), RST)
    assert 0.38 < time.perf_counter() - started < 1.0 + starved.seconds


def test_fin(held):
    client = held("fin/10ms")
    assert isinstance(client.read_end(), ssl.SSLEOFError)
    assert client.raw_end() == b""
    assert client.tcp_state() == TCP_CLOSE_WAIT


def test_close_notify(held):
    client = held("close-notify/10ms")
    assert client.read_end() == b""
    assert client.raw_end() == b""


def test_close_notify_only_sends_no_fin(held):
    client = held("close-notify-only/10ms", timeout=0.15)
    assert client.read_end() == b""
    assert isinstance(client.raw_end(), TimeoutError)


@pytest.mark.parametrize(
    ("name", "ending"), [("half-close", ssl.SSLEOFError), ("half-close-notify", bytes)]
)
def test_half_close_reads_on(held, name, ending):
    client = held(f"{name}/10ms")
    assert isinstance(client.read_end(), ending)
    assert client.raw_end() == b""
    for _ in range(3):  # a full close would answer this with RST
        client.sock.sendall(b"\x17\x03\x03")  # OpenSSL would not write any more
        eventually(lambda: client.unacked() == 0, "data acknowledged")
        assert client.tcp_state() == TCP_CLOSE_WAIT


def test_alert_is_fatal_and_encrypted(held):
    client = held("alert/10ms")
    assert reason(client.read_end()) == "SSLV3_ALERT_BAD_RECORD_MAC"
    assert client.raw_end() == b""


def test_garbage_record(held):
    client = held("garbage-record/10ms")
    assert reason(client.read_end()) == "WRONG_VERSION_NUMBER"


def test_vanish_is_a_black_hole(held, scheme):
    client = held("vanish/10ms", timeout=0.15)
    assert isinstance(client.read_end(), TimeoutError)
    client.send_frame(PING) if scheme == "wss" else client.write(b"ping")
    assert isinstance(client.read_end(), TimeoutError)
    assert client.unacked() > 0


@pytest.mark.parametrize("version", ["1.3"], indirect=True)  # above TLS nothing differs
def test_deaf_acknowledges_but_does_not_answer(open_client):
    client = open_client("wss://deaf/10ms", timeout=0.15)
    assert isinstance(client.read_end(), TimeoutError)
    client.send_frame(PING)
    assert isinstance(client.read_end(), TimeoutError)
    assert client.unacked() == 0


def after_whole_records(data):
    """What follows the last whole TLS record: session tickets come first."""
    while len(data) >= 5 and len(data) >= 5 + int.from_bytes(data[3:5]):
        data = data[5 + int.from_bytes(data[3:5]) :]
    return data


def test_drip_comes_byte_by_byte(held, scheme):
    began = time.perf_counter()
    client = held("drip/10ms@10ms")
    if scheme == "wss":
        dripped = b"".join(client.read() for _ in range(10))
        assert dripped[:4] == struct.pack("!BBH", 0x80 | BINARY, 126, 1000)
    else:
        received, dripped = client.incoming.read(), b""  # a late reader has some of it already
        while len(dripped) < 10:
            received += client.sock.recv(65_536)
            dripped = after_whole_records(received)
        assert dripped[:3] == b"\x17\x03\x03"
    # A reader that is late finds some together, but no more than were due.
    assert len(dripped) <= (time.perf_counter() - began) / 0.01 + 1


@pytest.mark.parametrize("version", ["1.3"], indirect=True)  # above TLS nothing differs
def test_flood_keeps_its_rate(lab, held, scheme):
    client = held("flood/100@10ms")
    size = 8 if scheme == "tls" else 9
    assert client.take(size) == (b"message\n" if scheme == "tls" else b"\x81\x07message")
    started, starved = time.perf_counter(), Starved(lab.process.pid)
    client.take(size * 25)
    assert 0.2 - starved.seconds < time.perf_counter() - started < 0.6 + starved.seconds


@pytest.mark.parametrize("version", ["1.3"], indirect=True)  # above TLS nothing differs
def test_flood_without_limit(held):
    client = held("flood/0@10ms")
    started = time.perf_counter()
    client.take(20_000)
    assert time.perf_counter() - started < 3


@pytest.mark.parametrize("version", ["1.3"], indirect=True)  # above TLS nothing differs
def test_flooding_endpoint_still_answers_pings(open_client):
    open_client("wss://flood/100@10ms").ping()


@pytest.mark.parametrize("version", ["1.3"], indirect=True)  # above TLS nothing differs
@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("ws-close/1001:going-away@10ms", struct.pack("!H", 1001) + b"going-away"),
        ("ws-close/none@10ms", b""),
        ("ws-close", struct.pack("!H", 1000)),
    ],
)
def test_close_frame_and_orderly_end(open_client, name, body):
    client = open_client(f"wss://{name}")
    assert client.next_frame() == (0x80 | CLOSE, body)
    client.send_frame(CLOSE, body)
    assert client.read_end() == b""
    assert client.raw_end() == b""


@pytest.mark.parametrize("version", ["1.3"], indirect=True)  # above TLS nothing differs
def test_bad_frames(open_client):
    assert open_client("wss://bad-frame/@10ms").next_frame() == (0x83, b"wrong")
    masked = open_client("wss://bad-frame/mask@10ms").take(2)
    assert masked == bytes((0x80 | TEXT, 0x80 | 5))


@pytest.mark.parametrize("version", ["1.3"], indirect=True)  # above TLS nothing differs
def test_huge_close_reason(open_client):
    first, payload = open_client("wss://huge-close-reason/10ms").next_frame()
    assert first == 0x80 | CLOSE
    assert len(payload) == 1002


@pytest.mark.parametrize("version", ["1.3"], indirect=True)  # above TLS nothing differs
def test_gigabyte_frame_is_announced_and_streamed(open_client):
    client = open_client("wss://gigabyte-frame/10ms")
    assert client.take(10) == struct.pack("!BBQ", 0x80 | BINARY, 127, 1 << 30)
    assert client.take(4 << 20) == bytes(4 << 20)


@pytest.mark.parametrize("version", ["1.3"], indirect=True)  # above TLS nothing differs
def test_bomb_is_small_and_grows(open_client):
    first, payload = open_client("wss://bomb/10ms").next_frame()
    assert first == 0x80 | 0x40 | BINARY
    assert len(payload) < 100_000
    inflate = zlib.decompressobj(-15)
    assert len(inflate.decompress(payload + b"\x00\x00\xff\xff")) == 64 << 20


@pytest.mark.parametrize("version", ["1.3"], indirect=True)  # above TLS nothing differs
def test_tiny_flood(open_client):
    client = open_client("wss://tiny-flood/10ms")
    frames = [client.next_frame() for _ in range(5000)]
    assert {(0x80 | TEXT, b""), (0x80 | PING, b"")} == set(frames)
    client.send_frame(PING, b"me too")
    while (frame := client.next_frame())[0] != 0x80 | PONG:
        pass
    assert frame == (0x80 | PONG, b"me too")


@pytest.mark.slow
def test_a_moment_of_the_lab_ends_all_that_is_open_at_once():
    with LabChild({"endpoints": [endpoint("tls://reset/lab+700ms", "all")]}) as child:
        started, starved = time.perf_counter(), Starved(child.process.pid)
        clients: list[PlainClient] = []
        ends: list[float] = []
        while time.perf_counter() - started < 0.4 and len(clients) < 20:
            clients.append(PlainClient(child.port("all")).handshake())
        if time.perf_counter() - started > 0.4:  # nobody knows whether it was there at the moment
            clients.pop().sock.close()
        assert len(clients) == 20 or starved.seconds > 0.1
        for client in clients:
            assert isinstance(client.read_end(), RST)
            ends.append(time.perf_counter() - started)
            client.sock.close()
        if not ends:
            return  # the machine let us open none before it
        assert 0.4 < ends[0] < 1.2 + starved.seconds
        assert ends[-1] - ends[0] < 0.1 + starved.seconds
        with PlainClient(child.port("all"), timeout=0.15) as late:
            assert isinstance(late.handshake().read_end(), TimeoutError)
