import socket
import struct

import pytest

from bench.capture import Flow, Reset, ResetCapture, first_resets, parse_reset
from tests.fakes.tools import missing

PORT = 9443
SERVER, CLIENT = ("127.0.0.3", PORT), ("127.0.0.1", 40_000)


def packet(source, destination, options=b""):
    head = bytes([0x40 | (20 + len(options)) // 4]) + bytes(8) + b"\x06" + bytes(2)
    addresses = socket.inet_aton(source[0]) + socket.inet_aton(destination[0])
    return head + addresses + options + struct.pack("!HH", source[1], destination[1]) + bytes(16)


@pytest.mark.parametrize("options", [b"", bytes(8)], ids=["plain", "IP options"])
def test_a_packet_gives_both_ends_and_its_time(options):
    stamp = struct.pack("qq", 1_800_000_000, 123)
    reset = parse_reset(packet(SERVER, CLIENT, options), stamp)
    assert reset == Reset(1_800_000_000_000_000_123, SERVER, CLIENT)


def test_the_first_reset_from_the_server_counts_on_each_flow():
    other = ("127.0.0.4", PORT)
    resets = [
        Reset(1, CLIENT, SERVER),  # the client's own
        Reset(2, SERVER, CLIENT),
        Reset(3, other, CLIENT),  # the same local port towards another server
        Reset(4, SERVER, CLIENT),  # an answer to data under way
    ]
    assert first_resets(resets, PORT) == {
        Flow("127.0.0.3:9443", 40_000): 2,
        Flow("127.0.0.4:9443", 40_000): 3,
    }


def test_a_real_reset_is_captured_once_and_a_fin_is_not():
    try:
        capture = ResetCapture()
    except PermissionError:
        missing("needs CAP_NET_RAW")
    with capture, socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        locals_ = []
        for linger in (True, False):
            with socket.create_connection(address) as client:
                server, _ = listener.accept()
                if linger:
                    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                server.close()
                locals_.append(client.getsockname())
                if linger:
                    with pytest.raises(ConnectionResetError):
                        client.recv(1)
                else:
                    assert client.recv(1) == b""
        ours = [reset for reset in capture.take() if address in (reset.source, reset.destination)]
    assert [(reset.source, reset.destination) for reset in ours] == [(address, locals_[0])]
