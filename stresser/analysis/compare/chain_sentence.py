"""What the certificate chains of two sides say about who ends TLS, in one sentence or none."""

from collections.abc import Iterator

from stresser.analysis.compare.sides import Side
from stresser.model.events import ChainSeen
from stresser.model.units import escaped

_PRODUCT = 80
_PROBLEM = 80


def chains_in_words(
    baseline: Side, candidate: Side, baseline_name: str, candidate_name: str
) -> Iterator[str]:
    """Interception where a side has it; else a chain that verifies on one side alone.

    Example: `TLS is intercepted on vpn (consistent with Zscaler), not on direct.`
    """
    ours, theirs = baseline.tally.intercepted, candidate.tally.intercepted
    if ours and theirs:
        yield f"TLS is intercepted on both sides{_product(candidate)}."
    elif theirs:
        yield from _intercepted(candidate, baseline, candidate_name, baseline_name)
    elif ours:
        yield from _intercepted(baseline, candidate, baseline_name, candidate_name)
    else:
        yield from _unverified(candidate, baseline, candidate_name, baseline_name)
        yield from _unverified(baseline, candidate, baseline_name, candidate_name)


def _intercepted(side: Side, other: Side, name: str, other_name: str) -> Iterator[str]:
    hit, judged = side.tally.intercepted, side.tally.judged
    extent = "" if hit == judged else f" in {hit:,} of {judged:,} handshakes"
    contrast = f", not on {other_name}" if other.tally.judged else ""
    yield f"TLS is intercepted on {name}{extent}{_product(side)}{contrast}."


def _product(side: Side) -> str:
    """Of the interceptor's chain that most sessions were served; empty where no name is known."""
    for chain, _ in side.counter("chains").most_common():
        seen = _seen(side, chain)
        if seen is not None and seen.intercepted and seen.product:
            weak = ", by a weak likeness of names" if seen.product_is_weak else ""
            return f" (consistent with {escaped(seen.product, _PRODUCT)}{weak})"
    return ""


def _seen(side: Side, chain: str) -> ChainSeen | None:
    for part in side.parts:
        if chain in part.facts.tally.chains:
            return part.facts.tally.chains[chain]
    return None


def _unverified(side: Side, other: Side, name: str, other_name: str) -> Iterator[str]:
    """A chain that does not verify on one side, while all do on the other."""
    bad = side.counter("problems")
    del bad[""]
    fine = other.counter("problems")
    if bad and fine and set(fine) == {""}:
        [(problem, _)] = bad.most_common(1)
        yield (
            f"The TLS chain does not verify on {name} ({escaped(problem, _PROBLEM)}), it does on"
            f" {other_name}."
        )
