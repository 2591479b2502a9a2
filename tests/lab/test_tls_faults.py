import ssl
import time

import pytest

from tests.lab.lab_child import LabChild, endpoint
from tests.lab.plain_client import RST, PlainClient, client_context, reason

NAMES = [
    "reset-in-tls",
    "fin-in-tls",
    "stall-in-tls",
    "alert-in-tls",
    "alert-in-tls/112",
    "close-notify-in-tls",
    "garbage-in-tls",
    "drip-in-tls/20ms",
    "needs-client-cert",
]


@pytest.fixture(scope="module")
def lab():
    urls = [f"{scheme}://{name}" for name in NAMES for scheme in ("tls", "wss")]
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
def client_of(lab, scheme, version):
    opened = []

    def open_client(name, **options):
        client = PlainClient(lab.port(f"{scheme}://{name} {version}"), **options)
        opened.append(client)
        return client

    yield open_client
    for client in opened:
        client.sock.close()


def test_reset(client_of):
    assert isinstance(client_of("reset-in-tls").try_handshake(), RST)


def test_fin(client_of):
    client = client_of("fin-in-tls")
    assert isinstance(client.try_handshake(), ssl.SSLEOFError)
    assert client.raw_end() == b""


def test_stall_says_nothing(client_of):
    client = client_of("stall-in-tls", timeout=0.15)
    assert isinstance(client.try_handshake(), TimeoutError)
    assert client.unacked() == 0


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("alert-in-tls", "SSLV3_ALERT_HANDSHAKE_FAILURE"),
        ("alert-in-tls/112", "TLSV1_UNRECOGNIZED_NAME"),
        ("garbage-in-tls", "WRONG_VERSION_NUMBER"),
    ],
)
def test_plaintext_instead_of_a_server_hello(client_of, name, expected):
    assert reason(client_of(name).try_handshake()) == expected


def test_close_notify(client_of):
    client = client_of("close-notify-in-tls")
    client.try_handshake()
    assert client.raw_end() == b""


def test_close_notify_is_alert_zero_of_level_warning(lab):
    with PlainClient(lab.port("tls://close-notify-in-tls 1.3")) as client:
        with pytest.raises(ssl.SSLWantReadError):
            client.tls.do_handshake()
        client.flush()
        assert client.sock.recv(100) == b"\x15\x03\x03\x00\x02\x01\x00"


def test_drip_comes_byte_by_byte(client_of):
    client = client_of("drip-in-tls/20ms")
    with pytest.raises(ssl.SSLWantReadError):
        client.tls.do_handshake()
    began = time.perf_counter()
    client.flush()
    dripped = b""
    while len(dripped) < 10:
        dripped += client.sock.recv(100)
        # A reader that is late finds some together, but no more than were due.
        assert len(dripped) <= (time.perf_counter() - began) / 0.02 + 1
    assert dripped.startswith(b"\x16\x03\x03")
    assert time.perf_counter() - began < 2


def test_client_certificate_is_missed_before_or_after_the_handshake(client_of, version):
    client = client_of("needs-client-cert", context=client_context(version=version))
    error = client.try_handshake()
    if version == "1.3":
        assert error is None  # the client is done before the server can object
        assert reason(client.read_end()) == "TLSV13_ALERT_CERTIFICATE_REQUIRED"
    else:
        assert reason(error) == "SSLV3_ALERT_HANDSHAKE_FAILURE"
    assert client.raw_end() == b""
