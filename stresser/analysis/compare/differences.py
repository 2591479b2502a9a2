"""What else differs between two sides: kinds of drops, TLS versions, chains, addresses.

Descriptions, not tests: they say what was seen on which side.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from msgspec import Struct

from stresser.analysis.compare.side_timer import side_timer
from stresser.analysis.compare.sides import Held, Side
from stresser.analysis.words.endings import counted, kind_words
from stresser.model.ending import Kind
from stresser.model.units import escaped

_MOST_NAMED = 3
_MOST_ENDPOINTS = 50


class Difference(Struct, frozen=True, kw_only=True):
    """Something that is not alike on both sides, in words."""

    what: str
    baseline: str
    candidate: str


def compare_properties(baseline: Side, candidate: Side, both: Sequence[Held]) -> list[Difference]:
    """All that differs; of many endpoints the first fifty are reported one by one."""
    found = [
        *_differing("kinds of drops", _kinds(baseline), _kinds(candidate)),
        *_differing("timers", _timer(baseline), _timer(candidate)),
        *_differing(
            "TLS versions", _names(baseline, "tls_versions"), _names(candidate, "tls_versions")
        ),
    ]
    for endpoint in sorted({held.endpoint for held in both})[:_MOST_ENDPOINTS]:
        here = [held for held in both if held.endpoint == endpoint]
        found += _of_endpoint(endpoint, baseline.of(here), candidate.of(here))
    return found


def other_addresses(baseline: Side, candidate: Side) -> bool:
    """Whether both sides met addresses, and none alike."""
    ours, theirs = set(baseline.counter("addresses")), set(candidate.counter("addresses"))
    return bool(ours) and bool(theirs) and not ours & theirs


def _of_endpoint(endpoint: str, ours: Side, theirs: Side) -> Iterator[Difference]:
    name = escaped(endpoint, 60)
    if set(ours.counter("chains")) != set(theirs.counter("chains")):
        yield from _differing(
            f"certificate chain of {name}", _chain(ours), _chain(theirs), is_known=True
        )
    if other_addresses(ours, theirs):
        yield from _differing(
            f"addresses of {name}", _names(ours, "addresses"), _names(theirs, "addresses")
        )


def _differing(
    what: str, baseline: str, candidate: str, *, is_known: bool = False
) -> Iterator[Difference]:
    if (is_known or baseline != candidate) and (baseline or candidate):
        yield Difference(what=what, baseline=baseline or "none", candidate=candidate or "none")


def _kinds(side: Side) -> str:
    kinds: Counter[Kind] = Counter()
    for kind, group in side.tally.drop_groups.items():
        kinds[kind] += group.count
    return ", ".join(f"{n:,} {kind_words(kind, n)}" for kind, n in kinds.most_common(_MOST_NAMED))


def _timer(side: Side) -> str:
    found = side_timer(side)
    return "" if found is None else f"{found.of:,} of {found.incidents:,} {found.words}"


def _names(side: Side, counter: str) -> str:
    """The names alone: how many sessions each had differs by chance."""
    names = side.counter(counter)
    shown = sorted(escaped(name, 60) for name, _ in names.most_common(_MOST_NAMED))
    more = len(names) - len(shown)
    return ", ".join([*shown, *([f"{more} more"] if more > 0 else [])])


def _chain(side: Side) -> str:
    """Who issued what was served, and whether it verifies."""
    issuers = [
        f"{_issuer(side, chain)} ({counted(sessions, 'session')})"
        for chain, sessions in side.counter("chains").most_common(_MOST_NAMED)
    ]
    problems = [escaped(text, 80) for text, _ in side.counter("problems").most_common() if text]
    bad = f"; does not verify: {problems[0]}" if problems else ""
    return ", ".join(issuers) + bad


def _issuer(side: Side, chain: str) -> str:
    for part in side.parts:
        seen = part.facts.tally.chains.get(chain)
        if seen is not None and seen.certificates:
            issuer = seen.certificates[0].get("issuer")
            return f"issued by {escaped(str(issuer), 80)}"
    return f"chain {escaped(chain, 16)}"
