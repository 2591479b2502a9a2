"""What the kernels of both ends counted of each held session: segments sent here, arrived there.

The far end is asked for every session from time to time, while it is held. This kernel is asked
in the same moment, and once more when the answer is here: what was lost is lost for good, while
what is on its way is a segment or two.
"""

from typing import Final, NamedTuple

from msgspec.structs import replace

from stresser.model.clocks import Clock
from stresser.model.events import FarEndSeen, ReflectionHeld
from stresser.model.evidence import TcpInfo
from stresser.model.far_end import OneWay
from stresser.model.units import NS_PER_S
from stresser.net.tap import Tap
from stresser.witness.tcp_info import sample_tcp_info

_EVERY_NS: Final = 5 * NS_PER_S
_MOST: Final = 100_000


class _Ways(NamedTuple):
    there: OneWay
    back: OneWay


class WayCounts:
    """One for a run."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.taps: dict[int, Tap] = {}
        """Of the sessions that are held, by attempt."""
        self._asked_ns: dict[int, int] = {}
        """When each was asked for last, the longest ago first."""
        self._asked: dict[int, TcpInfo] = {}
        self._ways: dict[int, _Ways] = {}

    def asked(self, most: int) -> list[int]:
        """Sessions to be asked for now; what this kernel says of them is kept."""
        now = self._clock.now_ns()
        for attempt in self.taps.keys() - self._asked_ns.keys():
            self._asked_ns[attempt] = now - _EVERY_NS
        chosen = []
        for attempt, asked_ns in list(self._asked_ns.items())[: max(most, 0)]:
            if now - asked_ns < _EVERY_NS:
                break
            del self._asked_ns[attempt]
            tap = self.taps.get(attempt)
            info = None if tap is None else sample_tcp_info(tap.sock)
            if info is not None:
                self._asked_ns[attempt] = now
                self._asked[attempt] = info
                chosen.append(attempt)
        return chosen

    def heard(self, held: ReflectionHeld) -> None:
        """What the far end's kernel says."""
        before, tap = self._asked.pop(held.attempt, None), self.taps.get(held.attempt)
        now = None if tap is None else sample_tcp_info(tap.sock)
        if before is None or now is None or held.info is None:
            return
        there = _one_way(before, held.info)
        back = _one_way(held.info, now)
        if there is not None and back is not None and len(self._ways) < _MOST:
            self._ways[held.attempt] = _Ways(there, back)

    def added_to(self, seen: FarEndSeen, attempt: int) -> FarEndSeen:
        """With what was counted of that session."""
        ways = self._ways.get(attempt)
        if ways is None:
            return seen
        return replace(seen, far_end=replace(seen.far_end, there=ways.there, back=ways.back))

    def forget(self, attempt: int) -> None:
        """All is said of it."""
        for known in (self.taps, self._asked_ns, self._asked, self._ways):
            known.pop(attempt, None)


def _one_way(sender: TcpInfo, receiver: TcpInfo) -> OneWay | None:
    sent, arrived = sender.data_segments_sent, receiver.data_segments_received
    if sent is None or arrived is None:
        return None
    return OneWay(sent=sent, again=sender.total_retrans, unacked=sender.unacked, arrived=arrived)
