"""What a run's events show of its drops and failed attempts, as small facts.

The only module of this room that reads events.

Bounded: drops and failures beyond `MOST_FACTS` are left out.
"""

from array import array
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from msgspec import Struct, field

from stresser.analysis.counts.chain_tally import ChainTally
from stresser.analysis.diagnosis.ending_facts import (
    EndingFact,
    FailureFact,
    OwnDrops,
    OwnFact,
    OwnRows,
)
from stresser.analysis.words.address_family import family_of
from stresser.analysis.words.obstacles import Obstacle, Stopped, obstacle_of
from stresser.model.cohort import Cohort, Pair
from stresser.model.ending import Ending, Initiator, Kind, NoDrop, Proof
from stresser.model.events import (
    AnyEvent,
    AttemptFailed,
    CohortEvent,
    Ended,
    LabKilled,
    PathChanged,
    ResolvedBy,
    RunResumed,
    SessionEnded,
    SessionOpened,
    WorkerEnded,
)
from stresser.model.fresh_connection import FreshConnection, FreshResult
from stresser.model.packet import PacketOrigin, Shape
from stresser.statistics.columns import NumberBlocks

MOST_FACTS = 200_000
_MOST_OPEN = 400_000
_MOST_CHANGES = 10_000
_MOST_ADDRESSES = 64
_MOST_SETS = 1000
_LONGEST = 200
_set_of: Callable[[tuple[Any, ...]], frozenset[Any]] = lru_cache(_MOST_SETS)(frozenset)


class PathFact(NamedTuple):
    """A change of this host's path."""

    t_ns: int
    words: str


class Pairing(Struct, kw_only=True):
    """What is known of one endpoint through one egress, besides its drops."""

    addresses: set[str] = field(default_factory=set)
    """The endpoint's addresses, without ports; names where a proxy looked them up."""
    chains: set[str] = field(default_factory=set)
    """Chains that were judged no interceptor's."""
    families: Counter[str] = field(default_factory=Counter)
    """Sessions that opened, by the family of the address."""
    by_proxy: bool = False
    """A proxy looked the name up."""


class RunEvidence:
    """All of a run's unplanned endings, with what surrounds them. Events pass once, in order.

    `served`: the chains of the same run, which has seen each event before.
    """

    def __init__(self, served: ChainTally) -> None:
        self._own = OwnRows()
        self.drops = OwnDrops(self._own)
        """By session; also those that this host or stresser brought about."""
        self.failures: list[FailureFact] = []
        self.opened: dict[Pair, NumberBlocks] = {}
        """When sessions opened, by endpoint and egress."""
        self.pairings: dict[Pair, Pairing] = {}
        self.kills: dict[tuple[str, int], str] = {}
        """The rule by which the lab says that it ended a flow, by egress and local port."""
        self.path: list[PathFact] = []
        self.went_on: array[int] = array("q")
        """When the run went on, after a time in which it did not run."""
        self.workers_ended: list[WorkerEnded] = []
        self.absences: Counter[tuple[Cohort, Initiator]] = Counter()
        """Sessions that this host's or stresser's own absence ended: no drops."""
        self.ponged: Counter[Cohort] = Counter()
        """Sessions that had an answer to a ping."""
        self.unproved: Counter[Cohort] = Counter()
        """Sessions that the plan ended, and nothing shows that they lived then."""
        self._suspects: dict[int, str] = {}
        """Chains that look like an interceptor's, by open session."""
        self._served = served
        self._kept = 0

    def event(self, event: AnyEvent) -> None:
        """One event."""
        match event:
            case SessionOpened():
                self._opened(event)
            case SessionEnded():
                self._ended(event)
            case AttemptFailed() if not event.ending.planned:
                self._failed(event)
            case LabKilled() if len(self.kills) < MOST_FACTS:
                self.kills[event.egress, event.client_port] = event.rule
            case PathChanged() if len(self.path) < _MOST_CHANGES:
                words = f"{event.change.value.replace('_', ' ')} {event.detail}"[:_LONGEST]
                self.path.append(PathFact(event.t_ns, words))
            case WorkerEnded() if len(self.workers_ended) < _MOST_CHANGES:
                self.workers_ended.append(event)
            case RunResumed() if len(self.went_on) < _MOST_CHANGES:
                self.went_on.append(event.t_ns)
            case _:
                pass

    def pairing(self, endpoint: str, egress: str) -> Pairing:
        """What is known of one endpoint through one egress."""
        return self.pairings.setdefault(Pair(endpoint, egress), Pairing())

    def let_go(self) -> None:
        """Forget what explained the run: of a night it is megabytes. Who asks for it fails."""
        del self.opened, self.drops

    def _opened(self, event: SessionOpened) -> None:
        if self._kept < _MOST_OPEN:
            self._kept += 1
            self.opened.setdefault(event.cohort.pair, NumberBlocks("q")).append(event.t_ns)
        known, tls = self.pairing(event.endpoint, event.egress), event.tls
        _keep(known.addresses, event.remote.rpartition(":")[0])
        if tls is not None and tls.intercepted and len(self._suspects) < _MOST_OPEN:
            self._suspects[event.session] = tls.chain
        if tls is not None and not (tls.intercepted and self._accuses(event, tls.chain)):
            _keep(known.chains, tls.chain)
        family = None if event.proxy is not None else family_of(event.remote)
        if family is not None:
            known.families[family] += 1
        known.by_proxy |= event.resolved_by is ResolvedBy.PROXY

    def _accuses(self, event: CohortEvent, chain: str) -> bool:
        """A chain that every egress shows is no interceptor's."""
        return not self._served.shared(event.endpoint).is_shared(chain)

    def _ended(self, event: SessionEnded) -> None:
        suspect = self._suspects.pop(event.session, None)
        intercepted = suspect is not None and self._accuses(event, suspect)
        ending = event.ending
        self.ponged[event.cohort] += event.pongs > 0
        if ending.planned:
            if ending.proved is not Proof.ALIVE:
                self.unproved[event.cohort] += 1
        elif ending.no_drop in {NoDrop.HOST_SLEPT, NoDrop.HOST_UNFIT}:
            self.absences[event.cohort, Initiator.HOST] += 1
        elif ending.no_drop is NoDrop.TOOL:
            self.absences[event.cohort, Initiator.TOOL] += 1
        elif ending.is_drop and len(self.drops) < MOST_FACTS:
            self.drops.add(event.session, self._fact(event, intercepted=intercepted))

    def _failed(self, event: AttemptFailed) -> None:
        if event.proxy is None and event.remote is not None:
            known = self.pairing(event.endpoint, event.egress)
            _keep(known.addresses, event.remote.rpartition(":")[0])
        if len(self.failures) >= MOST_FACTS:
            return
        tls = event.tls
        intercepted = tls is not None and tls.intercepted and self._accuses(event, tls.chain)
        began_ns = max(event.ending.dead_by_ns - event.ending.age_ns, 0)
        fact = self._fact(event, intercepted=intercepted)
        self.failures.append(FailureFact(len(self.failures), began_ns, fact))

    def _fact(self, event: Ended, *, intercepted: bool) -> OwnFact:
        return self._own.add(event, _ending_fact(event, intercepted=intercepted))


def _keep(texts: set[str], text: str) -> None:
    if text and len(texts) < _MOST_ADDRESSES:
        texts.add(text[:_LONGEST])


def _ending_fact(event: Ended, *, intercepted: bool) -> EndingFact:
    ending, evidence = event.ending, event.ending.evidence
    origin = evidence.origin
    headers = {name.lower(): value[:_LONGEST] for name, value in evidence.headers.items()}
    return EndingFact(
        cohort=event.cohort,
        phase=ending.phase,
        kind=ending.kind,
        failure=(ending.failure or "")[:_LONGEST],
        initiator=ending.initiator,
        grade=ending.grade,
        rules=_set_of(tuple(evidence.why)),
        remote=(event.remote or "")[:_LONGEST],
        proxy=event.proxy,
        code=ending.code,
        reason=(ending.reason or "")[:_LONGEST],
        status=ending.status,
        alert=ending.alert,
        raw=(ending.raw or "")[:_LONGEST],
        seen=_seen(ending)[:_LONGEST],
        headers=tuple(headers.items()),
        login=evidence.login,
        met=_set_of(
            tuple(
                look.result
                for look in evidence.fresh_connections
                if (look.endpoint, look.egress) == event.cohort.pair and not _is_beside(look, event)
            )
        ),
        is_strangers=_is_strangers(origin),
        was_reset_before=origin is not None and origin.resets > 1 and origin.ignored > 0,
        is_gateways=_is_gateways(origin),
        ttl=None if origin is None or origin.outgoing else origin.ttl,
        is_owners=origin is not None and origin.shape is Shape.SOCKET,
        obstacle=_obstacle(event) if isinstance(event, AttemptFailed) else None,
        alpn=event.tls.alpn if isinstance(event, AttemptFailed) and event.tls else None,
        other_family_opens=any(
            look.result is FreshResult.ANSWERED and _is_beside(look, event)
            for look in evidence.fresh_connections
        ),
        intercepted=intercepted,
        chain=event.tls.chain if isinstance(event, AttemptFailed) and event.tls else "",
    )


def _seen(ending: Ending) -> str:
    is_answer = ending.kind is Kind.MESSAGE_REFUSAL
    evidence = ending.evidence
    return evidence.first_bytes or (evidence.last_text if is_answer else None) or ""


def _is_beside(look: FreshConnection, event: Ended) -> bool:
    """It went to the endpoint's address of the other family."""
    if (look.endpoint, look.egress) != event.cohort.pair or event.proxy is not None:
        return False
    families = family_of(look.remote), family_of(event.remote or "")
    return None not in families and families[0] != families[1]


def _obstacle(event: AttemptFailed) -> Obstacle:
    return obstacle_of(Stopped(event.ending, event.tls, by_proxy=event.proxy is not None))


def _is_gateways(origin: PacketOrigin | None) -> bool:
    """No change of the path brings what is behind a router before it."""
    return (
        origin is not None
        and not origin.outgoing
        and origin.hops == 0
        and (origin.peer_hops or 0) > 0
    )


def _is_strangers(origin: PacketOrigin | None) -> bool:
    return (
        origin is not None
        and origin.shape is Shape.NO_SOCKET
        and any(signal.name == "ttl_matches" for signal in origin.signals)
    )
