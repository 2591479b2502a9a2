"""One fresh connection: dialled, shaken hands with, taken leave of; and what it met.

A peer that accepts proves little: a SYN proxy and a load balancer accept for the dead, and so
does the kernel of a process that hangs. A ServerHello proves that the endpoint lives. Without TLS
an HTTP answer does, if it is not a gateway's; a session of TCP alone has nothing that would.
"""

import socket
import ssl
from typing import NamedTuple

import trio

from stresser.classify.errno_table import meaning_of
from stresser.classify.rule import decided_by_proxy
from stresser.model.clocks import Clock
from stresser.model.cohort import Pair
from stresser.model.ending import Kind
from stresser.model.faults import CannotSend, Fault, ProtocolViolation, ProxyRefused
from stresser.model.fresh_connection import FreshConnection, FreshResult
from stresser.model.packet import Packets
from stresser.model.units import NS_PER_US
from stresser.net.dial import connect, make_socket, release
from stresser.net.http_get import get
from stresser.net.login_talk import AnotherConnection
from stresser.net.plain_stream import PlainStream
from stresser.net.proxy import open_tunnel, shake_hands_with
from stresser.net.resolve import Address, format_sockaddr
from stresser.net.tap import Tap
from stresser.net.tls import Carrier, TlsStream
from stresser.net.trust import chain_id
from stresser.session.attempt import Attempt
from stresser.session.route import Route
from stresser.witness.tcp_info import sample_tcp_info

_GATEWAYS = frozenset({502, 503, 504})
"""What a box says of an endpoint that it did not reach (RFC 9110 section 15.6)."""
_GOODBYE_WITHIN_S = 0.5
_PACKET_WITHIN_S = 0.02


class Destination(NamedTuple):
    """Where a fresh connection goes."""

    route: Route
    address: Address
    """To dial: the endpoint's, or a proxy's."""
    remote: str
    """The endpoint's `address:port`; its name's where a proxy looks it up."""
    asked_host: str
    """What a proxy is asked for."""
    usual_ttl: int | None = None
    """Of the SYN-ACK of the session that opened last here."""

    @property
    def pair(self) -> Pair:
        """Which it belongs to."""
        return self.route.cohort.pair

    @property
    def proxy(self) -> str | None:
        """Scheme and address of the proxy that stands at the address to dial; None: none does."""
        hop = self.route.proxy
        return None if hop is None else f"{hop.proxy.scheme}://{self.address}"

    def at(self, other: "Destination") -> "Destination":
        """The same endpoint at the very address that another egress was used to reach.

        Two sites behind one name would prove nothing. What only a proxy reaches is asked as it is,
        and so is what is not called the same (a middlebox of the lab).
        """
        is_direct = self.route.proxy is None and other.route.proxy is None
        if not is_direct or self.route.host != other.route.host or self.address == other.address:
            return self
        return self._replace(address=other.address, remote=other.remote, usual_ttl=None)

    def is_told_by(self, look: FreshConnection) -> bool:
        """Of its own endpoint, those at the very same address: another may be another site."""
        if look.egress == self.pair.egress and look.proxy != self.proxy and self.route.entries:
            return False  # what one proxy of a list does tells nothing of another
        if look.endpoint != self.pair.endpoint:
            return look.egress == self.pair.egress
        is_same = look.remote == self.remote or look.result is FreshResult.PROXY_FAILED
        return is_same or self.route.proxy is not None


def destination_of(attempt: Attempt, usual_ttl: int | None = None) -> Destination | None:
    """Where an attempt went; None: it did not come so far as to dial."""
    if attempt.dialled is None:
        return None
    endpoint = attempt.address
    return Destination(
        route=attempt.route,
        address=attempt.dialled,
        remote=attempt.remote or str(attempt.dialled),
        asked_host=attempt.route.host if endpoint is None else endpoint.host,
        usual_ttl=usual_ttl,
    )


def of_other_family(attempt: Attempt, destination: Destination) -> Destination | None:
    """The same endpoint at an address of the other family; None: its name has none here."""
    dialled = attempt.address
    if dialled is None or attempt.route.proxy is not None:
        return None
    for one in attempt.found:
        if one.family != dialled.family:
            return destination._replace(address=one, remote=str(one), usual_ttl=None)
    return None


class FreshHandshake:
    """One fresh connection and what it has met so far. `close` or `part` ends it."""

    def __init__(
        self, destination: Destination, clock: Clock, packets: Packets | None = None
    ) -> None:
        self._destination = destination
        self._clock = clock
        self._packets = packets
        self._asked_ns = clock.now_ns()
        self._answered_ns: int | None = None
        self._result: FreshResult | None = FreshResult.SILENT
        self._failure: str | None = None
        self._local: str | None = None
        self._rtt_ns: int | None = None
        self._retransmits = 0
        self._chain: str | None = None
        self._spoke_no_tls = False
        """Whoever that was."""
        self._tap: Tap | None = None
        self._tls: TlsStream | None = None

    @property
    def connection(self) -> tuple[str, Tap] | None:
        """Our end and the transport, once somebody has accepted."""
        if self._tap is None or self._local is None:
            return None
        return self._local, self._tap

    @property
    def is_answered(self) -> bool:
        """Who lives has answered, not one that accepts for him alone."""
        return self._result is FreshResult.ANSWERED

    async def go(self) -> None:
        """Connect and shake hands, as far as it goes. Cancelled: what was met so far counts."""
        route = self._destination.route
        if self._packets is not None:
            self._packets.expect(str(self._destination.address))
        try:
            tap, carrier, early = await self._through()
            if route.context is None:
                self._result = FreshResult.ACCEPTED
                await self._ask_in_clear(PlainStream(tap, carrier, early))
            else:
                self._result = FreshResult.CONNECTED
                self._tls = TlsStream(tap, route.context, route.server_name, carrier, early)
                await self._tls.handshake()
        except OSError as exc:
            self._failed(exc)
        except ProxyRefused as exc:
            # What its own rule refuses says nothing of the endpoint.
            own_rule = decided_by_proxy(exc.failure, exc.status)
            self._result = None if own_rule else FreshResult.PROXY_FAILED
            self._failure = exc.failure
        except (Fault, trio.BrokenResourceError, ssl.SSLError) as exc:
            self._failure = str(exc)[:80] or type(exc).__name__
            self._spoke_no_tls = isinstance(exc, ProtocolViolation)
        self._take_answer()

    async def _ask_in_clear(self, stream: PlainStream) -> None:
        """A HEAD opens no session there and carries no secret."""
        request = self._destination.route.request
        if request is not None:
            answer = await get(stream, request, head_only=True)
            if answer.status not in _GATEWAYS:
                self._result, self._answered_ns = FreshResult.ANSWERED, self._clock.now_ns()

    async def _connect(self) -> Tap:
        route = self._destination.route
        sock = make_socket(self._destination.address, route.binding)
        try:
            await connect(sock, self._destination.address, on_sent=lambda: self._sent(sock))
        except BaseException:
            self._retransmits = _retransmits(sock)
            release(sock)
            raise
        self._rtt_ns = self._clock.now_ns() - self._asked_ns
        info = sample_tcp_info(sock)
        if info is not None and info.rtt_us:  # the kernel's own, which no late loop makes longer
            self._rtt_ns = min(self._rtt_ns, info.rtt_us * NS_PER_US)
        self._tap = Tap(sock, self._clock)
        return self._tap

    def _sent(self, sock: socket.socket) -> None:
        self._local = format_sockaddr(sock.getsockname())
        if self._packets is not None:
            self._packets.watch(self._local, str(self._destination.address))

    async def _through(self) -> tuple[Tap, Carrier | None, bytes]:
        hop, tap = self._destination.route.proxy, await self._connect()
        if hop is None:
            return tap, None, b""
        asked = self._destination.asked_host, self._destination.route.port
        talk = hop.talk(*asked)
        while True:
            channel = await shake_hands_with(hop, tap)
            try:
                tunnel = await open_tunnel(hop, channel, *asked, talk)
            except AnotherConnection:
                self._forget()
                tap.close()
                tap = await self._connect()
            else:
                return tap, tunnel.carrier, tunnel.early

    def _take_answer(self) -> None:
        """Some of the server's TLS has come: a handshake that then failed is an answer, too."""
        is_known = self._result is FreshResult.ANSWERED
        if self._tls is None or self._tls.last_record == b"" or is_known or self._spoke_no_tls:
            return
        self._result, self._answered_ns = FreshResult.ANSWERED, self._clock.now_ns()
        served = self._tls.chain()
        self._chain = chain_id(served) if served else None

    def _failed(self, exc: OSError) -> None:
        chosen = self._destination.route.binding.source is not None
        kind, self._failure = meaning_of(exc, local_address_chosen=chosen)
        self._result = _result_of(kind, exc)

    async def met(self) -> FreshConnection | None:
        """What was met; None: we failed ourselves, or a proxy's own rule forbade it."""
        if self._tap is not None:
            self._retransmits = _retransmits(self._tap.sock)
            self._take_answer()
        ttl, hello_ttl = await self._ttls()
        if self._result is None:
            return None
        return FreshConnection(
            egress=self._destination.pair.egress,
            endpoint=self._destination.pair.endpoint,
            remote=self._destination.remote,
            proxy=self._destination.proxy,
            result=self._result,
            asked_ns=self._asked_ns,
            answered_ns=self._answered_ns or self._clock.now_ns(),
            failure=self._failure,
            ttl=ttl,
            hello_ttl=hello_ttl,
            usual_ttl=self._destination.usual_ttl,
            rtt_ns=self._rtt_ns,
            retransmits=self._retransmits,
            chain=self._chain,
        )

    async def _ttls(self) -> tuple[int | None, int | None]:
        """Of what answered the SYN, and of the ServerHello, where packets are captured."""
        if self._packets is None or self._local is None:
            return None, None
        remote = str(self._destination.address)
        refused = self._result is FreshResult.REFUSED
        if refused:
            await self._packets.settle(self._local, remote, _PACKET_WITHIN_S)
        seen = self._packets.seen(self._local, remote)
        self._forget()
        if refused:
            return next((end.ttl for end in seen.ends if not end.outgoing), None), None
        answer, hello = (
            None if one is None else one.ttl for one in (seen.syn_ack, seen.server_hello)
        )
        return answer, hello

    def _forget(self) -> None:
        if self._packets is not None and self._local is not None:
            self._packets.forget(self._local, str(self._destination.address))

    async def part(self) -> None:
        """Say goodbye, and hear the other side's, so that no one logs a reset."""
        if self._tap is None:
            return
        try:
            with trio.move_on_after(_GOODBYE_WITHIN_S):
                if self._tls is not None:
                    self._tls.close_notify_nowait()
                self._tap.sock.shutdown(socket.SHUT_WR)
                while await self._tap.receive_some():
                    pass
        except (OSError, trio.BrokenResourceError):
            pass
        finally:
            self.close()

    def close(self) -> None:
        """Give the socket back."""
        if self._tap is not None:
            self._tap.close()


def _retransmits(sock: socket.socket) -> int:
    info = sample_tcp_info(sock)
    return 0 if info is None else info.total_retrans


def _result_of(kind: Kind, exc: OSError) -> FreshResult | None:
    if kind is Kind.TOOL:
        return None
    if kind is Kind.UNREACHABLE and isinstance(exc, CannotSend):
        return FreshResult.CANNOT_SEND
    return {
        Kind.REFUSED: FreshResult.REFUSED,
        Kind.TCP_RESET: FreshResult.REFUSED,
        Kind.UNREACHABLE: FreshResult.UNREACHABLE,
        Kind.KERNEL_TIMEOUT: FreshResult.SILENT,
    }.get(kind)
