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
from stresser.analysis.patterns.scopes import Variable, bracket_of
from stresser.analysis.patterns.session_lives import Life
from stresser.analysis.words.endings import counted
from stresser.model.cohort import Cohort
from stresser.model.ending import BRACKETED, Kind
from stresser.model.units import format_duration
from stresser.statistics.brackets import Bracket, agreement
from stresser.statistics.concentration import GRAIN, Limit, timer_limit, tolerance

MECHANISMS = {
    Variable.IDLE: Mechanism.IDLE_TIMER,
    Variable.AGE: Mechanism.AGE_LIMIT,
    Variable.BYTES: Mechanism.BYTE_LIMIT,
}
_UNITS = {Variable.IDLE: "ns", Variable.AGE: "ns", Variable.BYTES: "bytes"}
_TIGHT = 0.05
_FEWEST = 3
_FEWEST_OF_ITS_OWN = 5
_COARSEST = 0.25
"""A tick that is a larger part of its timer is no one value any more."""
_OF_TLS_END = frozenset({Kind.WS_CLOSE, Kind.PROTOCOL_ERROR, Kind.TLS_ALERT})
"""Under TLS, so of its end: an interceptor passes them on."""
_REFUTES = 2
"""So many sessions beyond a limit refute it: one may be an error of ours."""
_MOST_SURVIVORS = 0.1
_CLEARLY_MORE = 1.1
HEADERS = 1.08
"""IP and TCP headers and acknowledgements, beside full segments: some 6 %. A box may count them."""
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
) -> Limit:
    """Where the limit of one endpoint lies: the search may have seen several as one with ticks."""
    known = [b for one in members if (b := bracket_of(one.drop, variable, case.floors))]
    if timer.tick_ns is None or len(known) < _FEWEST_OF_ITS_OWN:
        return Limit(timer.brackets[variable], timer.tick_ns)
    return timer_limit(known, len(known), 1 if variable is Variable.BYTES else GRAIN)


def _with_like(
    case: CaseFile, free: list[DropFact], members: list[DropFact], left: dict[Variable, Limit]
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
        and own.low <= limit.high + pad
        and limit.low - pad <= own.high
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
    case: CaseFile, timer: FoundTimer, members: list[DropFact], left: dict[Variable, Limit]
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
    return replace(_with(candidate, unproved, known), apart=_speaks(members))


def _as_the_box_counts(
    case: CaseFile, variable: Variable, limit: Bracket, members: list[DropFact]
) -> Bracket:
    """A box counts the bytes of the handshake too, which the search leaves out."""
    if variable is not Variable.BYTES:
        return limit
    floors = [case.floors.get(one.drop.life.place, 0) for one in members]
    return Bracket(limit.low + min(floors), round((limit.high + max(floors)) * HEADERS))


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


def _refuted(case: CaseFile, variable: Variable, limit: Limit, members: list[DropFact]) -> bool:
    """Whether sessions of the same pairs, whatever their activity, went clearly beyond it."""
    if variable is Variable.IDLE:
        return False  # the search has counted silences that were survived
    pairs = {one.pair for one in members}
    lives = [life for life in case.lives.lives if case.cohort_of(life)[:2] in pairs]
    high = limit.bracket.high + (limit.tick or 0)
    if variable is Variable.AGE:
        older = sum(life.proved_age_ns > high + tolerance(high) for life in lives)
        return older >= _REFUTES or _is_a_drain(limit, members)
    moved = (life.bytes - case.floors.get(life.place, 0) for life in lives)
    return sum(count > _CLEARLY_MORE * high for count in moved) >= _REFUTES


def _is_a_drain(limit: Limit, members: list[DropFact]) -> bool:
    """Ages far apart of sessions that no second wave followed: something began, no age was due."""
    first = min(one.drop.moment.high for one in members)
    is_one_wave = max(one.drop.life.opened_ns for one in members) < first
    return is_one_wave and (limit.tick or 0) > _COARSEST * limit.bracket.high


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
    members, limit, tick_ns = _agreeing(drops)
    if len(members) < _FEWEST or limit is None:
        return None
    lives = [life for life in case.lives.lives if case.cohort_of(life)[:2] == pair]
    beyond = limit.high + tick_ns - tolerance(limit.high)
    lived_longer = sum(life.survived_ns >= beyond for life in lives)
    if lived_longer > _MOST_SURVIVORS * len(members):
        return None
    others = _shorter(case, pair, members, limit.high)
    is_all = _share(case, members) >= 1 - _MOST_SURVIVORS
    if others < _REFUTES and not (is_all and _apart(members)):
        return None
    least = max([limit.low, *(n for life in lives if (n := life.survived_ns) < limit.high)])
    limit = Bracket(min(least, limit.high), limit.high) if is_wide(limit) else limit
    candidate = limit_candidate(case, Variable.IDLE, limit, members, tick_ns)
    unproved = [] if others >= _REFUTES else ["Whether it is silence or age: no session told."]
    return _with(candidate, unproved, [])


def is_wide(limit: Bracket) -> bool:
    """Whether it is known only roughly."""
    return limit.high - limit.low > _TIGHT * limit.high


def _agreeing(drops: list[DropFact]) -> tuple[list[DropFact], Bracket | None, int]:
    """The drops whose silences allow one timer, where it lies, and how coarse its ticks are."""
    silences = [one.drop.silence for one in drops if one.drop.silence is not None]
    agreed = agreement(silences)
    if agreed is None:
        return [], None, 0
    limit, tick_ns = timer_limit(silences, len(silences))
    is_one = agreed.width <= tolerance(max(agreed.high, 1))
    if not is_one and (tick_ns is None or tick_ns > _COARSEST * limit.high):
        return [], None, 0
    pad = tolerance(limit.high)
    members = [
        one
        for one in drops
        if one.drop.silence is not None
        and one.drop.silence.low <= limit.high + (tick_ns or 0) + pad
        and limit.low - pad <= one.drop.silence.high
    ]
    return members, limit, tick_ns or 0


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
