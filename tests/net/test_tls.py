"""Our TLS against an independent peer, over loopback, in both versions of the protocol."""

import os
import ssl
from datetime import UTC, datetime
from functools import partial

import pytest
import trio
import trustme
from trio.testing import wait_all_tasks_blocked

from stresser.model.faults import (
    CertificateRejected,
    PeerAlert,
    PeerCloseNotify,
    PeerFin,
    ProtocolViolation,
)
from stresser.net.tls import TlsProfile, context_for
from tests.net.peers import (
    NAME,
    POLICY,
    authority,
    leaf,
    open_descriptors,
    reset,
    run,
    server_context,
    tls_pair,
)

ECDSA = trustme.KeyType.ECDSA
LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)
versions = pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])


@pytest.fixture(scope="module")
def root_pem(tmp_path_factory):
    path = tmp_path_factory.mktemp("ca") / "root.pem"
    authority().cert_pem.write_to_path(str(path))
    return str(path)


async def outcome(call):
    """What a call raises."""
    try:
        await call()
    except Exception as exc:  # noqa: BLE001 - the test judges it
        return exc
    return None


async def both_handshakes(stream, peer):
    """How the handshake ends for us, and for the peer."""
    ends = {}

    async def one(name, call):
        ends[name] = await outcome(call)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(one, "ours", stream.handshake)
        nursery.start_soon(one, "theirs", peer.handshake)
    return ends["ours"], ends["theirs"]


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
@pytest.mark.parametrize("end", ["close_notify", "fin", "rst", "half a record"])
def test_the_ends_are_told_apart(version, end):
    async def test():
        async with tls_pair(version) as (stream, peer):
            await peer.send(b"last words")
            if end == "close_notify":
                await peer.close_notify()
            elif end == "half a record":
                await peer.send_raw(peer.encrypted(b"never whole")[:-3])
            sock = peer.sock._sock
            reset(sock) if end == "rst" else sock.close()
            assert await stream.receive_some() == b"last words"
            fault = await outcome(stream.receive_some)
            if end == "rst":
                assert isinstance(fault, trio.BrokenResourceError)
                assert isinstance(fault.__cause__, ConnectionResetError)
            else:
                assert type(fault) is (PeerCloseNotify if end == "close_notify" else PeerFin)

    run(test)


@versions
@pytest.mark.parametrize("end", ["fin", "rst", "close_notify", "half a flight"])
def test_the_ends_are_told_apart_within_the_handshake(version, end):
    async def test():
        async with tls_pair(version, handshake=False) as (stream, peer):
            ends = []

            async def ours():
                ends.append(await outcome(stream.handshake))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(ours)
                hello = await peer.receive_raw()
                if end == "close_notify":
                    await peer.send_raw(bytes([21, 3, 3, 0, 2, 1, 0]))
                elif end == "half a flight":
                    peer.feed(hello)
                    with pytest.raises(ssl.SSLWantReadError):
                        peer.tls.do_handshake()
                    await peer.send_raw(peer._out.read()[:200])
                sock = peer.sock._sock
                reset(sock) if end == "rst" else sock.close()
            [fault] = ends
            if end == "rst":
                assert isinstance(fault.__cause__, ConnectionResetError)
            else:
                assert type(fault) is (PeerCloseNotify if end == "close_notify" else PeerFin)

    run(test)


@pytest.mark.parametrize("number", [40, 70, 112, 115, 116, 120, 199, 255])
def test_an_alert_in_the_clear_is_read_whatever_its_number(number):
    async def test():
        async with tls_pair("TLSv1.3", handshake=False) as (stream, peer):
            await peer.send_raw(bytes([21, 3, 3, 0, 2, 2, number]))
            fault = await outcome(stream.handshake)
            assert isinstance(fault, PeerAlert)
            assert fault.number == number
            assert (fault.name == "unregistered") == (number in (199, 255))

    run(test)


@pytest.mark.parametrize(
    "garbage",
    [b"SSH-2.0-OpenSSH_9.6\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", bytes(64), b"\xff" * 64],
    ids=["ssh", "http", "zeros", "ones"],
)
def test_an_answer_that_is_not_tls_is_a_violation(garbage):
    async def test():
        async with tls_pair("TLSv1.3", handshake=False) as (stream, peer):
            await peer.send_raw(garbage)
            fault = await outcome(stream.handshake)
            assert isinstance(fault, ProtocolViolation)
            assert fault.layer == "tls"
            assert "_ssl.c" not in fault.detail

    run(test)


@versions
def test_a_record_spoiled_on_the_way_out_comes_back_as_the_peers_alert(version):
    async def test():
        async with tls_pair(version) as (stream, peer):
            await stream.send_all(b"question")
            record = bytearray(await peer.receive_raw())
            record[-1] ^= 1
            peer.feed(bytes(record))
            with pytest.raises(ssl.SSLError, match=r"(?i)mac"):
                await peer.receive()
            fault = await outcome(stream.receive_some)
            assert isinstance(fault, PeerAlert)
            assert (fault.number, fault.name) == (20, "bad_record_mac")

    run(test)


@versions
def test_a_record_spoiled_on_the_way_in_is_a_violation_and_the_peer_is_told(version):
    async def test():
        async with tls_pair(version) as (stream, peer):
            record = bytearray(peer.encrypted(b"answer"))
            record[-1] ^= 1
            await peer.send_raw(bytes(record))
            fault = await outcome(stream.receive_some)
            assert isinstance(fault, ProtocolViolation)
            assert fault.detail == "decryption_failed_or_bad_record_mac"
            with pytest.raises(ssl.SSLError, match=r"(?i)alert bad record mac"):
                await peer.receive()

    run(test)


@versions
def test_a_client_certificate_that_is_wanted_and_missing(version, root_pem):
    context = server_context(version)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(root_pem)

    async def test():
        async with tls_pair(version, context=context, handshake=False) as (stream, peer):
            ours, theirs = await both_handshakes(stream, peer)
            assert isinstance(theirs, ssl.SSLError)
            if version == "TLSv1.3":  # the client is done before the server has judged
                assert ours is None
                ours = await outcome(stream.receive_some)
            assert isinstance(ours, PeerAlert)
            assert ours.number == {"TLSv1.2": 40, "TLSv1.3": 116}[version]

    run(test)


def good():
    return leaf()


def expired():
    return authority().issue_cert(NAME, not_before=LONG_AGO, not_after=LONG_AGO, key_type=ECDSA)


def wrong_name():
    return authority().issue_cert("other.lab.test", key_type=ECDSA)


def untrusted():
    return trustme.CA(key_type=ECDSA).issue_cert(NAME, key_type=ECDSA)


@versions
@pytest.mark.parametrize(
    ("make", "code", "alert"),
    [(expired, 10, "EXPIRED"), (wrong_name, 62, "BAD_CERTIFICATE"), (untrusted, 20, "UNKNOWN_CA")],
)
def test_required_verification_ends_the_handshake_with_the_reason(
    version, make, code, alert, root_pem
):
    profile = TlsProfile(require=True, ca_files=(root_pem,))

    async def test():
        context = server_context(version, make())
        async with tls_pair(version, profile=profile, context=context, handshake=False) as pair:
            ours, theirs = await both_handshakes(*pair)
            assert isinstance(ours, CertificateRejected)
            assert ours.verify_code == code
            assert ours.problem
            assert isinstance(theirs, ssl.SSLError)
            assert alert in str(theirs.reason)

    run(test)


@versions
@pytest.mark.parametrize("make", [expired, wrong_name, untrusted])
def test_without_requiring_it_such_a_session_is_held(version, make):
    async def test():
        async with tls_pair(version, context=server_context(version, make())) as (stream, peer):
            await peer.send(b"held")
            assert await stream.receive_some() == b"held"

    run(test)


@versions
def test_required_verification_lets_a_good_chain_pass(version, root_pem):
    async def test():
        profile = TlsProfile(require=True, ca_files=(root_pem,))
        async with tls_pair(version, profile=profile) as (stream, _):
            assert stream.version == version

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

            peer.send_raw = drip
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
def test_sending_into_a_reset_is_left_to_the_reader(version):
    async def test():
        async with tls_pair(version) as (stream, peer):
            await peer.send(b"last words")
            reset(peer.sock._sock)
            for _ in range(3):
                await stream.send_all(b"ping")
            assert not stream.backlog
            assert await stream.receive_some() == b"last words"
            fault = await outcome(stream.receive_some)
            assert isinstance(fault.__cause__, ConnectionResetError)

    run(test)


def test_an_alert_before_the_reset_is_what_the_reader_meets_though_a_send_failed():
    async def test():
        async with tls_pair("TLSv1.3", handshake=False) as (stream, peer):
            await peer.send_raw(bytes([21, 3, 3, 0, 2, 2, 48]))
            reset(peer.sock._sock)
            fault = await outcome(stream.handshake)  # its ClientHello meets the reset
            assert isinstance(fault, PeerAlert)
            assert fault.number == 48

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


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts in /proc")  # noqa: PTH112 - one call
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
