"""What a run's events show of its drops and failed attempts, as small facts.

The only module of this room that reads events.

Bounded: of drops and failures beyond `MOST_FACTS` only the number is kept.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from stresser.model.cohort import Cohort
from stresser.model.ending import Grade, Initiator, Kind, NoDrop, Phase, Proof
from stresser.model.events import (
    AnyEvent,
    AttemptFailed,
    CohortEvent,
    Ended,
    LabKilled,
    PathChanged,
    ResolvedBy,
    SessionEnded,
    SessionOpened,
    TlsFacts,
)
from stresser.model.fresh_connection import FreshConnection, FreshResult
from stresser.model.packet import PacketOrigin, Shape
from stresser.model.shared_chains import SharedChains

MOST_FACTS = 200_000
_MOST_OPEN = 400_000
_MOST_CHANGES = 10_000
_MOST_ADDRESSES = 64
_LONGEST = 200
_BY_VERIFIED_END = frozenset({"endpoint-said-so", "verified-end-closed-one-egress"})
"""One session's comparison is outdone by the whole run's."""


class Looks(NamedTuple):
    """What fresh connections met while a session died: TCP only, an accept proves no server."""

    own: frozenset[FreshResult] = frozenset()
    """To its own endpoint through its own egress."""
    others: frozenset[FreshResult] = frozenset()
    """To its own endpoint through other egresses."""
    elsewhere: frozenset[FreshResult] = frozenset()
    """To other endpoints through its own egress."""


class EndingFact(NamedTuple):
    """What one unplanned ending's own evidence says."""

    attempt: int
    cohort: Cohort
    utc: str
    t_ns: int
    """When it was noticed."""
    phase: Phase
    kind: Kind
    failure: str
    initiator: Initiator
    grade: Grade
    rules: frozenset[str]
    """The rules that decided the initiator."""
    local: str
    remote: str
    proxy: str | None
    code: int | None
    reason: str
    """Of a WebSocket close or an HTTP refusal; escaped where it is shown."""
    status: int | None
    alert: int | None
    raw: str
    seen: str
    """What came in the place of the protocol, from its beginning; escaped already."""
    headers: Mapping[str, str]
    looks: Looks
    is_strangers: bool
    """The RST of a host that knows no such connection, from as far away as the flow's own peer."""
    was_reset_before: bool
    """A reset that TCP does not accept came before: who holds the connection had aborted it."""
    is_gateways: bool
    """The first router sent the packet that ended it, while the flow's own peer is behind one."""
    is_owners: bool
    """The RST of who held the connection: its ACK and window are its own."""
    intercepted: bool
    chain: str
    """That a failed attempt was shown."""
    pings: int
    pongs: int

    @property
    def pair(self) -> tuple[str, str]:
        """Endpoint and egress."""
        return self.cohort.endpoint, self.cohort.egress

    @property
    def is_said(self) -> bool:
        """The endpoint's own TLS end said it: its chain verifies."""
        return bool(self.rules & _BY_VERIFIED_END)


class FailureFact(NamedTuple):
    """A failed attempt."""

    place: int
    """Its place among the run's failed attempts."""
    began_ns: int
    ending: EndingFact


class LabLog(NamedTuple):
    """A line of the lab's own log."""

    egress: str
    rule: str
    idle_ns: int


class PathFact(NamedTuple):
    """A change of this host's path."""

    t_ns: int
    words: str
    interface: str


class Pairing(NamedTuple):
    """What is known of one endpoint through one egress, besides its drops."""

    addresses: set[str]
    """The endpoint's addresses, without ports; names where a proxy looked them up."""
    chains: set[str]
    """Chains that were judged no interceptor's."""
    proxies: set[str]
    by_proxy: list[bool]
    """Not empty: a proxy looked the name up."""


class RunEvidence:
    """All of a run's unplanned endings, with what surrounds them. Events pass once, in order."""

    def __init__(self) -> None:
        self.drops: dict[int, EndingFact] = {}
        """By session; also those that this host or stresser brought about."""
        self.failures: list[FailureFact] = []
        self.opened: dict[tuple[str, str], list[int]] = {}
        """When sessions opened, by endpoint and egress."""
        self.pairings: dict[tuple[str, str], Pairing] = {}
        self.kills: dict[tuple[str, int], LabLog] = {}
        """The lab's log by egress and local port."""
        self.path: list[PathFact] = []
        self.absences: Counter[tuple[Cohort, Initiator]] = Counter()
        """Sessions that this host's or stresser's own absence ended: no drops."""
        self.proved_alive: Counter[Cohort] = Counter()
        """Sessions that answered when the plan ended them."""
        self.ponged: Counter[Cohort] = Counter()
        """Sessions that had an answer to a ping."""
        self.unproved: Counter[Cohort] = Counter()
        """Sessions that the plan ended, and nothing shows that they lived then."""
        self.beyond = 0
        self._suspects: dict[int, str] = {}
        """Chains that look like an interceptor's, by open session."""
        self._shared: dict[str, SharedChains] = {}
        self._kept = 0

    def watch(self, events: Iterable[AnyEvent]) -> Iterator[AnyEvent]:
        """Pass events on and remember what they show."""
        for event in events:
            self.event(event)
            yield event

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
                log = LabLog(event.egress, event.rule, event.idle_ns)
                self.kills[event.egress, event.client_port] = log
            case PathChanged() if len(self.path) < _MOST_CHANGES:
                words = f"{event.change.value.replace('_', ' ')} {event.detail}"[:_LONGEST]
                self.path.append(PathFact(event.t_ns, words, event.interface or ""))
            case _:
                pass

    def pairing(self, endpoint: str, egress: str) -> Pairing:
        """What is known of one endpoint through one egress."""
        return self.pairings.setdefault((endpoint, egress), Pairing(set(), set(), set(), []))

    def _opened(self, event: SessionOpened) -> None:
        if self._kept < _MOST_OPEN:
            self._kept += 1
            self.opened.setdefault((event.endpoint, event.egress), []).append(event.t_ns)
        self._shaken(event, event.tls)
        if event.tls.intercepted and len(self._suspects) < _MOST_OPEN:
            self._suspects[event.session] = event.tls.chain
        known = self.pairing(event.endpoint, event.egress)
        _keep(known.addresses, event.remote.rpartition(":")[0])
        if not (event.tls.intercepted and self._accuses(event, event.tls.chain)):
            _keep(known.chains, event.tls.chain)
        if event.proxy is not None:
            _keep(known.proxies, event.proxy)
        if event.resolved_by is ResolvedBy.PROXY and not known.by_proxy:
            known.by_proxy.append(True)

    def _shaken(self, event: CohortEvent, tls: TlsFacts) -> None:
        if tls.chain_class is not None and len(self._shared) < _MOST_OPEN:
            shared = self._shared.setdefault(event.endpoint, SharedChains())
            shared.saw(event.egress, tls.chain)

    def _accuses(self, event: CohortEvent, chain: str) -> bool:
        """A chain that every egress shows is no interceptor's."""
        shared = self._shared.get(event.endpoint)
        return shared is None or not shared.is_shared(chain)

    def _ended(self, event: SessionEnded) -> None:
        suspect = self._suspects.pop(event.session, None)
        intercepted = suspect is not None and self._accuses(event, suspect)
        ending = event.ending
        self.ponged[event.cohort] += event.pongs > 0
        if ending.planned:
            is_proved = ending.proved is Proof.ALIVE
            (self.proved_alive if is_proved else self.unproved)[event.cohort] += 1
        elif ending.no_drop in {NoDrop.HOST_SLEPT, NoDrop.HOST_UNFIT}:
            self.absences[event.cohort, Initiator.HOST] += 1
        elif ending.no_drop is NoDrop.TOOL:
            self.absences[event.cohort, Initiator.TOOL] += 1
        elif ending.is_drop and len(self.drops) < MOST_FACTS:
            self.drops[event.session] = _fact(event, intercepted=intercepted)
        elif ending.is_drop:
            self.beyond += 1

    def _failed(self, event: AttemptFailed) -> None:
        known = self.pairing(event.endpoint, event.egress)
        if event.proxy is not None:
            _keep(known.proxies, event.proxy)
        elif event.remote is not None:
            _keep(known.addresses, event.remote.rpartition(":")[0])
        if len(self.failures) >= MOST_FACTS:
            self.beyond += 1
            return
        intercepted = False
        if event.tls is not None:
            self._shaken(event, event.tls)
            intercepted = event.tls.intercepted and self._accuses(event, event.tls.chain)
        began_ns = max(event.ending.dead_by_ns - event.ending.age_ns, 0)
        fact = _fact(event, intercepted=intercepted)
        self.failures.append(FailureFact(len(self.failures), began_ns, fact))


def _keep(texts: set[str], text: str) -> None:
    if text and len(texts) < _MOST_ADDRESSES:
        texts.add(text[:_LONGEST])


def _fact(event: Ended, *, intercepted: bool) -> EndingFact:
    ending, evidence = event.ending, event.ending.evidence
    origin = evidence.provenance
    headers = {name.lower(): value[:_LONGEST] for name, value in evidence.headers.items()}
    pings, pongs = (event.pings, event.pongs) if isinstance(event, SessionEnded) else (0, 0)
    return EndingFact(
        attempt=event.attempt,
        cohort=event.cohort,
        utc=event.utc,
        t_ns=event.t_ns,
        phase=ending.phase,
        kind=ending.kind,
        failure=(ending.failure or "")[:_LONGEST],
        initiator=ending.initiator,
        grade=ending.grade,
        rules=frozenset(evidence.why),
        local=event.local or "",
        remote=(event.remote or "")[:_LONGEST],
        proxy=event.proxy,
        code=ending.code,
        reason=(ending.reason or "")[:_LONGEST],
        status=ending.status,
        alert=ending.alert,
        raw=(ending.raw or "")[:_LONGEST],
        seen=(evidence.first_bytes or "")[:_LONGEST],
        headers=headers,
        looks=_looks(event.cohort, evidence.looks),
        is_strangers=_is_strangers(origin),
        was_reset_before=origin is not None and origin.resets > 1 and origin.ignored > 0,
        is_gateways=_is_gateways(origin),
        is_owners=origin is not None and origin.shape is Shape.SOCKET,
        intercepted=intercepted,
        chain=event.tls.chain if isinstance(event, AttemptFailed) and event.tls else "",
        pings=pings,
        pongs=pongs,
    )


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


def _looks(cohort: Cohort, looks: Iterable[FreshConnection]) -> Looks:
    own: set[FreshResult] = set()
    others: set[FreshResult] = set()
    elsewhere: set[FreshResult] = set()
    for look in looks:
        is_own_egress = look.egress == cohort.egress
        if look.endpoint == cohort.endpoint:
            (own if is_own_egress else others).add(look.result)
        elif is_own_egress:
            elsewhere.add(look.result)
    return Looks(frozenset(own), frozenset(others), frozenset(elsewhere))
