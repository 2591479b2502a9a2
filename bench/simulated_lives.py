"""Sessions of a made-up night with a known truth: what calibration of the analysis is held against.

It makes the very events that a run records, so the analysis cannot tell. Times are seconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import ceil
from random import Random
from typing import Any

from stresser.analysis.counts.plan_facts import ActivityFacts, PlanFacts
from stresser.classify.standing import make_ending
from stresser.model.chain import TlsFacts
from stresser.model.cohort import Cohort
from stresser.model.ending import Grade, Initiator, Kind, Phase
from stresser.model.events import AnyEvent, SessionEnded, SessionOpened
from stresser.model.evidence import Evidence
from stresser.model.units import NS_PER_S

_TLS = TlsFacts(
    version="TLSv1.3", cipher="TLS_AES_128_GCM_SHA256", alpn=None, chain="c", verified=True
)
_PONG_TIMEOUT = 10.0
_NEVER = 1e8
_MOST_BEATS = 1000
_HANDSHAKE_BYTES, _BEAT_BYTES = 4200, 58


@dataclass(kw_only=True)
class Night:
    """What happens, and how it shows. A timer of None does not exist."""

    length: float = 8 * 3600
    sessions: int = 40
    """For each endpoint, egress and heartbeat."""
    ramp: float = 60
    heartbeats: list[float | None] = field(default_factory=lambda: [15.0])
    """Seconds between pings, one activity each; None: held silent."""
    endpoints: list[str] = field(default_factory=lambda: ["broker"])
    egresses: list[str] = field(default_factory=lambda: ["vpn"])
    idle_timer: float | None = None
    age_timer: float | None = None
    byte_limit: int | None = None
    """Bytes in both directions, the handshake's as well."""
    tick: float = 0.0
    """The box looks at its timers so often, at the same moments for all sessions; 0: always."""
    tick_of_session: bool = False
    """It looks at each session at moments of its own, and not at all of them at once."""
    messages: list[int] = field(default_factory=list)
    """Bytes of each heartbeat's message, in the order of `heartbeats`; none: pings alone."""
    late: float = 0.0
    """How late pings are, on average."""
    noise_per_hour: float = 0.0
    """Drops of a session at random, in an hour of its life."""
    outages: list[float] = field(default_factory=list)
    """Moments at which all that is open through `timed_egress` dies."""
    timed_egress: str = "vpn"
    shows: str = "announced"
    """How a death shows: `announced` (reset at once), `answer` (to our next ping), `silent`."""
    noise_shows: str = "announced"
    rtt: float = 0.03


@dataclass(order=True)
class _Ended:
    at: float
    event: SessionEnded = field(compare=False)


def plan_of(night: Night) -> PlanFacts:
    """The plan that such a run would have."""
    return PlanFacts(
        name="simulated",
        schemes=dict.fromkeys(night.endpoints, "wss"),
        activities={
            _activity(every): ActivityFacts(
                kind="silent" if every is None else "heartbeat",
                every_ns=None if every is None else _ns(every),
            )
            for every in night.heartbeats
        },
    )


def events_of(night: Night, seed: int) -> list[AnyEvent]:
    """All events in the order in which a run records them."""
    random = Random(seed)  # noqa: S311 - a simulation
    seats: list[tuple[float, int, Cohort, float | None]] = []
    number = 0
    for endpoint in night.endpoints:
        for egress in night.egresses:
            for every in night.heartbeats:
                cohort = Cohort(endpoint, egress, _activity(every))
                for _ in range(night.sessions):
                    heappush(seats, (random.uniform(0, night.ramp), number, cohort, every))
                    number += 1
    events: list[AnyEvent] = []
    while seats:
        opened, seat, cohort, every = heappop(seats)
        number += 1
        ended = _session(night, random, number, opened, cohort, every)
        events += [_opened(number, opened, cohort), ended]
        again = ended.t_ns / NS_PER_S + random.uniform(0.5, 1.5)
        if again < night.length and not ended.ending.planned:
            heappush(seats, (again, seat, cohort, every))
    return sorted(events, key=lambda event: event.t_ns)


def _activity(every: float | None) -> str:
    return "silent" if every is None else f"every {every:g} s"


def _ns(seconds: float) -> int:
    return round(seconds * NS_PER_S)


def _session(
    night: Night, random: Random, number: int, opened: float, cohort: Cohort, every: float | None
) -> SessionEnded:
    noise = random.expovariate(night.noise_per_hour / 3600) if night.noise_per_hour else _NEVER
    dies, shows = opened + noise, night.noise_shows
    if cohort.egress == night.timed_egress:
        for at in _causes(night, random, opened, every):
            if at < dies:
                dies, shows = at, night.shows
    return _Life(night, random, number, opened, cohort, every).ending(dies, shows)


def _causes(night: Night, random: Random, opened: float, every: float | None) -> Iterator[float]:
    phase = random.uniform(0, night.tick) if night.tick_of_session else 0.0
    if night.age_timer is not None:
        yield _looked_at(night, phase, opened + night.age_timer)
    if night.idle_timer is not None and (every is None or every > night.idle_timer):
        yield _looked_at(night, phase, opened + night.idle_timer)
    if night.byte_limit is not None and every is not None:
        beats = -(-(night.byte_limit - _HANDSHAKE_BYTES) // (2 * _beat_bytes(night, every)))
        yield _looked_at(night, phase, opened + beats * every + night.rtt / 2)
    yield from (at for at in night.outages if at > opened)


def _looked_at(night: Night, phase: float, due: float) -> float:
    """When the box notices: at its next tick."""
    if not night.tick:
        return due
    return phase + ceil((due - phase) / night.tick) * night.tick


def _beat_bytes(night: Night, every: float) -> int:
    message = night.messages[night.heartbeats.index(every)] if night.messages else 0
    return _BEAT_BYTES + message


class _Life:
    """One session, until something ends it."""

    def __init__(
        self,
        night: Night,
        random: Random,
        number: int,
        opened: float,
        cohort: Cohort,
        every: float | None,
    ) -> None:
        self.night, self.random, self.number = night, random, number
        self.opened, self.cohort, self.every = opened, cohort, every

    def ending(self, dies: float, shows: str) -> SessionEnded:
        night, opened, every = self.night, self.opened, self.every
        until = min(dies, night.length)
        beats = int((until - opened) // every) if every else 0
        heard = opened + beats * every + night.rtt if beats and every else opened
        if heard > until:  # the pong was still on its way
            beats -= 1
            heard = opened + beats * (every or 0) + (night.rtt if beats else 0)
        sent = opened + ((until - opened) // every * every if every else 0)
        if shows == "announced":
            seen, evidence = dies, Evidence(since_sent_ns=_ns(dies - sent), idle_before_send_ns=0)
            kind = Kind.TCP_RESET
        else:
            sent = opened + (beats + 1) * every + self._late() if every else _NEVER
            seen = sent + (night.rtt if shows == "answer" else _PONG_TIMEOUT)
            kind = Kind.TCP_RESET if shows == "answer" else Kind.SILENCE
            evidence = Evidence()
            if sent < _NEVER:
                quiet = _ns(sent - heard)
                evidence = Evidence(idle_before_send_ns=quiet, since_sent_ns=_ns(seen - sent))
        if seen >= night.length:
            return self._planned(heard, beats, answered=dies >= night.length)
        last = heard if kind is Kind.SILENCE else max(heard, sent)
        return self._event(
            seen, heard, beats,
            kind=kind, failure="connection_reset", initiator=Initiator.UNKNOWN, planned=False,
            idle_ns=_ns(seen - last), evidence=evidence,
            pings=round((sent - opened) / every) if every and sent < _NEVER else 0,
        )  # fmt: skip

    def _planned(self, heard: float, beats: int, *, answered: bool) -> SessionEnded:
        length = self.night.length
        return self._event(
            length, heard, beats,
            kind=Kind.PLANNED, failure=None, initiator=Initiator.PLAN, planned=True,
            idle_ns=_ns(length - heard), pings=beats,
            evidence=Evidence(close="answered" if answered else "unanswered"),
        )  # fmt: skip

    def _late(self) -> float:
        return self.random.expovariate(1 / self.night.late) if self.night.late else 0.0

    def _quiet_survived(self, beats: int) -> int:
        """The longest of the silences that pings broke."""
        if not beats or not self.every:
            return 0
        latest = max(self._late() for _ in range(min(beats, _MOST_BEATS)))
        return _ns(self.every - self.night.rtt * (beats > 1) + latest)

    def _event(
        self, seen: float, heard: float, beats: int, *, pings: int, **facts: Any
    ) -> SessionEnded:
        beat_bytes = _beat_bytes(self.night, self.every) if self.every else 0
        return SessionEnded(
            t_ns=_ns(seen),
            utc="",
            **self.cohort._asdict(),
            session=self.number,
            attempt=self.number,
            local=f"192.0.2.1:{self.number % 60_000}",
            remote="198.51.100.1:443",
            ending=make_ending(
                phase=Phase.HELD,
                grade=Grade.ERRNO,
                age_ns=_ns(seen) - _ns(self.opened),
                alive_at_ns=_ns(heard),
                dead_by_ns=_ns(seen),
                detected_at_ns=_ns(seen),
                **facts,
            ),
            pings=pings,
            pongs=beats,
            quiet_survived_ns=self._quiet_survived(beats),
            bytes_received=_HANDSHAKE_BYTES + beat_bytes * beats,
            bytes_sent=beat_bytes * pings,
        )


def _opened(number: int, at: float, cohort: Cohort) -> SessionOpened:
    return SessionOpened(
        t_ns=_ns(at),
        utc="",
        **cohort._asdict(),
        session=number,
        attempt=number,
        phases_ns={},
        local=f"192.0.2.1:{number % 60_000}",
        remote="198.51.100.1:443",
        tls=_TLS,
    )
