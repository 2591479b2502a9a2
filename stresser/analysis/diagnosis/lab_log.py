"""What the lab's own middlebox says that it did, joined to the drops by egress and local port."""

from collections import defaultdict
from collections.abc import Iterator

from msgspec.structs import replace

from stresser.analysis.diagnosis.candidate import Candidate, Claims
from stresser.analysis.diagnosis.case_file import CaseFile, DropFact
from stresser.analysis.diagnosis.diagnosis import Mechanism
from stresser.analysis.diagnosis.limit_candidates import limit_candidate
from stresser.analysis.patterns.first_silence import survived_below
from stresser.analysis.patterns.scopes import Variable, bracket_of
from stresser.statistics.brackets import Bracket
from stresser.statistics.concentration import timer_limit

_RULES = {
    "idle_timeout": Variable.IDLE,
    "age_limit": Variable.AGE,
    "byte_limit": Variable.BYTES,
}


def lab_log(case: CaseFile, claims: Claims) -> Iterator[Candidate]:
    """One candidate for each egress and rule of the lab."""
    by_rule: dict[tuple[str, str], list[DropFact]] = defaultdict(list)
    for one in claims.free_drops(case):
        rule = case.lab_rule(one)
        if rule is not None:
            by_rule[one.fact.cohort.egress, rule].append(one)
    for (_, rule), drops in by_rule.items():
        yield _of_rule(case, rule, drops)


def _of_rule(case: CaseFile, rule: str, drops: list[DropFact]) -> Candidate:
    variable = _RULES.get(rule)
    known = (
        [b for one in drops if (b := bracket_of(one.drop, variable, case.floors)) is not None]
        if variable is not None
        else []
    )
    if variable is None or not known:
        mechanism = Mechanism.IDLE_TIMER if variable is Variable.IDLE else Mechanism.NO_PATTERN
        numbers = frozenset(one.number for one in drops)
        return Candidate(mechanism=mechanism, drops=numbers, by_log=True)
    limit = timer_limit(known, len(known)).bracket
    if variable is Variable.IDLE:
        pairs = {one.pair for one in drops}
        lives = (life for pair in pairs for life in case.lives_of.get(pair, []))
        limit = Bracket(max(limit.low, survived_below(lives, limit.high)), limit.high)
    return replace(limit_candidate(case, variable, limit, drops), by_log=True)
