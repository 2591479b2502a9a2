"""How a TLS connection ends: every way is told from the others, in both versions."""

import ssl
from datetime import UTC, datetime

import pytest
import trio
import trustme

from stresser.model.faults import (
    CertificateRejected,
    PeerAlert,
    PeerCloseNotify,
    PeerFin,
    ProtocolViolation,
)
from stresser.net.tls import TlsProfile
from tests.net.peers import (
    NAME,
    authority,
    both_handshakes,
    outcome,
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
            reset(peer.bare) if end == "rst" else peer.bare.close()
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
                reset(peer.bare) if end == "rst" else peer.bare.close()
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


@versions
def test_sending_into_a_reset_is_left_to_the_reader(version):
    async def test():
        async with tls_pair(version) as (stream, peer):
            await peer.send(b"last words")
            reset(peer.bare)
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
            reset(peer.bare)
            fault = await outcome(stream.handshake)  # its ClientHello meets the reset
            assert isinstance(fault, PeerAlert)
            assert fault.number == 48

    run(test)


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
