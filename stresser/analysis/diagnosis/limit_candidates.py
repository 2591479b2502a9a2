"""A limit as a candidate: the drops that it made, who went beyond it and lived, and its words."""

from collections import Counter
from collections.abc import Iterator

from msgspec.structs import replace

from stresser.analysis.diagnosis.candidate import Candidate, Fate, Through
from stresser.analysis.diagnosis.case_file import CaseFile, DropFact
from stresser.analysis.diagnosis.diagnosis import Mechanism
from stresser.analysis.patterns.scopes import Variable, bracket_of
from stresser.analysis.patterns.session_lives import Life
from stresser.analysis.words.endings import counted
from stresser.model.cohort import Cohort
from stresser.model.ending import BRACKETED
from stresser.model.units import format_duration
from stresser.statistics.brackets import Bracket
from stresser.statistics.concentration import GRAIN, tolerance

MECHANISMS = {
    Variable.IDLE: Mechanism.IDLE_TIMER,
    Variable.AGE: Mechanism.AGE_LIMIT,
    Variable.BYTES: Mechanism.BYTE_LIMIT,
}
HEADERS = 1.08
"""IP and TCP headers and acknowledgements, beside full segments: some 6 %. A box may count them."""
_UNITS = {Variable.IDLE: "ns", Variable.AGE: "ns", Variable.BYTES: "bytes"}
_TIGHT = 0.05


def limit_candidate(
    case: CaseFile,
    variable: Variable,
    limit: Bracket,
    members: list[DropFact],
    tick_ns: int = 0,
) -> Candidate:
    """A limit, the drops that it made, and what of their pairs' sessions it spared.

    `tick_ns`: how much later than the limit it may strike, as a box that looks only so often. It
    may have counted from its own last look as well: where the limit lies is no better known.
    """
    limit = Bracket(limit.low, limit.high + tick_ns)
    said = 2 * sum(one.fact.is_said for one in members) > len(members)
    announced = 2 * sum(_is_announced(one) for one in members) > len(members)
    mechanism = MECHANISMS[variable]
    if said and variable is Variable.AGE:
        mechanism = Mechanism.ENDPOINT_GOODBYE
    return Candidate(
        mechanism=mechanism,
        drops=frozenset(one.number for one in members),
        limit=limit,
        unit=_UNITS[variable],
        needed_ns=_needed(case, members) if variable is Variable.IDLE else None,
        tick_ns=tick_ns or None,
        through=through(variable, limit, announced=announced),
        fate=fate(case, variable, limit),
        condition=condition(variable, limit),
        said=said,
        contrast=tuple(_contrasts(case, variable, limit, members)),
    )


def _needed(case: CaseFile, members: list[DropFact]) -> int | None:
    """The longest heartbeat interval of those that died; None where one sends nothing."""
    every = [case.plan.pings_every_ns(cohort) for cohort in {one.fact.cohort for one in members}]
    return None if None in every else max(one for one in every if one is not None)


def _is_announced(one: DropFact) -> bool:
    return one.fact.kind not in BRACKETED and not one.drop.is_answer


def through(variable: Variable, limit: Bracket, *, announced: bool) -> Through:
    """Whether a session went beyond the limit and lived.

    `announced`: endings come by themselves, so who saw none had none; else life must be proved.
    """
    grain = 1 if variable is Variable.BYTES else GRAIN
    enough = limit.high - (tolerance(limit.high, grain) if is_wide(limit) else 0)

    def lived(life: Life) -> bool:
        if variable is Variable.BYTES:
            return life.bytes >= enough
        if variable is Variable.AGE:
            age_ns = life.ended_ns - life.opened_ns if announced else life.proved_age_ns
            return age_ns >= enough
        silence_ns = max(life.survived_ns, life.last_silence_ns if announced else 0)
        return silence_ns >= enough

    return lived


def fate(case: CaseFile, variable: Variable, limit: Bracket) -> Fate:
    """Of drops elsewhere: whether they had gone beyond the limit, or died where it lies."""
    pad = tolerance(limit.high, 1 if variable is Variable.BYTES else GRAIN)

    def met(one: DropFact) -> bool | None:
        own = bracket_of(one.drop, variable, case.floors)
        if variable is Variable.IDLE and one.drop.life.survived_ns > limit.high + pad:
            return True
        if own is None or own.high < limit.low - pad:
            return None
        return own.low > limit.high + pad

    return met


def condition(variable: Variable, limit: Bracket) -> str:
    """Of sessions: `that was silent for 25 s`."""
    if variable is Variable.BYTES:
        low, high = f"{limit.low:,}", f"{limit.high:,}"
        between = high if limit.high - limit.low <= _TIGHT * limit.high else f"{low} to {high}"
        return f"that had moved {between} bytes"
    # Where the limit is known from above alone, what lasted as long as that has met it.
    value = format_duration(limit.high) if _is_from_above(limit) else bracket_words(limit)
    return f"that was silent for {value}" if variable is Variable.IDLE else f"that was {value} old"


def _is_from_above(limit: Bracket) -> bool:
    return limit.low <= _TIGHT * limit.high


def bracket_words(limit: Bracket) -> str:
    """`25 s`; where the bracket is wide, `at most 30 s` or `2 s to 7 s`."""
    if limit.high - limit.low <= _TIGHT * limit.high:
        return format_duration((limit.low + limit.high) // 2)
    if _is_from_above(limit):
        return f"at most {format_duration(limit.high)}"
    return f"{format_duration(limit.low)} to {format_duration(limit.high)}"


def _contrasts(
    case: CaseFile, variable: Variable, limit: Bracket, members: list[DropFact]
) -> Iterator[str]:
    """Cohorts of the same pairs that lived on beyond what else would explain the drops."""
    if variable is Variable.AGE:
        return
    ages = sorted(one.drop.age.high for one in members)
    oldest = min(ages[len(ages) // 2], 2 * limit.high)
    lived: Counter[Cohort] = Counter()
    for pair in {one.pair for one in members}:
        dropped = {one.fact.cohort for one in case.drops_of.get(pair, [])}
        lived.update(
            cohort
            for life in case.survivors.get(pair, [])
            if life.proved_age_ns > oldest and (cohort := case.cohort_of(life)) not in dropped
        )
    by_interval = Counter[int | None]()
    for cohort, count in lived.items():
        every_ns = case.plan.pings_every_ns(cohort)
        if every_ns is not None or case.plan.is_silent(cohort):
            by_interval[every_ns] += count
    for every_ns, count in by_interval.most_common():
        does = ("sends", "pings") if count == 1 else ("send", "ping")
        every = "" if every_ns is None else f"{does[1]} every {format_duration(every_ns)}"
        yield f"{counted(count, 'session')} that {every or f'{does[0]} nothing'} lived on"


def with_doubts(candidate: Candidate, unproved: list[str], known: list[str]) -> Candidate:
    return replace(
        candidate,
        unproved=candidate.unproved + tuple(unproved),
        consistent_with=tuple(known),
    )


def is_wide(limit: Bracket) -> bool:
    """Whether it is known only roughly."""
    return limit.high - limit.low > _TIGHT * limit.high
