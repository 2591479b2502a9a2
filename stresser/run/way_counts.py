"""What both ends know of each way of each held session: segments lost, and how delays vary.

The far end is asked for every session from time to time, while it is held. This kernel is asked
in the same moment, and once more when the answer is here: what was lost is lost for good, while
what is on its way is a segment or two. The answer also has when the latest ping came there and its
pong went; where this end knows that ping as well, its delay on each way is known but for the
offset of the clocks. Pings themselves cost nothing more, and none is recorded: of each session sums
are kept, of each cohort a histogram.
"""

from collections import defaultdict
from typing import Final, NamedTuple

from msgspec.structs import replace

from stresser.model.clocks import Clock
from stresser.model.cohort import Cohort, Pair
from stresser.model.events import FarEndSeen, Observer, ReflectionHeld
from stresser.model.evidence import TcpInfo
from stresser.model.far_end import OneWay, Varied
from stresser.model.quantity import HIGHEST_NS, Quantity
from stresser.model.units import NS_PER_S
from stresser.session.held import Echo, HeldSession
from stresser.statistics.delay_variation import Delays, DelayVariation
from stresser.witness.tcp_info import sample_tcp_info

_EVERY_NS: Final = 5 * NS_PER_S
_MOST: Final = 100_000
_MOST_STREAMS: Final = 1000
_Stream = tuple[str, Pair]
"""A reflector's record, by its id, and the endpoint and egress through which it is reached: one
clock there, one path. Where sessions of it take paths of different length, that is variation."""


class _Ways(NamedTuple):
    there: OneWay
    back: OneWay


class _Asked(NamedTuple):
    info: TcpInfo
    echo: Echo | None


class _Pinged:
    """What the pings of one session add up to."""

    __slots__ = ("latest", "most", "pings", "sums")

    def __init__(self) -> None:
        self.latest = self.pings = 0
        self.sums, self.most = [0, 0], [0, 0]

    def add(self, *varied_ns: int) -> None:
        """One more: there, and back."""
        self.pings += 1
        for place, one_ns in enumerate(varied_ns):
            self.sums[place] += one_ns
            self.most[place] = max(self.most[place], one_ns)

    def varied(self, place: int) -> Varied:
        """On one of the ways; of one ping at least."""
        mean_ns = self.sums[place] // self.pings
        return Varied(pings=self.pings, mean_ns=mean_ns, most_ns=self.most[place])


class WayCounts:
    """One for a run."""

    def __init__(self, clock: Clock, observer: Observer) -> None:
        """`observer` takes the samples of how delays vary."""
        self._clock = clock
        self._observer = observer
        self.sessions: dict[int, HeldSession] = {}
        """Those that are held, by attempt."""
        self._asked_ns: dict[int, int] = {}
        """When each was asked for last, the longest ago first."""
        self._asked: dict[int, _Asked] = {}
        self._ways: dict[int, _Ways] = {}
        self._pinged: dict[int, _Pinged] = {}
        self._streams: defaultdict[_Stream, DelayVariation[tuple[int, Cohort]]]
        self._streams = defaultdict(DelayVariation)

    def asked(self, most: int) -> list[int]:
        """Sessions to be asked for now; what this end says of them is kept."""
        now = self._clock.now_ns()
        for attempt in self.sessions.keys() - self._asked_ns.keys():
            self._asked_ns[attempt] = now - _EVERY_NS
        chosen = []
        for attempt, asked_ns in list(self._asked_ns.items())[: max(most, 0)]:
            if now - asked_ns < _EVERY_NS:
                break
            del self._asked_ns[attempt]
            session = self.sessions.get(attempt)
            info = None if session is None else sample_tcp_info(session.tap.sock)
            if session is not None and info is not None:
                self._asked_ns[attempt] = now
                self._asked[attempt] = _Asked(info, session.last_echo())
                chosen.append(attempt)
        return chosen

    def heard(self, held: ReflectionHeld, record: str) -> None:
        """What the far end says; `record`: which reflector's clock it goes by."""
        before, session = self._asked.pop(held.attempt, None), self.sessions.get(held.attempt)
        if before is None or session is None:
            return
        self._heard_of_ping(held, session, before.echo, record)
        now = sample_tcp_info(session.tap.sock)
        if now is None or held.info is None:
            return
        there = _one_way(before.info, held.info)
        back = _one_way(held.info, now)
        if there is not None and back is not None and len(self._ways) < _MOST:
            self._ways[held.attempt] = _Ways(there, back)

    def _heard_of_ping(
        self, held: ReflectionHeld, session: HeldSession, before: Echo | None, record: str
    ) -> None:
        """The same ping here: answered when the far end was asked, or by now."""
        ping = held.ping
        known = [one for one in (before, session.last_echo()) if one is not None]
        echo = next((one for one in known if ping and one.number == ping.number), None)
        if ping is None or echo is None:
            return
        pinged = self._pinged.setdefault(held.attempt, _Pinged())
        if pinged.latest == echo.number or len(self._pinged) > _MOST:
            return
        pinged.latest = echo.number
        delays = ping.in_ns - echo.sent_ns, echo.back_ns - ping.out_ns
        if len(self._streams) > _MOST_STREAMS:  # of a reflector that was restarted again and again
            self.settle()
            self._streams.clear()
        stream = self._streams[record, session.cohort.pair]
        whose = held.attempt, session.cohort
        self._note(stream.add(self._clock.now_ns(), Delays(whose, *delays)))

    def _note(self, varied: list[Delays[tuple[int, Cohort]]]) -> None:
        for (attempt, cohort), *both_ns in varied:
            there_ns, back_ns = (min(one, HIGHEST_NS) for one in both_ns)
            self._observer.sample(Quantity.VARIATION_THERE, cohort, there_ns)
            self._observer.sample(Quantity.VARIATION_BACK, cohort, back_ns)
            if attempt in self._pinged:
                self._pinged[attempt].add(there_ns, back_ns)

    def settle(self) -> None:
        """No more comes: tell of the last pings."""
        for stream in self._streams.values():
            self._note(stream.rest())

    def added_to(self, seen: FarEndSeen, attempt: int) -> FarEndSeen:
        """With what was counted of that session."""
        far, ways, pinged = seen.far_end, self._ways.get(attempt), self._pinged.get(attempt)
        if ways is not None:
            far = replace(far, there=ways.there, back=ways.back)
        if pinged is not None and pinged.pings:
            far = replace(far, varied_there=pinged.varied(0), varied_back=pinged.varied(1))
        return replace(seen, far_end=far)

    def forget(self, attempt: int) -> None:
        """All is said of it."""
        for known in (self.sessions, self._asked_ns, self._asked, self._ways, self._pinged):
            known.pop(attempt, None)


def _one_way(sender: TcpInfo, receiver: TcpInfo) -> OneWay | None:
    sent, arrived = sender.data_segments_sent, receiver.data_segments_received
    if sent is None or arrived is None:
        return None
    return OneWay(sent=sent, again=sender.total_retrans, unacked=sender.unacked, arrived=arrived)
