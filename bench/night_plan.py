"""Owns the made-up night: who opens, who dies when and of what, with the truth known.

Seats keep one session each, as cohorts do. Incidents come as a Poisson process on each egress and
kill many sessions at once; idle timers kill silent sessions one by one. Everything follows from
the seed.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.random import Generator

from stresser.classify.standing import make_ending
from stresser.model.chain import ChainClass, ChainRoot, TlsFacts
from stresser.model.cohort import Cohort
from stresser.model.ending import Grade, Initiator, Kind, Phase
from stresser.model.events import (
    AnyEvent,
    ChainSeen,
    RunEnded,
    RunStarted,
    SessionEnded,
    SessionOpened,
)
from stresser.model.evidence import Evidence
from stresser.model.units import NS_PER_S, format_utc

STARTED_UNIX_NS = 1_795_384_800 * NS_PER_S  # 2026-11-22T22:00:00Z
BASELINE, CANDIDATE = "direct", "vpn"
_JITTER_S = 0.04
"""Drops of one incident are read within so many seconds."""
_HALF_HOUR_S = 1800.0
_RECONNECT_S = 1.5
_PONG_TIMEOUT_S = 10.0
_RTT_S = 0.03
_HANDSHAKE_BYTES = 4000
_PONG_BYTES = 60


class NightPlan(Struct, frozen=True, kw_only=True):
    """The truth of a night."""

    hours: float = 8.0
    endpoints: int = 5
    seats: int = 200
    """Sessions for each endpoint and egress, with a heartbeat."""
    heartbeat_s: float = 19.2
    incidents: float = 110
    """Expected on the baseline's egress."""
    ratio: float = 5.0
    """Incidents on the candidate's egress for each one on the baseline's."""
    mean_size: float = 16.0
    """Sessions that an incident kills, on average (geometric)."""
    silent_share: float = 0.1
    """Of all incidents: nothing is announced, heartbeats find out."""
    burst_shape: float | None = None
    """Incidents come in bursts: the rate of each half hour is gamma distributed with this shape."""
    silent_seats: int = 4
    """Silent sessions for each egress, to the first endpoint."""
    idle_timeout_s: float = 300.0
    """After so much silence the candidate's egress resets them."""

    @property
    def seconds(self) -> float:
        """Length of the night."""
        return self.hours * 3600

    @property
    def cohorts(self) -> list[Cohort]:
        """Heartbeats to each endpoint, silence to the first; through both egresses."""
        names = [f"broker-{number}" for number in range(1, self.endpoints + 1)]
        held = [(name, "heartbeat") for name in names]
        held += [(names[0], "silent")] if self.silent_seats else []
        return [
            Cohort(name, egress, activity)
            for name, activity in held
            for egress in (BASELINE, CANDIDATE)
        ]

    def seats_of(self, cohort: Cohort) -> int:
        """How many sessions it keeps."""
        return self.silent_seats if cohort.activity == "silent" else self.seats


class Hit(NamedTuple):
    """One seat's session is to die."""

    at_s: float
    seat: int
    kind: Kind
    is_idle: bool


class Truth(NamedTuple):
    """What was planted, as it fell."""

    incidents: dict[str, int]
    """By egress: bursts and idle kills, each one a cause of its own."""
    drops: int
    sessions: int


class Night:
    """Makes the events of a night, in order of time."""

    def __init__(self, plan: NightPlan, seed: int) -> None:
        self.plan = plan
        self.random: Generator = np.random.default_rng(seed)
        self.seats = [c for c in plan.cohorts for _ in range(plan.seats_of(c))]
        self._incidents = dict.fromkeys((BASELINE, CANDIDATE), 0)
        self._drops = 0
        self._session = 0

    @property
    def truth(self) -> Truth:
        """Complete once `events` was called."""
        return Truth(self._incidents, self._drops, self._session)

    def events(self) -> list[AnyEvent]:
        """All of them."""
        hits: dict[int, list[Hit]] = {}
        for hit in sorted([*self._bursts(BASELINE), *self._bursts(CANDIDATE)]):
            hits.setdefault(hit.seat, []).append(hit)
        made: list[AnyEvent] = [*self._opening()]
        for seat in range(len(self.seats)):
            made += self._seat(seat, hits.get(seat, []))
        made.sort(key=lambda event: event.t_ns)
        return [*made, RunEnded(**_at(self.plan.seconds), reason="duration")]

    def _opening(self) -> Iterator[AnyEvent]:
        # A scenario asks for as many in each cohort; here the silent ones are fewer.
        least = min(map(self.plan.seats_of, self.plan.cohorts))
        yield RunStarted(
            **_at(0),
            scenario="night",
            sessions_requested=least * len(self.plan.cohorts),
            cohorts=self.plan.cohorts,
        )
        for cohort in self.plan.cohorts:
            yield ChainSeen(
                **_at(0.1),
                **cohort._asdict(),
                chain=_tls(cohort).chain,
                verified=_tls(cohort).verified,
                problem=_tls(cohort).problem,
                chain_class=_tls(cohort).chain_class,
                root=_tls(cohort).root,
                intercepted=_tls(cohort).intercepted,
                product="Zscaler" if _tls(cohort).intercepted else None,
                certificates=[{"subject": f"CN={cohort.endpoint}", "issuer": _issuer(cohort)}],
            )

    def _bursts(self, egress: str) -> Iterator[Hit]:
        """Incidents of one egress; each kills some of its sessions, of any endpoint."""
        plan, random = self.plan, self.random
        seats = [
            seat
            for seat, cohort in enumerate(self.seats)
            if cohort.egress == egress and cohort.activity != "silent"
        ]
        expected = plan.incidents * (plan.ratio if egress == CANDIDATE else 1)
        times = self._times(expected)
        self._incidents[egress] += len(times)
        for at_s in times:
            size = min(int(random.geometric(1 / plan.mean_size)), len(seats))
            kind = Kind.UNRESPONSIVE if random.random() < plan.silent_share else Kind.TCP_RESET
            for seat in random.choice(seats, size, replace=False):
                jitter_s = float(random.uniform(0, _JITTER_S))
                yield Hit(float(at_s) + jitter_s, int(seat), kind, is_idle=False)

    def _times(self, expected: float) -> list[float]:
        """Moments of incidents; each half hour has its own rate where they come in bursts."""
        random, shape = self.random, self.plan.burst_shape
        parts = max(round(self.plan.seconds / _HALF_HOUR_S), 1)
        rates = np.ones(parts) if shape is None else random.gamma(shape, 1 / shape, parts)
        numbers = random.poisson(rates * expected / parts)
        length = (self.plan.seconds - 180) / parts
        starts = 60 + length * np.arange(parts)
        times = np.repeat(starts, numbers) + random.uniform(0, length, int(numbers.sum()))
        return [float(at_s) for at_s in np.sort(times)]

    def _seat(self, seat: int, hits: Sequence[Hit]) -> Iterator[AnyEvent]:
        plan, cohort = self.plan, self.seats[seat]
        opened_s = float(self.random.uniform(0.2, 30))
        idle_killed = cohort.activity == "silent" and cohort.egress == CANDIDATE
        waiting = list(hits)
        while opened_s < plan.seconds:
            self._session += 1
            session = self._session
            yield self._opened(cohort, session, opened_s)
            waiting = [hit for hit in waiting if hit.at_s > opened_s]
            hit = waiting[0] if waiting else None
            if idle_killed:
                hit = Hit(opened_s + self._idle_s(), seat, Kind.TCP_RESET, is_idle=True)
            if hit is None or hit.at_s >= plan.seconds:
                yield self._planned(cohort, session, opened_s)
                return
            if hit.is_idle:
                self._incidents[cohort.egress] += 1
            self._drops += 1
            ended = self._dropped(cohort, session, opened_s, hit)
            yield ended
            opened_s = ended.t_ns / NS_PER_S + _RECONNECT_S + float(self.random.exponential(1))

    def _idle_s(self) -> float:
        return self.plan.idle_timeout_s + float(self.random.uniform(0, 1))

    def _opened(self, cohort: Cohort, session: int, at_s: float) -> SessionOpened:
        slow = 3.0 if cohort.egress == CANDIDATE else 1.0
        connect, tls, upgrade = self.random.lognormal(0, 0.25, 3) * (12e6, 20e6, 13e6) * slow
        return SessionOpened(
            **_at(at_s),
            **cohort._asdict(),
            session=session,
            attempt=session,
            phases_ns={"connect": int(connect), "tls": int(tls), "upgrade": int(upgrade)},
            local=_local(session),
            remote=_remote(cohort),
            tls=_tls(cohort),
        )

    def _dropped(self, cohort: Cohort, session: int, opened_s: float, hit: Hit) -> SessionEnded:
        """A heartbeat's sessions are alive at their last pong; a silent one's at its opening."""
        every_s = self.plan.heartbeat_s
        pings = 0 if cohort.activity == "silent" else int((hit.at_s - opened_s) / every_s)
        sent_s, dead_s = opened_s + pings * every_s, hit.at_s
        is_pong_lost = pings > 0 and sent_s + _RTT_S > dead_s
        pongs = pings - is_pong_lost
        alive_s = opened_s + pongs * every_s + (_RTT_S if pongs else 0)
        idle_s = dead_s - max(alive_s, sent_s)
        evidence = Evidence(
            since_sent_ns=_ns(dead_s) - _ns(sent_s), idle_before_send_ns=_ns(every_s)
        )
        if hit.kind is Kind.UNRESPONSIVE:
            sent_s = opened_s + (pongs + 1) * every_s
            dead_s, idle_s = sent_s + _PONG_TIMEOUT_S, _PONG_TIMEOUT_S
            evidence = Evidence(ping_sent_ns=_ns(sent_s))
        return self._ended(
            cohort, session, (opened_s, alive_s, dead_s), _ns(idle_s), pongs,
            kind=hit.kind, planned=False, initiator=Initiator.UNKNOWN, evidence=evidence,
        )  # fmt: skip

    def _planned(self, cohort: Cohort, session: int, opened_s: float) -> SessionEnded:
        end_s, every_s = self.plan.seconds, self.plan.heartbeat_s
        pongs = 0 if cohort.activity == "silent" else int((end_s - opened_s) / every_s)
        return self._ended(
            cohort, session, (opened_s, end_s, end_s), 0, pongs,
            kind=Kind.PLANNED, planned=True, initiator=Initiator.PLAN,
            evidence=Evidence(close="answered"),
        )  # fmt: skip

    def _ended(
        self,
        cohort: Cohort,
        session: int,
        times_s: tuple[float, float, float],
        idle_ns: int,
        pongs: int,
        **ending: Any,
    ) -> SessionEnded:
        """`times_s`: opened, last proof of life, first proof of death."""
        opened_ns, alive_ns, dead_ns = map(_ns, times_s)
        return SessionEnded(
            **_at(times_s[2]),
            **cohort._asdict(),
            session=session,
            attempt=session,
            local=_local(session),
            remote=_remote(cohort),
            ending=make_ending(
                phase=Phase.HELD,
                failure=None if ending["planned"] else "connection_reset",
                grade=Grade.TCP_INFO,
                age_ns=dead_ns - opened_ns,
                idle_ns=idle_ns,
                alive_at_ns=alive_ns,
                dead_by_ns=dead_ns,
                detected_at_ns=dead_ns,
                **ending,
            ),
            pings=pongs,
            pongs=pongs,
            bytes_received=_HANDSHAKE_BYTES + pongs * _PONG_BYTES,
            bytes_sent=_HANDSHAKE_BYTES + pongs * _PONG_BYTES,
        )


def scenario_of(plan: NightPlan) -> dict[str, Any]:
    """The scenario that a manifest would hold."""
    names = sorted({cohort.endpoint for cohort in plan.cohorts})
    return {
        "name": "night",
        "duration": round(plan.seconds * NS_PER_S),
        "endpoints": [{"name": name, "url": f"wss://{name}.example.net/"} for name in names],
        "egresses": [{"name": name} for name in sorted({c.egress for c in plan.cohorts})],
        "activities": [
            {"name": "heartbeat", "kind": "heartbeat", "every": round(plan.heartbeat_s * NS_PER_S)},
            {"name": "silent", "kind": "silent"},
        ],
        "thresholds": {},
    }


def _ns(seconds: float) -> int:
    return round(seconds * NS_PER_S)


def _local(session: int) -> str:
    return f"192.0.2.10:{20_000 + session % 40_000}"


def _remote(cohort: Cohort) -> str:
    return f"198.51.100.{cohort.endpoint.rpartition('-')[2]}:443"


def _at(seconds: float) -> dict[str, Any]:
    t_ns = round(seconds * NS_PER_S)
    return {"t_ns": t_ns, "utc": format_utc(STARTED_UNIX_NS + t_ns)}


def _issuer(cohort: Cohort) -> str:
    return "CN=Corporate Gateway CA" if cohort.egress == CANDIDATE else "CN=Example Public CA"


def _tls(cohort: Cohort) -> TlsFacts:
    is_behind_vpn = cohort.egress == CANDIDATE
    return TlsFacts(
        version="TLSv1.2" if is_behind_vpn else "TLSv1.3",
        cipher="ECDHE-RSA-AES128-GCM-SHA256" if is_behind_vpn else "TLS_AES_128_GCM_SHA256",
        alpn=None,
        chain=f"{cohort.endpoint}-{cohort.egress}",
        verified=not is_behind_vpn,
        chain_class=ChainClass.PRIVATE_TRUSTED if is_behind_vpn else ChainClass.PUBLIC,
        root=ChainRoot.HOST if is_behind_vpn else ChainRoot.MOZILLA,
        intercepted=is_behind_vpn,
        problem="self-signed certificate in certificate chain" if is_behind_vpn else None,
    )
