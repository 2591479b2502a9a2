"""Segments that die at a router, before real kernels: who answers, and nothing else happens."""

import os
import socket

import pytest

from stresser.model.packet import FlowPackets
from stresser.witness.hop_segment import FlowEdges, edges
from stresser.witness.hop_socket import raw_socket, send_segments
from stresser.witness.packet_filter import remote_end
from stresser.witness.tcp_info import sample_tcp_info
from tests.net.peers import run
from tests.witness.namespaces import Lab, need_capture, need_namespaces
from tests.witness.witnessed import SERVER, SERVER6, scene

BOTH = pytest.mark.parametrize(
    ("host", "router"),
    [(SERVER, "198.51.100.1"), (SERVER6, "2001:db8:1::1")],
    ids=["IPv4", "IPv6"],
)


@pytest.fixture(scope="module")
def lab():
    need_namespaces("sysctl")
    made = Lab()
    try:
        yield made
    finally:
        made.remove()


def info_of(sock):
    info = sample_tcp_info(sock)
    assert info is not None
    return info


def stands(here, sock):
    """Where a connection stands, by its SYN-ACK and the kernel's counts."""
    seen: FlowPackets = here.witness.seen(*here.ends[sock])
    info = info_of(sock)
    assert seen.syn_ack is not None
    local, remote = here.ends[sock]
    ends = remote_end(local), remote_end(remote)
    found = edges(ends, (seen.syn_ack.seq, seen.syn_ack.ack), info.bytes_acked, info.bytes_received)
    assert found is not None
    return found


async def walked(here, sock, hop, device=None):
    flow = stands(here, sock)
    answers = here.witness.answers(*here.ends[sock])
    answers.expect(flow, [hop], 0, 0)
    with here.client.inside():
        send_segments(flow, [hop], 0, device)
    while not (found := await answers.heard(0.05)):
        here.witness.seen(*here.ends[sock])
    return found


@pytest.mark.netlab
@BOTH
def test_the_router_answers_and_the_connection_has_not_noticed(lab, host, router):
    async def test():
        with scene(lab) as here:
            near, far = here.converse(host)
            near.sendall(bytes(1000))
            while far.recv(1000):
                far.send(b"got it")
                break
            near.recv(100)
            before = info_of(near)
            for device in (None, "to-r"):
                found = await walked(here, near, 1, device)
                assert found[1].address == router
            after = info_of(near)
            assert after.total_retrans == before.total_retrans
            assert after.bytes_acked == before.bytes_acked
            assert near.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
            assert here.witness.seen(*here.ends[near]).icmp == []
            near.sendall(b"more")
            assert far.recv(100)[-4:] == b"more"

    run(test)


@pytest.mark.netlab
@BOTH
def test_one_that_arrives_after_all_does_no_harm(lab, host, router):
    del router

    async def test():
        with scene(lab) as here:
            near, far = here.converse(host)
            near.sendall(bytes(1000))
            assert len(far.recv(2000)) == 1000
            far.send(b"got it")
            near.recv(100)
            segments = info_of(far).segments_sent
            with lab.client.inside():
                send_segments(stands(here, near), [2, 3, 4, 5], 0, None)
            # The far kernel answers as it answers keepalive; then all goes on.
            while info_of(far).segments_sent == segments:
                assert far.fileno() >= 0
            near.sendall(b"more")
            assert far.recv(100) == b"more"
            far.send(b"and back")
            assert near.recv(100) == b"and back"
            assert info_of(near).total_retrans == 0
            assert here.witness.seen(*here.ends[near]).ends == []

    run(test)


@pytest.mark.netlab
def test_an_address_that_is_not_ours_is_an_error(lab):
    flow = FlowEdges(remote_end("192.0.2.9:4000"), remote_end(f"{SERVER}:443"), 5000, 1)
    with lab.client.inside(), pytest.raises(OSError, match="assign requested address"):
        send_segments(flow, [1], 0, None)


def test_the_socket_receives_nothing_itself():
    need_capture()
    flow = FlowEdges(remote_end("127.0.0.1:4000"), remote_end("127.0.0.1:443"), 5000, 1)
    with raw_socket(flow, None) as sock:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL) == socket.IPPROTO_RAW
        assert not os.get_blocking(sock.fileno())
