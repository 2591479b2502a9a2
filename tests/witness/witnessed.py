"""Connections in a laboratory of namespaces, with a packet witness at their client's end."""

import socket
import struct
import time
from contextlib import ExitStack, contextmanager

import trio

from stresser.classify.packet_origin import next_seq, provenance
from stresser.net.resolve import format_sockaddr
from stresser.witness.clock import RunClock
from stresser.witness.packets import PacketWitness
from stresser.witness.tcp_info import sample_tcp_info
from tests.witness.made_packets import SERVER_HELLO

PORT = 8443
_PATIENCE_S = 10
_SO_TIMESTAMPNS = 35  # socket(7)
SERVER, SERVER6 = "203.0.113.2", "2001:db8:2::2"


def wait_for_stamps():
    """Wait until the kernel stamps packets as they come.

    It begins some time after a first socket wants it (net_enable_timestamp, a work queue); until
    then a packet bears the time at which it is read.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        here.bind(("127.0.0.1", 0))
        here.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            here.sendto(b"x", here.getsockname())
            time.sleep(0.002)
            [(_, _, stamp)] = here.recvmsg(1, 64)[1]
            seconds, nanoseconds = struct.unpack("qq", stamp)
            if time.time_ns() - (seconds * 10**9 + nanoseconds) > 10**6:
                return
            assert time.monotonic() < deadline, "the kernel stamps nothing"


class Scene:
    """A witness in the client's namespace, and connections to a server that says hello."""

    def __init__(self, client, server, stack):
        self.client, self.server, self._stack = client, server, stack
        self.ends: dict[socket.socket, tuple[str, str]] = {}
        with client.inside():
            self.witness = PacketWitness.open(RunClock())
        stack.callback(self.witness.close)
        wait_for_stamps()

    def listen(self, host=SERVER):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with self.server.inside():
            listener = socket.create_server((host, PORT), family=family, backlog=1000)
        return self._stack.enter_context(listener)

    def connect(self, host=SERVER):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with self.client.inside():
            sock = self._stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
        sock.settimeout(10)
        self.witness.expect(format_sockaddr((host, PORT)))
        sock.connect((host, PORT))
        self.ends[sock] = (format_sockaddr(sock.getsockname()), format_sockaddr(sock.getpeername()))
        self.witness.watch(*self.ends[sock])
        return sock

    def converse(self, host=SERVER):
        """A connection on which the server has said hello: (ours, the server's)."""
        listener = self.listen(host)
        near = self.connect(host)
        far = self._stack.enter_context(listener.accept()[0])
        far.send(SERVER_HELLO)
        near.recv(1000)
        return near, far

    async def flow(self, sock, ends=1):
        """What the witness has seen of a connection, once it has seen so many ends of it."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.witness.run)
            with trio.fail_after(_PATIENCE_S):
                flow = self.witness.seen(*self.ends[sock])
                while len(flow.ends) < ends:  # it tells of a first end alone
                    await trio.sleep(0.001)
                    flow = self.witness.seen(*self.ends[sock])
            nursery.cancel_scope.cancel()
        return flow

    async def verdict(self, sock, sent_ns=None, ends=1):
        """What the witness and the classifier say of a connection that has so many ends."""
        info = sample_tcp_info(sock)
        assert info is not None
        flow = await self.flow(sock, ends)
        expected = next_seq(flow, info.bytes_received)
        assert expected is not None
        return flow, provenance(flow, expected_seq=expected, sent_ns=sent_ns)


@contextmanager
def scene(lab):
    with ExitStack() as stack:
        yield Scene(lab.client, lab.server, stack)
