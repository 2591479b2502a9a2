"""Chains that differ where one would expect the same: through one egress, and between egresses.

Services with many servers show several certificates of one issuer, and renew them: other keys
alone say nothing. Another issuer, another kind of root and missing timestamps say more.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from stresser.analysis.counts.chain_tally import ChainNotes, ChainTally, PairTally
from stresser.model.chain import ChainClass
from stresser.model.cohort import Pair


class ChainKind(NamedTuple):
    """Chains that are alike but for their keys and dates."""

    verdict: str
    source: str
    has_scts: bool
    intercepted: bool


class ChangeKind(StrEnum):
    """What differs."""

    SINCE = "since"
    """One egress showed one kind of chain, and from a moment on another."""
    IN_TURN = "in_turn"
    """One egress showed several kinds in turn."""
    VERSIONS = "versions"
    """One egress showed several chains of one kind."""
    BY_EGRESS = "by_egress"
    """Egresses showed different kinds."""
    KEYS_BY_EGRESS = "keys_by_egress"
    """Egresses showed one kind, with different keys."""


class ChainChange(Struct, frozen=True, kw_only=True):
    """One difference between the chains that an endpoint showed."""

    kind: ChangeKind
    endpoint: str
    egresses: tuple[str, ...]
    kinds: tuple[ChainKind, ...]
    """In the order of time; of `BY_EGRESS` one for each egress."""
    handshakes: tuple[int, ...] = ()
    """With each of `kinds`."""
    since_ns: int = 0
    versions: int = 0
    keys: int = 0
    more: int = 0
    """Handshakes with chains that there was no room to keep."""


class _Seen:
    """How often and when a pair showed chains of one kind."""

    def __init__(self) -> None:
        self.count = 0
        self.keys: set[str] = set()
        self.first_ns = 2**63
        self.last_ns = 0


def chain_changes(chains: ChainTally) -> list[ChainChange]:
    """What differs, by endpoint: through each egress, then between them."""
    found: list[ChainChange] = []
    for endpoint in chains.endpoints:
        pairs = list(chains.pairs_to(endpoint))
        for pair, figures in pairs:
            found += _within(pair, figures, chains)
        found += _between(endpoint, pairs, chains)
    return found


def _within(pair: Pair, figures: PairTally, chains: ChainTally) -> Iterator[ChainChange]:
    seen = _kinds(pair, figures, chains)
    in_order = sorted(seen.items(), key=lambda item: item[1].first_ns)
    if not seen or (len(seen) == 1 and len(figures.chains) == 1 and not figures.more_chains):
        return
    kind, since_ns = ChangeKind.IN_TURN, 0
    if len(seen) == 1:
        kind = ChangeKind.VERSIONS
    elif len(seen) == 2 and in_order[0][1].last_ns < in_order[1][1].first_ns:  # noqa: PLR2004 - before and after
        kind, since_ns = ChangeKind.SINCE, in_order[1][1].first_ns
    yield ChainChange(
        kind=kind,
        endpoint=pair.endpoint,
        egresses=(pair.egress,),
        kinds=tuple(one for one, _ in in_order),
        handshakes=tuple(one.count for _, one in in_order),
        since_ns=since_ns,
        versions=len(figures.chains),
        keys=len({key for one in seen.values() for key in one.keys}),
        more=figures.more_chains,
    )


def _between(
    endpoint: str, pairs: list[tuple[Pair, PairTally]], chains: ChainTally
) -> Iterator[ChainChange]:
    kinds = {pair.egress: _kinds(pair, figures, chains) for pair, figures in pairs}
    main = {egress: _commonest(seen) for egress, seen in kinds.items() if seen}
    if len(main) < 2:  # noqa: PLR2004 - a difference takes two
        return
    egresses, shown = tuple(main), tuple(main.values())
    if len(set(shown)) > 1:
        if not _is_said_elsewhere(shown):
            kind = ChangeKind.BY_EGRESS
            yield ChainChange(kind=kind, endpoint=endpoint, egresses=egresses, kinds=shown)
        return
    keys = [frozenset(key for one in seen.values() for key in one.keys) for seen in kinds.values()]
    if all(keys) and not frozenset.intersection(*keys):
        kind = ChangeKind.KEYS_BY_EGRESS
        yield ChainChange(kind=kind, endpoint=endpoint, egresses=egresses, kinds=shown[:1])


def _is_said_elsewhere(kinds: Iterable[ChainKind]) -> bool:
    """`interception.py` finds it."""
    verdicts = {kind.verdict for kind in kinds}
    is_suspected = ChainClass.PRIVATE_UNTRUSTED in verdicts and not verdicts.isdisjoint(
        {ChainClass.PUBLIC, ChainClass.DECLARED}
    )
    return is_suspected or any(kind.intercepted for kind in kinds)


def _commonest(seen: dict[ChainKind, _Seen]) -> ChainKind:
    return max(seen, key=lambda kind: seen[kind].count)


def _kinds(pair: Pair, figures: PairTally, chains: ChainTally) -> dict[ChainKind, _Seen]:
    seen: dict[ChainKind, _Seen] = {}
    for chain, use in figures.chains.items():
        note = chains.notes(pair.endpoint, chain)
        if note is None:
            continue
        one = seen.setdefault(_kind_of(note), _Seen())
        one.count += use.count
        one.keys.add(note.spki or chain)
        one.first_ns, one.last_ns = min(one.first_ns, use.first_ns), max(one.last_ns, use.last_ns)
    return seen


def _kind_of(note: ChainNotes) -> ChainKind:
    verdict = "not judged" if note.chain_class is None else note.chain_class.value
    return ChainKind(verdict, note.source, bool(note.scts), note.intercepted)
