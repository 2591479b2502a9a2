"""Sessions that die of what they send: of their first ping, or of a message that is too big.

Both look like timers, for each session ends at a heartbeat: what shows them is that sessions of
the same pair that were as silent, or sent as often but less, lived on. A path may shrink while
sessions are held: then big messages were answered until the first was lost, and none since.
"""

from collections import defaultdict
from collections.abc import Iterator

from stresser.analysis.diagnosis.candidate import Candidate, Claims, Through
from stresser.analysis.diagnosis.case_file import CaseFile, DropFact
from stresser.analysis.diagnosis.diagnosis import Mechanism
from stresser.analysis.patterns.session_lives import Life
from stresser.analysis.words.endings import counted
from stresser.model.cohort import Cohort, Pair
from stresser.model.ending import BRACKETED, Kind
from stresser.model.units import NS_PER_S, escaped
from stresser.statistics.brackets import Bracket
from stresser.statistics.concentration import tolerance

_FEWEST = 3
_WHICH_SIZE = 'Which size is the limit: try an activity with message = "1200B".'
_LIVED = 2
_IN_FLIGHT_NS = NS_PER_S // 4
"""What passed shortly before the first loss is answered shortly after it."""
_MOST_SMALL_LOST = 0.1
_LOST = frozenset({Kind.SILENCE, Kind.UNRESPONSIVE, Kind.KERNEL_TIMEOUT, Kind.UNKNOWN})


def first_message(case: CaseFile, claims: Claims) -> Iterator[Candidate]:
    """Ping intolerance and size limits."""
    by_pair: dict[Pair, list[DropFact]] = defaultdict(list)
    for one in claims.free_drops(case):
        by_pair[one.pair].append(one)
    sized = {pair: _size_limit(case, pair, drops) for pair, drops in by_pair.items()}
    yield from (one for one in sized.values() if one is not None)
    yield from _big_segments(case, claims)
    for pair, drops in by_pair.items():
        first = [one for one in drops if one.own.pings == 1 and one.own.pongs == 0]
        if sized[pair] is None and first:
            yield from _ping_intolerance(case, pair, first)


def _big_segments(case: CaseFile, claims: Claims) -> Iterator[Candidate]:
    """Where most endings of a cohort show that big segments were lost and small ones passed."""
    cohorts: dict[Cohort, list[DropFact]] = defaultdict(list)
    for one in claims.free_drops(case):
        cohorts[one.fact.cohort].append(one)
    for cohort, drops in cohorts.items():
        shown = [one for one in drops if "big-packets-dropped" in one.fact.rules]
        if len(shown) < _FEWEST or 2 * len(shown) <= len(drops):
            continue
        # Others were lost earlier, while these were answered: then it is no size that ends them.
        lost = [one for one in drops if _is_lost(one)]
        if not _answered_since(case, _as_big(case, cohort), _first_loss_ns(case, lost)):
            yield Candidate(
                mechanism=Mechanism.SIZE_LIMIT,
                drops=frozenset(one.number for one in shown),
                through=_outlived(case, shown),
                condition="whose big segments got lost",
                unproved=(_WHICH_SIZE,),
            )


def _outlived(case: CaseFile, drops: list[DropFact]) -> Through:
    """Whether a session of the same activities outlived all of these."""
    activities = {one.fact.cohort.activity for one in drops}
    oldest = max(one.drop.age.high for one in drops)
    return lambda life: life.proved_age_ns > oldest and case.cohort_of(life).activity in activities


def _ponged(case: CaseFile, cohorts: set[Cohort]) -> int:
    """Sessions of these cohorts that had a pong."""
    return sum(case.evidence.ponged[cohort] for cohort in cohorts)


def _silence_ns(case: CaseFile, one: DropFact) -> int:
    """How long it was silent before the message that had no answer."""
    return min(one.measured_ns, case.plan.pings_every_ns(one.fact.cohort) or one.measured_ns)


def _first_loss_ns(case: CaseFile, dead: list[DropFact]) -> int:
    """When the first message was sent that had no answer."""
    return min(one.drop.moment.low + _silence_ns(case, one) for one in dead)


def _is_lost(one: DropFact) -> bool:
    """It had no answer to a message, whether that was noticed at once or at the end."""
    unanswered = one.fact.kind is Kind.FOUND_DEAD and one.own.pings > one.own.pongs
    return one.fact.kind in _LOST or unanswered


def _bytes_of(case: CaseFile, cohort: Cohort) -> int:
    """Of its messages; 0: it sends none."""
    activity = case.plan.activities.get(cohort.activity)
    return 0 if activity is None else activity.message_bytes or 0


def _as_big(case: CaseFile, cohort: Cohort) -> set[Cohort]:
    """This one and those of its pair with messages as big: a limit on size spares none of them."""
    least = _bytes_of(case, cohort)
    beside = (one for one in case.cohorts if one.pair == cohort.pair)
    return {cohort, *(one for one in beside if least and _bytes_of(case, one) >= least)}


def _answered_since(case: CaseFile, cohorts: set[Cohort], since_ns: int) -> bool:
    """Whether a session of these cohorts may have had an answer to a ping after that time."""
    until_ns = since_ns + _IN_FLIGHT_NS
    drops = [one for one in case.drops if one.fact.cohort in cohorts and one.own.pongs]
    if any(one.drop.moment.low > until_ns for one in drops):
        return True
    # Of sessions that the plan ended, only the end is known, not when the last pong came.
    ended_before = sum(
        life.ended_ns <= until_ns
        for pair in {cohort.pair for cohort in cohorts}
        for life in case.survivors.get(pair, [])
        if case.cohort_of(life) in cohorts
    )
    return _ponged(case, cohorts) > len(drops) + ended_before


def _size_limit(case: CaseFile, pair: Pair, drops: list[DropFact]) -> Candidate | None:
    """Of one pair: since one moment no big message is answered, while small ones are."""
    dead = [one for one in drops if _is_lost(one) and _bytes_of(case, one.fact.cohort)]
    if len(dead) < _FEWEST:
        return None
    smallest = min((one.fact.cohort for one in dead), key=lambda one: _bytes_of(case, one))
    if _answered_since(case, _as_big(case, smallest), _first_loss_ns(case, dead)):
        return None
    least = _bytes_of(case, smallest)
    lived = _smaller_that_lived(case, pair, dead, least)
    lost = sum(_is_lost(one) and _bytes_of(case, one.fact.cohort) < least for one in drops)
    if len(lived) < _LIVED or lost > _MOST_SMALL_LOST * len(lived):
        return None
    passed = max(_bytes_of(case, case.cohort_of(life)) for life in lived)
    beside = sorted({case.cohort_of(life).activity for life in lived})
    return Candidate(
        mechanism=Mechanism.SIZE_LIMIT,
        drops=frozenset(one.number for one in dead),
        limit=Bracket(passed, least),
        unit="bytes",
        through=_outlived(case, dead),
        condition=f"that sent a message of {least:,} bytes",
        contrast=(
            (
                f"{counted(len(lived), 'session')} of {escaped(', '.join(beside), 60)} with"
                " smaller messages, silent as long, lived on"
            ),
        ),
        unproved=(_WHICH_SIZE,),
    )


def _smaller_that_lived(case: CaseFile, pair: Pair, dead: list[DropFact], least: int) -> list[Life]:
    """Sessions with smaller messages that were as silent, and answered after the first loss.

    Where a big one had been answered after as long a silence, silence is no question.
    """
    soonest = min(one.drop.age.high for one in dead)
    first_ns = min(one.drop.moment.high for one in dead)
    is_first = not any(one.own.pongs for one in dead)
    silent_ns = min(_silence_ns(case, one) for one in dead) if is_first else 0
    return [
        life
        for life in case.survivors.get(pair, [])
        if life.survived_ns
        and life.survived_ns + tolerance(silent_ns) >= silent_ns
        and life.proved_age_ns > (soonest if is_first else 0)
        and life.opened_ns + life.proved_age_ns > first_ns
        and _bytes_of(case, case.cohort_of(life)) < least
    ]


def _ping_intolerance(case: CaseFile, pair: Pair, drops: list[DropFact]) -> Iterator[Candidate]:
    """Of one pair: all sessions end at their first ping, those that send nothing live."""
    cohorts = {one.fact.cohort for one in drops}
    pinging = {c for c in case.cohorts if c.pair == pair and case.plan.pings_every_ns(c)}
    if len(drops) < _FEWEST or _ponged(case, pinging):
        return
    silent_ns = min(one.measured_ns for one in drops)
    is_plain = all(_is_own_doing(one) for one in drops)
    lived = [
        life
        for life in case.survivors.get(pair, [])
        if case.cohort_of(life) not in cohorts
        and _lived_silent(life, silent_ns, proved=not is_plain)
    ]
    if len(lived) < _LIVED:
        return
    how = "never answers a ping" if _unanswered(drops) else "ends at the first ping"
    yield Candidate(
        mechanism=Mechanism.PING_INTOLERANCE,
        drops=frozenset(one.number for one in drops),
        through=_outlived(case, drops),
        condition="that sent a ping",
        event=how,
        said=all(one.fact.is_said for one in drops),
        contrast=(f"{counted(len(lived), 'session')} that sent nothing lived on",),
    )


_AT_ONCE = frozenset({Kind.TCP_FIN, Kind.UNRESPONSIVE, Kind.PROTOCOL_ERROR})
"""A box that forgot the flow while it was silent does not answer like this."""


def _is_own_doing(one: DropFact) -> bool:
    """Who held the connection ended it: none had forgotten it before."""
    return one.fact.is_said or one.fact.kind in _AT_ONCE or one.fact.is_owners


def _lived_silent(life: Life, silent_ns: int, *, proved: bool) -> bool:
    longest = life.survived_ns if proved else max(life.survived_ns, life.last_silence_ns)
    return longest > silent_ns


def _unanswered(drops: list[DropFact]) -> bool:
    return all(one.fact.kind in BRACKETED for one in drops)
