"""The hops of healthy sessions: two of each endpoint and egress, once a minute.

A walk goes out in the moment in which a pong has come: every box on the path has just seen the
flow, so no timer that is measured here begins anew by it. Sessions that measure silence are never
walked. What a session's path is, is recorded once; then again when a hop answers from an address
that it did not have. A hop that is silent now and then is no change: routers answer seldom.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import trio

from stresser.model.clocks import Clock
from stresser.model.cohort import Pair
from stresser.model.events import HopsSeen
from stresser.model.hops import Hop
from stresser.model.units import NS_PER_S
from stresser.session.flow_walk import FlowWalk, info_of
from stresser.session.held import HeldSession
from stresser.witness.clock import RunClock
from stresser.witness.packets import PacketWitness

WALKED_OF_A_PAIR = 2
EVERY_NS = 60 * NS_PER_S
AGAIN_NS = 2 * NS_PER_S
"""What was silent in the first walks is asked again so much later: routers count seconds."""
FIRST_WALKS = 3
_BETWEEN_NS = NS_PER_S
"""Between any two walks of a run: the first router answers for all of them."""
_ANSWER_WITHIN_S = 1.0
_MOST_PAIRS = 256
_MOST_EVENTS = 16
"""Of one session: where each packet takes another path, more would say nothing new."""
_MOST_ADDRESSES = 8
_MOST_WITHOUT = 8
"""After so many sessions with no router before the other end, no more are asked about it."""


class WalkedSession:
    """What is known of one session's hops."""

    def __init__(self, session: HeldSession, walk: FlowWalk) -> None:
        self.session = session
        self.walk = walk
        self.due_ns = 0
        self.walks = 0
        self.told = 0
        """How often its path was recorded."""
        self._seen: dict[int, list[str]] = {}
        """The addresses of each hop, the newest one last."""

    def learn(self, found: dict[int, Hop]) -> bool:
        """Whether a hop answered from an address that it did not have."""
        is_new = False
        for number, hop in found.items():
            known = self._seen.setdefault(number, [])
            if hop.address is None or hop.address == next(reversed(known), None):
                continue
            is_changed = bool(known) and hop.address not in known
            is_new = is_new or is_changed
            if hop.address in known:
                known.remove(hop.address)
            self._seen[number] = [*known, hop.address][-_MOST_ADDRESSES:]
        return is_new

    @property
    def wanted(self) -> list[int]:
        """The hops to ask now: all of them, and in the next walks those that were silent."""
        again = self.silent if 1 < self.walks <= FIRST_WALKS else []
        return again or list(self._numbers)

    @property
    def silent(self) -> list[int]:
        """Numbers of the hops that never answered."""
        return [number for number in self._numbers if not self._seen.get(number)]

    @property
    def path(self) -> list[Hop]:
        """Each hop, by the address that it had last."""
        return [
            Hop(number=number, address=next(reversed(self._seen.get(number, [])), None))
            for number in self._numbers
        ]

    @property
    def _numbers(self) -> range:
        return range(1, self.walk.reach + 1)


class HeldWalks:
    """One for a run; `run` is its task."""

    def __init__(
        self,
        clock: RunClock,
        packets: PacketWitness,
        report: Callable[[HopsSeen], None],
        must_wait: Callable[[], bool],
    ) -> None:
        """`must_wait`: whether a walk may not begin now."""
        self._clock = clock
        self._packets = packets
        self._report = report
        self._walked: dict[Pair, list[WalkedSession]] = {}
        self._without_hops: Counter[Pair] = Counter()
        self._paths: dict[tuple[Pair, str], Sequence[Hop]] = {}
        self._free_ns = 0
        self._must_wait = must_wait
        self._start: Callable[..., object] | None = None

    async def run(self) -> None:
        """Hear what comes of walks, for ever."""
        async with trio.open_nursery() as nursery:
            self._start = nursery.start_soon
            try:
                await trio.sleep_forever()
            finally:
                self._start = None

    def path_of(self, session: HeldSession) -> Sequence[Hop]:
        """The hops that it passed while it was healthy, or that another like it passes."""
        place = session.cohort.pair, str(session.dialled)
        return session.path or self._paths.get(place, ())

    def opened(self, session: HeldSession) -> None:
        """A session has opened; whether it is walked is decided here, once."""
        pair = session.cohort.pair
        walked = self._walked.get(pair, [])
        route = session.destination.route
        is_asked = route.heartbeat and route.beat is None
        has_room = len(walked) < WALKED_OF_A_PAIR and len(self._walked) < _MOST_PAIRS
        if not (is_asked and has_room) or self._without_hops[pair] >= _MOST_WITHOUT:
            return
        walk = walk_of(session, self._packets, self._clock)
        self._without_hops[pair] += not walk.reach
        if walk.reach:
            self._walked[pair] = [*walked, WalkedSession(session, walk)]
            session.on_answer = partial(self._answered, self._walked[pair][-1])

    def ended(self, session: HeldSession) -> None:
        """It has ended: the next one that opens takes its place."""
        walked = self._walked.get(session.cohort.pair, [])
        session.on_answer = None
        self._walked[session.cohort.pair] = [one for one in walked if one.session is not session]

    def _answered(self, own: WalkedSession) -> None:
        """A pong has come this moment."""
        now = self._clock.now_ns()
        if now < max(own.due_ns, self._free_ns) or self._start is None or self._must_wait():
            return
        own.due_ns = now + EVERY_NS
        own.walks += 1
        if own.walk.begin(info_of(own.session.tap.sock), own.wanted, attempt=0):
            self._free_ns = now + _BETWEEN_NS
            self._start(self._hear, own)

    async def _hear(self, own: WalkedSession) -> None:
        before = own.path
        is_changed = own.learn(await own.walk.heard(_ANSWER_WITHIN_S))
        own.session.path = own.path
        self._paths[own.session.cohort.pair, str(own.session.dialled)] = own.path
        if own.silent and own.walks < FIRST_WALKS:
            own.due_ns = self._clock.now_ns() + AGAIN_NS
        elif is_changed or not own.told:
            self._tell(own, before if own.told else [])

    def _tell(self, own: WalkedSession, before: list[Hop]) -> None:
        own.told += 1
        if own.told > _MOST_EVENTS:
            return
        now, session = self._clock.now_ns(), own.session
        self._report(
            HopsSeen(
                t_ns=now,
                utc=self._clock.utc(now),
                endpoint=session.cohort.endpoint,
                egress=session.cohort.egress,
                activity=session.cohort.activity,
                session=session.number,
                remote=str(session.dialled),
                proxy=session.proxy,
                hops=own.path,
                before=before,
            )
        )


def walk_of(session: HeldSession, packets: PacketWitness, clock: Clock) -> FlowWalk:
    """How a session may be walked."""
    binding = session.destination.route.binding
    return FlowWalk(packets, clock, session.local, str(session.dialled), binding)
