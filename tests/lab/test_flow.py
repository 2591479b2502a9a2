"""Each rule of a middlebox, alone and on real sockets; its own kill records are the judge."""

import socket
import ssl
import struct
import time
from contextlib import suppress

import pytest

from tests.fakes.starved import Starved
from tests.lab.lab_child import LabChild, endpoint
from tests.lab.plain_client import (
    RST,
    PlainClient,
    client_context,
    eventually,
    reason,
)

MS = 1_000_000
KILLS = ["reset", "fin", "silent"]
PORT_OF_NOBODY = 1
BOXES = {
    "plain": {},
    **{f"idle-{kill}": {"kill": kill, "idle_timeout": "300ms"} for kill in KILLS},
    **{f"age-{kill}": {"kill": kill, "age_limit": "300ms"} for kill in KILLS},
    **{f"bytes-{kill}": {"kill": kill, "byte_limit": "20KB"} for kill in KILLS},
    **{f"hello-{kill}": {"kill": kill, "on_client_hello": True} for kill in KILLS},
    "stall": {"stall_at": "300ms"},
    "corrupt": {"corrupt_at": "0s"},
    "corrupt-later": {"corrupt_at": "300ms"},
    "delay": {"delay": "100ms"},
    "intercept": {"intercept": True},
    "intercept-and-idle": {"intercept": True, "idle_timeout": "300ms"},
    "idle-and-age": {"idle_timeout": "200ms", "age_limit": "500ms", "kill": "fin"},
}
ENDPOINTS = [
    endpoint("tls://echo", "tls"),
    endpoint("tls://echo", "tls-1.2", "1.2"),
    endpoint("wss://echo", "wss"),
    endpoint("tls://reset/10ms", "reset"),
    endpoint("tls://close-notify/10ms", "close-notify"),
    endpoint("tls://fin/10ms", "fin"),
    endpoint("tls://half-close/10ms", "half-close"),
    endpoint("tls://refused", "refused"),
    endpoint("tls://reset-in-tls", "reset-in-tls"),
]


@pytest.fixture(scope="module")
def lab():
    routes = [{"egress": box, "endpoint": one["name"]} for box in BOXES for one in ENDPOINTS]
    routes.append(
        {
            "egress": "plain",
            "endpoint": "nobody",
            "upstream_host": "localhost",
            "upstream_port": PORT_OF_NOBODY,
        }
    )
    with LabChild({"endpoints": ENDPOINTS, "middleboxes": BOXES, "routes": routes}) as child:
        yield child


@pytest.fixture
def through(lab):
    opened = []

    def open_client(box, endpoint_name="tls", **options):
        client = PlainClient(lab.port(endpoint_name, box), **options)
        opened.append(client)
        return client

    yield open_client
    for client in opened:
        client.sock.close()


def test_a_box_without_rules_only_forwards(through):
    client = through("plain").handshake()
    payload = bytes(range(256)) * 2000
    for start in range(0, len(payload), 16_000):
        client.write(payload[start : start + 16_000])
    assert client.take(len(payload)) == payload
    through("plain", "wss").handshake().upgrade().ping()


@pytest.mark.parametrize(
    ("name", "ending"),
    [("reset", RST), ("fin", ssl.SSLEOFError), ("close-notify", bytes)],
)
def test_the_endpoints_own_end_passes_through(through, name, ending):
    assert isinstance(through("plain", name).handshake().read_end(), ending)


def test_half_closing_passes_through(through):
    client = through("plain").handshake()
    client.write(b"last words")
    client.sock.shutdown(socket.SHUT_WR)
    assert client.read() == b"last words"
    assert client.raw_end() == b""


@pytest.mark.parametrize(("box", "name"), [("plain", "refused"), ("plain", "nobody")])
def test_an_endpoint_that_refuses_is_a_reset_through_the_box(through, box, name):
    assert isinstance(through(box, name).try_handshake(), RST)


@pytest.mark.parametrize("rule", ["idle", "age", "bytes"])
@pytest.mark.parametrize("kill", KILLS)
def test_kills_while_held(lab, through, rule, kill):
    starved = Starved(lab.process.pid)
    client = through(f"{rule}-{kill}", timeout=1.0).handshake()
    client.write(b"alive")
    assert client.read() == b"alive"
    if rule == "bytes":
        client.write(b"x" * 15_000)  # and its echo
    if kill == "silent":
        record = lab.kill_of(client.port)
        client.write(b"?")
        client.sock.settimeout(0.15)
        assert isinstance(client.read_end(), TimeoutError)
        assert client.unacked() > 0
    else:
        assert isinstance(client.read_end(), RST if kill == "reset" else ssl.SSLEOFError)
        late_ns = time.time_ns() - lab_time(record := lab.kill_of(client.port))
        assert abs(late_ns) < (0.1 + starved.seconds) * 1000 * MS
    assert record["kill"] == kill
    assert (
        record["rule"] == {"idle": "idle_timeout", "age": "age_limit", "bytes": "byte_limit"}[rule]
    )
    assert (record["egress"], record["endpoint"]) == (f"{rule}-{kill}", "tls")
    if rule == "idle":
        assert 0.3 <= record["idle_ns"] / 1e9 < 0.35 + starved.seconds


def lab_time(record):
    return record["at_unix_ns"]


@pytest.mark.parametrize("kill", KILLS)
def test_kill_on_client_hello(lab, through, kill):
    client = through(f"hello-{kill}", timeout=0.3)
    error = client.try_handshake()
    expected = {"reset": RST, "fin": ssl.SSLEOFError, "silent": TimeoutError}[kill]
    assert isinstance(error, expected)
    assert lab.kill_of(client.port)["rule"] == "on_client_hello"


def test_idle_timer_starts_again_with_each_byte_and_is_exact(lab, through):
    client = through("idle-reset").handshake()
    for _ in range(3):
        # The pace of this client is what is under test: shorter than the timer.
        time.sleep(0.2)
        last, starved = time.perf_counter(), Starved(lab.process.pid)  # it cannot start earlier
        client.write(b"alive")
        assert client.read() == b"alive"
    assert isinstance(client.read_end(), RST)
    assert 0.290 < time.perf_counter() - last < 0.400 + starved.seconds


def test_age_limit_ends_a_busy_flow(lab, through):
    started, starved = time.perf_counter(), Starved(lab.process.pid)
    client = through("age-reset").handshake()
    data: object = b"first"
    with suppress(OSError):  # from writing, if that is what meets the RST
        while isinstance(data, bytes):
            client.write(b"busy")
            data = client.read()
    assert 0.29 < time.perf_counter() - started < 0.5 + starved.seconds
    assert lab.kill_of(client.port)["rule"] == "age_limit"


def test_each_rule_acts_by_itself(lab, through):
    client = through("idle-and-age").handshake()
    assert isinstance(client.read_end(), ssl.SSLEOFError)
    assert lab.kill_of(client.port)["rule"] == "idle_timeout"


def test_byte_limit_counts_both_directions(through):
    client = through("bytes-fin").handshake()
    echoed = 0
    try:
        while True:
            client.write(b"x" * 1000)
            echoed += len(client.take(1000))
    except (OSError, TypeError):
        pass
    assert 6_000 <= echoed <= 10_000  # twice, and some 2 KB of handshake


def test_stall_swallows_what_goes_to_the_client(through):
    client = through("stall", timeout=0.2).handshake()
    client.write(b"before")
    assert client.read() == b"before"
    assert isinstance(client.read_end(), TimeoutError)
    time.sleep(0.15)  # into the stall, which announces itself by nothing
    client.write(b"after")
    assert isinstance(client.read_end(), TimeoutError)
    assert client.unacked() == 0


@pytest.mark.parametrize("name", ["tls", "tls-1.2"])
def test_corruption_makes_the_endpoint_complain(through, name):
    client = through("corrupt-later", name).handshake()
    client.write(b"before")
    assert client.read() == b"before"
    time.sleep(0.35)  # the age the rule names
    client.write(b"after")
    assert reason(client.read_end()) == "SSLV3_ALERT_BAD_RECORD_MAC"
    assert client.raw_end() == b""


def test_corruption_from_the_start_spoils_the_hello(through):
    assert isinstance(through("corrupt").try_handshake(), OSError)


def test_delay_is_added_to_each_direction(lab, through):
    client = through("delay").handshake()
    started, starved = time.perf_counter(), Starved(lab.process.pid)
    client.write(b"ping")
    client.write(b"-pong")
    assert client.take(9) == b"ping-pong"
    assert 0.198 < time.perf_counter() - started < 0.26 + starved.seconds


def test_delayed_end_comes_after_the_delayed_data(through):
    assert isinstance(through("delay", "reset").handshake().read_end(), RST)
    client = through("delay").handshake()
    client.write(b"last words")
    client.sock.shutdown(socket.SHUT_WR)
    assert client.read() == b"last words"
    assert client.raw_end() == b""


@pytest.mark.parametrize("name", ["echo.lab.test", "www.example.test"])
def test_interception_shows_its_own_issuer_for_any_name(lab, through, name):
    trusting = client_context(lab.ready["inspection_ca_file"])
    client = through("intercept", context=trusting, name=name).handshake()
    issuer = dict(pair[0] for pair in client.tls.getpeercert()["issuer"])
    assert issuer["commonName"] == "Lab Inspection CA"
    client.write(b"seen in the middle")
    assert client.read() == b"seen in the middle"


def test_interception_is_not_trusted_by_who_trusts_the_lab(lab, through):
    context = client_context(lab.ready["ca_file"])
    error = through("intercept", context=context).try_handshake()
    assert isinstance(error, ssl.SSLCertVerificationError)


def test_websocket_and_endings_pass_an_interception(through):
    through("intercept", "wss").handshake().upgrade().ping()
    assert isinstance(through("intercept", "reset").handshake().read_end(), RST)
    assert isinstance(through("intercept", "fin").handshake().read_end(), ssl.SSLEOFError)
    assert through("intercept", "close-notify").handshake().read_end() == b""
    assert isinstance(through("intercept", "reset-in-tls").handshake().read_end(), RST)


def test_an_inspecting_box_kills_too(lab, through):
    client = through("intercept-and-idle").handshake()
    assert isinstance(client.read_end(), RST)
    assert lab.kill_of(client.port)["rule"] == "idle_timeout"


@pytest.mark.parametrize("junk", [b"\x16\x03\x01\xff\xff", b"GET / HTTP/1.1\r\n\r\n", b"\0"])
def test_an_inspecting_box_survives_junk(through, junk):
    client = through("intercept")
    client.sock.sendall(junk)
    with suppress(OSError):  # the box may have reset already
        client.sock.shutdown(socket.SHUT_WR)
    assert not isinstance(client.raw_end(), TimeoutError)
    assert through("intercept").try_handshake() is None


@pytest.mark.slow
def test_silently_killed_flows_go_when_their_client_has_gone(lab, through):
    psutil = pytest.importorskip("psutil")
    process = psutil.Process(lab.ready["pid"])
    before = process.num_fds()
    clients = [through("hello-silent", timeout=0.01) for _ in range(20)]
    for client in clients:
        client.try_handshake()
        lab.kill_of(client.port)
    assert process.num_fds() >= before + 40
    for client in clients[:10]:
        client.sock.close()
    for client in clients[10:]:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sock.close()
    eventually(lambda: process.num_fds() < before + 10, "the box lets go")
