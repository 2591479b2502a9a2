import socket
import struct
import sys

import pytest

from stresser.lab.vanish import reappear, vanish

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="TCP_MD5SIG is Linux's")


@pytest.fixture(params=[socket.AF_INET, socket.AF_INET6], ids=["ipv4", "ipv6"])
def listener(request):
    with socket.socket(request.param) as sock:
        try:
            sock.bind(("127.0.0.1" if request.param == socket.AF_INET else "::1", 0))
        except OSError:
            pytest.skip("no IPv6 loopback")
        sock.listen()
        yield sock


@pytest.fixture
def pair(listener):
    with socket.create_connection(listener.getsockname()[:2]) as client:
        accepted, _ = listener.accept()
        with accepted:
            for sock in (client, accepted):
                sock.settimeout(0.15)
            yield client, accepted


def unacked(sock):
    return struct.unpack_from("I", sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 24)[0]


def test_nothing_passes_and_nothing_is_acknowledged_until_it_reappears(pair):
    client, accepted = pair
    assert vanish(accepted)
    client.sendall(b"to the void")
    accepted.sendall(b"from the void")
    for sock in pair:
        with pytest.raises(TimeoutError):
            sock.recv(100)
        assert unacked(sock) > 0
    reappear(accepted)
    for sock in pair:
        sock.settimeout(10)  # TCP retransmits
    assert accepted.recv(100) == b"to the void"
    assert client.recv(100) == b"from the void"


def test_a_vanished_listener_answers_no_syn(listener):
    assert vanish(listener)
    with socket.socket(listener.family) as client:
        client.settimeout(0.15)
        with pytest.raises(TimeoutError):
            client.connect(listener.getsockname())
    reappear(listener)
    with socket.create_connection(listener.getsockname()[:2], timeout=10):
        pass


def test_what_cannot_vanish_says_so(pair):
    _, accepted = pair
    accepted.close()
    assert not vanish(accepted)
    with socket.socket(socket.AF_UNIX) as other:
        assert not vanish(other)
