"""The timer that most incidents of one side followed, in words; pure."""

from collections import Counter
from typing import NamedTuple

from stresser.analysis.compare.sides import Side
from stresser.analysis.patterns.causes import Incident
from stresser.analysis.patterns.found_timer import FoundTimer
from stresser.analysis.patterns.scopes import Variable
from stresser.analysis.patterns.session_lives import Drop
from stresser.analysis.words.endings import INITIATOR_WORDS, kind_words
from stresser.model.ending import Initiator
from stresser.model.units import NS_PER_S, format_duration

_SHARE = 0.5
_TIGHT = 0.05
"""Ends of a bracket this close, as a share, are reported as one value and its half width."""
_MINUTES_NS = 600 * NS_PER_S


class SideTimer(NamedTuple):
    """Most incidents of a side followed this timer."""

    timer: FoundTimer
    of: int
    incidents: int
    """All incidents of the side."""
    drops: tuple[Drop, ...]

    @property
    def words(self) -> str:
        """`followed 300 +/- 2 s of silence`, `came at an age of 1 h`."""
        value = _value(self.timer)
        first = self.timer.variables[0]
        if first is Variable.BYTES:
            return f"came after {value} bytes"
        if first is Variable.AGE:
            return f"came at an age of {value}"
        as_well = ", which was their age as well," if Variable.AGE in self.timer.variables else ""
        return f"followed {value} of silence{as_well}"

    @property
    def ending_words(self) -> str:
        """` and were ended by a TCP reset, by a middlebox`; empty where they ended variously."""
        kinds = {drop.kind for drop in self.drops}
        if len(kinds) != 1:
            return ""
        whose = {drop.initiator for drop in self.drops}
        named = len(whose) == 1 and Initiator.UNKNOWN not in whose
        by = f", {INITIATOR_WORDS[whose.pop()]}" if named else ""
        was = "was" if self.of == 1 else "were"
        return f" and {was} ended by a {kind_words(kinds.pop())}{by}"


def side_timer(side: Side) -> SideTimer | None:
    """The timer of at least half of a side's incidents; None: there is none."""
    incidents = list(side.incidents().values())
    timers = Counter(incident.timer for incident in incidents if incident.timer is not None)
    for timer, count in timers.most_common(1):
        if count >= _SHARE * len(incidents):
            return SideTimer(timer, count, len(incidents), _drops(incidents, timer))
    return None


def _drops(incidents: list[Incident], timer: FoundTimer) -> tuple[Drop, ...]:
    return tuple(
        drop for incident in incidents if incident.timer is timer for drop in incident.drops
    )


def _value(timer: FoundTimer) -> str:
    low, high = timer.bracket
    if timer.variables[0] is Variable.BYTES:
        return f"{low:,}" if low == high else f"{low:,} to {high:,}"
    shown, other = format_duration(low), format_duration(high)
    if shown == other:
        return shown
    if high - low > _TIGHT * high:
        return f"more than {shown} and at most {other}"
    if high < _MINUTES_NS:
        return f"{(low + high) / 2 / NS_PER_S:.3g} +/- {(high - low) / 2 / NS_PER_S:.1g} s"
    return f"{shown} to {other}"
