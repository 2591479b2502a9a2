"""Chains that differ where one would expect the same: through one egress, and between egresses.

Services with many servers show several certificates of one issuer, and renew them: other keys
alone say nothing. Another issuer, another kind of root and missing timestamps say more. The
sentences tell what differs and draw no conclusion beyond it.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from stresser.analysis.counts.chain_tally import ChainNotes, ChainTally, PairTally
from stresser.analysis.words.endings import counted
from stresser.model.chain import ChainClass
from stresser.model.cohort import Pair
from stresser.model.units import escaped, format_duration

_NAME = 40
_MOST_KINDS = 4
_ONE_OF_MANY = "as the servers of one service do; by itself it shows no interception"


class _Kind(NamedTuple):
    """Chains that are alike but for their keys and dates."""

    verdict: str
    source: str
    has_scts: bool
    intercepted: bool


class _Seen:
    """How often and when a pair showed chains of one kind."""

    def __init__(self) -> None:
        self.count = 0
        self.keys: set[str] = set()
        self.first_ns = 2**63
        self.last_ns = 0


def chain_changes(chains: ChainTally) -> list[str]:
    """What differs, one sentence for each pair or endpoint."""
    said: list[str] = []
    for endpoint in chains.endpoints:
        pairs = list(chains.pairs_to(endpoint))
        for pair, figures in pairs:
            said += _within(pair, figures, chains)
        said += _between(endpoint, pairs, chains)
    return said


def _within(pair: Pair, figures: PairTally, chains: ChainTally) -> Iterator[str]:
    seen = _kinds(pair, figures, chains)
    where = f"The chain of {_shown(pair.endpoint)} through {_shown(pair.egress)}"
    more = (
        f" (and {figures.more_chains:,} handshakes with yet others)" if figures.more_chains else ""
    )
    if len(seen) > 1:
        yield f"{where} {_changed(seen)}{more}."
    elif seen and (len(figures.chains) > 1 or more):
        ((kind, one),) = seen.items()
        keys = "with one key" if len(one.keys) == 1 else f"with {len(one.keys)} different keys"
        yield (
            f"{where} came in {len(figures.chains)} versions{more}, all {_kind(kind)}, {keys}: "
            f"{_ONE_OF_MANY}."
        )


def _changed(seen: dict[_Kind, _Seen]) -> str:
    """`changed 12 m into the run: ...`, or that both kinds came in turn."""
    in_order = sorted(seen.items(), key=lambda item: item[1].first_ns)
    (_, first), (_, second) = in_order[:2]
    parts = [f"{_kind(kind)} in {counted(one.count, 'handshake')}" for kind, one in in_order]
    if len(in_order) == 2 and first.last_ns < second.first_ns:  # noqa: PLR2004 - before and after
        since = format_duration(second.first_ns)
        return f"changed, first seen {since} into the run: before {parts[0]}, since then {parts[1]}"
    rest = len(parts) - _MOST_KINDS
    shown = "; ".join(parts[:_MOST_KINDS]) + (f"; {rest} more" if rest > 0 else "")
    return f"was not always of one kind, in turn: {shown}"


def _between(
    endpoint: str, pairs: list[tuple[Pair, PairTally]], chains: ChainTally
) -> Iterator[str]:
    if len(pairs) < 2:  # noqa: PLR2004 - a difference takes two
        return
    kinds = {pair.egress: _kinds(pair, figures, chains) for pair, figures in pairs}
    main = {egress: _commonest(seen) for egress, seen in kinds.items() if seen}
    if len(set(main.values())) > 1:
        if not _is_said_elsewhere(main.values()):
            parts = [f"through {_shown(egress)} {_kind(kind)}" for egress, kind in main.items()]
            yield f"The chain of {_shown(endpoint)} differs by egress: {'; '.join(parts[:6])}."
        return
    keys = [frozenset(key for one in seen.values() for key in one.keys) for seen in kinds.values()]
    if len(main) > 1 and all(keys) and not frozenset.intersection(*keys):
        egresses = ", ".join(_shown(egress) for egress in list(main)[:6])
        yield (
            f"{_shown(endpoint)} shows other keys by egress ({egresses}), all "
            f"{_kind(next(iter(main.values())))}: {_ONE_OF_MANY}."
        )


def _is_said_elsewhere(kinds: Iterable[_Kind]) -> bool:
    """`interception.py` has a sentence on it."""
    verdicts = {kind.verdict for kind in kinds}
    is_suspected = ChainClass.PRIVATE_UNTRUSTED in verdicts and not verdicts.isdisjoint(
        {ChainClass.PUBLIC, ChainClass.DECLARED}
    )
    return is_suspected or any(kind.intercepted for kind in kinds)


def _commonest(seen: dict[_Kind, _Seen]) -> _Kind:
    return max(seen, key=lambda kind: seen[kind].count)


def _kinds(pair: Pair, figures: PairTally, chains: ChainTally) -> dict[_Kind, _Seen]:
    seen: dict[_Kind, _Seen] = {}
    for chain, use in figures.chains.items():
        note = chains.notes(pair.endpoint, chain)
        if note is None:
            continue
        one = seen.setdefault(_kind_of(note), _Seen())
        one.count += use.count
        one.keys.add(note.spki or chain)
        one.first_ns, one.last_ns = min(one.first_ns, use.first_ns), max(one.last_ns, use.last_ns)
    return seen


def _kind_of(note: ChainNotes) -> _Kind:
    verdict = "not judged" if note.chain_class is None else note.chain_class.value
    return _Kind(verdict, note.source, bool(note.scts), note.intercepted)


def _kind(kind: _Kind) -> str:
    timestamps = "with SCTs" if kind.has_scts else "without SCTs"
    verdict = kind.verdict.replace("_", " and ")
    return f"{verdict}, issued by {escaped(kind.source, 80)}, {timestamps}"


def _shown(name: str) -> str:
    return escaped(name, _NAME)
