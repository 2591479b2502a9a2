"""What each session's life was, kept in columns: the material of incidents and timers.

Events pass once. Memory is bounded: of drops beyond `MOST_DROPS`, and of lives beyond
`MOST_LIVES`, only the number is kept, and the summary says so.
"""

from array import array
from collections.abc import Iterator, Sequence
from functools import cached_property
from operator import sub
from typing import NamedTuple, overload

from msgspec import Struct

from stresser.analysis.counts.plan_facts import PlanFacts
from stresser.model.cohort import Cohort
from stresser.model.ending import BRACKETED, Ending, Initiator, Kind, Proof
from stresser.model.events import AnyEvent, RunResumed, SessionEnded, SessionOpened
from stresser.model.units import NS_PER_S
from stresser.statistics.brackets import Bracket, Brackets
from stresser.statistics.columns import Columns, sort_by
from stresser.statistics.concentration import tolerance

MOST_DROPS = 200_000
MOST_LIVES = 400_000
_MOST_PLACES = 20_000
_MOST_PATH_CHANGES = 10_000
_LONGEST_ADDRESS = 80
_KINDS, _INITIATORS = tuple(Kind), tuple(Initiator)
_SHORTLY_NS = NS_PER_S
"""A route may be gone this long before the last proof of life: what was on its way arrives."""


class Place(NamedTuple):
    """Where a session was held."""

    cohort: Cohort
    server: str
    """The address and port it was connected to."""
    source: str
    """Our own address, without the port."""


class Life(NamedTuple):
    """One session from its opening to its end, or to the end of the record. Nanoseconds."""

    place: int
    """Number of its `Place`."""
    opened_ns: int
    ended_ns: int
    proved_age_ns: int
    """The greatest age at which something from the other side proved it alive."""
    survived_ns: int
    """The longest silence that it is known to have survived."""
    last_silence_ns: int
    """The silence at its end."""
    bytes: int
    beats: int
    """Pings that were sent."""


class DropRows(Sequence["Drop"]):
    """The drops of one run: numbers in columns, for a run may have hundreds of thousands."""

    def __init__(self, lives: Columns[Life]) -> None:
        self.lives = lives
        self.beyond = Columns(Life._fields, Life._make)
        """Lives of drops for which there was no room among those."""
        self.row = array("i")
        """Of its life; below 0 where there was no room: ~row of those beyond."""
        self.session, self.low_ns, self.high_ns = array("q"), array("q"), array("q")
        self.kind, self.initiator, self.is_answer = bytearray(), bytearray(), bytearray()
        self.cohort = array("i")
        self.cohorts: list[Cohort] = []
        self.causes: dict[int, int] = {}
        self._index: dict[Cohort, int] = {}

    def add(
        self,
        row: int,
        cohort: Cohort,
        session: int,
        kind: Kind,
        initiator: Initiator,
        moment: Bracket,
        *,
        is_answer: bool,
        cause_ns: int | None = None,
    ) -> "Drop":
        """Keep one drop."""
        number = len(self.row)
        place = self._index.setdefault(cohort, len(self.cohorts))
        if place == len(self.cohorts):
            self.cohorts.append(cohort)
        self.row.append(row)
        self.cohort.append(place)
        self.session.append(session)
        self.kind.append(_KINDS.index(kind))
        self.initiator.append(_INITIATORS.index(initiator))
        self.low_ns.append(moment.low)
        self.high_ns.append(moment.high)
        self.is_answer.append(is_answer)
        if cause_ns is not None:
            self.causes[number] = cause_ns
        return self._drop(number)

    def moments(self, numbers: Sequence[int]) -> Brackets:
        """When those with these numbers were struck."""
        return Brackets(
            array("q", map(self.low_ns.__getitem__, numbers)),
            array("q", map(self.high_ns.__getitem__, numbers)),
        )

    def __len__(self) -> int:
        return len(self.row)

    def __iter__(self) -> Iterator["Drop"]:
        return map(self._drop, range(len(self)))

    @overload
    def __getitem__(self, number: int) -> "Drop": ...

    @overload
    def __getitem__(self, number: slice) -> list["Drop"]: ...

    def __getitem__(self, number: int | slice) -> "Drop | list[Drop]":
        there = range(len(self.row))
        if isinstance(number, slice):
            return list(map(self._drop, there[number]))
        return Drop(self, there[number])

    def _drop(self, number: int) -> "Drop":
        return Drop(self, number)


class Drop(Struct, frozen=True, gc=False):
    """One drop, with what struck it in brackets: a look at its row."""

    among: DropRows
    number: int

    @property
    def lives(self) -> Columns[Life]:
        """Where its life is."""
        among = self.among
        return among.beyond if among.row[self.number] < 0 else among.lives

    @property
    def row(self) -> int:
        """Of its life among these."""
        row = self.among.row[self.number]
        return ~row if row < 0 else row

    @property
    def cohort(self) -> Cohort:
        """The cohort that its session belonged to."""
        return self.among.cohorts[self.among.cohort[self.number]]

    @property
    def session(self) -> int:
        """Its session."""
        return self.among.session[self.number]

    @property
    def kind(self) -> Kind:
        """What was seen to stop it."""
        return _KINDS[self.among.kind[self.number]]

    @property
    def initiator(self) -> Initiator:
        """As its own evidence says."""
        return _INITIATORS[self.among.initiator[self.number]]

    @property
    def moment(self) -> Bracket:
        """When the cause struck, since the run began."""
        return Bracket(self.among.low_ns[self.number], self.among.high_ns[self.number])

    @property
    def is_answer(self) -> bool:
        """Noticed only because we sent something: it may have been dead before."""
        return bool(self.among.is_answer[self.number])

    @property
    def cause_ns(self) -> int | None:
        """When this host's own path changed, where that ended it."""
        return self.among.causes.get(self.number)

    @property
    def silence(self) -> Bracket | None:
        """How long nothing had passed; None where that speaks against a timer of silence.

        It does where the same session had survived one as long before. As long: no two silences of
        a heartbeat are the same to the millisecond, and a timer that spared the one has not met the
        other.
        """
        lives, row = self.lives, self.row
        fatal_ns = lives.column("last_silence_ns")[row]
        survived_ns = lives.column("survived_ns")[row]
        longest_ns = survived_ns + tolerance(survived_ns) if survived_ns else 0
        if fatal_ns <= longest_ns:
            return None
        return Bracket(survived_ns if self.is_answer else fatal_ns, fatal_ns)

    @property
    def life(self) -> Life:
        """The session's life."""
        return self.lives[self.row]

    @property
    def age(self) -> Bracket:
        """The session's age when the cause struck."""
        opened, moment = self.lives.column("opened_ns")[self.row], self.moment
        return Bracket(max(moment.low - opened, 0), max(moment.high - opened, 0))


class Lives:
    """All sessions of a run as far as they are recorded."""

    def __init__(self, plan: PlanFacts) -> None:
        self.lives = Columns(Life._fields, Life._make)
        """Of all sessions that ended, the dropped ones as well; `close` adds those still open."""
        self.drops = DropRows(self.lives)
        self.places: list[Place] = []
        self.path_changes: array[int] = array("q")
        """When the path was seen to change (events `path_changed`)."""
        self.beyond = 0
        """Endings for which there was no room."""
        self.now_ns = 0
        self.longest_ns = 0
        """How long the longest of these lives was; 0: there is none. Known once it is closed."""
        self._plan = plan
        self._index: dict[Place, int] = {}
        self._open: dict[int, tuple[int, int]] = {}

    def event(self, event: AnyEvent) -> None:
        """One event, in order."""
        self.now_ns = max(self.now_ns, event.t_ns)
        if isinstance(event, SessionOpened):
            self._opened(event)
        elif isinstance(event, SessionEnded):
            self._ended(event)
        elif isinstance(event, RunResumed):
            self._cut(event.since_ns)
        elif event.__struct_config__.tag == "path_changed" and (
            len(self.path_changes) < _MOST_PATH_CHANGES
        ):
            self.path_changes.append(event.t_ns)

    def close(self, now_ns: int) -> None:
        """The record ends: sessions that are still open have lived until now."""
        self.now_ns = max(self.now_ns, now_ns)
        self._cut(self.now_ns)
        spans = map(sub, self.lives.column("ended_ns"), self.lives.column("opened_ns"))
        self.longest_ns = max(spans, default=0)

    @cached_property
    def rows_of(self) -> "dict[Cohort, array[int]]":
        """The lives of each cohort in the order in which they opened. They are all closed."""
        cohorts = [place.cohort for place in self.places]
        rows = {cohort: array("i") for cohort in cohorts}
        for row, place in enumerate(self.lives.column("place")):
            rows[cohorts[place]].append(row)
        for own in rows.values():
            sort_by(self.lives.column("opened_ns"), own)
        return rows

    def let_go(self) -> None:
        """Forget the lives, once all that they tell is known: they take 60 bytes each.

        Of a drop, its age, silence and life are known no more. Who asks for what is gone fails: no
        run is taken for one without sessions.
        """
        self.lives.clear()
        self.drops.beyond.clear()
        vars(self).pop("rows_of", None)
        del self.lives

    def _cut(self, at_ns: int) -> None:
        for place, opened_ns in self._open.values():
            age_ns = max(at_ns - opened_ns, 0)
            every_ns = self._plan.pings_every_ns(self.places[place].cohort) or 0
            silences = max(age_ns // every_ns - 1, 0) if every_ns else 0
            proved_ns, survived_ns = silences * every_ns, every_ns if silences else 0
            self._keep(
                Life(
                    place, opened_ns, opened_ns + age_ns, proved_ns, survived_ns,
                    every_ns or age_ns, 0, 0,
                )
            )  # fmt: skip
        self._open.clear()

    def _opened(self, event: SessionOpened) -> None:
        if len(self._open) < MOST_LIVES:
            place = self._place(event.cohort, event.remote, event.local)
            self._open[event.session] = (place, event.t_ns)
        else:
            self.beyond += 1

    def _ended(self, event: SessionEnded) -> None:
        self._open.pop(event.session, None)
        place = self._place(event.cohort, event.remote or "", event.local or "")
        life = self._life(event, place)
        is_kept = self._keep(life)
        if not event.ending.is_drop:
            return
        if len(self.drops) >= MOST_DROPS:
            self.beyond += 1
            return
        row = len(self.lives) - 1
        if not is_kept:
            row = ~len(self.drops.beyond)
            self.drops.beyond.append(life)
        _keep_drop(event, life, row, self.drops)

    def _keep(self, life: Life) -> bool:
        is_full = len(self.lives) >= MOST_LIVES
        if is_full:
            self.beyond += 1
        else:
            self.lives.append(life)
        return not is_full

    def _place(self, cohort: Cohort, remote: str, local: str) -> int:
        source = local.rpartition(":")[0][:_LONGEST_ADDRESS]
        place = Place(cohort, remote[:_LONGEST_ADDRESS], source)
        index = self._index.get(place)
        if index is None:
            if len(self.places) >= _MOST_PLACES:
                place = Place(Cohort("(others)", "(others)", "(others)"), "", "")
            index = self._index.setdefault(place, len(self.places))
            if index == len(self.places):
                self.places.append(place)
        return index

    def _life(self, event: SessionEnded, place: int) -> Life:
        ending = event.ending
        ended_ns, age_ns = ending.dead_by_ns, max(ending.age_ns, 0)
        opened_ns = ended_ns - age_ns
        proved_ns = min(max(ending.alive_at_ns - opened_ns, 0), age_ns)
        last_ns = ending.silence_ns or 0
        survived_ns = self._survived(event)
        if ending.proved is Proof.ALIVE:
            proved_ns = age_ns
            if last_ns > survived_ns and not self._plan.is_kept_alive(event.cohort):
                survived_ns = last_ns
        moved = max(event.bytes_received + event.bytes_sent, 0)
        if not event.pings and not event.messages:
            moved = 0
        return Life(
            place, opened_ns, ended_ns, proved_ns, survived_ns, last_ns, moved,
            max(event.pings, 0),
        )  # fmt: skip

    def _survived(self, event: SessionEnded) -> int:
        """The longest silence survived, as measured; records of version 0.1 have the plan's."""
        if event.quiet_survived_ns > 0:
            return event.quiet_survived_ns
        is_counted = event.pongs > 0 and event.messages == 0
        return (self._plan.pings_every_ns(event.cohort) or 0) if is_counted else 0


def _is_answer(ending: Ending) -> bool:
    """Whether the end showed only when we sent something, or when nothing came for too long."""
    return ending.answers_send or ending.kind in BRACKETED


def _keep_drop(event: SessionEnded, life: Life, row: int, among: DropRows) -> None:
    ending = event.ending
    is_answer = _is_answer(ending)
    dead_ns = ending.dead_by_ns
    alive_ns = max(min(ending.alive_at_ns, dead_ns), life.opened_ns)
    if ending.answers_send:
        # What we sent met a flow that was dead already: the time that the answer took is no doubt.
        dead_ns = max(dead_ns - max(ending.evidence.since_sent_ns or 0, 0), alive_ns)
    among.add(
        row,
        event.cohort,
        event.session,
        ending.kind,
        ending.initiator,
        Bracket(alive_ns if is_answer else dead_ns, dead_ns),
        is_answer=is_answer,
        cause_ns=_cause(event, alive_ns),
    )


def _cause(event: SessionEnded, alive_ns: int) -> int | None:
    """The latest change of this host's path, where the session's own evidence blames the host."""
    ending = event.ending
    if ending.initiator is not Initiator.HOST:
        return None
    times = [one.t_ns for one in ending.evidence.path_changes if one.t_ns <= ending.dead_by_ns]
    return max((t for t in times if t >= alive_ns - _SHORTLY_NS), default=None)
