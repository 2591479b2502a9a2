import errno
import socket

import pytest

from tests.lab.lab_child import LabChild, endpoint
from tests.lab.plain_client import RST, TCP_CLOSE_WAIT, PlainClient, eventually

NAMES = ["refused", "blackhole-connect", "reset-on-accept", "fin-on-accept"]


@pytest.fixture(scope="module")
def lab():
    with LabChild({"endpoints": [endpoint(f"tls://{name}") for name in NAMES]}) as child:
        yield child


def test_refused_answers_syn_with_rst(lab):
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", lab.port("tls://refused"))) == errno.ECONNREFUSED


def test_blackhole_answers_no_syn(lab):
    for _ in range(3):
        with socket.socket() as client:
            client.settimeout(0.3)
            with pytest.raises(TimeoutError):
                client.connect(("127.0.0.1", lab.port("tls://blackhole-connect")))


def test_reset_on_accept(lab):
    with PlainClient(lab.port("tls://reset-on-accept")) as client:
        assert isinstance(client.raw_end(), RST)


def test_fin_on_accept(lab):
    with PlainClient(lab.port("tls://fin-on-accept")) as client:
        assert client.raw_end() == b""
        eventually(lambda: client.tcp_state() == TCP_CLOSE_WAIT, "FIN received")
