"""Where a flow that ended in silence stops: walked beside new connections to the same address.

Only flows that pinged, and whose segments stay unacknowledged; never one that this host has closed
itself, for a box that saw that lets nothing of it pass any more. One at a time, for each router
answers seldom: of hundreds that die at once the first few are walked.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from math import inf
from typing import NamedTuple

import trio

from stresser.classify.errno_table import is_silent
from stresser.classify.hop_reading import Answers, read_walks
from stresser.model.evidence import TcpInfo
from stresser.model.faults import NoPong
from stresser.model.hops import Hop, HopWalk
from stresser.model.units import NS_PER_S, NS_PER_US
from stresser.net.tap import Tap
from stresser.session.flow_walk import FlowWalk, info_of
from stresser.session.fresh_handshake import Destination, FreshHandshake
from stresser.session.held import HeldSession
from stresser.session.held_walks import walk_of
from stresser.session.socket_at_end import SocketAtEnd
from stresser.witness.clock import RunClock
from stresser.witness.packets import PacketWitness

MOST_WAITING = 3
_ANSWERS = 3
"""So often is a router asked in one walk."""
_NEW_CONNECTIONS = 2
_CONNECT_WITHIN_S = 2.0
_ANSWER_WITHIN_S = 0.7
_ROUND_TRIPS = 4


class RouterTurns:
    """Who asks the routers of a run now: one at a time, and no oftener than they answer."""

    def __init__(self) -> None:
        self._lock = trio.Lock()
        self._next_s = -inf

    @property
    def is_busy(self) -> bool:
        """Somebody does: who else asks would take his answers."""
        return self._lock.locked()

    @asynccontextmanager
    async def one(self, answers: int) -> AsyncIterator[None]:
        """Wait for one's turn, in which a router is asked so often.

        As many seconds pass before the next begins: Linux lets six answers go and then one a
        second (icmp(7), icmp_ratelimit).
        """
        async with self._lock:
            await trio.sleep_until(self._next_s)
            self._next_s = trio.current_time() + answers
            yield


class EndedWalks:
    """One for a run."""

    def __init__(self, clock: RunClock, packets: PacketWitness, turns: RouterTurns) -> None:
        self._clock = clock
        self._packets = packets
        self._turns = turns
        self._waiting = 0

    def is_asked(self, session: HeldSession, look: SocketAtEnd) -> bool:
        """Whether a flow that has just ended is one to walk, and there is room for it."""
        route, info = session.destination.route, look.info
        if self._waiting >= MOST_WAITING or not route.heartbeat or route.beat is not None:
            return False
        if isinstance(look.fault, NoPong):
            return info is not None and info.unacked > 0
        return is_silent(look.fault)

    async def walk(
        self, session: HeldSession, look: SocketAtEnd, before: Sequence[Hop]
    ) -> HopWalk | None:
        """Walk such a flow; None: there is nothing to walk, or it cannot be done."""
        flow = walk_of(session, self._packets, self._clock)
        if not flow.reach or self._was_closed_here(session):
            return None
        self._waiting += 1
        try:
            to = session.destination
            connecting = new_flows(to, self._clock, self._packets, _NEW_CONNECTIONS)
            async with self._turns.one(_ANSWERS), connecting as fresh:
                walks, others = await self._side_by_side(flow, look.info, fresh)
                made = [
                    found
                    for one, found in zip(fresh, others, strict=True)
                    if not one.walk.has_failed
                ]
        finally:
            self._waiting -= 1
        if flow.has_failed:
            return None
        return read_walks(
            walks,
            made,
            before,
            to_proxy=session.proxy is not None,
            is_answered=any(one.is_answered for one in fresh),
        )

    def _was_closed_here(self, session: HeldSession) -> bool:
        ends = self._packets.seen(session.local, str(session.dialled)).ends
        return any(end.outgoing for end in ends)

    async def _side_by_side(
        self, flow: FlowWalk, info: TcpInfo | None, fresh: Sequence["NewFlow"]
    ) -> tuple[list[Answers], list[list[Answers]]]:
        """The flow's walks, before, between and after those of each new connection."""
        numbers = range(1, flow.reach + 1)
        within_s = _patience_s(info)
        walks: list[Answers] = [await flow.walk(info, numbers, 0, within_s)]
        others: list[list[Answers]] = [[] for _ in fresh]
        for attempt in (0, 1):
            reached = {number for answers in walks for number in answers}
            last = max(reached, default=0)
            asked = [number for number in numbers if attempt == 0 or number > last]
            # The second time one is enough: routers answer so seldom.
            some = fresh if attempt == 0 else fresh[:1]
            await self._walk_all(some, others, asked, attempt, within_s)
            left = [number for number in numbers if number not in reached]
            walks.append(await flow.walk(info, left, attempt + 1, within_s))
        return walks, others

    async def _walk_all(
        self,
        fresh: Sequence["NewFlow"],
        others: Sequence[list[Answers]],
        numbers: Sequence[int],
        attempt: int,
        within_s: float,
    ) -> None:
        async def walk(one: NewFlow, found: list[Answers]) -> None:
            found.append(await one.walk.walk(info_of(one.tap.sock), numbers, attempt, within_s))

        async with trio.open_nursery() as nursery:
            for one, found in zip(fresh, others, strict=False):
                nursery.start_soon(walk, one, found)


class NewFlow(NamedTuple):
    """A new connection that may be walked."""

    walk: FlowWalk
    tap: Tap
    is_answered: bool = False
    """Its other end has spoken TLS; who accepts alone may be a box."""


@asynccontextmanager
async def new_flows(
    to: Destination, clock: RunClock, packets: PacketWitness, number: int
) -> AsyncIterator[list[NewFlow]]:
    """So many that shook hands, each from a port of its own; they say goodbye at the end."""
    made = [FreshHandshake(to, clock, packets) for _ in range(number)]
    try:
        with trio.move_on_after(_CONNECT_WITHIN_S):
            async with trio.open_nursery() as nursery:
                for one in made:
                    nursery.start_soon(one.go)
        binding, dialled = to.route.binding, str(to.address)
        yield [
            NewFlow(FlowWalk(packets, clock, local, dialled, binding), tap, one.is_answered)
            for one in made
            if one.connection is not None
            for local, tap in [one.connection]
        ]
    finally:
        async with trio.open_nursery() as nursery:
            for one in made:
                if one.connection is not None:
                    packets.forget(one.connection[0], str(to.address))
                nursery.start_soon(one.part)


def _patience_s(info: TcpInfo | None) -> float:
    round_trips = 0 if info is None else _ROUND_TRIPS * info.rtt_us * NS_PER_US / NS_PER_S
    return max(_ANSWER_WITHIN_S, round_trips)
