"""From a connected socket to a tunnel, over real sockets."""

from contextlib import asynccontextmanager

import pytest
import trio

from stresser.model.faults import PeerFin
from stresser.net.proxy import Bare, ProxyHop, open_tunnel, shake_hands_with
from stresser.net.proxy_tls import ProxyTls
from stresser.net.tls import TlsProfile
from stresser.scenario.proxy_url import Proxy, ProxyScheme
from tests.net.peers import NAME, TlsPeer, reset, run, server_context, tapped_pair

OPEN = b"HTTP/1.1 200 OK\r\n\r\n"


def hop(scheme, tls=None):
    proxy = Proxy(scheme=scheme, host=NAME, port=1)
    return ProxyHop(proxy=proxy, user_agent="stresser/test", tls=tls)


def test_a_bare_channel_reads_no_more_than_it_is_asked_for():
    async def test():
        async with tapped_pair() as (tap, far):
            channel = Bare(tap)
            assert channel.carrier is tap
            far.send(b"abcdef")
            assert await channel.receive_some(2) == b"ab"
            assert await channel.receive_some() == b"cdef"
            far.close()
            with pytest.raises(PeerFin):
                await channel.receive_some()

    run(test)


def test_a_bare_channel_sends_more_than_the_kernel_takes_at_once():
    async def test():
        data = bytes(range(256)) * 400
        async with tapped_pair(buffers=4096) as (tap, far):
            heard = bytearray()
            listener = trio.socket.from_stdlib_socket(far)

            async def listen():
                while len(heard) < len(data):
                    heard.extend(await listener.recv(65_536))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(listen)
                await Bare(tap).send_all(data)
            assert bytes(heard) == data

    run(test)


def test_a_dead_transport_is_left_to_the_reader():
    async def test():
        async with tapped_pair() as (tap, far):
            reset(far)
            channel = Bare(tap)
            await channel.send_all(b"x" * 100_000)
            await channel.send_all(b"x" * 100_000)
            with pytest.raises(trio.BrokenResourceError):
                await channel.receive_some()

    run(test)


def test_a_tunnel_by_connect_keeps_what_came_early():
    async def test():
        async with tapped_pair() as (tap, far):
            proxy = hop(ProxyScheme.HTTP)
            channel = await shake_hands_with(proxy, tap)
            assert isinstance(channel, Bare)
            far.send(b"HTTP/1.1 200 OK\r\nVia: 1.1 a, 1.1 b\r\nX-Other: c\r\n\r\nearly")
            tunnel = await open_tunnel(
                proxy, channel, "broker.test", 443, proxy.talk("broker.test", 443)
            )
            assert (tunnel.carrier, tunnel.early) == (tap, b"early")
            assert tunnel.headers == {"via": "1.1 a, 1.1 b"}
            assert far.recv(4096).startswith(b"CONNECT broker.test:443 HTTP/1.1\r\n")

    run(test)


@pytest.mark.parametrize("scheme", [ProxyScheme.SOCKS5, ProxyScheme.SOCKS5H])
def test_a_tunnel_by_socks_leaves_what_came_early_in_the_socket(scheme):
    async def test():
        async with tapped_pair() as (tap, far):
            proxy = hop(scheme)
            channel = await shake_hands_with(proxy, tap)
            far.send(b"\x05\x00" + b"\x05\x00\x00\x01" + bytes(6) + b"early")
            tunnel = await open_tunnel(
                proxy, channel, "broker.test", 443, proxy.talk("broker.test", 443)
            )
            assert (tunnel.carrier, tunnel.early) == (tap, b"")
            assert await tap.receive_some() == b"early"

    run(test)


@asynccontextmanager
async def shaken(buffers=None):
    """Through TLS: the channel, the hop, and the proxy's end."""
    async with tapped_pair(buffers=buffers) as (tap, far):
        proxy = hop(ProxyScheme.HTTPS, TlsProfile(require=False))
        peer = TlsPeer(far, server_context("TLSv1.3"))
        made = []

        async def ours():
            made.append(await shake_hands_with(proxy, tap))
            await made[0].send_all(b"hello")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(peer.handshake)
            nursery.start_soon(ours)
        assert await peer.receive() == b"hello"
        yield made[0], proxy, peer


def test_a_tunnel_in_tls():
    async def test():
        async with shaken() as (channel, proxy, peer):
            assert isinstance(channel, ProxyTls)
            assert channel.carrier is channel
            await peer.send(OPEN + b"early")
            tunnel = await open_tunnel(
                proxy, channel, "broker.test", 443, proxy.talk("broker.test", 443)
            )
            assert (tunnel.carrier, tunnel.early) == (channel, b"early")

    run(test)


def test_what_tls_has_taken_is_pushed_on_when_the_kernel_takes_it():
    """Where it were not, a held session's ping would stay with us for ever."""

    async def test():
        async with shaken(buffers=4096) as (channel, _, peer):
            sent = 0
            while not channel.backlog:
                sent += channel.send_nowait(b"x" * 16_384)
                assert sent < 64 << 20
            assert channel.send_nowait(b"more") == 0
            heard = 0

            async def listen():
                nonlocal heard
                while heard < sent:
                    heard += len(await peer.receive())

            async with trio.open_nursery() as nursery:
                nursery.start_soon(listen)
                await channel.wait_send_all_might_not_block()
                assert not channel.backlog
            assert channel.send_nowait(b"more") == 4
            assert await peer.receive() == b"more"

    run(test)
