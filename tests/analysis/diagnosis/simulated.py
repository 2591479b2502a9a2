"""Runs that are played: sessions open, ping, die of what is in their way, and come back.

A cause takes a session and gives the time of its death, or None. What is announced is noticed
at once; what is not, at the next ping, or when the plan ends the session.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from types import MappingProxyType
from typing import Any, NamedTuple

from stresser.model.chain import TlsFacts
from stresser.model.cohort import Cohort
from stresser.model.ending import Kind, Phase
from tests.analysis.diagnosis.made_runs import TLS, MadeRun, look
from tests.analysis.story import dice, seconds

_SILENT = frozenset({Kind.SILENCE, Kind.UNRESPONSIVE})
_WAIT = 3.0
"""Seconds until a ping without an answer is given up."""
NEVER = 10**9


class Seat(NamedTuple):
    """A session as causes see it."""

    cohort: Cohort
    opened: float
    every: float | None
    """Seconds between pings; None: it sends nothing."""


@dataclass
class Cause:
    """What ends sessions. `at`: when a session dies of it."""

    at: Callable[[Seat, Random], float | None]
    kind: Kind = Kind.TCP_FIN
    answers: bool = False
    """It shows only when something is sent: a RST to a flow that is forgotten."""
    ending: dict[str, Any] = field(default_factory=dict)
    """Fields of the ending, as `MadeRun.drops` takes them."""


Where = Callable[[Cohort], bool]


def through(*egresses: str) -> Where:
    return lambda cohort: cohort.egress in egresses


def to(*endpoints: str) -> Where:
    return lambda cohort: cohort.endpoint in endpoints


def everywhere(_cohort: Cohort) -> bool:
    return True


def idle(limit: float, where: Where = everywhere, tick: float = 0.0, **more: Any) -> Cause:
    """A timer of silence: of all sessions that ping more seldom than each `limit` seconds."""

    def at(seat: Seat, _chance: Random) -> float | None:
        silent = seat.every is None or seat.every > limit
        return _ticked(seat.opened + limit, tick) if where(seat.cohort) and silent else None

    return Cause(at, **more)


def age(limit: float, where: Where = everywhere, tick: float = 0.0, **more: Any) -> Cause:
    """A limit on age."""
    return Cause(
        lambda seat, _: _ticked(seat.opened + limit, tick) if where(seat.cohort) else None, **more
    )


def _ticked(at: float, tick: float) -> float:
    return at if not tick else (at // tick + 1) * tick


def moments(*times: float, where: Where = everywhere, share: float = 1.0, **more: Any) -> Cause:
    """All that is open then; or a share of it."""

    def at(seat: Seat, chance: Random) -> float | None:
        if not where(seat.cohort):
            return None
        return next((t for t in times if t > seat.opened and chance.random() < share), None)

    return Cause(at, **more)


def chance_of(mean: float, where: Where = everywhere, **more: Any) -> Cause:
    """At random, after `mean` seconds in the middle."""
    return Cause(
        lambda seat, chance: seat.opened + chance.expovariate(1 / mean)
        if where(seat.cohort) else None, **more,
    )  # fmt: skip


class Closed(NamedTuple):
    """A time in which attempts fail."""

    first: float
    last: float
    where: Where = everywhere
    kind: Kind = Kind.TIMEOUT
    phase: Phase = Phase.CONNECT
    ending: Mapping[str, Any] = MappingProxyType({})


@dataclass
class World:
    """What is played. Times in seconds."""

    cohorts: Iterable[Cohort]
    causes: Iterable[Cause] = ()
    closed: Iterable[Closed] = ()
    each: int = 20
    """Sessions of each cohort."""
    until: float = 40.0
    ramp: float = 2.0
    reconnect: float | None = 0.7
    every: dict[str, float | None] = field(default_factory=lambda: {"hb": 2.0})
    """Of each activity."""
    remote: Callable[[Cohort], str] = lambda _: "198.51.100.1:443"
    proxy: Callable[[Cohort], str | None] = lambda _: None
    tls: Callable[[Cohort], TlsFacts] = lambda _: TLS
    looks: Callable[[Cohort, float], str | None] = lambda _c, _t: None
    """What a fresh connection meets then."""
    seed: int = 1

    def play(self) -> MadeRun:
        """The run."""
        cohorts = list(self.cohorts)
        activities = {
            name: {"every": f"{every}s"} for name, every in self.every.items() if every is not None
        } | {name: {"kind": "silent"} for name, every in self.every.items() if every is None}
        run = MadeRun(*cohorts, activities=activities)
        chance, steps = dice(self.seed), list[tuple[float, int, Callable[[], None]]]()
        for place, cohort in enumerate(cohorts):
            for n in range(self.each):
                first = self.ramp * (n + place / len(cohorts)) / self.each
                for t, do in self._seat(run, cohort, first, chance):
                    steps.append((t, len(steps), do))
        for _, _, do in sorted(steps, key=lambda one: one[:2]):
            do()
        return run

    def _seat(
        self, run: MadeRun, cohort: Cohort, at: float, chance: Random
    ) -> Iterator[tuple[float, Callable[[], None]]]:
        while at < self.until - 0.1:
            shut = next(
                (c for c in self.closed if c.where(cohort) and c.first <= at <= c.last), None
            )
            if shut is not None:
                wait = 4.0 if shut.kind is Kind.TIMEOUT else 0.01
                yield at + wait, self._failure(run, cohort, at, wait, shut)
                at += wait + (self.reconnect or NEVER)
                continue
            yield from (life := _Life(self, run, cohort, at, chance)).steps()
            if life.ended is None or self.reconnect is None:
                return
            at = life.ended + self.reconnect * chance.uniform(0.8, 1.2)

    def _failure(
        self, run: MadeRun, cohort: Cohort, at: float, wait: float, shut: Closed
    ) -> Callable[[], None]:
        fields = {"remote": self.remote(cohort), "proxy": self.proxy(cohort)}
        return lambda: run.fails(
            cohort, at + wait, shut.kind, shut.phase, fields=fields, age_ns=seconds(wait),
            **shut.ending,
        )  # fmt: skip


class _Life:
    """One session."""

    def __init__(
        self, world: World, run: MadeRun, cohort: Cohort, opened: float, chance: Random
    ) -> None:
        self.world, self.run, self.cohort, self.opened = world, run, cohort, opened
        self.every = world.every[cohort.activity]
        seat = Seat(cohort, opened, self.every)
        deaths = [
            (t, n, cause) for n, cause in enumerate(world.causes)
            if (t := cause.at(seat, chance)) is not None
        ]  # fmt: skip
        first: tuple[float, int, Cause | None] = min(deaths, default=(NEVER, 0, None))
        self.death, _, self.cause = first
        self.number = 0
        self.ended: float | None = None

    def steps(self) -> Iterator[tuple[float, Callable[[], None]]]:
        """Its opening and its end."""
        yield self.opened, self._open
        until, cause = self.world.until, self.cause
        if cause is None or self.death >= until:
            yield until, self._live
            return
        if cause.kind not in _SILENT and not cause.answers:
            self.ended = self.death
            yield self.death, self._die_announced
            return
        pings = self._pings_before(self.death)
        fatal = None if self.every is None else self.opened + self.every * (pings + 1)
        noticed = NEVER if fatal is None else fatal + (0.002 if cause.answers else _WAIT)
        if noticed >= until:
            yield until, self._found_dead
            return
        self.ended = noticed
        yield noticed, lambda: self._die_unannounced(pings, noticed)

    def _pings_before(self, t: float) -> int:
        return 0 if self.every is None else int((t - self.opened) / self.every)

    def _open(self) -> None:
        self.number = self.run.opens(
            self.cohort, self.opened, self.world.tls(self.cohort), remote=self._remote,
            proxy=self.world.proxy(self.cohort),
        )  # fmt: skip

    @property
    def _remote(self) -> str:
        return self.world.remote(self.cohort)

    def _fields(self, pings: int, pongs: int) -> dict[str, Any]:
        survived = seconds(self.every) if self.every and pongs else 0
        return {
            "pings": pings, "pongs": pongs, "quiet_survived_ns": survived, "remote": self._remote,
            "proxy": self.world.proxy(self.cohort),
        }  # fmt: skip

    def _live(self) -> None:
        n = self._pings_before(self.world.until)
        silent = self.world.until - self.opened - n * (self.every or 0)
        self.run.lives(self.number, self.world.until, silent=silent, **self._fields(n, n))

    def _known(self) -> dict[str, Any]:
        met = self.world.looks(self.cohort, self.death)
        return {} if met is None else {"looks": [look(self.cohort.egress, met)]}

    def _die_announced(self) -> None:
        assert self.cause is not None
        n = self._pings_before(self.death)
        silent = self.death - self.opened - n * (self.every or 0)
        ending = dict(self.cause.ending)
        known = self._known() | ending.pop("evidence", {})
        self.run.drops(
            self.number, self.death, self.cause.kind, idle=silent, evidence=known,
            fields=self._fields(n, n), **ending,
        )  # fmt: skip

    def _die_unannounced(self, pongs: int, noticed: float) -> None:
        assert self.cause is not None
        assert self.every is not None
        ending = dict(self.cause.ending)
        since = 0.002 if self.cause.answers else _WAIT
        known = {"idle_before_send_ns": seconds(self.every), "since_sent_ns": seconds(since)}
        known |= self._known() | ending.pop("evidence", {})
        alive = self.opened + self.every * pongs
        self.run.drops(
            self.number, noticed, self.cause.kind, alive=alive, idle=since, evidence=known,
            fields=self._fields(pongs + 1, pongs), **ending,
        )  # fmt: skip

    def _found_dead(self) -> None:
        assert self.cause is not None
        n = self._pings_before(self.death)
        alive = self.opened + n * (self.every or 0)
        until = self.world.until
        self.run.drops(
            self.number, until, Kind.FOUND_DEAD, alive=alive, idle=until - alive,
            fields=self._fields(n, n),
        )  # fmt: skip
