"""Sessions of a made-up night with a known truth: what calibration of the analysis is held against.

It makes the very events that a run records, so the analysis cannot tell. Times are seconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random
from typing import Any

from stresser.analysis.counts.plan_facts import ActivityFacts, PlanFacts
from stresser.classify.standing import make_ending
from stresser.model.cohort import Cohort
from stresser.model.ending import Grade, Initiator, Kind, Phase
from stresser.model.events import AnyEvent, SessionEnded, SessionOpened, TlsFacts
from stresser.model.evidence import Evidence
from stresser.model.units import NS_PER_S

_TLS = TlsFacts(
    version="TLSv1.3", cipher="TLS_AES_128_GCM_SHA256", alpn=None, chain="c", verified=True
)
_PONG_TIMEOUT = 10.0
_NEVER = 1e8
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
        for at in _causes(night, opened, every):
            if at < dies:
                dies, shows = at, night.shows
    return _ending(night, number, opened, cohort, every, dies, shows)


def _causes(night: Night, opened: float, every: float | None) -> Iterator[float]:
    if night.age_timer is not None:
        yield opened + night.age_timer
    if night.idle_timer is not None and (every is None or every > night.idle_timer):
        yield opened + night.idle_timer
    yield from (at for at in night.outages if at > opened)


def _ending(
    night: Night,
    number: int,
    opened: float,
    cohort: Cohort,
    every: float | None,
    dies: float,
    shows: str,
) -> SessionEnded:
    until = min(dies, night.length)
    beats = int((until - opened) // every) if every else 0
    heard = opened + beats * every + night.rtt if beats and every else opened
    if heard > until:  # the pong was still on its way
        beats -= 1
        heard = opened + beats * (every or 0) + (night.rtt if beats else 0)
    sent = opened + beats * (every or 0)
    if shows == "announced":
        seen, evidence = dies, Evidence(since_sent_ns=_ns(dies - sent), idle_before_send_ns=0)
        kind = Kind.TCP_RESET
    else:
        sent = opened + (beats + 1) * every if every else _NEVER
        seen = sent + (night.rtt if shows == "answer" else _PONG_TIMEOUT)
        kind = Kind.TCP_RESET if shows == "answer" else Kind.SILENCE
        evidence = Evidence()
        if sent < _NEVER:
            evidence = Evidence(
                idle_before_send_ns=_ns(sent - heard), since_sent_ns=_ns(seen - sent)
            )
    if seen >= night.length:
        alive = dies >= night.length
        return _planned(night, number, opened, cohort, heard, beats, answered=alive)
    last = heard if kind is Kind.SILENCE else max(heard, sent)
    return _event(
        number, cohort, opened, seen, heard, beats,
        kind=kind, failure="connection_reset", initiator=Initiator.UNKNOWN, planned=False,
        idle_ns=_ns(seen - last), evidence=evidence, pings=beats + (shows != "announced"),
    )  # fmt: skip


def _planned(
    night: Night,
    number: int,
    opened: float,
    cohort: Cohort,
    heard: float,
    beats: int,
    *,
    answered: bool,
) -> SessionEnded:
    return _event(
        number, cohort, opened, night.length, heard, beats,
        kind=Kind.PLANNED, failure=None, initiator=Initiator.PLAN, planned=True,
        idle_ns=_ns(night.length - heard), pings=beats,
        evidence=Evidence(close="answered" if answered else "unanswered"),
    )  # fmt: skip


def _event(
    number: int,
    cohort: Cohort,
    opened: float,
    seen: float,
    heard: float,
    beats: int,
    pings: int = 0,
    **facts: Any,
) -> SessionEnded:
    return SessionEnded(
        t_ns=_ns(seen),
        utc="",
        **cohort._asdict(),
        session=number,
        attempt=number,
        local=f"192.0.2.1:{number % 60_000}",
        remote="198.51.100.1:443",
        ending=make_ending(
            phase=Phase.HELD,
            grade=Grade.ERRNO,
            age_ns=_ns(seen) - _ns(opened),
            alive_at_ns=_ns(heard),
            dead_by_ns=_ns(seen),
            detected_at_ns=_ns(seen),
            **facts,
        ),
        pings=pings,
        pongs=beats,
        bytes_received=_HANDSHAKE_BYTES + _BEAT_BYTES * beats,
        bytes_sent=_BEAT_BYTES * beats,
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
