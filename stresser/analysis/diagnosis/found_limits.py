"""Limits of silence, age and bytes: what the search for timers found, held against what lived.

The search itself is `analysis/patterns`; here its timers become candidates.
"""

from collections import defaultdict
from collections.abc import Iterator

from msgspec.structs import replace

from stresser.analysis.diagnosis.candidate import Candidate, Claims
from stresser.analysis.diagnosis.case_file import CaseFile, DropFact
from stresser.analysis.diagnosis.limit_candidates import (
    HEADERS,
    is_wide,
    limit_candidate,
    with_doubts,
)
from stresser.analysis.patterns.box_endings import AGE, IDLE, like_boxes
from stresser.analysis.patterns.found_timer import FoundTimer
from stresser.analysis.patterns.known_timeouts import consistent_with, how_it_showed
from stresser.analysis.patterns.scopes import Variable, bracket_of
from stresser.model.ending import Kind
from stresser.statistics.brackets import Bracket, agreement
from stresser.statistics.concentration import GRAIN, TimerLimit, timer_limit, tolerance

_FEWEST_OF_ITS_OWN = 5
_COARSEST = 0.25
"""A tick that is a larger part of its timer is no one value any more."""
_OF_TLS_END = frozenset({Kind.WS_CLOSE, Kind.MQTT_DISCONNECT, Kind.PROTOCOL_ERROR, Kind.TLS_ALERT})
"""Under TLS, so of its end: an interceptor passes them on."""
_REFUTES = 2
"""So many sessions beyond a limit refute it: one may be an error of ours."""
_CLEARLY_MORE = 1.1
_MOST_KNOWN = 4
_OTHERS = {
    Variable.IDLE: "silence",
    Variable.AGE: "age",
    Variable.BYTES: "the number of bytes",
}


def timers(case: CaseFile, claims: Claims) -> Iterator[Candidate]:
    """Each timer of the search that no session refutes, of each endpoint that speaks for itself."""
    for position, timer in enumerate(case.timers):
        free = claims.free_drops(case)
        found = [one for one in free if case.timer_of.get(one.number) == position]
        for members in _by_endpoint(found):
            left = {
                variable: limit
                for variable in timer.variables
                if not _refuted(
                    case, variable, limit := _own_limit(case, timer, variable, members), members
                )
            }
            if left and not is_one_moment(members):
                yield _of_timer(case, timer, _with_like(case, free, members, left), left)


def _own_limit(
    case: CaseFile, timer: FoundTimer, variable: Variable, members: list[DropFact]
) -> TimerLimit:
    """Where the limit of one endpoint lies: the search may have seen several as one with ticks."""
    known = [b for one in members if (b := bracket_of(one.drop, variable, case.floors))]
    if timer.tick_ns is None or len(known) < _FEWEST_OF_ITS_OWN:
        return TimerLimit(timer.brackets[variable], timer.tick_ns)
    return timer_limit(known, len(known), 1 if variable is Variable.BYTES else GRAIN)


def _with_like(
    case: CaseFile, free: list[DropFact], members: list[DropFact], left: dict[Variable, TimerLimit]
) -> list[DropFact]:
    """And drops of the same pairs that the search left out, for they shared a moment with others.

    Only where the limit is known well.
    """
    variable, (limit, _) = next(iter(left.items()))
    known, pairs = {one.number for one in members}, {one.pair for one in members}
    if is_wide(limit):
        return members
    pad = tolerance(limit.high, 1 if variable is Variable.BYTES else GRAIN)
    like = [
        one
        for one in free
        if one.pair in pairs
        and one.number not in known
        and (own := bracket_of(one.drop, variable, case.floors)) is not None
        and own.meets(limit, pad)
    ]
    return members + like


def _by_endpoint(found: list[DropFact]) -> list[list[DropFact]]:
    groups: dict[str, list[DropFact]] = defaultdict(list)
    for one in found:
        groups[one.fact.cohort.endpoint].append(one)
    return list(groups.values())


def _speaks(members: list[DropFact]) -> str:
    """The endpoint, where it said so itself or its bytes broke the protocol: its own affair."""
    own = sum(one.fact.is_said or one.fact.kind in _OF_TLS_END for one in members)
    return members[0].fact.cohort.endpoint if 2 * own > len(members) else ""


def is_one_moment(members: list[DropFact]) -> bool:
    """Whether one moment fits the drops as well as one age: then no search has shown a timer.

    What comes back is no moment: sessions of several waves were as old, at different times.
    """
    moments = agreement([one.drop.moment for one in members], 1.0)
    ages = agreement([one.drop.age for one in members])
    if moments is None or ages is None:
        return False
    return moments.width <= max(ages.width, tolerance(0))


def _of_timer(
    case: CaseFile, timer: FoundTimer, members: list[DropFact], left: dict[Variable, TimerLimit]
) -> Candidate:
    variable, (bracket, tick_ns) = next(iter(left.items()))
    limit = _as_the_box_counts(case, variable, bracket, members)
    candidate = limit_candidate(case, variable, limit, members, tick_ns or 0)
    unproved = [
        f"Whether it is {_OTHERS[variable]} or {_OTHERS[other]}: these sessions were alike in both."
        for other in left
        if other is not variable
    ]
    known = _known(timer, variable, members)
    return replace(with_doubts(candidate, unproved, known), apart=_speaks(members))


def _as_the_box_counts(
    case: CaseFile, variable: Variable, limit: Bracket, members: list[DropFact]
) -> Bracket:
    """A box counts the bytes of the handshake too, which the search leaves out."""
    if variable is not Variable.BYTES:
        return limit
    floors = [case.floors.get(one.drop.life.place, 0) for one in members]
    return Bracket(limit.low + min(floors), round((limit.high + max(floors)) * HEADERS))


def _known(timer: FoundTimer, variable: Variable, members: list[DropFact]) -> list[str]:
    if variable is Variable.BYTES:
        return []
    shown = frozenset(how_it_showed(one.fact.kind, is_answer=one.drop.is_answer) for one in members)
    found = consistent_with(timer.variables, timer.brackets[variable], shown)
    named = [f"{one.name} ({one.seconds:,} s)" for one in found[:_MOST_KNOWN]]
    if any(one.drop.is_answer for one in members):
        return named  # what forgot them said nothing: who answered is another one
    when = IDLE if variable is Variable.IDLE else AGE
    kinds, proxied = {one.fact.kind for one in members}, any(one.fact.proxy for one in members)
    return named + like_boxes(when, kinds, proxied=proxied, limit=timer.brackets[variable])


def _refuted(
    case: CaseFile, variable: Variable, limit: TimerLimit, members: list[DropFact]
) -> bool:
    """Whether sessions of the same pairs, whatever their activity, went clearly beyond it."""
    if variable is Variable.IDLE:
        return False  # the search has counted silences that were survived
    pairs = {one.pair for one in members}
    lives = (life for pair in pairs for life in case.lives_of.get(pair, []))
    high = limit.bracket.high + (limit.tick or 0)
    if variable is Variable.AGE:
        older = sum(life.proved_age_ns > high + tolerance(high) for life in lives)
        return older >= _REFUTES or _is_a_drain(limit, members)
    moved = (life.bytes - case.floors.get(life.place, 0) for life in lives)
    return sum(count > _CLEARLY_MORE * high for count in moved) >= _REFUTES


def _is_a_drain(limit: TimerLimit, members: list[DropFact]) -> bool:
    """Ages far apart of sessions that no second wave followed: something began, no age was due."""
    first = min(one.drop.moment.high for one in members)
    is_one_wave = max(one.drop.life.opened_ns for one in members) < first
    return is_one_wave and (limit.tick or 0) > _COARSEST * limit.bracket.high
