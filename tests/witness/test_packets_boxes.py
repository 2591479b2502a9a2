"""The packet witness before real kernels and boxes in network namespaces made here."""

import errno
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager

import pytest
import trio

from stresser.classify.packet_origin import next_seq
from stresser.model.packet import Reading, Shape
from stresser.model.units import NS_PER_MS
from stresser.witness.tcp_info import sample_tcp_info
from tests.net.peers import reset, run, wait_for
from tests.witness.made_packets import SERVER_HELLO, segment
from tests.witness.namespaces import Lab, Namespace, link, need_namespaces
from tests.witness.witnessed import PORT, SERVER, SERVER6, Scene, scene

pytestmark = pytest.mark.netlab

BOTH = pytest.mark.parametrize("host", [SERVER, SERVER6], ids=["IPv4", "IPv6"])


@pytest.fixture(scope="module")
def lab():
    need_namespaces("nft", "ss", "sysctl")
    made = Lab()
    try:
        yield made
    finally:
        made.remove()


def signals(found):
    return {one.name: one.reading for one in found.signals}


def forge(router, sock, seq, **fields):
    """Send a reset from the router as if it came from the server (ip(7), IP_HDRINCL)."""
    source, destination = sock.getpeername()[:2], sock.getsockname()[:2]
    packet = segment(source, destination, "R", seq=seq % 2**32, ack=0, window=0, **fields)
    packet = packet[:36] + struct.pack("!H", checksum(packet)) + packet[38:]
    with router.inside(), socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        raw.sendto(packet, (destination[0], 0))


def checksum(packet):
    """RFC 9293 section 3.1, over the pseudo-header and a TCP header without options."""
    summed = packet[12:20] + struct.pack("!HH", 6, len(packet) - 20) + packet[20:]
    total = sum(word for (word,) in struct.iter_unpack("!H", summed))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def test_a_forged_reset_is_told_by_its_ttl_and_ip_id(lab):
    async def test():
        with scene(lab) as here:
            near, _ = here.converse()
            forge(lab.router, near, await expected(here, near), ttl=57, ip_id=0x1234, df=False)
            assert wait_for(near, select.POLLHUP) & select.POLLERR
            flow, found = await here.verdict(near)
        assert found is not None
        assert flow.syn_ack is not None
        assert (found.ttl, found.data_ttl, flow.syn_ack.ttl) == (57, 63, 63)
        assert (found.ip_id, found.df, found.interface) == (0x1234, False, "to-r")
        assert (found.hops, found.peer_hops, found.seq_offset) == (7, 1, 0)
        told = signals(found)
        assert told["ttl_differs"] is told["df_differs"] is Reading.ANOTHER_BOX

    run(test)


async def expected(here, sock):
    flow = here.witness.seen(*here.ends[sock])
    info = sample_tcp_info(sock)
    assert info is not None
    seq = next_seq(flow, info.bytes_received)
    assert seq is not None
    return seq


def test_a_reset_out_of_sequence_is_seen_and_the_connection_lives(lab):
    async def test():
        with scene(lab) as here:
            near, far = here.converse()
            right = await expected(here, near)
            for offset in (500, 100_000_000):
                forge(lab.router, near, right + offset, ttl=57)
            near.send(b"alive?")
            assert far.recv(10) == b"alive?"
            flow, found = await here.verdict(near, ends=2)
            assert ([end.seq for end in flow.ends], found) == (
                [(right + 500) % 2**32, (right + 100_000_000) % 2**32],
                None,
            )
            reset(far)  # and now the server itself
            wait_for(near, select.POLLHUP)
            flow, found = await here.verdict(near, ends=3)
        assert found is not None
        assert (found.ttl, found.ignored, len(flow.ends)) == (63, 2, 3)
        assert signals(found)["resets_with_rising_seq"] is Reading.ANOTHER_BOX

    run(test)


@BOTH
def test_a_server_that_aborts_looks_like_itself(lab, host):
    async def test():
        with scene(lab) as here:
            near, far = here.converse(host)
            reset(far)
            wait_for(near, select.POLLHUP)
            _, found = await here.verdict(near)
        assert found is not None
        assert (found.shape, found.flags, found.seq_offset) == (Shape.SOCKET, "RA", 0)
        assert set(signals(found).values()) == {Reading.OWN_PEER, Reading.NEUTRAL}

    run(test)


@contextmanager
def ruleset(namespace, text):
    """nft rules for a while."""
    subprocess.run(
        ["ip", "netns", "exec", namespace.name, "nft", "-f", "-"],
        input=text, text=True, check=True, capture_output=True,
    )  # fmt: skip
    try:
        yield
    finally:
        namespace.run("nft", "flush", "ruleset")


def reject(how):
    return (
        "table inet cut {\n chain forward {\n  type filter hook forward priority 0;\n"
        f"  tcp dport {PORT} reject with {how}\n }}\n}}\n"
    )


@BOTH
def test_a_firewall_that_rejects_stands_one_hop_before_the_server(lab, host):
    async def test():
        with scene(lab) as here:
            near, _ = here.converse(host)
            with ruleset(lab.router, reject("tcp reset")):
                near.send(b"ping")
                sent_ns = here.witness._clock.now_ns()
                wait_for(near, select.POLLHUP)
            _, found = await here.verdict(near, sent_ns)
        assert found is not None
        assert (found.shape, found.ttl, found.data_ttl) == (Shape.NO_SOCKET, 64, 63)
        assert (found.hops, found.peer_hops, found.seq_offset) == (0, 1, 0)
        assert signals(found)["ttl_differs"] is Reading.ANOTHER_BOX
        assert found.after_send_ns is not None
        assert found.after_send_ns < 1000 * NS_PER_MS
        assert found.ip_id == (None if ":" in host else 0)

    run(test)


ICMP = {
    "no route, IPv4": (SERVER, ["route", "add", "unreachable", SERVER], "host unreachable"),
    "prohibited, IPv4": (
        SERVER, ["route", "add", "prohibit", SERVER], "administratively prohibited"
    ),
    "no route, IPv6": (
        SERVER6, ["-6", "route", "add", "unreachable", SERVER6], "no route to destination"
    ),
    "prohibited, IPv6": (
        SERVER6, ["-6", "route", "add", "prohibit", SERVER6], "administratively prohibited"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("host", "route", "words"), ICMP.values(), ids=ICMP)
def test_icmp_names_its_sender_and_what_it_says(lab, host, route, words):
    async def test():
        with scene(lab) as here:
            near, _ = here.converse(host)
            lab.router.ip(*route)
            try:
                near.send(b"ping")
                flow = until(lambda: here.witness.seen(*here.ends[near]), lambda flow: flow.icmp)
            finally:
                lab.router.ip(*(word.replace("add", "del") for word in route))
            error = flow.icmp[0]
            _, found = await here.verdict(near, ends=0)
        assert error.offender == ("2001:db8:1::1" if ":" in host else "198.51.100.1")
        assert (error.words, error.interface, found) == (words, "to-r", None)

    run(test)


def test_a_link_that_shrinks_tells_its_mtu(lab):
    async def test():
        with scene(lab) as here:
            near, _ = here.converse()
            lab.router.ip("link", "set", "to-s", "mtu", "1000")
            try:
                near.send(bytes(4000))
                flow = until(lambda: here.witness.seen(*here.ends[near]), lambda flow: flow.icmp)
            finally:
                lab.router.ip("link", "set", "to-s", "mtu", "1500")
        assert (flow.icmp[0].words, flow.icmp[0].mtu) == ("fragmentation needed", 1000)

    run(test)


def until(ask, enough, patience_s=10):
    """Ask the witness again until it has it."""
    end = time.monotonic() + patience_s
    while not enough(answer := ask()):
        assert time.monotonic() < end, "it never came"
    return answer


SERVER_PROCESS = """
import socket, sys
listener = socket.create_server((sys.argv[1], int(sys.argv[2])))
print("ready", flush=True)
peer, _ = listener.accept()
peer.sendall(bytes.fromhex(sys.argv[3]))
while True:
    assert peer.recv(100)
"""


@contextmanager
def server_process(namespace):
    words = [sys.executable, "-c", SERVER_PROCESS, SERVER, str(PORT), SERVER_HELLO.hex()]
    command = ["ip", "netns", "exec", namespace.name, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process


def test_a_server_process_that_is_killed(lab):
    async def test():
        with scene(lab) as here:
            with server_process(lab.server) as process:
                near = here.connect()
                near.recv(1000)
                process.send_signal(signal.SIGKILL)
                wait_for(near, select.POLLRDHUP)
            flow, found = await here.verdict(near)
            assert found is not None
            assert (found.shape, found.ttl, found.seq_offset) == (Shape.FIN, 63, 0)
            assert signals(found)["ttl_matches"] is Reading.OWN_PEER
            near.send(b"ping")  # to a host that knows the connection no more
            wait_for(near, select.POLLHUP)
            flow, found = await here.verdict(near, ends=2)
        assert found is not None
        assert [(end.flags, end.ttl, end.ip_id) for end in flow.ends][1:] == [("R", 63, 0)]
        assert (found.shape, found.resets) == (Shape.FIN, 1)

    run(test)


def test_a_socket_that_somebody_on_this_host_killed(lab):
    async def test():
        with scene(lab) as here:
            near, _ = here.converse()
            # It prints an error of another protocol's and does it all the same.
            lab.client.run("ss", "-K", "dport", "=", str(PORT), check=False)
            wait_for(near, select.POLLHUP)
            error = near.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            _, found = await here.verdict(near)
        assert error == errno.ECONNABORTED
        assert found is not None
        assert (found.outgoing, found.flags, found.hops) == (True, "RA", None)
        assert signals(found)["sent_by_this_host"] is Reading.THIS_HOST

    run(test)


def test_our_own_firewall_answers_over_loopback(lab):
    async def test():
        with scene(lab) as here:
            near, _ = here.converse()
            rules = reject("tcp reset").replace("forward", "output")
            with ruleset(lab.client, rules):
                near.send(b"ping")
                wait_for(near, select.POLLHUP)
            _, found = await here.verdict(near)
        assert found is not None
        assert (found.interface, found.outgoing) == ("lo", False)
        assert signals(found)["came_over_loopback"] is Reading.THIS_HOST

    run(test)


def test_data_that_comes_after_a_forged_reset_gives_it_away(lab):
    async def test():
        with scene(lab) as here:
            near, far = here.converse()
            forge(lab.router, near, await expected(here, near), ttl=63, ip_id=0)
            wait_for(near, select.POLLHUP)
            await trio.sleep(0.005)  # what comes within a millisecond may have been overtaken
            far.send(b"the server does not know")
            wait_for(far, select.POLLHUP)
            flow, found = await here.verdict(near, ends=2)
        assert found is not None
        assert [(end.flags, end.outgoing) for end in flow.ends] == [("R", False), ("R", True)]
        assert signals(found)["data_after_reset"] is Reading.ANOTHER_BOX

    run(test)


def test_a_bridge_does_not_show_a_packet_twice():
    need_namespaces()

    async def test():
        with ExitStack() as stack:
            client, server = Namespace("b"), Namespace("e")
            stack.callback(server.remove)
            stack.callback(client.remove)
            here = Scene(client, server, stack)  # there before the interfaces are
            link(client, "198.51.100.9/24", server, "198.51.100.2/24")
            client.ip("addr", "del", "198.51.100.9/24", "dev", "to-e")
            client.ip("link", "add", "br0", "type", "bridge")
            client.ip("link", "set", "to-e", "master", "br0")
            client.ip("addr", "add", "198.51.100.1/24", "dev", "br0")
            client.ip("link", "set", "br0", "up")
            near, far = here.converse("198.51.100.2")
            far.close()
            wait_for(near, select.POLLRDHUP)
            near.shutdown(socket.SHUT_WR)
            flow, _ = await here.verdict(near)
            assert [(end.flags, end.outgoing) for end in flow.ends] == [
                ("FA", False),
                ("FA", True),
            ]
            assert flow.ends[0].interface == "to-e"

    run(test)


def test_an_interface_that_goes_down_does_not_stop_it(lab):
    async def test():
        with scene(lab) as here:
            near, far = here.converse()
            lab.client.ip("link", "add", "dummy1", "type", "veth")
            try:
                lab.client.ip("link", "set", "dummy1", "up")
                # Bound to one interface, a packet socket tells of its end (packet(7), ENETDOWN).
                here.witness._socket.bind(("dummy1", 3))
                lab.client.ip("link", "set", "dummy1", "down")
                assert here.witness.seen(*here.ends[near]).syn_ack is not None
            finally:
                lab.client.ip("link", "del", "dummy1")
            here.witness._socket.bind(("to-r", 3))
            reset(far)
            wait_for(near, select.POLLHUP)
            assert len(here.witness.seen(*here.ends[near]).ends) == 1
            assert here.witness.failure is None

    run(test)
