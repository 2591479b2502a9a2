import socket
import time

import pytest

from tests.lab.lab_child import LabChild, endpoint
from tests.lab.plain_client import PlainClient


def plan(rules):
    return {
        "endpoints": [endpoint("wss://echo", "wss"), endpoint("tls://echo", "tls")],
        "middleboxes": {"box": rules},
        "routes": [{"egress": "box", "endpoint": name} for name in ("wss", "tls")],
    }


@pytest.mark.slow
def test_black_hole_swallows_every_flow_and_gives_them_back():
    with LabChild(plan({"blackhole_at": "1s", "blackhole_for": "2s"})) as lab:
        started = time.perf_counter()
        clients = [PlainClient(lab.port("wss", "box")).handshake().upgrade() for _ in range(3)]
        for client in clients:
            client.ping()
        time.sleep(max(0.0, 1.15 - (time.perf_counter() - started)))  # into the hole
        for client in clients:
            client.send_frame(9, b"lost")
            client.sock.settimeout(0.1)
            assert isinstance(client.next_frame(), TimeoutError)
            assert client.unacked() > 0
        with socket.socket() as late:
            late.settimeout(0.05)
            with pytest.raises(TimeoutError):
                late.connect(("127.0.0.1", lab.port("tls", "box")))
        PlainClient(lab.port("tls")).handshake().sock.close()  # not through the box
        for client in clients:
            client.sock.settimeout(5)  # TCP retransmits what the hole has swallowed
            assert client.next_frame() == (0x8A, b"lost")
            assert client.unacked() == 0
            client.sock.close()
        assert time.perf_counter() - started > 2.95
        with PlainClient(lab.port("tls", "box")) as later:
            later.handshake()


def test_black_hole_from_the_start_and_for_ever():
    with LabChild(plan({"blackhole_at": "0s"})) as lab, socket.socket() as client:
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.connect(("127.0.0.1", lab.port("tls", "box")))
