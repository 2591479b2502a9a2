"""A limit on bytes shown by contrast: sessions that move much end at one number of bytes.

Age and silence do not explain it: others of the same endpoint and egress that moved less grew
older, or sessions that move at different rates end at different ages and the same bytes. Bytes are
those that the socket took and gave; a box may count headers as well.
"""

from collections import defaultdict
from collections.abc import Iterator

from stresser.analysis.diagnosis.candidate import Candidate, Claims
from stresser.analysis.diagnosis.case_file import CaseFile, DropFact
from stresser.analysis.diagnosis.limit_candidates import HEADERS, limit_candidate
from stresser.analysis.patterns.scopes import Variable
from stresser.model.cohort import Pair
from stresser.statistics.brackets import Bracket, agreement

_FEWEST = 5
_LIVED = 2
_MUCH = 20_000
"""Fewer bytes than this are a handshake and some pings."""
_SPREAD = 0.05
"""Bytes agree when they are this close, or a message apart."""
_AGES_APART = 1.3
_CLEARLY_MORE = 1.1


def byte_contrast(case: CaseFile, claims: Claims) -> Iterator[Candidate]:
    """Of each endpoint through each egress."""
    by_pair: dict[Pair, list[DropFact]] = defaultdict(list)
    for one in claims.free_drops(case):
        if one.drop.life.bytes >= _MUCH:
            by_pair[one.pair].append(one)
    for pair, drops in by_pair.items():
        found = _of_pair(case, pair, drops)
        if found is not None:
            yield found


def _of_pair(case: CaseFile, pair: Pair, drops: list[DropFact]) -> Candidate | None:
    brackets = [_bytes(case, one) for one in drops]
    agreed = agreement(brackets)
    if len(drops) < _FEWEST or agreed is None or agreed.width > _SPREAD * agreed.high:
        return None
    at = Bracket(agreed.low, agreed.high)
    pad = int(_SPREAD * at.high)
    members = [one for one, own in zip(drops, brackets, strict=True) if own.meets(at, pad)]
    lives = case.lives_of.get(pair, [])
    if sum(life.bytes > _CLEARLY_MORE * at.high for life in lives) >= _LIVED:
        return None
    if not (_outlived(case, pair, members, at) or _ages_are_apart(members)):
        return None
    limit = Bracket(at.low, round(at.high * HEADERS))
    return limit_candidate(case, Variable.BYTES, limit, members)


def _bytes(case: CaseFile, one: DropFact) -> Bracket:
    """What had passed at the last proof of life and at the end, less the message on its way."""
    activity = case.plan.activities.get(one.fact.cohort.activity)
    message = 0 if activity is None else 2 * (activity.message_bytes or 0)
    age = one.drop.age
    moved = one.drop.life.bytes
    known = moved * age.low // age.high if age.high else moved
    return Bracket(max(known - message, 0), moved)


def _outlived(case: CaseFile, pair: Pair, members: list[DropFact], at: Bracket) -> bool:
    """Sessions of the pair that moved less and grew older."""
    oldest = max(one.drop.age.low for one in members)
    lived = [
        life
        for life in case.survivors.get(pair, [])
        if life.proved_age_ns > oldest and 2 * life.bytes < at.low
    ]
    return len(lived) >= _LIVED


def _ages_are_apart(members: list[DropFact]) -> bool:
    """Those of one activity died clearly later than those of another."""
    ages: dict[str, list[int]] = defaultdict(list)
    for one in members:
        ages[one.fact.cohort.activity].append(one.drop.age.low)
    middles = sorted(sorted(some)[len(some) // 2] for some in ages.values() if len(some) >= _LIVED)
    return len(middles) > 1 and middles[-1] > _AGES_APART * middles[0]
