"""TLS that is intercepted: from the verdicts on chains, with no drop of its own.

A chain that this host does not trust says by itself nothing of who made it. It is an interceptor's
where another egress shows the endpoint's own at the same address: for its name, with another key
and from another issuer.
"""

from collections.abc import Iterator

from stresser.analysis.counts.chain_tally import Way, WayTally
from stresser.analysis.diagnosis.candidate import Candidate, Claims
from stresser.analysis.diagnosis.case_file import CaseFile
from stresser.analysis.diagnosis.diagnosis import Mechanism, Where
from stresser.analysis.words.endings import counted
from stresser.model.chain import ChainClass
from stresser.model.ending import Initiator, Kind
from stresser.model.units import escaped

_OWN = frozenset({ChainClass.PUBLIC, ChainClass.DECLARED})


def interception(case: CaseFile, claims: Claims) -> Iterator[Candidate]:
    """Each egress through which an interceptor's chain was served."""
    made_up = {
        (way, chain)
        for way, seen in case.chains.ways.items()
        for chain in seen.chains
        if _is_made_up(case, way, chain)
    }
    counts = {way: _count(way, seen, made_up) for way, seen in case.chains.ways.items()}
    for egress in dict.fromkeys(way.egress for way, count in counts.items() if count):
        ways = [way for way, count in counts.items() if way.egress == egress and count]
        count = sum(counts[way] for way in ways)
        judged = sum(case.chains.ways[way].judged for way in ways)
        clean = any(
            other.endpoint == way.endpoint and other.egress != egress and seen.is_clean
            for way in ways
            for other, seen in case.chains.ways.items()
        )
        failures = frozenset(
            one.place
            for one in claims.free_failures(case)
            if one.ending.cohort.egress == egress
            and one.ending.kind is Kind.CERTIFICATE
            and (one.ending.intercepted or (Way(*one.ending.pair), one.ending.chain) in made_up)
        )
        yield Candidate(
            mechanism=Mechanism.INTERCEPTION,
            failures=failures,
            event=(
                f", TLS to {escaped(', '.join(way.endpoint for way in ways), 80)} is intercepted"
                f" ({count:,} of {counted(judged, 'handshake')})"
            ),
            egress=egress,
            who=Initiator.MIDDLEBOX,
            where=Where.EGRESS if clean else Where.UNKNOWN,
        )


def _count(way: Way, seen: WayTally, made_up: set[tuple[Way, str]]) -> int:
    """Handshakes of a way that showed an interceptor's chain."""
    return seen.intercepted + sum(
        use.count for chain, use in seen.chains.items() if (way, chain) in made_up
    )


def _is_made_up(case: CaseFile, way: Way, chain: str) -> bool:
    """Nobody here trusts it, it is for the right name, and no egress shows the endpoint's so."""
    ours = case.chains.notes(way.endpoint, chain)
    if ours is None or ours.chain_class is not ChainClass.PRIVATE_UNTRUSTED:
        return False
    if not ours.names_match or case.chains.shared(way.endpoint).is_shared(chain):
        return False
    return any(
        other.egress != way.egress
        and case.same_address(way.endpoint, way.egress, other.egress)
        and _are_others(case, other, ours.issuer, ours.spki)
        for other, _ in case.chains.ways_to(way.endpoint)
    )


def _are_others(case: CaseFile, way: Way, issuer: str, spki: str | None) -> bool:
    """Whether all chains of a way are trusted ones, of other issuers and other keys."""
    notes = [case.chains.notes(way.endpoint, chain) for chain in case.chains.ways[way].chains]
    return bool(notes) and all(
        one is not None
        and one.chain_class in _OWN
        and one.issuer != issuer
        and (one.spki is None or one.spki != spki)
        for one in notes
    )
