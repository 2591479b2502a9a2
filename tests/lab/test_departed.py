import socket
import struct
import sys

import pytest
import trio
import trio.testing

from stresser.lab import departed
from stresser.lab.departed import hold_vanished, is_held_open
from stresser.lab.wire import Wire

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sock_diag is Linux's")


@pytest.fixture
def pair():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
        with client, accepted:
            yield client, accepted


def test_the_kernel_tells_of_the_peers_socket(pair):
    client, accepted = pair
    ours, theirs = accepted.getsockname(), accepted.getpeername()
    assert is_held_open(ours, theirs) is True
    accepted.shutdown(socket.SHUT_WR)
    assert is_held_open(ours, theirs) is True  # CLOSE_WAIT: its program has not closed
    client.close()
    assert is_held_open(ours, theirs) is False


def test_nobody_is_at_a_port_that_was_never_used():
    assert is_held_open(("127.0.0.1", 1), ("127.0.0.1", 1)) is False


@pytest.mark.parametrize("linger", [None, struct.pack("ii", 1, 0)], ids=["FIN", "RST"])
def test_a_vanished_socket_is_kept_until_its_peer_has_closed(pair, linger, monkeypatch):
    monkeypatch.setattr(departed, "_LOOK_EVERY_S", 0.02)
    client, accepted = pair

    async def main():
        wire = Wire(trio.socket.from_stdlib_socket(accepted))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(hold_vanished, wire)
            await trio.testing.wait_all_tasks_blocked()
            client.settimeout(0.1)
            client.sendall(b"lost")
            with pytest.raises(TimeoutError):
                client.recv(10)
            assert wire.socket.fileno() >= 0
            if linger:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            client.close()
            with trio.fail_after(10):
                await nursery_is_empty(nursery)
        assert wire.socket.fileno() == -1

    async def nursery_is_empty(nursery):
        while nursery.child_tasks:  # noqa: ASYNC110 - nothing tells of it
            await trio.sleep(0.01)

    trio.run(main)
