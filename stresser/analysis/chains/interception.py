"""Who ends TLS through each egress, as values; `accusations.py` puts them into words.

The verdict is a matter of trust (`net/trust.py`); a product's name and the signs never make one.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from stresser.analysis.counts.chain_tally import ChainNotes, ChainTally, PairTally
from stresser.model.chain import ChainClass
from stresser.model.cohort import Pair
from stresser.model.units import NS_PER_MS, format_duration

_FEWEST_ENDPOINTS = 2
_FAR_TIMES = 8
_FAR_NS = 5 * NS_PER_MS
"""TLS that takes this many times as long as TCP, and this much longer, was answered farther off."""
_GOOD = frozenset({ChainClass.PUBLIC, ChainClass.DECLARED})


class SignKind(StrEnum):
    """What supports a verdict. None of them would do alone."""

    NO_SCTS = "no_scts"
    FEWER_SCTS = "fewer_scts"
    LOWER_VERSION = "lower_version"
    LOST_ALPN = "lost_alpn"
    NEAR_TCP = "near_tcp"


class Sign(Struct, frozen=True, kw_only=True):
    """One sign, with what was seen here and there. Texts may be a peer's: not yet escaped."""

    kind: SignKind
    egress: str = ""
    """The other egress, where `theirs` was seen."""
    ours: str = ""
    theirs: str = ""


class Likeness(Struct, frozen=True, kw_only=True):
    """The inspection product that an issuer is named like."""

    product: str
    is_weak: bool


class Intercepted(Struct, frozen=True, kw_only=True):
    """Somebody ends TLS to this endpoint through this egress."""

    pair: Pair
    handshakes: int
    of_handshakes: int
    first_ns: int | None
    """When the first such chain was seen, from the start of the run; None: it was not kept."""
    likeness: Likeness | None
    clean_egresses: tuple[str, ...]
    """Those through which every chain verifies by a public or a declared root."""
    why: str | None
    """What the verdict rests on; None: the record does not describe the chain."""
    signs: tuple[Sign, ...]


class Suspected(Struct, frozen=True, kw_only=True):
    """An unknown root accuses no one; something beside it makes one ask."""

    pair: Pair
    likeness: Likeness | None
    clean_egress: str | None
    """The endpoint's chain verifies through this one."""
    why: str


class OneIssuer(Struct, frozen=True, kw_only=True):
    """One private issuer signs, through one egress, for endpoints of unrelated domains."""

    egress: str
    issuer: str
    endpoints: tuple[str, ...]
    """One of each domain."""


class Undeclared(Struct, frozen=True, kw_only=True):
    """The same chain of an undeclared private root came through every egress: no one is accused."""

    endpoint: str
    egresses: tuple[str, ...]
    handshakes: int
    likeness: Likeness | None
    why: str | None
    """What is known of its root; None: the record does not describe the chain."""


Accusation: TypeAlias = Intercepted | Suspected | OneIssuer | Undeclared


def interceptions(chains: ChainTally, hosts: dict[str, str]) -> list[Accusation]:
    """What is found, by endpoint and egress. `hosts`: the host of each endpoint."""
    found: list[Accusation] = []
    for endpoint in chains.endpoints:
        pairs = list(chains.pairs_to(endpoint))
        for pair, figures in pairs:
            if figures.intercepted:
                found.append(_intercepted(pair, figures, pairs, chains))
            else:
                found += _suspected(pair, figures, pairs, chains)
        found += _undeclared(endpoint, pairs, chains)
    return [*found, *_one_issuer(chains, hosts)]


def _intercepted(
    pair: Pair, figures: PairTally, pairs: list[tuple[Pair, PairTally]], chains: ChainTally
) -> Intercepted:
    notes = [note for note in _notes(pair, figures, chains) if note.intercepted]
    return Intercepted(
        pair=pair,
        handshakes=figures.intercepted,
        of_handshakes=figures.judged,
        first_ns=_first_ns(figures),
        likeness=next((one for one in map(_likeness, notes) if one is not None), None),
        clean_egresses=tuple(w.egress for w, tally in pairs if _is_clean(w, tally, chains)),
        why=notes[0].why if notes else None,
        signs=tuple(_signs(figures, notes, pairs, chains)),
    )


def _is_clean(pair: Pair, figures: PairTally, chains: ChainTally) -> bool:
    """Not only unaccused: every chain there verifies by a public or a declared root."""
    return figures.is_clean and all(
        note.chain_class in _GOOD for note in _notes(pair, figures, chains)
    )


def _signs(
    figures: PairTally,
    notes: list[ChainNotes],
    pairs: list[tuple[Pair, PairTally]],
    chains: ChainTally,
) -> Iterator[Sign]:
    without_scts = bool(notes) and all(note.scts == 0 for note in notes)
    clean = [(other, tally) for other, tally in pairs if _is_clean(other, tally, chains)]
    if without_scts and not clean:
        yield Sign(kind=SignKind.NO_SCTS)
    for other, tally in clean[:1]:
        scts = max((note.scts or 0 for note in _notes(other, tally, chains)), default=0)
        if without_scts and scts:
            yield Sign(kind=SignKind.FEWER_SCTS, egress=other.egress, theirs=str(scts))
        yield from _lower(figures, tally, other.egress)
    connect, tls = figures.least_connect_ns, figures.least_tls_ns
    if connect is None or tls is None:
        return
    if tls > max(_FAR_TIMES * connect, connect + _FAR_NS):
        times = format_duration(connect), format_duration(tls)
        yield Sign(kind=SignKind.NEAR_TCP, ours=times[0], theirs=times[1])


def _lower(figures: PairTally, other: PairTally, egress: str) -> Iterator[Sign]:
    version, theirs = max(figures.versions, default=""), max(other.versions, default="")
    if version and theirs and version < theirs:
        yield Sign(kind=SignKind.LOWER_VERSION, egress=egress, ours=version, theirs=theirs)
    if figures.alpns == {"none"} and "none" not in other.alpns and other.alpns:
        yield Sign(kind=SignKind.LOST_ALPN, egress=egress, theirs=", ".join(sorted(other.alpns)))


def _suspected(
    pair: Pair, figures: PairTally, pairs: list[tuple[Pair, PairTally]], chains: ChainTally
) -> Iterator[Suspected]:
    untrusted = ChainClass.PRIVATE_UNTRUSTED
    notes = [n for n in _notes(pair, figures, chains) if n.chain_class is untrusted]
    clean = [other.egress for other, tally in pairs if _is_clean(other, tally, chains)]
    if notes and (clean or notes[0].product is not None):
        yield Suspected(
            pair=pair,
            likeness=_likeness(notes[0]),
            clean_egress=clean[0] if clean else None,
            why=notes[0].why,
        )


def _undeclared(
    endpoint: str, pairs: list[tuple[Pair, PairTally]], chains: ChainTally
) -> Iterator[Undeclared]:
    shared = dict.fromkeys(chain for _, figures in pairs for chain in figures.undeclared)
    if not shared:
        return
    notes = [note for chain in shared if (note := chains.notes(endpoint, chain)) is not None]
    yield Undeclared(
        endpoint=endpoint,
        egresses=chains.shared(endpoint).egresses,
        handshakes=sum(f.chains[chain].count for _, f in pairs for chain in f.undeclared),
        likeness=next((one for one in map(_likeness, notes) if one is not None), None),
        why=notes[0].why if notes else None,
    )


def _one_issuer(chains: ChainTally, hosts: dict[str, str]) -> Iterator[OneIssuer]:
    found: dict[tuple[str, str], dict[str, str]] = {}
    for pair, figures in chains.pairs.items():
        for note in _notes(pair, figures, chains):
            domain = _domain(hosts.get(pair.endpoint, ""))
            if note.intercepted and domain:
                found.setdefault((pair.egress, note.issuer), {}).setdefault(domain, pair.endpoint)
    for (egress, issuer), endpoints in found.items():
        if len(endpoints) >= _FEWEST_ENDPOINTS:
            yield OneIssuer(egress=egress, issuer=issuer, endpoints=tuple(endpoints.values()))


def _domain(host: str) -> str:
    """The last two labels; empty for what has none. Wrong for co.uk and the like: then too few."""
    labels = host.split(".")
    return ".".join(labels[-2:]) if len(labels) > 1 and not labels[-1].isdigit() else ""


def _likeness(note: ChainNotes) -> Likeness | None:
    if note.product is None:
        return None
    return Likeness(product=note.product, is_weak=note.product_is_weak)


def _notes(pair: Pair, figures: PairTally, chains: ChainTally) -> list[ChainNotes]:
    known = (chains.notes(pair.endpoint, chain) for chain in figures.chains)
    return [note for note in known if note is not None]


def _first_ns(figures: PairTally) -> int | None:
    return min((use.first_ns for use in figures.accused), default=None)
