"""Two TLS connections, one in the other: whose fault is whose."""

from contextlib import asynccontextmanager

import pytest
import trio

from stresser.model.faults import (
    CertificateRejected,
    PeerCloseNotify,
    PeerFin,
    ProtocolViolation,
    ProxyAlert,
)
from stresser.net.proxy_tls import ProxyTls
from stresser.net.tls import TlsProfile, TlsStream, context_for
from tests.net.peers import NAME, TlsPeer, outcome, run, server_context, tapped_pair

INNER = context_for(TlsProfile(require=False))


class InnerPeer:
    """The endpoint's TLS, inside what the proxy's peer reads and writes."""

    def __init__(self, outer: TlsPeer) -> None:
        self.outer = outer
        self._peer = TlsPeer(outer.bare, server_context("TLSv1.2"))
        self._peer.send_raw = outer.send  # type: ignore[method-assign]  # inside the other one
        self._peer.receive_raw = outer.receive  # type: ignore[method-assign]  # same
        self.handshake = self._peer.handshake
        self.send = self._peer.send
        self.receive = self._peer.receive
        self.close_notify = self._peer.close_notify


@asynccontextmanager
async def nested(*, buffers=None):
    """Our two layers and the peer's two, shaken."""
    async with tapped_pair(buffers=buffers) as (tap, far):
        outer = TlsPeer(far, server_context("TLSv1.3"))
        carrier = ProxyTls(TlsStream(tap, INNER, NAME))
        inner = InnerPeer(outer)
        stream = TlsStream(tap, INNER, NAME, carrier)

        async def ours():
            await carrier.handshake()
            await stream.handshake()

        async def theirs():
            await outer.handshake()
            await inner.handshake()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ours)
            nursery.start_soon(theirs)
        yield stream, inner


def test_data_goes_both_ways_through_both():
    async def test():
        async with nested() as (stream, inner):
            assert stream.version == "TLSv1.2"
            await stream.send_all(b"ping")
            assert await inner.receive() == b"ping"
            await inner.send(b"pong" * 5_000)
            heard = b""
            while len(heard) < 20_000:
                heard += await stream.receive_some()
            assert heard == b"pong" * 5_000
            assert not stream.backlog

    run(test)


def test_a_flood_of_ours_arrives_whole():
    async def test():
        data = bytes(range(256)) * 150
        async with nested(buffers=4096) as (stream, inner):
            heard = bytearray()

            async def listen():
                while len(heard) < len(data):
                    heard.extend(await inner.receive())

            async with trio.open_nursery() as nursery:
                nursery.start_soon(listen)
                for at in range(0, len(data), 10_000):
                    stream.send_nowait(data[at : at + 10_000])
                await stream.flush()
                assert not stream.backlog
            assert bytes(heard) == data

    run(test)


def test_the_endpoints_close_notify_is_the_endpoints():
    async def test():
        async with nested() as (stream, inner):
            await inner.close_notify()
            assert isinstance(await outcome(stream.receive_some), PeerCloseNotify)

    run(test)


def test_the_proxys_close_notify_truncates_the_endpoints_tls():
    async def test():
        async with nested() as (stream, inner):
            await inner.outer.close_notify()
            fault = await outcome(stream.receive_some)
            assert isinstance(fault, PeerFin)
            assert "close_notify" in str(fault)

    run(test)


def test_a_fin_and_garbage_outside():
    async def test():
        async with nested() as (stream, inner):
            inner.outer.sock.close()
            assert type(await outcome(stream.receive_some)) is PeerFin
        async with nested() as (stream, inner):
            await inner.outer.send_raw(b"\x17\x03\x03\x00\x20" + bytes(32))
            fault = await outcome(stream.receive_some)
            assert isinstance(fault, ProtocolViolation)
            assert fault.layer == "proxy_tls"

    run(test)


def test_garbage_inside_is_the_endpoints():
    async def test():
        async with nested() as (stream, inner):
            await inner.outer.send(b"\x17\x03\x03\x00\x20" + bytes(32))
            fault = await outcome(stream.receive_some)
            assert isinstance(fault, ProtocolViolation)
            assert fault.layer == "tls"

    run(test)


def test_an_alert_in_the_handshake_with_the_proxy():
    async def test():
        async with tapped_pair() as (tap, far):
            far.send(b"\x15\x03\x03\x00\x02\x02\x28")
            fault = await outcome(ProxyTls(TlsStream(tap, INNER, NAME)).handshake)
            assert isinstance(fault, ProxyAlert)
            assert fault.number == 40
            assert "HANDSHAKE_FAILURE" in str(fault.__cause__)

    run(test)


def test_an_alert_of_the_proxy_after_its_handshake():
    """It wants a certificate that we do not have, and says so when TLS 1.3 is done for us."""

    async def test():
        context = server_context("TLSv1.3")
        context.verify_mode = 2  # type: ignore[assignment]  # ssl.CERT_REQUIRED, without the import
        async with tapped_pair() as (tap, far):
            peer = TlsPeer(far, context)
            channel = ProxyTls(TlsStream(tap, INNER, NAME))
            ends = []

            async def ours():
                await channel.handshake()
                await channel.send_all(b"CONNECT")
                ends.append(await outcome(channel.receive_some))

            async def theirs():
                await outcome(peer.handshake)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(ours)
                nursery.start_soon(theirs)
            assert isinstance(ends[0], ProxyAlert)
            assert ends[0].number == 116

    run(test)


def test_a_chain_that_does_not_verify():
    async def test():
        async with tapped_pair() as (tap, far):
            peer = TlsPeer(far, server_context("TLSv1.3"))
            strict = context_for(TlsProfile(require=True))
            ends = []

            async def ours():
                ends.append(await outcome(ProxyTls(TlsStream(tap, strict, NAME)).handshake))

            async def theirs():
                await outcome(peer.handshake)

            async with trio.open_nursery() as nursery:
                nursery.start_soon(ours)
                nursery.start_soon(theirs)
            assert isinstance(ends[0], CertificateRejected)

    run(test)


@pytest.mark.parametrize("early", [b"", b"\x15\x03\x03\x00\x02\x02\x28"])
def test_what_came_early_is_read_first(early):
    async def test():
        async with tapped_pair() as (tap, far):
            if not early:
                far.send(b"\x15\x03\x03\x00\x02\x02\x28")
            fault = await outcome(TlsStream(tap, INNER, NAME, None, early).handshake)
            assert fault.number == 40

    run(test)
