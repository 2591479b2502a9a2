"""Second looks: fresh TCP connections that tell a dead flow from a dead way from a dead server.

When a pong is late, or a session has died, one connection is opened to the same address and port
through the same egress, one through each other egress of that endpoint, and one to another
endpoint through the same egress; each is closed at once, and nothing is sent on it. What the
kernel answers (SYN-ACK, RST, ICMP, nothing) is evidence for all sessions that die at that time:
there is at most one round a second for each way, however many die. `[witnesses] second_look =
false` leaves it out.
"""

import socket
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import trio

from stresser.classify.errno_table import meaning_of
from stresser.model.clocks import Clock
from stresser.model.cohort import Cohort
from stresser.model.ending import Kind
from stresser.model.faults import NoWayOut
from stresser.model.fresh_connection import Look, LookResult
from stresser.model.packet import Packets
from stresser.model.units import NS_PER_S
from stresser.net.dial import Binding, connect, make_socket, release
from stresser.net.resolve import Address, format_sockaddr

ANSWER_WITHIN_S = 2.5
"""Long enough for the SYN to be sent twice (RFC 6298 section 2: after one second)."""
_PACKET_WITHIN_S = 0.02
_FRESH_NS = NS_PER_S
"""A round that began less than this ago answers for those who ask now."""
_ROUNDS_AT_ONCE = 32
_ROUNDS_REMEMBERED = 256
_LOOKS_KEPT = 512
_OTHERS_ASKED = 4
"""At most so many other egresses, and one other endpoint."""


class Way(NamedTuple):
    """To an endpoint through an egress."""

    endpoint: str
    egress: str


class _Known(NamedTuple):
    binding: Binding
    address: Address


class _Round(NamedTuple):
    began_ns: int
    done: trio.Event


class SecondLooks:
    """One for a run. `run` is its background task; without it, nobody is asked."""

    def __init__(self, clock: Clock, packets: Packets | None = None) -> None:
        self._clock = clock
        self._packets = packets
        self._known: dict[Way, _Known] = {}
        self._rounds: dict[tuple[Way, Address], _Round] = {}
        self._looks: deque[Look] = deque(maxlen=_LOOKS_KEPT)
        self._start: Callable[..., object] | None = None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Look when asked to, for ever."""
        async with trio.open_nursery() as nursery:
            self._start = nursery.start_soon
            task_status.started()
            try:
                await trio.sleep_forever()
            finally:
                self._start = None

    def learn(self, cohort: Cohort, binding: Binding, address: Address) -> None:
        """A session has opened here: this way is worth a look when others die."""
        self._known[Way(cohort.endpoint, cohort.egress)] = _Known(binding, address)

    def ask(self, cohort: Cohort, address: Address) -> None:
        """Begin a round for a session that seems to be dying, unless a fresh one is at work."""
        way = Way(cohort.endpoint, cohort.egress)
        last = self._rounds.get((way, address))
        now = self._clock.now_ns()
        if last is not None and (not last.done.is_set() or now - last.began_ns < _FRESH_NS):
            return
        self._forget_old(now)
        if self._start is None or way not in self._known or len(self._at_work) >= _ROUNDS_AT_ONCE:
            return
        begun = self._rounds[way, address] = _Round(now, trio.Event())
        self._start(self._look_around, way, address, begun.done)

    @property
    def _at_work(self) -> list[_Round]:
        return [begun for begun in self._rounds.values() if not begun.done.is_set()]

    def _forget_old(self, now: int) -> None:
        if len(self._rounds) >= _ROUNDS_REMEMBERED:
            self._rounds = {
                key: begun
                for key, begun in self._rounds.items()
                if not begun.done.is_set() or now - begun.began_ns < _FRESH_NS
            }

    async def answered(self, cohort: Cohort, address: Address) -> None:
        """Wait for the round at work for this address, if there is one: at most 2.5 s."""
        at_work = self._rounds.get((Way(cohort.endpoint, cohort.egress), address))
        if at_work is not None:
            await at_work.done.wait()

    def since(self, t_ns: int) -> tuple[Look, ...]:
        """The looks that began at a moment of the run or later."""
        return tuple(look for look in self._looks if look.asked_ns >= t_ns)

    async def _look_around(self, way: Way, address: Address, done: trio.Event) -> None:
        try:
            async with trio.open_nursery() as nursery:
                for target, binding, where in self._round(way, address):
                    nursery.start_soon(self._look, target, binding, where)
        finally:
            done.set()

    def _round(self, way: Way, address: Address) -> Iterator[tuple[Way, Binding, Address]]:
        yield way, self._known[way].binding, address
        same_endpoint = [w for w in self._known if w.endpoint == way.endpoint and w != way]
        for other in same_endpoint[:_OTHERS_ASKED]:
            # The very same address: two sites behind one name would prove nothing.
            yield other, self._known[other].binding, address
        same_egress = [w for w in self._known if w.egress == way.egress and w != way]
        elsewhere = [w for w in same_egress if self._known[w].address.host != address.host]
        for other in elsewhere[:1]:
            yield other, self._known[other].binding, self._known[other].address

    async def _look(self, way: Way, binding: Binding, address: Address) -> None:
        flow = _Flow(self._packets, str(address))
        asked_ns = self._clock.now_ns()
        met = _Met(LookResult.SILENT)
        with flow, trio.move_on_after(ANSWER_WITHIN_S):
            met = await _connect_once(binding, address, flow)
        if met.result is None:
            return
        self._looks.append(
            Look(
                egress=way.egress,
                endpoint=way.endpoint,
                remote=flow.remote,
                result=met.result,
                asked_ns=asked_ns,
                answered_ns=self._clock.now_ns(),
                failure=met.failure,
                ttl=met.ttl,
            )
        )


class _Flow:
    """The packets of one look, where they are captured."""

    def __init__(self, packets: Packets | None, remote: str) -> None:
        self._packets = packets
        self.remote = remote
        self._local: str | None = None

    def __enter__(self) -> None:
        if self._packets is not None:
            self._packets.expect(self.remote)

    def __exit__(self, *_: object) -> None:
        if self._packets is not None and self._local is not None:
            self._packets.forget(self._local, self.remote)

    def sent(self, sock: socket.socket) -> None:
        """The SYN is out."""
        if self._packets is not None:
            self._local = format_sockaddr(sock.getsockname())
            self._packets.watch(self._local, self.remote)

    async def ttl_of_answer(self, *, refused: bool) -> int | None:
        """TTL of the SYN-ACK, or of the RST that refused; None: not seen."""
        if self._packets is None or self._local is None:
            return None
        if refused:
            await self._packets.settle(self._local, self.remote, _PACKET_WITHIN_S)
        seen = self._packets.seen(self._local, self.remote)
        if refused:
            return next((end.ttl for end in seen.ends if not end.outgoing), None)
        return None if seen.syn_ack is None else seen.syn_ack.ttl


class _Met(NamedTuple):
    result: LookResult | None
    """None: we failed ourselves, for want of descriptors or ports."""
    failure: str | None = None
    ttl: int | None = None


async def _connect_once(binding: Binding, address: Address, flow: _Flow) -> _Met:
    sock = None
    try:
        sock = make_socket(address, binding)
        await connect(sock, address, on_sent=partial(flow.sent, sock))
    except OSError as exc:
        chosen = binding.source is not None
        kind, failure = meaning_of(exc, local_address_chosen=chosen)
        result = _result_of(kind, exc)
        refused = result is LookResult.REFUSED
        return _Met(result, failure, await flow.ttl_of_answer(refused=True) if refused else None)
    else:
        return _Met(LookResult.CONNECTED, None, await flow.ttl_of_answer(refused=False))
    finally:
        if sock is not None:
            release(sock)


def _result_of(kind: Kind, exc: OSError) -> LookResult | None:
    if kind is Kind.TOOL:
        return None
    if kind is Kind.UNREACHABLE and isinstance(exc, NoWayOut):
        return LookResult.NO_WAY_OUT
    return {
        Kind.REFUSED: LookResult.REFUSED,
        Kind.TCP_RESET: LookResult.REFUSED,
        Kind.UNREACHABLE: LookResult.UNREACHABLE,
        Kind.KERNEL_TIMEOUT: LookResult.SILENT,
    }.get(kind)
