"""Who did it: what the controls prove, and what the sessions' own evidence says when it is pooled.

A clean control names a middlebox only for what no healthy endpoint does to one path alone, and
only where both egresses are known to have reached the same machine. Evidence that a whole run
refutes (a path that is dead to one egress alone may be another site's) names no one here.
"""

from collections import Counter
from typing import NamedTuple

from stresser.analysis.diagnosis.candidate import Candidate, members
from stresser.analysis.diagnosis.case_file import CaseFile
from stresser.analysis.diagnosis.controls import Located
from stresser.analysis.diagnosis.diagnosis import Mechanism, Where, is_clean
from stresser.analysis.diagnosis.ending_facts import EndingFact
from stresser.analysis.diagnosis.hop_stops import HopStop
from stresser.analysis.diagnosis.one_moment import is_far_side
from stresser.model.ending import Grade, Initiator, Kind

OF_ONE_PATH = frozenset(
    {
        Mechanism.IDLE_TIMER,
        Mechanism.AGE_LIMIT,
        Mechanism.BYTE_LIMIT,
        Mechanism.SIZE_LIMIT,
        Mechanism.PING_INTOLERANCE,
        Mechanism.NAME_FILTER,
        Mechanism.INTERCEPTION,
    }
)
"""What no healthy endpoint does to one path alone: timers, limits, filters."""
OF_ONE_FLOW = frozenset(
    {
        "flow-dropped-alone",
        "flow-unknown-there",
        "interceptor-owns-flow",
        "nearby-box-cut-flow",
        "proxy-cut-tunnel",
        "proxy-owns-flow",
    }
)
"""Rules that name a middlebox for one flow alone: where all egresses die alike, the endpoint's own
firewall, or the endpoint behind the box, satisfies them as well."""
NEVER_THE_ENDPOINTS = frozenset(
    {
        "hello-stops-at-a-hop",
        "interceptor-is-gone",
        "nearby-box-cut-flow",
        "prohibited-by-router",
        "proxy-cut-tunnel",
        "proxy-said-so",
        "stops-at-a-hop",
    }
)
"""Rules that no ending by the endpoint satisfies: with a control, some sessions speak for all."""
_OWN_ALERTS = frozenset({42, 43, 44, 45, 46, 48, 116, 120})
"""About client certificates and ALPN (RFC 8446 section 6): no filter has a reason for these."""
_FORGOTTEN = frozenset({"flow-dropped-alone", "flow-unknown-there"})
"""Without a control one of the endpoint's own machines may have forgotten its part of the flows."""
_ENOUGH = 0.1
_MOST = 0.5
"""What fewer sessions say of themselves is not said of the others."""
_GRADES = list(Grade)


class Accused(NamedTuple):
    """Who, and what supports it."""

    who: Initiator
    grade: Grade
    against: tuple[str, ...] = ()


def accuse(
    candidate: Candidate, located: Located, case: CaseFile, hop: HopStop | None = None
) -> Accused:
    """Who did what a candidate explains."""
    facts = members(candidate, case)
    if candidate.who is not None:
        return Accused(candidate.who, _grade(facts, candidate.who, located))
    if candidate.by_log:
        return Accused(Initiator.MIDDLEBOX, Grade.REFLECTOR)
    pooled = _pooled(facts, _weak(candidate.mechanism, located.where))
    who = _by_mechanism(candidate, located, facts, pooled)
    if who is Initiator.UNKNOWN and _is_stopped(hop, pooled):
        who = Initiator.MIDDLEBOX
    return Accused(who, _grade(facts, who, located), _against(pooled, who))


def _is_stopped(hop: HopStop | None, pooled: Counter[Initiator]) -> bool:
    """Something between this host and the endpoint stops them, as all walks show."""
    is_sure = hop is not None and hop.alone and hop.is_agreed
    return is_sure and not any(pooled[who] for who in (Initiator.ENDPOINT, Initiator.HOST))


def _by_mechanism(
    candidate: Candidate,
    located: Located,
    facts: list[EndingFact],
    pooled: Counter[Initiator],
) -> Initiator:
    mechanism, where = candidate.mechanism, located.where
    if mechanism is Mechanism.PROXY_REFUSAL:
        return Initiator.MIDDLEBOX
    if where is Where.EGRESS:
        return _of_egress(mechanism, located, facts, pooled)
    if candidate.said or (mechanism is Mechanism.PING_INTOLERANCE and not _is_intercepted(facts)):
        return Initiator.ENDPOINT
    # Attempts that the endpoint's own stack refused show what befell the many before them.
    least = _ENOUGH if mechanism is Mechanism.ENDPOINT_DOWN else _MOST
    return _by_itself(mechanism, where, facts) or _only(pooled, least * len(facts))


def _by_itself(mechanism: Mechanism, where: Where, facts: list[EndingFact]) -> Initiator | None:
    """The endpoint, where only it can do what was seen."""
    hung = sum(fact.kind is Kind.UNRESPONSIVE for fact in facts)
    is_own = (
        mechanism is Mechanism.REFUSED_BY_ENDPOINT and all(f.alert in _OWN_ALERTS for f in facts)
    ) or (
        where is Where.ENDPOINT
        and (
            (mechanism is Mechanism.ENDPOINT_DOWN and _is_told_twice(facts))
            or (mechanism is Mechanism.OUTAGE and 2 * hung > len(facts))
        )
    )
    return Initiator.ENDPOINT if is_own else None


def _of_egress(
    mechanism: Mechanism, located: Located, facts: list[EndingFact], pooled: Counter[Initiator]
) -> Initiator:
    """A control through another egress lived."""
    if mechanism in OF_ONE_PATH and located.is_same_machine:
        return Initiator.MIDDLEBOX
    if mechanism is Mechanism.REFUSED_BY_ENDPOINT and pooled[Initiator.ENDPOINT]:
        return Initiator.ENDPOINT
    if mechanism is Mechanism.STATE_LOST and located.is_same_machine and _are_owned(facts):
        return Initiator.MIDDLEBOX
    sure = sum(fact.is_gateways or bool(fact.rules & NEVER_THE_ENDPOINTS) for fact in facts)
    least = _ENOUGH if sure >= _ENOUGH * len(facts) else _MOST
    who = _only(pooled, least * len(facts))
    # Through another egress it did nothing of the kind: its word here may be a front's.
    return Initiator.UNKNOWN if who is Initiator.ENDPOINT else who


def _is_told_twice(facts: list[EndingFact]) -> bool:
    """This host was refused, and so was a proxy, which asked by itself."""
    refused = any(fact.kind is Kind.REFUSED and fact.proxy is None for fact in facts)
    return refused and any(is_far_side(fact) for fact in facts)


def _are_owned(facts: list[EndingFact]) -> bool:
    """By their chains, somebody on this egress holds most of these connections: he lost them."""
    return 2 * sum(fact.intercepted for fact in facts) > len(facts)


def _is_intercepted(facts: list[EndingFact]) -> bool:
    return any(fact.intercepted for fact in facts)


def _weak(mechanism: Mechanism, where: Where) -> frozenset[str]:
    """Rules that name no one here: what befell all alike may be the endpoint's own doing."""
    if where is Where.EGRESS:
        return frozenset()
    if where is Where.UNKNOWN:
        return _FORGOTTEN if mechanism is Mechanism.STATE_LOST else frozenset()
    return OF_ONE_FLOW


def _pooled(facts: list[EndingFact], weak: frozenset[str]) -> Counter[Initiator]:
    """Whom the sessions' own evidence names, but for rules that the whole run makes weak."""
    named: Counter[Initiator] = Counter(
        fact.initiator
        for fact in facts
        if fact.initiator in {Initiator.ENDPOINT, Initiator.MIDDLEBOX, Initiator.HOST}
        and not fact.rules & weak
        and not (fact.was_reset_before and "flow-unknown-there" in fact.rules)
        and not is_far_side(fact)
    )
    from_afar = {(fact.pair, fact.ttl) for fact in facts if "another-box" in fact.rules}
    named[Initiator.MIDDLEBOX] += sum(
        (fact.is_gateways and fact.kind is Kind.FOUND_DEAD)
        # From as far away as packets that are known to be another box's.
        or ("path-may-have-changed" in fact.rules and (fact.pair, fact.ttl) in from_afar)
        for fact in facts
        if fact.initiator is Initiator.UNKNOWN
    )
    return named


def _only(pooled: Counter[Initiator], least: float) -> Initiator:
    """The one that is named, if no other is and at least so many name it."""
    named = [who for who, count in pooled.items() if count]
    if len(named) != 1:
        return Initiator.UNKNOWN
    who = named[0]
    return who if pooled[who] >= least else Initiator.UNKNOWN


_WHO_WORDS = {
    Initiator.ENDPOINT: "the endpoint",
    Initiator.MIDDLEBOX: "a middlebox",
    Initiator.HOST: "this host",
}


def _against(pooled: Counter[Initiator], who: Initiator) -> tuple[str, ...]:
    return tuple(
        f"The sessions' own evidence names {_WHO_WORDS[other]} in {count:,}."
        for other, count in pooled.most_common()
        if other is not who and count
    )


def _grade(facts: list[EndingFact], who: Initiator, located: Located) -> Grade:
    """`comparison` where a control decided; else the best of the evidence that says the same."""
    is_compared = any(is_clean(one) for one in located.controls)
    if located.where in {Where.EGRESS, Where.ENDPOINT} and is_compared:
        return Grade.COMPARISON
    grades = [fact.grade for fact in facts if fact.initiator is who]
    if who is Initiator.MIDDLEBOX and any(fact.is_gateways for fact in facts):
        grades.append(Grade.PACKET)
    return max(grades, key=_GRADES.index, default=Grade.ERRNO)
