"""TLS by cryptography's OpenSSL against Python's as the peer: `net/tls.py`'s promises, kept."""

import os
import ssl
import sys

import pytest
import trio
import trustme
from trio.testing import wait_all_tasks_blocked

from stresser.model.client_hello import HelloKind
from stresser.model.faults import (
    CertificateRejected,
    PeerAlert,
    PeerCloseNotify,
    PeerFin,
    ProtocolViolation,
)
from stresser.net.newer_tls import NewerTls, newer_context
from stresser.net.tls import TlsProfile
from stresser.net.tls_errors import ALERTS
from tests.net.peers import (
    NAME,
    authority,
    both_handshakes,
    outcome,
    run,
    server_context,
    shake_hands,
    tls_pair,
)

HYBRID = TlsProfile(require=False, hello=HelloKind.HYBRID)
ECDSA = trustme.KeyType.ECDSA
versions = pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])


def pair(version="TLSv1.3", profile=HYBRID, **options):
    return tls_pair(version, profile=profile, **options)


def is_newer(stream):
    return isinstance(stream._ssl, NewerTls)


@versions
def test_both_ways_and_the_orderly_end(version):
    async def test():
        async with pair(version) as (stream, peer):
            assert is_newer(stream) or ssl.OPENSSL_VERSION_INFO >= (3, 5)
            assert (stream.version, stream.alpn) == (version, None)
            assert "AES" in stream.cipher or "CHACHA" in stream.cipher
            await stream.send_all(b"question")
            assert await peer.receive() == b"question"
            await peer.send(b"answer")
            assert await stream.receive_some() == b"answer"
            stream.release_buffer()
            await peer.close_notify()
            assert type(await outcome(stream.receive_some)) is PeerCloseNotify
            stream.close_notify_nowait()
            assert type(await outcome(peer.receive)) is ssl.SSLZeroReturnError
            stream.send_nowait(b"not sent any more")

    run(test)


@versions
def test_one_byte_at_a_time(version):
    async def test():
        async with pair(version, handshake=False) as (stream, peer):
            send_raw = peer.send_raw

            async def drip(data):
                for byte in data:
                    await send_raw(bytes([byte]))
                    await wait_all_tasks_blocked()  # it has been read

            setattr(peer, "send_raw", drip)  # noqa: B010 - to mypy a method is no variable
            await shake_hands(stream, peer)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(peer.send, b"slow")
                assert await stream.receive_some() == b"slow"

    run(test)


@versions
def test_much_data_comes_in_slices_and_none_is_forgotten(version):
    message = os.urandom(200_000)

    async def test():
        async with pair(version) as (stream, peer):
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


def test_two_records_of_one_packet_are_read_one_after_the_other():
    async def test():
        async with pair() as (stream, peer):
            await stream.send_all(b"?")
            await peer.receive()
            await peer.send_raw(peer.encrypted(b"first") + peer.encrypted(b"second"))
            assert await stream.receive_some() == b"first"
            assert stream.has_records
            assert await stream.receive_some() == b"second"
            assert not stream.has_records

    run(test)


@versions
def test_the_chain_is_as_the_peer_served_it(version):
    issuer = authority().create_child_ca(key_type=ECDSA)
    certificate = issuer.issue_cert(NAME, key_type=ECDSA)

    async def test():
        async with pair(version, context=server_context(version, certificate)) as (stream, _):
            served = [ssl.DER_cert_to_PEM_cert(der).encode() for der in stream.chain()]
            assert served == [blob.bytes() for blob in certificate.cert_chain_pems]

    run(test)


@versions
@pytest.mark.parametrize(("offered", "chosen"), [(("x", "http/1.1"), "http/1.1"), (("x",), None)])
def test_alpn(version, offered, chosen):
    context = server_context(version)
    context.set_alpn_protocols(["http/1.1"])
    profile = TlsProfile(require=False, hello=HelloKind.HYBRID, alpn=offered)

    async def test():
        async with pair(version, context=context, profile=profile) as (stream, _):
            assert stream.alpn == chosen

    run(test)


@pytest.mark.parametrize(("name", "sni"), [(NAME, NAME), ("127.0.0.1", None), ("::1", None)])
def test_a_name_is_asked_for_by_sni_and_an_address_is_not(name, sni):
    asked = []
    context = server_context("TLSv1.3")
    context.sni_callback = lambda _tls, server_name, _context: asked.append(server_name)

    async def test():
        async with pair(context=context, name=name):
            pass

    run(test)
    assert asked == [sni]


def test_a_version_that_the_server_does_not_speak():
    profile = TlsProfile(require=False, hello=HelloKind.HYBRID, version="1.3")

    async def test():
        async with pair("TLSv1.2", profile=profile, handshake=False) as ends:
            ours, _ = await both_handshakes(*ends)
            assert (type(ours), ours.number) == (PeerAlert, 70)

    run(test)


@pytest.mark.parametrize("number", sorted(set(ALERTS.values()) - {0, 90, 100}))
def test_every_alert_instead_of_a_server_hello_has_its_number(number):
    async def test():
        async with pair(handshake=False) as (stream, peer):
            await peer.send_raw(bytes([21, 3, 3, 0, 2, 2, number]))
            ours = await outcome(stream.handshake)
            assert (type(ours), ours.number) == (PeerAlert, number)

    run(test)


@pytest.mark.parametrize("junk", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-x\r\n", bytes(9)])
def test_what_is_no_tls_is_said_at_once(junk):
    async def test():
        async with pair(handshake=False) as (stream, peer):
            await peer.send_raw(junk)
            ours = await outcome(stream.handshake)
            assert type(ours) is ProtocolViolation
            assert ours.seen.startswith(junk[:5])

    run(test)


def test_a_truncation_does_not_look_orderly():
    async def test():
        async with pair() as (stream, peer):
            peer.sock.close()
            assert type(await outcome(stream.receive_some)) is PeerFin

    run(test)


def test_a_required_chain(tmp_path):
    """Refused before our last message: the server never hears that the handshake is complete."""
    root = tmp_path / "root.pem"
    authority().cert_pem.write_to_path(root)
    good = TlsProfile(require=True, ca_files=(str(root),), hello=HelloKind.HYBRID)

    async def test():
        async with pair(profile=good) as (stream, peer):
            await peer.send(b"in")
            assert await stream.receive_some() == b"in"
        for profile, name in (
            (TlsProfile(require=True, hello=HelloKind.HYBRID), NAME),
            (good, "other.lab.test"),
        ):
            async with pair(profile=profile, name=name, handshake=False) as (stream, peer):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(outcome, peer.handshake)
                    ours = await outcome(stream.handshake)
                    nursery.cancel_scope.cancel()
                assert type(ours) is CertificateRejected
                assert ours.verify_code
                assert stream.chain()

    run(test)


def test_it_is_loaded_where_it_is_used_alone():
    import subprocess

    code = "import sys, stresser.run.routes; assert 'OpenSSL' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_contexts_are_shared():
    assert newer_context(HYBRID) is newer_context(TlsProfile(require=False, hello=HelloKind.HYBRID))
