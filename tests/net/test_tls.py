"""Our TLS against an independent peer, over loopback, in both versions of the protocol."""

import os
import ssl
import sys
from functools import partial

import pytest
import trio
import trustme
from trio.testing import wait_all_tasks_blocked

from stresser.model.faults import PeerAlert, PeerCloseNotify, ProtocolViolation
from stresser.net.tls import TlsProfile, context_for
from tests.net.peers import (
    NAME,
    POLICY,
    authority,
    both_handshakes,
    open_descriptors,
    outcome,
    run,
    server_context,
    tls_pair,
)

ECDSA = trustme.KeyType.ECDSA
versions = pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])


@versions
def test_a_handshake_tells_what_was_agreed(version):
    async def test():
        async with tls_pair(version) as (stream, _):
            assert stream.version == version
            assert "AES" in stream.cipher or "CHACHA" in stream.cipher
            assert stream.alpn is None
            assert stream.last_record is None

    run(test)


@versions
def test_data_passes_both_ways(version):
    async def test():
        async with tls_pair(version) as (stream, peer):
            await stream.send_all(b"question")
            assert await peer.receive() == b"question"
            await peer.send(b"answer")
            assert await stream.receive_some() == b"answer"
            assert not stream.backlog

    run(test)


@versions
def test_one_byte_at_a_time(version):
    async def test():
        async with tls_pair(version, handshake=False) as (stream, peer):
            send_raw = peer.send_raw

            async def drip(data):
                for byte in data:
                    await send_raw(bytes([byte]))
                    await wait_all_tasks_blocked()  # it has been read

            setattr(peer, "send_raw", drip)  # noqa: B010 - to mypy a method is no variable
            async with trio.open_nursery() as nursery:
                nursery.start_soon(peer.handshake)
                await stream.handshake()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(peer.send, b"slow")
                assert await stream.receive_some() == b"slow"

    run(test)


@versions
def test_much_data_comes_in_slices(version):
    message = os.urandom(200_000)

    async def test():
        async with tls_pair(version) as (stream, peer):
            received, waiting = bytearray(), 0
            async with trio.open_nursery() as nursery:
                nursery.start_soon(peer.send, message)
                while len(received) < len(message):
                    piece = await stream.receive_some()
                    assert 0 < len(piece) <= 4096
                    received += piece
                    waiting += stream.has_more
            assert received == message
            assert not stream.has_more
            assert waiting >= len(message) // 4096 // 2

    run(test)


async def fill(stream):
    """Send until the kernel takes no more. Returns what was sent."""
    sent = bytearray()
    while not stream.backlog:
        stream.send_nowait(bytes(1000))
        sent += bytes(1000)
    return sent


async def read_all(peer, count):
    received = bytearray()
    while len(received) < count:
        received += await peer.receive()
    return bytes(received)


@versions
def test_what_the_kernel_does_not_take_waits_for_a_flush(version):
    async def test():
        async with tls_pair(version, buffers=16_384) as (stream, peer):
            sent = await fill(stream)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stream.flush)
                assert await read_all(peer, len(sent)) == sent
            assert not stream.backlog

    run(test)


@versions
def test_a_ping_sent_while_another_task_flushes_does_not_overtake(version):
    async def test():
        async with tls_pair(version, buffers=16_384) as (stream, peer):
            sent = await fill(stream)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stream.flush)
                await wait_all_tasks_blocked()
                peer.feed(await peer.receive_raw())  # room, and the flusher has not seen it
                for ping in (b"ping1", b"ping2"):
                    stream.send_nowait(ping)
                    sent += ping
                assert await read_all(peer, len(sent)) == sent

    run(test)


@versions
def test_a_cancelled_flush_loses_nothing(version):
    async def test():
        async with tls_pair(version, buffers=16_384) as (stream, peer):
            sent = await fill(stream)
            with trio.CancelScope() as scope:
                scope.cancel()
                await stream.flush()
            stream.send_nowait(b"close")
            sent += b"close"
            async with trio.open_nursery() as nursery:
                nursery.start_soon(stream.flush)
                assert await read_all(peer, len(sent)) == sent

    run(test)


@versions
def test_the_peer_sees_our_close_notify(version):
    async def test():
        async with tls_pair(version) as (stream, peer):
            stream.send_nowait(b"bye")
            stream.close_notify_nowait()
            stream.send_nowait(b"not sent any more")
            assert await peer.receive() == b"bye"
            assert await peer.receive() == b""
            stream.close_notify_nowait()
            await peer.close_notify()
            assert type(await outcome(stream.receive_some)) is PeerCloseNotify

    run(test)


def test_closing_before_the_handshake_is_no_error():
    async def test():
        async with tls_pair("TLSv1.3", handshake=False) as (stream, _):
            stream.close_notify_nowait()
            stream.send_nowait(b"nor is sending")
            assert not stream.backlog

    run(test)


@versions
def test_the_chain_is_as_the_peer_served_it(version):
    issuer = authority().create_child_ca(key_type=ECDSA)
    certificate = issuer.issue_cert(NAME, key_type=ECDSA)

    async def test():
        async with tls_pair(version, context=server_context(version, certificate)) as (stream, _):
            served = [ssl.DER_cert_to_PEM_cert(der).encode() for der in stream.chain()]
            assert served == [blob.bytes() for blob in certificate.cert_chain_pems]
            assert len(served) == 2

    run(test)


def test_before_the_handshake_nothing_is_known():
    async def test():
        async with tls_pair("TLSv1.3", handshake=False) as (stream, _):
            assert stream.chain() == ()
            assert (stream.cipher, stream.alpn) == ("unknown", None)

    run(test)


@versions
@pytest.mark.parametrize(("offered", "chosen"), [(("x", "http/1.1"), "http/1.1"), (("x",), None)])
def test_alpn(version, offered, chosen):
    context = server_context(version)
    context.set_alpn_protocols(["http/1.1"])

    async def test():
        profile = TlsProfile(require=False, alpn=offered)
        async with tls_pair(version, context=context, profile=profile) as (stream, _):
            assert stream.alpn == chosen

    run(test)


@pytest.mark.parametrize("short", ["1.2", "1.3"])
def test_one_version_alone_may_be_offered(short):
    version = f"TLSv{short}"
    other = "TLSv1.3" if short == "1.2" else "TLSv1.2"
    profile = TlsProfile(require=False, version=short)
    context = context_for(profile)
    assert context.minimum_version == context.maximum_version == POLICY[version]

    async def test():
        async with tls_pair(version, profile=profile) as (stream, _):
            assert stream.version == version
        async with tls_pair(other, profile=profile, handshake=False) as pair:
            ours, _ = await both_handshakes(*pair)
            assert isinstance(ours, PeerAlert)
            assert ours.number == 70  # protocol_version

    run(test)


def test_the_context_keeps_truncations_visible_and_old_versions_out():
    context = context_for(TlsProfile(require=False))
    assert not context.options & getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_mode == ssl.CERT_NONE
    assert not context.check_hostname
    strict = context_for(TlsProfile(require=True))
    assert strict.verify_mode == ssl.CERT_REQUIRED
    assert strict.check_hostname
    assert not strict.options & getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)


def test_sessions_of_one_profile_share_a_context():
    profile = partial(TlsProfile, require=False, alpn=("http/1.1",))
    assert context_for(profile()) is context_for(profile())
    assert context_for(profile()) is not context_for(TlsProfile(require=False))


def test_a_ca_file_that_is_not_there_is_an_oserror(tmp_path):
    with pytest.raises(FileNotFoundError):
        context_for(TlsProfile(require=True, ca_files=(str(tmp_path / "none.pem"),)))


@pytest.mark.skipif(sys.platform != "linux", reason="counts in /proc")
def test_a_failed_handshake_leaves_no_descriptor():
    async def test():
        before = open_descriptors()
        for _ in range(5):
            async with tls_pair("TLSv1.3", handshake=False) as (stream, peer):
                await peer.send_raw(b"nonsense")
                assert isinstance(await outcome(stream.handshake), ProtocolViolation)
        assert open_descriptors() == before

    run(test)


@pytest.mark.parametrize(("name", "sni"), [(NAME, NAME), ("127.0.0.1", None), ("::1", None)])
def test_a_name_is_asked_for_by_sni_and_an_address_is_not(name, sni):
    asked = []
    context = server_context("TLSv1.3")
    context.sni_callback = lambda _tls, server_name, _context: asked.append(server_name)

    async def test():
        async with tls_pair("TLSv1.3", context=context, name=name) as (stream, _):
            assert stream.version == "TLSv1.3"

    run(test)
    assert asked == [sni]


def extensions_of(hello):
    """Numbers of the extensions in a ClientHello record (RFC 8446 section 4.1.2)."""
    at = 5 + 4 + 2 + 32
    at += 1 + hello[at]
    at += 2 + int.from_bytes(hello[at : at + 2], "big")
    at += 1 + hello[at]
    end = at + 2 + int.from_bytes(hello[at : at + 2], "big")
    at += 2
    while at < end:
        yield int.from_bytes(hello[at : at + 2], "big")
        at += 4 + int.from_bytes(hello[at + 2 : at + 4], "big")


def test_no_ocsp_staple_is_asked_for():
    """Why a staple is "not visible" in what is recorded: nobody asks, so nobody would send one."""
    outgoing = ssl.MemoryBIO()
    context = context_for(TlsProfile(require=False))
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="a.example.net")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    offered = set(extensions_of(outgoing.read()))
    assert 0 in offered  # server_name: the extensions are read rightly
    assert 5 not in offered  # status_request, RFC 6066 section 8
