"""Fresh connections that tell a dead flow from a dead path from a dead server.

When a pong is late, a session has died or an attempt has failed, one connection is made to the
same address and port through the same egress, one through each other egress of that endpoint, and
one to another endpoint through the same egress; for an attempt that failed also one to an address
of the endpoint's other family. Each shakes hands in TLS and says goodbye: many a
box accepts for the dead, but only who lives sends a ServerHello. Nothing else is sent, no request
and no secret. What each meets is evidence for all that die at that time: there is at most one
round a second for each endpoint and egress, however many die, and one in ten seconds for attempts
that fail. `[witnesses] fresh_connections = false` leaves it out.
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

import trio

from stresser.model.clocks import Clock
from stresser.model.cohort import Pair
from stresser.model.fresh_connection import FreshConnection, FreshResult
from stresser.model.packet import Packets
from stresser.model.units import NS_PER_MS, NS_PER_S
from stresser.net.resolve import Address
from stresser.session.fresh_handshake import Destination, FreshHandshake

ANSWER_WITHIN_S = 2.5
"""Long enough for the SYN to be sent twice (RFC 6298 section 2: after one second)."""
FRESH_NS = NS_PER_S
"""A round that began less than this ago answers for sessions that ask now."""
_AT_ONCE_NS = 10 * NS_PER_MS
FRESH_FOR_ATTEMPTS_NS = 10 * NS_PER_S
_ROUNDS_AT_ONCE = 32
_ROUNDS_REMEMBERED = 256
_LOOKS_KEPT = 512
_OTHERS_ASKED = 4
"""At most so many other egresses, and one other endpoint."""


class _Round(NamedTuple):
    began_ns: int
    done: trio.Event


class FreshConnections:
    """One for a run. `run` is its background task; without it, no one is asked."""

    def __init__(self, clock: Clock, packets: Packets | None = None) -> None:
        self._clock = clock
        self._packets = packets
        self._known: dict[Pair, Destination] = {}
        self._learned_ns: dict[Pair, int] = {}
        self._rounds: dict[tuple[Pair, Address], _Round] = {}
        self._looks: deque[FreshConnection] = deque(maxlen=_LOOKS_KEPT)
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

    def learn(self, destination: Destination) -> None:
        """A session has opened here: a look here is worth it when others end."""
        self._known[destination.pair] = destination
        self._learned_ns[destination.pair] = self._clock.now_ns()

    def has_just_learned(self, pair: Pair) -> bool:
        """A session has opened so short a time ago that another has nothing to add."""
        return self._clock.now_ns() - self._learned_ns.get(pair, -_AT_ONCE_NS) < _AT_ONCE_NS

    def ask(
        self,
        destination: Destination,
        fresh_ns: int = FRESH_NS,
        other_family: Destination | None = None,
    ) -> None:
        """Begin a round for what seems to be dying, unless one so fresh is there."""
        key = destination.pair, destination.address
        last = self._rounds.get(key)
        now = self._clock.now_ns()
        if last is not None and (not last.done.is_set() or now - last.began_ns < fresh_ns):
            return
        self._forget_old(now)
        if self._start is None or len(self._at_work) >= _ROUNDS_AT_ONCE:
            return
        begun = self._rounds[key] = _Round(now, trio.Event())
        self._start(self._look_around, destination, other_family, begun.done)

    @property
    def _at_work(self) -> list[_Round]:
        return [begun for begun in self._rounds.values() if not begun.done.is_set()]

    def _forget_old(self, now: int) -> None:
        if len(self._rounds) >= _ROUNDS_REMEMBERED:
            self._rounds = {
                key: begun
                for key, begun in self._rounds.items()
                if not begun.done.is_set() or now - begun.began_ns < FRESH_FOR_ATTEMPTS_NS
            }

    async def answered(self, destination: Destination) -> None:
        """Wait for the round at work for this destination, if there is one: at most 2.5 s."""
        at_work = self._rounds.get((destination.pair, destination.address))
        if at_work is not None:
            await at_work.done.wait()

    def since(self, t_ns: int) -> tuple[FreshConnection, ...]:
        """The looks that began at a moment of the run or later."""
        return tuple(look for look in self._looks if look.asked_ns >= t_ns)

    async def _look_around(
        self, destination: Destination, other_family: Destination | None, done: trio.Event
    ) -> None:
        try:
            async with trio.open_nursery() as nursery:
                for one in self._round(destination):
                    nursery.start_soon(self._look, one)
                if other_family is not None:
                    nursery.start_soon(self._look, other_family)
        finally:
            done.set()

    def _round(self, destination: Destination) -> Iterator[Destination]:
        own = self._known.get(destination.pair)
        if own is not None and own.address == destination.address:
            destination = destination._replace(usual_ttl=own.usual_ttl)
        yield destination
        pair = destination.pair
        same_endpoint = [w for w in self._known if w.endpoint == pair.endpoint and w != pair]
        for other in same_endpoint[:_OTHERS_ASKED]:
            yield self._known[other].at(destination)
        same_egress = [self._known[w] for w in self._known if w.egress == pair.egress and w != pair]
        elsewhere = [one for one in same_egress if _host(one.remote) != _host(destination.remote)]
        yield from elsewhere[:1]

    async def _look(self, destination: Destination) -> None:
        look = await self._met(destination)
        if look is not None and look.result is FreshResult.CONNECTED and look.failure is not None:
            # A process that ends resets what waits in its listener's queue: asked again, its host
            # refuses. A box that accepts for it hangs up once more.
            again = await self._met(destination)
            look = again if again is not None and again.result is FreshResult.REFUSED else look
        if look is not None:
            self._looks.append(look)

    async def _met(self, destination: Destination) -> FreshConnection | None:
        fresh = FreshHandshake(destination, self._clock, self._packets)
        try:
            with trio.move_on_after(ANSWER_WITHIN_S):
                await fresh.go()
            return await fresh.met()
        finally:
            if self._start is None:
                fresh.close()
            else:
                self._start(fresh.part)


def _host(remote: str) -> str:
    return remote.rpartition(":")[0]
