"""Applies the table of `rules.py` to one case."""

from typing import NamedTuple

from stresser.classify.initiator_rules import RULES
from stresser.classify.rule import Case, Rule
from stresser.model.ending import Grade, Initiator

_WEAKER = {
    Grade.REFLECTOR: Grade.COMPARISON,
    Grade.COMPARISON: Grade.PACKET,
    Grade.PACKET: Grade.TCP_INFO,
    Grade.TCP_INFO: Grade.ERRNO,
}


class Judgement(NamedTuple):
    """Who, how well supported, and by which rules."""

    initiator: Initiator
    grade: Grade
    why: tuple[str, ...]
    """Names of the rules that say so, the deciding one first."""
    against: tuple[str, ...] = ()
    """Names of the rules that hold too and name somebody else."""


def judge(case: Case) -> Judgement:
    """The initiator of an ending. Always finds one: the last rule holds for all."""
    holding = [rule for rule in RULES if _speaks_of(rule, case) and rule.holds(case)]
    first = holding[0]
    if first.is_final or first.initiator is Initiator.UNKNOWN:
        return Judgement(first.initiator, first.grade, (first.name,))
    named = [rule for rule in holding if rule.initiator is not Initiator.UNKNOWN]
    why = tuple(rule.name for rule in named if rule.initiator is first.initiator)
    against = tuple(rule.name for rule in named if rule.initiator is not first.initiator)
    grade = max((r.grade for r in named if r.name in why), key=list(Grade).index)
    if not against:
        return Judgement(first.initiator, grade, why)
    return _contradicted(Judgement(first.initiator, grade, why, against))


def _speaks_of(rule: Rule, case: Case) -> bool:
    return rule.kinds is None or case.kind in rule.kinds


def _contradicted(judgement: Judgement) -> Judgement:
    weaker = _WEAKER.get(judgement.grade)
    if weaker is None:  # an error code against another: nothing is left to stand on
        return judgement._replace(initiator=Initiator.UNKNOWN)
    return judgement._replace(grade=weaker)
