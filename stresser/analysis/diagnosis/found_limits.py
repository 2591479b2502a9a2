"""Limits of silence, age and bytes: what the search for timers found, held against what lived.

The search itself is `analysis/patterns`; here its timers become candidates, and what no search can
see is added: a contrast of few sessions, and silent sessions that were found dead.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator

from msgspec.structs import replace

from stresser.analysis.diagnosis.candidate import Candidate, Claims, Through
from stresser.analysis.diagnosis.case_file import CaseFile, DropFact, Pair
from stresser.analysis.diagnosis.diagnosis import Mechanism
from stresser.analysis.patterns.found_timer import FoundTimer
from stresser.analysis.patterns.known_timeouts import consistent_with
from stresser.analysis.patterns.scopes import Variable, byte_floors
from stresser.analysis.patterns.session_lives import Life
from stresser.analysis.words.endings import counted
from stresser.model.cohort import Cohort
from stresser.model.ending import BRACKETED, Kind
from stresser.model.units import format_duration
from stresser.statistics.brackets import Bracket, agreement
from stresser.statistics.concentration import timer_limit, tolerance

MECHANISMS = {
    Variable.IDLE: Mechanism.IDLE_TIMER,
    Variable.AGE: Mechanism.AGE_LIMIT,
    Variable.BYTES: Mechanism.BYTE_LIMIT,
}
_UNITS = {Variable.IDLE: "ns", Variable.AGE: "ns", Variable.BYTES: "bytes"}
_TIGHT = 0.05
_FEWEST = 3
_REFUTES = 2
"""So many sessions beyond a limit refute it: one may be an error of ours."""
_MOST_SURVIVORS = 0.1
_MOST_KNOWN = 4
_OTHERS = {
    Variable.IDLE: "silence",
    Variable.AGE: "age",
    Variable.BYTES: "the number of bytes",
}


def timers(case: CaseFile, claims: Claims) -> Iterator[Candidate]:
    """Each timer of the search that no session refutes."""
    for position, timer in enumerate(case.timers):
        members = [
            one for one in claims.free_drops(case) if case.timer_of.get(one.number) == position
        ]
        if not members or is_one_moment(members):
            continue
        left = _not_refuted(case, timer, members)
        if left:
            yield _of_timer(case, timer, members, left)


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
    case: CaseFile, timer: FoundTimer, members: list[DropFact], left: list[Variable]
) -> Candidate:
    variable = left[0]
    candidate = replace(
        limit_candidate(case, variable, timer.brackets[variable], members), tick_ns=timer.tick_ns
    )
    unproved = [
        f"Whether it is {_OTHERS[variable]} or {_OTHERS[other]}: these sessions were alike in both."
        for other in left[1:]
    ]
    return _with(candidate, unproved, _known(timer, variable, members))


def _with(candidate: Candidate, unproved: list[str], known: list[str]) -> Candidate:
    return replace(
        candidate,
        unproved=candidate.unproved + tuple(unproved),
        consistent_with=tuple(known),
    )


def _known(timer: FoundTimer, variable: Variable, members: list[DropFact]) -> list[str]:
    if variable is Variable.BYTES:
        return []
    shown = frozenset(_how(one) for one in members)
    found = consistent_with(timer.variables, timer.brackets[variable], shown)
    return [f"{one.name} ({one.seconds:,} s)" for one in found[:_MOST_KNOWN]]


def _how(one: DropFact) -> str:
    """How a drop showed, in the words of the documented timeouts."""
    if one.fact.kind in BRACKETED:
        return "silent"
    if one.fact.kind is Kind.TCP_RESET:
        return "answer" if one.drop.is_answer else "reset"
    return "close"


def _not_refuted(case: CaseFile, timer: FoundTimer, members: list[DropFact]) -> list[Variable]:
    """Variables that no session of the same pairs contradicts, the likeliest first."""
    pairs = {one.pair for one in members}
    lives = [life for life in case.lives.lives if case.cohort_of(life)[:2] in pairs]
    return [v for v in timer.variables if not _refuted(case, v, timer.brackets[v], lives)]


def _refuted(case: CaseFile, variable: Variable, limit: Bracket, lives: list[Life]) -> bool:
    beyond = limit.high + tolerance(limit.high)
    if variable is Variable.AGE:
        return sum(life.proved_age_ns > beyond for life in lives) >= _REFUTES
    if variable is Variable.IDLE:
        return False  # the search has counted silences that were survived
    floors = byte_floors(case.lives)
    return (
        sum(life.bytes - floors.get(life.place, 0) > 1.1 * limit.high for life in lives) >= _REFUTES
    )


def limit_candidate(
    case: CaseFile, variable: Variable, limit: Bracket, members: list[DropFact]
) -> Candidate:
    """A limit, the drops that it made, and what of their pairs' sessions it spared."""
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
        through=through(variable, limit, announced=announced),
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
    enough = limit.high - (tolerance(limit.high) if is_wide(limit) else 0)

    def lived(life: Life) -> bool:
        if variable is Variable.BYTES:
            return life.bytes >= enough
        if variable is Variable.AGE:
            age_ns = life.ended_ns - life.opened_ns if announced else life.proved_age_ns
            return age_ns >= enough
        silence_ns = max(life.survived_ns, life.last_silence_ns if announced else 0)
        return silence_ns >= enough

    return lived


def condition(variable: Variable, limit: Bracket) -> str:
    """Of sessions: `silent for 25 s`."""
    if variable is Variable.BYTES:
        low, high = f"{limit.low:,}", f"{limit.high:,}"
        between = high if limit.high - limit.low <= _TIGHT * limit.high else f"{low} to {high}"
        return f"that had moved {between} bytes"
    value = limit_in_words(limit)
    return f"silent for {value}" if variable is Variable.IDLE else f"that was {value} old"


def limit_in_words(limit: Bracket) -> str:
    """`25 s`; where the bracket is wide, `at most 30 s` or `2 s to 7 s`."""
    if limit.high - limit.low <= _TIGHT * limit.high:
        return format_duration((limit.low + limit.high) // 2)
    if limit.low <= _TIGHT * limit.high:
        return f"at most {format_duration(limit.high)}"
    return f"{format_duration(limit.low)} to {format_duration(limit.high)}"


def _contrasts(
    case: CaseFile, variable: Variable, limit: Bracket, members: list[DropFact]
) -> Iterator[str]:
    """Cohorts of the same pairs that lived on beyond what else would explain the drops."""
    if variable is Variable.AGE:
        return
    oldest = min(max(one.drop.age.high for one in members), 2 * limit.high)
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
        by_interval[case.plan.pings_every_ns(cohort)] += count
    for every_ns, count in by_interval.most_common():
        how = "send nothing" if every_ns is None else f"ping every {format_duration(every_ns)}"
        yield f"{counted(count, 'session')} that {how} lived on"


def contrast(case: CaseFile, claims: Claims) -> Iterator[Candidate]:
    """Sessions of one pair that die whenever they are silent for long, beside others that live."""
    by_pair: dict[Pair, list[DropFact]] = defaultdict(list)
    for one in claims.free_drops(case):
        if one.drop.silence is not None:
            by_pair[one.pair].append(one)
    for pair, drops in by_pair.items():
        found = _contrast(case, pair, drops)
        if found is not None:
            yield found


def _contrast(case: CaseFile, pair: Pair, drops: list[DropFact]) -> Candidate | None:
    members, limit = _agreeing(drops)
    if len(members) < _FEWEST or limit is None:
        return None
    lives = [life for life in case.lives.lives if case.cohort_of(life)[:2] == pair]
    beyond = limit.high - tolerance(limit.high)
    lived_longer = sum(life.survived_ns >= beyond for life in lives)
    if lived_longer > _MOST_SURVIVORS * len(members):
        return None
    least = max([limit.low, *(life.survived_ns for life in lives if life.survived_ns < beyond)])
    others = _shorter(case, pair, members, beyond)
    is_repeated = _apart(members)
    is_all = _share(case, members) >= 1 - _MOST_SURVIVORS
    if others < _REFUTES and not (is_repeated and is_all):
        return None
    limit = Bracket(min(least, limit.high), limit.high) if is_wide(limit) else limit
    candidate = limit_candidate(case, Variable.IDLE, limit, members)
    unproved = [] if others >= _REFUTES else ["Whether it is silence or age: no session told."]
    return _with(candidate, unproved, [])


def is_wide(limit: Bracket) -> bool:
    """Whether it is known only roughly."""
    return limit.high - limit.low > _TIGHT * limit.high


def _agreeing(drops: list[DropFact]) -> tuple[list[DropFact], Bracket | None]:
    """The drops whose silences allow one timer, and where it lies."""
    silences = [one.drop.silence for one in drops if one.drop.silence is not None]
    agreed = agreement(silences)
    if agreed is None or agreed.width > tolerance(max(agreed.high, 1)):
        return [], None
    limit = timer_limit(silences, len(silences)).bracket
    pad = tolerance(limit.high)
    members = [
        one
        for one in drops
        if one.drop.silence is not None
        and one.drop.silence.low <= limit.high + pad
        and limit.low - pad <= one.drop.silence.high
    ]
    return members, limit


def _shorter(case: CaseFile, pair: Pair, members: list[DropFact], beyond: int) -> int:
    """Sessions of the pair that were open when members died, older, never so silent, and lived."""
    oldest = min(one.drop.age.low for one in members)
    first = min(one.drop.moment.low for one in members)
    return sum(
        0 < life.survived_ns < beyond
        and life.proved_age_ns > oldest
        and life.opened_ns + life.proved_age_ns > first
        for life in case.survivors.get(pair, [])
    )


def _apart(members: list[DropFact]) -> bool:
    """They died at different times: no one moment explains them."""
    agreed = agreement([one.drop.moment for one in members])
    return agreed is not None and agreed.width > tolerance(0)


def _share(case: CaseFile, members: list[DropFact]) -> float:
    """How many of the sessions of these cohorts that reached the silence are members."""
    least = min(one.measured_ns for one in members)
    cohorts = {one.fact.cohort for one in members}
    reached = sum(
        case.cohort_of(life) in cohorts and max(life.survived_ns, life.last_silence_ns) >= least
        for life in case.lives.lives
    )
    return len(members) / max(reached, len(members))


def found_dead(case: CaseFile, claims: Claims) -> Iterator[Candidate]:
    """Silent sessions that were dead when the plan ended them, or when they were asked."""
    by_pair: dict[Pair, list[DropFact]] = defaultdict(list)
    for one in claims.free_drops(case):
        if one.fact.kind is Kind.FOUND_DEAD and one.drop.silence is not None:
            by_pair[one.pair].append(one)
    for members in by_pair.values():
        limit = Bracket(
            max(one.drop.silence.low for one in members if one.drop.silence),
            min(one.drop.silence.high for one in members if one.drop.silence),
        )
        if limit.low < limit.high:
            candidate = limit_candidate(case, Variable.IDLE, limit, members)
            told = "Whether silence, age or one moment ended them: nothing was sent meanwhile."
            yield _with(candidate, [told], [])
