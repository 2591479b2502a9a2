import errno
import socket

import pytest
import trio
import trio.testing

from stresser.lab import wire as wire_module
from stresser.lab.wire import GONE, Wire, accept_forever, bind_loopback, listen_loopback
from tests.lab.plain_client import RST, TCP_CLOSE_WAIT


def tcp_state(sock):
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)[0]


async def connected():
    listener = listen_loopback()
    client = socket.create_connection(listener.getsockname(), timeout=10)
    accepted, _ = await listener.accept()
    listener.close()
    return client, Wire(accepted)


def run(main):
    async def with_pair():
        client, wire = await connected()
        try:
            with trio.fail_after(20):
                await main(client, wire)
        finally:
            client.close()
            wire.close()

    trio.run(with_pair)


def test_a_megabyte_passes_and_then_the_end():
    async def make():
        listener = listen_loopback()
        client = trio.socket.socket()
        await client.connect(listener.getsockname())
        accepted, _ = await listener.accept()
        listener.close()
        return Wire(client), Wire(accepted)

    async def main():
        left, right = await make()
        payload = bytes(1 << 20)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(left.send_all, payload)
            got = 0
            while got < len(payload):
                got += len(await right.receive_some())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(left.aclose)
            assert await right.receive_some() == b""
            right.close()

    trio.run(main)


def test_reset_is_a_rst():
    async def main(client, wire):
        wire.reset()
        wire.reset()  # and twice is no error
        with pytest.raises(RST):
            client.recv(1)

    run(main)


def test_shut_is_a_fin_and_reading_goes_on():
    async def main(client, wire):
        wire.shut()
        assert client.recv(1) == b""
        client.sendall(b"still heard")
        assert await wire.receive_some() == b"still heard"

    run(main)


def test_fin_with_unread_data_is_a_fin_and_not_a_rst():
    async def main(client, wire):
        client.sendall(b"nobody reads this")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wire.fin)
            await trio.testing.wait_all_tasks_blocked()
            assert client.recv(1) == b""
            assert tcp_state(client) == TCP_CLOSE_WAIT
            client.close()
        assert wire.socket.fileno() == -1

    run(main)


def test_a_reset_from_the_peer_keeps_its_errno():
    async def main(client, wire):
        peer = Wire(trio.socket.from_stdlib_socket(client))
        peer.reset()
        with pytest.raises(trio.BrokenResourceError) as caught:
            await wire.receive_some()
        assert isinstance(caught.value.__cause__, OSError)
        assert caught.value.__cause__.errno == errno.ECONNRESET
        with pytest.raises(GONE):
            await wire.send_all(b"x")

    run(main)


def test_reading_ends_when_it_is_reset_from_another_task():
    async def main(_client, wire):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wire.discard)
            await trio.testing.wait_all_tasks_blocked()
            wire.reset()

    run(main)


def test_addresses():
    async def main(client, wire):
        assert wire.addresses() == (client.getpeername(), client.getsockname())
        wire.close()
        assert wire.addresses() is None

    run(main)


def test_first_byte_is_waited_for_and_left():
    async def main(client, wire):
        client.sendall(b"x")
        with trio.fail_after(0.15):
            await wire.wait_for_first_byte()
        assert await wire.receive_some() == b"x"

    run(main)


def test_a_bound_port_refuses():
    with bind_loopback() as bound, socket.socket() as client:
        assert client.connect_ex(bound.getsockname()) == errno.ECONNREFUSED


def test_accepting_outlives_a_lack_of_files(monkeypatch):
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(wire_module, "_RESOURCES_PAUSE_S", 0.001)

    async def main():
        listener = listen_loopback()
        address = listener.getsockname()
        served = trio.Event()
        clients = [socket.socket() for _ in range(2)]

        async def handle(wire):
            served.set()
            wire.close()

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(accept_forever, listener, handle)
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (clients[-1].fileno() + 1, hard))
                clients[0].connect(address)
                with trio.move_on_after(0.05):
                    await served.wait()
                assert not served.is_set()
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            with trio.fail_after(10):
                await served.wait()
            nursery.cancel_scope.cancel()
        listener.close()
        for client in clients:
            client.close()

    trio.run(main)


def test_a_burst_of_connections_is_taken():
    async def main():
        listener = listen_loopback()
        seen = 0

        async def handle(wire):
            nonlocal seen
            seen += 1
            try:
                await wire.discard()
            finally:
                wire.close()

        async with trio.open_nursery() as nursery:
            clients = []
            for _ in range(500):  # none is accepted before all have connected
                client = socket.socket()
                client.connect(listener.getsockname())
                clients.append(client)
            nursery.start_soon(accept_forever, listener, handle)
            await trio.testing.wait_all_tasks_blocked(0.01)
            assert seen == 500
            nursery.cancel_scope.cancel()
        for client in clients:
            client.close()
        listener.close()

    trio.run(main)
