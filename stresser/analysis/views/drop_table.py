"""All drops of a run as columns, each with its evidence: the table and the cards of a report.

Texts are kept once each, whatever their number of drops, and everything is bounded: of drops
beyond `MOST_DROPS`, only the number is kept; cards beyond `MOST_TEXT` characters are left out,
and their drops say so.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import overload

from msgspec import Struct, field

from stresser.analysis.words.endings import GRADE_WORDS, INITIATOR_WORDS, ending_in_words
from stresser.analysis.words.packet_words import provenance_in_words
from stresser.analysis.words.rules import reasons
from stresser.model.ending import BRACKETED, Initiator
from stresser.model.events import AnyEvent, SessionEnded
from stresser.model.units import escaped

MOST_DROPS = 20_000
MOST_TEXT = 3_000_000
"""Characters of all texts together."""
_MOST_LINES = 24
_LONGEST_LINE = 400
_LONGEST_NAME = 128
_LONGEST_ADDRESS = 80


class NumberLists(Sequence[Sequence[int]]):
    """Lists of numbers, all in one array: a list of lists takes 100 bytes more for each."""

    def __init__(self) -> None:
        self._numbers, self._ends = array("q"), array("i", [0])

    def append(self, numbers: Iterable[int]) -> None:
        """Add a list."""
        self._numbers.extend(numbers)
        self._ends.append(len(self._numbers))

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, place: int) -> list[int]: ...

    @overload
    def __getitem__(self, place: slice) -> list[list[int]]: ...

    def __getitem__(self, place: int | slice) -> list[int] | list[list[int]]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        place = range(len(self))[place]
        start, end = self._ends[place], self._ends[place + 1]
        return self._numbers[start:end].tolist()


_NUMBERS = partial(array, "q")
_PLACES = partial(array, "i")


class DropColumns(Struct, kw_only=True):
    """One list a column, one place a drop. Times are microseconds since the run began.

    Columns named with `_text` hold places in `texts`.
    """

    texts: list[str] = field(default_factory=list)
    session: "array[int]" = field(default_factory=_NUMBERS)
    endpoint_text: "array[int]" = field(default_factory=_PLACES)
    egress_text: "array[int]" = field(default_factory=_PLACES)
    activity_text: "array[int]" = field(default_factory=_PLACES)
    kind_text: "array[int]" = field(default_factory=_PLACES)
    initiator_text: "array[int]" = field(default_factory=_PLACES)
    words_text: "array[int]" = field(default_factory=_PLACES)
    """The ending in words."""
    alive_us: "array[int]" = field(default_factory=_NUMBERS)
    """Last proof of life."""
    dead_us: "array[int]" = field(default_factory=_NUMBERS)
    """First proof of the end."""
    late_us: "array[int]" = field(default_factory=_NUMBERS)
    """From the first proof of the end to its detection."""
    is_dated: "array[int]" = field(default_factory=_PLACES)
    """0: it came unannounced; it lies between the two times above."""
    age_us: "array[int]" = field(default_factory=_NUMBERS)
    idle_us: list[int | None] = field(default_factory=list)
    local: list[str] = field(default_factory=list)
    remote_text: "array[int]" = field(default_factory=_PLACES)
    incident: "array[int]" = field(default_factory=_PLACES)
    """Number of the incident of several drops that it belongs to, from 1; 0: none."""
    counts: NumberLists = field(default_factory=NumberLists)
    """Pings, pongs, messages drained, bytes received, bytes sent."""
    card: NumberLists = field(default_factory=NumberLists)
    """Places in `texts`: what, its value, what, its value, ..."""
    more: int = 0
    """Drops beyond the table's room."""
    without_card: int = 0


class DropTable:
    """Collects the drops, event by event; what this host's sleep or stresser ended is none."""

    def __init__(self) -> None:
        self.columns = DropColumns()
        self._places: dict[str, int] = {}
        self._room = MOST_TEXT

    def number_incidents(self, incidents: Iterable[tuple[int, int]]) -> None:
        """Once the pass is done: sessions that were in an incident of several drops, and which."""
        sessions = self.columns.session
        incident_of = dict.fromkeys(sessions, 0)
        incident_of.update(one for one in incidents if one[0] in incident_of)
        self.columns.incident = array("i", map(incident_of.__getitem__, sessions))

    def event(self, event: AnyEvent) -> None:
        """One event, in order."""
        if not isinstance(event, SessionEnded) or not event.ending.is_drop:
            return
        if len(self.columns.session) >= MOST_DROPS:
            self.columns.more += 1
            return
        self._add(event)

    def _add(self, event: SessionEnded) -> None:
        columns, place = self.columns, self._place
        columns.session.append(event.session)
        columns.endpoint_text.append(place(event.endpoint, _LONGEST_NAME))
        columns.egress_text.append(place(event.egress, _LONGEST_NAME))
        columns.activity_text.append(place(event.activity, _LONGEST_NAME))
        columns.kind_text.append(place(event.ending.kind.value))
        columns.initiator_text.append(place(event.ending.initiator.value))
        columns.words_text.append(place(ending_in_words(event.ending)))
        columns.alive_us.append(event.ending.alive_at_ns // 1000)
        columns.dead_us.append(event.ending.dead_by_ns // 1000)
        columns.late_us.append(
            max(event.ending.detected_at_ns - event.ending.dead_by_ns, 0) // 1000
        )
        columns.is_dated.append(int(event.ending.kind not in BRACKETED))
        columns.age_us.append(event.ending.age_ns // 1000)
        columns.idle_us.append(
            None if event.ending.idle_ns is None else event.ending.idle_ns // 1000
        )
        columns.local.append(escaped(event.local or "", _LONGEST_ADDRESS))
        columns.remote_text.append(place(event.remote or "", _LONGEST_ADDRESS))
        columns.counts.append(
            (event.pings, event.pongs, event.messages, event.bytes_received, event.bytes_sent)
        )
        columns.card.append(self._card(event))

    def _card(self, event: SessionEnded) -> list[int]:
        if self._room <= 0:
            self.columns.without_card += 1
            return []
        card: list[int] = []
        for number, (what, value) in enumerate(_lines(event)):
            if number >= _MOST_LINES:
                break
            card += [self._place(what), self._place(value, _LONGEST_LINE)]
        return card

    def _place(self, text: str, limit: int = _LONGEST_LINE) -> int:
        text = escaped(text, limit)
        place = self._places.get(text)
        if place is None:
            place = self._places[text] = len(self.columns.texts)
            self.columns.texts.append(text)
            self._room -= len(text)
        return place


def _lines(event: SessionEnded) -> Iterator[tuple[str, str]]:
    """What the evidence says, beyond the columns."""
    ending = event.ending
    if ending.initiator is Initiator.UNKNOWN:
        yield "initiator", "unknown"
    else:
        who = INITIATOR_WORDS[ending.initiator].removeprefix("by ")
        yield "initiator", f"{who}, known from {GRADE_WORDS[ending.grade]}"
    yield from reasons(ending.evidence)
    for line in provenance_in_words(ending.evidence):
        yield "packets", line
    if ending.failure is not None:
        yield "failure", ending.failure
    if event.proxy is not None:
        yield "proxy", event.proxy
    if ending.code is not None:
        yield "close code", str(ending.code)
    if ending.raw is not None:
        yield "raw error", ending.raw
