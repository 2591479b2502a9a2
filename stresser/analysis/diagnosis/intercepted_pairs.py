"""TLS that is intercepted: from the verdicts on chains, with no drop of its own.

A chain that this host does not trust says by itself nothing of who made it. It is an interceptor's
where another egress shows the endpoint's own at the same address: for its name, with another key
and from another issuer.
"""

from collections.abc import Iterator

from stresser.analysis.counts.chain_tally import PairTally
from stresser.analysis.diagnosis.candidate import Candidate, Claims
from stresser.analysis.diagnosis.case_file import CaseFile
from stresser.analysis.diagnosis.diagnosis import Mechanism, Where
from stresser.analysis.words.endings import counted
from stresser.model.chain import ChainClass
from stresser.model.cohort import Pair
from stresser.model.ending import Initiator, Kind
from stresser.model.units import escaped

_OWN = frozenset({ChainClass.PUBLIC, ChainClass.DECLARED})


def interception(case: CaseFile, claims: Claims) -> Iterator[Candidate]:
    """Each egress through which an interceptor's chain was served."""
    made_up = {
        (pair, chain)
        for pair, seen in case.chains.pairs.items()
        for chain in seen.chains
        if _is_made_up(case, pair, chain)
    }
    counts = {pair: _count(pair, seen, made_up) for pair, seen in case.chains.pairs.items()}
    for egress in dict.fromkeys(pair.egress for pair, count in counts.items() if count):
        pairs = [pair for pair, count in counts.items() if pair.egress == egress and count]
        count = sum(counts[pair] for pair in pairs)
        judged = sum(case.chains.pairs[pair].judged for pair in pairs)
        clean = any(
            other.endpoint == pair.endpoint and other.egress != egress and seen.is_clean
            for pair in pairs
            for other, seen in case.chains.pairs.items()
        )
        failures = frozenset(
            one.place
            for one in claims.free_failures(case)
            if one.ending.cohort.egress == egress
            and one.ending.kind is Kind.CERTIFICATE
            and (one.ending.intercepted or (one.ending.pair, one.ending.chain) in made_up)
        )
        yield Candidate(
            mechanism=Mechanism.INTERCEPTION,
            failures=failures,
            event=(
                f"TLS to {escaped(', '.join(pair.endpoint for pair in pairs), 80)} is intercepted"
                f" ({count:,} of {counted(judged, 'handshake')})"
            ),
            egress=egress,
            who=Initiator.MIDDLEBOX,
            where=Where.EGRESS if clean else Where.UNKNOWN,
        )


def _count(pair: Pair, seen: PairTally, made_up: set[tuple[Pair, str]]) -> int:
    """Handshakes of a pair that showed an interceptor's chain."""
    return seen.intercepted + sum(
        use.count for chain, use in seen.chains.items() if (pair, chain) in made_up
    )


def _is_made_up(case: CaseFile, pair: Pair, chain: str) -> bool:
    """Nobody here trusts it, it is for the right name, and no egress shows the endpoint's so."""
    ours = case.chains.notes(pair.endpoint, chain)
    if ours is None or ours.chain_class is not ChainClass.PRIVATE_UNTRUSTED or ours.intercepted:
        return False  # a chain whose own verdict accuses is counted by that
    if not ours.names_match or case.chains.shared(pair.endpoint).is_shared(chain):
        return False
    return any(
        other.egress != pair.egress
        and case.same_address(pair.endpoint, pair.egress, other.egress)
        and _are_others(case, other, ours.issuer, ours.spki)
        for other, _ in case.chains.pairs_to(pair.endpoint)
    )


def _are_others(case: CaseFile, pair: Pair, issuer: str, spki: str | None) -> bool:
    """Whether all chains of a pair are trusted ones, of other issuers and other keys."""
    notes = [case.chains.notes(pair.endpoint, chain) for chain in case.chains.pairs[pair].chains]
    return bool(notes) and all(
        one is not None
        and one.chain_class in _OWN
        and one.issuer != issuer
        and (one.spki is None or one.spki != spki)
        for one in notes
    )
