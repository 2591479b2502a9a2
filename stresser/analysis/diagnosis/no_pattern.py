"""What nothing explains: said as such, with what would tell.

A goodbye of the endpoint's own needs no pattern: a drain takes its time.
"""

from collections import defaultdict
from collections.abc import Iterator

from stresser.analysis.diagnosis.candidate import Candidate, Claims, Fate, Through
from stresser.analysis.diagnosis.case_file import CaseFile
from stresser.analysis.diagnosis.diagnosis import Mechanism
from stresser.model.ending import Kind

_FEW = 5
_WORDS = frozenset({Kind.WS_CLOSE, Kind.MQTT_DISCONNECT, Kind.TLS_CLOSE_NOTIFY, Kind.TLS_ALERT})


def no_pattern(case: CaseFile, claims: Claims) -> Iterator[Candidate]:
    """All that is left, by egress; what the endpoint said itself stands apart."""
    drops: dict[tuple[str, str, bool], set[int]] = defaultdict(set)
    for one in claims.free_drops(case):
        key = (one.fact.cohort.egress, "" if not one.fact.is_said else one.fact.cohort.endpoint)
        drops[*key, one.fact.is_said].add(one.number)
    failures: dict[str, set[int]] = defaultdict(set)
    for failure in claims.free_failures(case):
        failures[failure.ending.cohort.egress].add(failure.place)
    for (_, endpoint, said), numbers in drops.items():
        facts = [case.drop(number).fact for number in numbers]
        words = sum(fact.kind in _WORDS for fact in facts)
        is_goodbye = said and 2 * words > len(facts)
        yield Candidate(
            mechanism=Mechanism.ENDPOINT_GOODBYE if is_goodbye else Mechanism.NO_PATTERN,
            drops=frozenset(numbers),
            through=_outlived(case, numbers),
            fate=_fate(case, numbers),
            said=said,
            apart=endpoint,
            is_lossy=_is_lossy(case, numbers),
            unproved=() if is_goodbye else (_would_tell(len(numbers)),),
        )
    for places in failures.values():
        yield Candidate(mechanism=Mechanism.NO_PATTERN, failures=frozenset(places))


def _is_lossy(case: CaseFile, numbers: set[int]) -> bool:
    """Whether most endings show losses that can silence a session which nothing drops."""
    lossy = sum("path-loses-packets" in case.drop(n).fact.rules for n in numbers)
    return 2 * lossy > len(numbers)


def _outlived(case: CaseFile, numbers: set[int]) -> Through:
    """Whether a session is known to have lived longer than half of these."""
    ages = sorted(case.drop(number).drop.age.high for number in numbers)
    middle = ages[len(ages) // 2]
    return lambda life: life.proved_age_ns >= middle


def _fate(case: CaseFile, numbers: set[int]) -> Fate:
    """Of drops elsewhere: whether they had lived as long first."""
    outlived = _outlived(case, numbers)
    return lambda one: outlived(one.drop.life)


def _would_tell(drops: int) -> str:
    if drops < _FEW:
        return (
            f"What they have in common: {drops} are too few; a longer run or more sessions show it."
        )
    return (
        "What they have in common: activities with other intervals, a longer run, or the logs of"
        " both ends at these times show it."
    )
