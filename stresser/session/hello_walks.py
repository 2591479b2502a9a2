"""The hop at which a ClientHello is reset or dropped: new connections with hellos that die early.

Each goes to one router: first a segment without data, which that router must answer, then the very
ClientHello with that router's number as its TTL. A reset or a silence that comes of it is no
endpoint's doing, for the hello never gets there. The first router of which that is so is asked
twice, the second time beside a connection that says nothing: an endpoint that hangs up on everybody
hangs up on that one, too, and a router that has answered enough for now does not answer it either.
What is known is good for a minute, for all attempts to that address through that egress.
"""

import socket
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from enum import Enum
from functools import partial
from typing import NamedTuple, TypeAlias

import trio

from stresser.model.cohort import Pair
from stresser.model.ending import Phase
from stresser.model.faults import DeadlinePassed, Fault, PeerFin
from stresser.model.hops import Hop, HopReading, HopWalk, StoppedBy
from stresser.model.units import NS_PER_S
from stresser.net.dial import connect, make_socket, release
from stresser.net.resolve import Address, format_sockaddr
from stresser.net.tap import Tap
from stresser.net.tls import TlsStream
from stresser.session.attempt import Attempt
from stresser.session.ended_walks import MOST_WAITING, NewFlow, RouterTurns
from stresser.session.flow_walk import FlowWalk, info_of
from stresser.session.fresh_handshake import Destination, destination_of
from stresser.witness.clock import RunClock
from stresser.witness.packets import PacketWitness

_GOOD_FOR_NS = 60 * NS_PER_S
_MOST_KNOWN = 256
_CONNECT_WITHIN_S = 2.0
_EMPTY_WITHIN_S = 0.7
_HELLO_WITHIN_S = 1.0
_RESET_WITHIN_S = 0.1
"""After a router's answer: who stands beside the path resets, and lets the hello go on."""
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_CONFIRMED = 2
_ANSWERS = 4
"""So often is the router asked before which hellos stop."""


class _Came(Enum):
    ANSWERED = "answered"
    RESET = "reset"
    FIN = "fin"
    SILENCE = "silence"
    UNKNOWN = "unknown"
    """It could not be sent, or what came is no answer to it."""


_STOPPED = {
    _Came.RESET: StoppedBy.RESET,
    _Came.FIN: StoppedBy.FIN,
    _Came.SILENCE: StoppedBy.SILENCE,
}


class _Known(NamedTuple):
    at_ns: int
    walk: HopWalk | None


_Place: TypeAlias = tuple[Pair, Address]


class HelloWalks:
    """One for a run."""

    def __init__(self, clock: RunClock, packets: PacketWitness, turns: RouterTurns) -> None:
        self._clock = clock
        self._packets = packets
        self._turns = turns
        self._known: dict[_Place, _Known] = {}
        self._pending: dict[_Place, trio.Event] = {}

    async def walk(self, attempt: Attempt, fault: Exception) -> HopWalk | None:
        """Where hellos to the address of a failed attempt stop; None: it is none to walk."""
        to = destination_of(attempt)
        is_cut = isinstance(fault, DeadlinePassed | PeerFin | ConnectionError)
        is_hello = attempt.phase is Phase.TLS and attempt.tls is None
        if to is None or not (is_cut and is_hello) or attempt.route.proxy is not None:
            return None
        place = to.pair, to.address
        known, pending = self._fresh(place), self._pending.get(place)
        if known is None and pending is not None:
            await pending.wait()
        elif known is None and len(self._pending) < MOST_WAITING:
            await self._learn(place, to)
        known = self._fresh(place)
        return None if known is None else known.walk

    def _fresh(self, place: _Place) -> _Known | None:
        known = self._known.get(place)
        is_old = known is None or self._clock.now_ns() - known.at_ns >= _GOOD_FOR_NS
        return None if is_old else known

    async def _learn(self, place: _Place, to: Destination) -> None:
        done = self._pending[place] = trio.Event()
        try:
            async with self._turns.one(_ANSWERS):
                walk = await self._walk(to)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[place] = _Known(self._clock.now_ns(), walk)
        finally:
            del self._pending[place]
            done.set()

    async def _walk(self, to: Destination) -> HopWalk | None:
        routers = await self._routers(to)
        reached: list[Hop] = []
        for hop in routers:
            came = await self._hello_to(to, hop)
            if came is _Came.ANSWERED:
                reached.append(hop)
            elif came in _STOPPED and came is await self._hello_again(to, hop):
                return _read(HopReading.STOPS_ALONE, reached, routers, (hop, _STOPPED[came]))
            elif came is not _Came.UNKNOWN:
                return _read(HopReading.UNDECIDED, reached, routers)
        return _read(HopReading.PASSES, reached, routers) if reached else None

    async def _routers(self, to: Destination) -> list[Hop]:
        """Those that answer segments without data, in their order."""
        async with self._connected(to) as made:
            if made is None:
                return []
            numbers = range(1, made.walk.reach + 1)
            info = info_of(made.tap.sock)
            found = await made.walk.walk(info, numbers, 0, _EMPTY_WITHIN_S)
        return [found[number] for number in sorted(found)]

    async def _hello_again(self, to: Destination, hop: Hop) -> "_Came":
        """The same; `UNKNOWN` where a connection that says nothing fares no better beside it."""
        async with self._connected(to) as silent:
            if silent is None:
                return _Came.UNKNOWN
            came = await self._hello_to(to, hop, silent)
            if came is _Came.SILENCE:
                beside = (await silent.walk.heard(0)).get(hop.number)
                is_hellos_own = beside is not None and beside.address == hop.address
            else:
                is_hellos_own = await _stays_open(silent.tap)
            return came if is_hellos_own else _Came.UNKNOWN

    async def _hello_to(self, to: Destination, hop: Hop, beside: NewFlow | None = None) -> "_Came":
        """What comes of a ClientHello that dies at a router, if not before.

        A segment of `beside` without data follows it at once: who answers one of them alone, by a
        limit of his own, answers the hello.
        """
        async with self._connected(to) as made:
            if made is None:
                return _Came.UNKNOWN
            info = info_of(made.tap.sock)
            empty = await made.walk.walk(info, [hop.number], 0, _EMPTY_WITHIN_S)
            if hop.number not in empty or not made.walk.expect_data(info, hop.number):
                return _Came.UNKNOWN
            _set_ttl(made.tap.sock, hop.number)
            return await _said(to, made, partial(_send_empty, beside, hop))

    @asynccontextmanager
    async def _connected(self, to: Destination) -> AsyncIterator[NewFlow | None]:
        """A new connection that nothing has been sent on; it is aborted at the end."""
        sock = make_socket(to.address, to.route.binding)
        local = ""

        def sent() -> None:
            nonlocal local
            local = format_sockaddr(sock.getsockname())
            self._packets.watch(local, str(to.address))

        made = None
        try:
            with trio.move_on_after(_CONNECT_WITHIN_S), suppress(OSError):
                await connect(sock, to.address, on_sent=sent)
                binding = to.route.binding
                walk = FlowWalk(
                    self._packets, self._clock, local, str(to.address), binding, is_young=True
                )
                made = NewFlow(walk, Tap(sock, self._clock))
            yield made
        finally:
            if local:
                self._packets.forget(local, str(to.address))
            _abort(sock)


def _send_empty(flow: NewFlow | None, hop: Hop) -> None:
    if flow is not None:
        flow.walk.begin(info_of(flow.tap.sock), [hop.number], 0)


async def _stays_open(tap: Tap) -> bool:
    """Whether nothing comes to a connection on which nothing is said, its end least of all."""
    with (
        trio.move_on_after(_HELLO_WITHIN_S) as patience,
        suppress(trio.BrokenResourceError),
    ):
        await tap.receive_some()
    return patience.cancelled_caught


async def _said(to: Destination, made: NewFlow, then: Callable[[], None]) -> "_Came":
    """What the hello, which leaves now, brings; `then` is called when it has left."""
    assert to.route.context is not None  # noqa: S101 - only a ClientHello is walked
    tls = TlsStream(made.tap, to.route.context, to.route.server_name)
    came: list[_Came] = []

    async def shake_hands(scope: trio.CancelScope) -> None:
        try:
            await tls.handshake()
            came.append(_Came.UNKNOWN)
        except PeerFin:
            came.append(_Came.FIN)
        except trio.BrokenResourceError:
            came.append(_Came.RESET)
        except Fault:
            came.append(_Came.UNKNOWN)
        scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(shake_hands, nursery.cancel_scope)
        while not (made.tap.bytes_sent or came):  # it leaves in the first step
            await trio.lowlevel.checkpoint()
        then()
        has_answered = bool(await made.walk.heard(_HELLO_WITHIN_S))
        if has_answered:
            await trio.sleep(_RESET_WITHIN_S)
        came.append(_Came.ANSWERED if has_answered else _Came.SILENCE)
        nursery.cancel_scope.cancel()
    return came[0]


def _set_ttl(sock: socket.socket, ttl: int) -> None:
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)


def _abort(sock: socket.socket) -> None:
    """Closed in order, the kernel would send the hello again, and to the endpoint this time."""
    with suppress(OSError):
        _set_ttl(sock, -1)  # the system's own again: the endpoint shall hear of the end
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    release(sock)


def _read(
    reading: HopReading,
    reached: Sequence[Hop],
    routers: Sequence[Hop],
    stopped: tuple[Hop, StoppedBy] | None = None,
) -> HopWalk:
    following, by = (None, StoppedBy.NOTHING) if stopped is None else stopped
    return HopWalk(
        reading=reading,
        last=reached[-1] if reached else None,
        next=following,
        flow=list(reached),
        fresh=list(routers),
        connections=_CONFIRMED if stopped else 1,
        hello=by,
    )
