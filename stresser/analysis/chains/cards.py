"""The certificate chains of a run as a report shows them: what was served where, and since when."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from stresser.analysis.counts.run_tally import Tally
from stresser.model.events import ChainSeen
from stresser.model.units import escaped, format_duration

_MOST_CHAINS = 200
_MOST_CERTIFICATES = 10
_MOST_PAIRS = 40
_LONGEST = 256


class CertificateFigures(Struct, frozen=True, kw_only=True):
    """One certificate."""

    subject: str
    issuer: str
    not_before: str
    not_after: str
    sha256: str


class ChainCard(Struct, frozen=True, kw_only=True):
    """One chain. All texts are cut and escaped."""

    chain: str
    verdict: str
    intercepted: bool
    verified: bool
    problem: str | None
    why: str | None
    product: str | None
    file: str | None
    ways: list[str]
    """Where it was served, how often, from when to when."""
    certificates: list[CertificateFigures]


def chain_cards(tally: Tally) -> tuple[list[ChainCard], int]:
    """The chains, interceptors' first, and how many more there are."""
    first = sorted(
        tally.chains.values(), key=lambda seen: (not _is_accused(seen, tally), seen.verified)
    )
    return [_card(seen, tally) for seen in first[:_MOST_CHAINS]], len(first[_MOST_CHAINS:])


def _card(seen: ChainSeen, tally: Tally) -> ChainCard:
    return ChainCard(
        chain=_text(seen.chain),
        verdict=seen.chain_class.value.replace("_", " ") if seen.chain_class else "not judged",
        intercepted=_is_accused(seen, tally),
        verified=seen.verified,
        problem=_optional(seen.problem),
        why=_optional(seen.why),
        product=_optional(seen.product),
        file=_optional(seen.file),
        ways=list(_served(seen, tally))[:_MOST_PAIRS],
        certificates=[_certificate(one) for one in seen.certificates[:_MOST_CERTIFICATES]],
    )


def _is_accused(seen: ChainSeen, tally: Tally) -> bool:
    return seen.intercepted and not tally.served.shared(seen.endpoint).is_shared(seen.chain)


def _served(seen: ChainSeen, tally: Tally) -> Iterator[str]:
    for pair, figures in tally.served.pairs.items():
        use = figures.chains.get(seen.chain)
        if use is not None:
            first, last = format_duration(use.first_ns), format_duration(use.last_ns)
            yield _text(
                f"{pair.endpoint} through {pair.egress}: {use.count:,} handshakes,"
                f" {first} to {last} into the run"
            )


def _certificate(facts: Mapping[str, Any]) -> CertificateFigures:
    def named(key: str) -> str:
        return _text(str(facts.get(key, "?")))

    return CertificateFigures(
        subject=named("subject"),
        issuer=named("issuer"),
        not_before=named("not_before"),
        not_after=named("not_after"),
        sha256=named("sha256"),
    )


def _optional(text: str | None) -> str | None:
    return None if text is None else _text(text)


def _text(text: str) -> str:
    return escaped(text, _LONGEST)
