"""TLS that is intercepted: from the verdicts on chains, with no drop of its own."""

from collections.abc import Iterator

from stresser.analysis.diagnosis.candidate import Candidate, Claims
from stresser.analysis.diagnosis.case_file import CaseFile
from stresser.analysis.diagnosis.diagnosis import Mechanism, Where
from stresser.analysis.words.endings import counted
from stresser.model.ending import Initiator, Kind
from stresser.model.units import escaped


def interception(case: CaseFile, claims: Claims) -> Iterator[Candidate]:
    """Each egress through which an interceptor's chain was served."""
    egresses = dict.fromkeys(
        way.egress for way, seen in case.chains.ways.items() if seen.intercepted
    )
    for egress in egresses:
        ways = [(w, s) for w, s in case.chains.ways.items() if w.egress == egress and s.intercepted]
        count, judged = sum(s.intercepted for _, s in ways), sum(s.judged for _, s in ways)
        clean = any(
            other.endpoint == way.endpoint and other.egress != egress and seen.is_clean
            for way, _ in ways
            for other, seen in case.chains.ways.items()
        )
        failures = frozenset(
            one.place
            for one in claims.free_failures(case)
            if one.ending.cohort.egress == egress
            and one.ending.kind is Kind.CERTIFICATE
            and one.ending.intercepted
        )
        yield Candidate(
            mechanism=Mechanism.INTERCEPTION,
            failures=failures,
            event=(
                f", TLS to {escaped(', '.join(way.endpoint for way, _ in ways), 80)} is intercepted"
                f" ({count:,} of {counted(judged, 'handshake')})"
            ),
            egress=egress,
            who=Initiator.MIDDLEBOX,
            where=Where.EGRESS if clean else Where.UNKNOWN,
        )
