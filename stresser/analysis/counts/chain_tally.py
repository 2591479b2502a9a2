"""Which certificate chains each endpoint showed through each egress, and when: event by event.

Memory is bounded: a peer may make a chain for each session.
"""

from collections.abc import Iterator
from typing import NamedTuple

from stresser.model.chain import ChainClass, ChainRoot, TlsFacts
from stresser.model.cohort import Pair
from stresser.model.events import AttemptFailed, ChainSeen, CohortEvent, SessionOpened
from stresser.model.shared_chains import SharedChains

_MOST_PAIRS = 10_000
_MOST_CHAINS_A_PAIR = 32
_MOST_CHAINS = 4096
_MOST_WORDS = 8
_LONGEST_WORD = 40
_TEXT_LIMIT = 256


class ChainNotes(NamedTuple):
    """What `chain_seen` said of a chain, as far as findings need it."""

    chain_class: ChainClass | None
    root: ChainRoot | None
    intercepted: bool
    why: str
    product: str | None
    product_is_weak: bool
    issuer: str
    organisation: str | None
    spki: str | None
    scts: int | None
    names_match: bool | None
    """The leaf is for the name that was asked for."""
    missing_issuer: str | None
    issuer_url: str | None

    @property
    def source(self) -> str:
        """Who stands for it: the issuer's organisation, else the issuer."""
        return self.organisation or self.issuer


class ChainUse:
    """One chain on one pair."""

    __slots__ = ("count", "first_ns", "intercepted", "last_ns")

    def __init__(self, t_ns: int) -> None:
        self.count = 0
        self.intercepted = 0
        self.first_ns = self.last_ns = t_ns

    def add(self, t_ns: int, *, intercepted: bool) -> None:
        """Count one handshake."""
        self.count += 1
        self.intercepted += intercepted
        self.first_ns, self.last_ns = min(self.first_ns, t_ns), max(self.last_ns, t_ns)


class PairTally:
    """The handshakes of one pair. `shared`: which chains its endpoint shows through all of them."""

    def __init__(self, shared: SharedChains) -> None:
        self.shared = shared
        self.judged = 0
        """Handshakes whose chain was judged."""
        self.chains: dict[str, ChainUse] = {}
        self.more_chains = 0
        """Handshakes with chains that the table had no room for."""
        self.more_intercepted = 0
        self.versions: set[str] = set()
        self.alpns: set[str] = set()
        self.least_connect_ns: int | None = None
        """The shortest TCP handshake; None: none was timed, or it was with a proxy."""
        self.least_tls_ns: int | None = None

    def add(self, tls: TlsFacts, t_ns: int) -> None:
        """Count one handshake."""
        if tls.chain_class is None:
            return
        self.judged += 1
        self._keep_word(self.versions, tls.version)
        self._keep_word(self.alpns, tls.alpn or "none")
        use = self.chains.get(tls.chain)
        if use is None and len(self.chains) >= _MOST_CHAINS_A_PAIR:
            self.more_chains += 1
            self.more_intercepted += tls.intercepted
            return
        if use is None:
            use = self.chains[tls.chain] = ChainUse(t_ns)
        use.add(t_ns, intercepted=tls.intercepted)

    def time(self, phases_ns: dict[str, int]) -> None:
        """Keep the shortest TCP and TLS handshakes of an attempt that opened."""
        connect, tls = phases_ns.get("connect"), phases_ns.get("tls")
        if connect is None or tls is None or any(name.startswith("proxy") for name in phases_ns):
            return
        self.least_connect_ns = min(connect, self.least_connect_ns or connect)
        self.least_tls_ns = min(tls, self.least_tls_ns or tls)

    @property
    def intercepted(self) -> int:
        """Handshakes with an interceptor's chain. A chain that every egress shows is not one's."""
        return self.more_intercepted + sum(use.intercepted for use in self.accused)

    @property
    def accused(self) -> list[ChainUse]:
        """The interceptors' chains among `chains`."""
        return [
            use
            for chain, use in self.chains.items()
            if use.intercepted and not self.shared.is_shared(chain)
        ]

    @property
    def undeclared(self) -> list[str]:
        """Chains of a private root that look like an interceptor's, and that every egress shows."""
        return [
            chain
            for chain, use in self.chains.items()
            if use.intercepted and self.shared.is_shared(chain)
        ]

    @property
    def is_clean(self) -> bool:
        """Chains were judged, and none of them looks like an interceptor's."""
        looks_it = self.more_intercepted or any(use.intercepted for use in self.chains.values())
        return self.judged > 0 and not looks_it

    @staticmethod
    def _keep_word(words: set[str], word: str) -> None:
        if len(words) < _MOST_WORDS:
            words.add(word[:_LONGEST_WORD])


class ChainTally:
    """All pairs of a run."""

    def __init__(self) -> None:
        self.pairs: dict[Pair, PairTally] = {}
        self._notes: dict[tuple[str, str], ChainNotes] = {}
        self._shared: dict[str, SharedChains] = {}

    def event(self, event: CohortEvent) -> None:
        """Count one event of a cohort."""
        pair = event.cohort.pair
        if isinstance(event, SessionOpened) and event.tls is not None:
            self.handshake(pair, event.tls, event.t_ns, event.phases_ns)
        elif isinstance(event, AttemptFailed) and event.tls is not None:
            self.handshake(pair, event.tls, event.t_ns, {})
        elif isinstance(event, ChainSeen) and len(self._notes) < _MOST_CHAINS:
            self._notes[event.endpoint, event.chain] = _notes_of(event)

    def handshake(self, pair: Pair, tls: TlsFacts, t_ns: int, phases_ns: dict[str, int]) -> None:
        """Count one handshake. `phases_ns`: of an attempt that opened; else empty."""
        tally = self._pair(pair)
        if tally is not None:
            if tls.chain_class is not None:
                tally.shared.saw(pair.egress, tls.chain)
            tally.add(tls, t_ns)
            tally.time(phases_ns)

    def shared(self, endpoint: str) -> SharedChains:
        """Which chains an endpoint shows through all its egresses; kept up to date."""
        found = self._shared.get(endpoint)
        if found is None:
            found = SharedChains()
            if len(self._shared) < _MOST_PAIRS:
                self._shared[endpoint] = found
        return found

    def notes(self, endpoint: str, chain: str) -> ChainNotes | None:
        """What is known of a chain that an endpoint showed."""
        found = self._notes.get((endpoint, chain))
        if found is None or not found.intercepted or not self.shared(endpoint).is_shared(chain):
            return found
        return found._replace(intercepted=False)

    def pairs_to(self, endpoint: str) -> Iterator[tuple[Pair, PairTally]]:
        """The egresses to one endpoint through which a chain was judged."""
        for pair, figures in self.pairs.items():
            if pair.endpoint == endpoint and figures.judged:
                yield pair, figures

    @property
    def endpoints(self) -> list[str]:
        """All endpoints, in the order in which they were met."""
        return list(dict.fromkeys(pair.endpoint for pair in self.pairs))

    def _pair(self, pair: Pair) -> PairTally | None:
        tally = self.pairs.get(pair)
        if tally is None and len(self.pairs) < _MOST_PAIRS:
            tally = self.pairs[pair] = PairTally(self.shared(pair.endpoint))
        return tally


def _notes_of(event: ChainSeen) -> ChainNotes:
    return ChainNotes(
        chain_class=event.chain_class,
        root=event.root,
        intercepted=event.intercepted,
        why=(event.why or "")[: 2 * _TEXT_LIMIT],
        product=event.product,
        product_is_weak=event.product_is_weak,
        issuer=(event.issuer or "an unreadable issuer")[:_TEXT_LIMIT],
        organisation=event.issuer_organisation and event.issuer_organisation[:_TEXT_LIMIT],
        spki=event.spki_sha256,
        scts=event.scts,
        names_match=event.names_match,
        missing_issuer=event.missing_issuer and event.missing_issuer[:_TEXT_LIMIT],
        issuer_url=event.issuer_url and event.issuer_url[:_TEXT_LIMIT],
    )
