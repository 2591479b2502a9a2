"""The limits that a search for them found: of silence and of age, one by one. Pure.

What each session of the search answered is read from its ending (`classify.idle_answers`); where
the limit is, from all of them (`statistics.asked_limits`); who and where, from the run's diagnoses,
with their rules and controls.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from msgspec import Struct

from stresser.analysis.counts.plan_facts import PlanFacts
from stresser.analysis.diagnosis.diagnosis import Diagnosis, Mechanism, Where, Whom
from stresser.classify.idle_answers import (
    BUSY,
    PING,
    TCP_KEEPALIVE,
    UP,
    answer_of_age,
    answer_of_silence,
    beside,
)
from stresser.model.asked_value import AskedValue
from stresser.model.cohort import Cohort
from stresser.model.ending import Ending, Initiator, Kind
from stresser.model.events import AnyEvent, RunStarted, SessionEnded
from stresser.model.units import NS_PER_S, escaped
from stresser.statistics.asked_limits import AskedLimit, limit_of_asked
from stresser.statistics.concentration import tolerance

_MOST_COHORTS = 2_000
_MOST_ANSWERS = 2_000
_LONGEST_NAME = 128
_FEWEST_CONFIRMED = 3
_MOST_AGAINST = 0.25
"""Of the deaths: more answers that do not fit, and there is no one limit."""
_NEARLY = 0.97
"""The last rung is asked a little sooner than it is called: TLS tickets come after the opening."""
_MECHANISMS = {
    "idle": (Mechanism.IDLE_TIMER, Mechanism.ENDPOINT_GOODBYE, Mechanism.AGE_LIMIT),
    "age": (Mechanism.AGE_LIMIT, Mechanism.ENDPOINT_GOODBYE),
}


class RefreshedBy(Struct, frozen=True, kw_only=True):
    """What restarts a limit of silence; None: not tried, or it cannot be told."""

    tcp_keepalive: bool | None = None
    ping: bool | None = None
    """A WebSocket ping that is answered."""
    unanswered_ping: bool | None = None
    up: bool | None = None
    """Data from us alone."""
    down: bool | None = None
    """Data from the endpoint alone."""


class LimitFigures(Struct, frozen=True, kw_only=True):
    """One limit of one endpoint through one egress, or that there is none up to `survived`."""

    endpoint: str
    egress: str
    kind: str
    """`idle` or `age`."""
    low: int | None
    """It is longer than this, in `unit`; None, with `high`: none was found."""
    high: int | None
    """And no longer than this."""
    unit: str = "ns"
    tick: int | None = None
    """How coarsely the box looks at its timer, where that shows."""
    form: str | None = None
    """How it ends sessions: a kind of ending, or `silence`."""
    at_expiry: bool | None = None
    """It says so when the limit is reached; else only when something is sent, or never."""
    who: str = Initiator.UNKNOWN
    where: str = Where.UNKNOWN
    ask: str = Whom.NETWORK_TEAM
    """Whom to ask for a longer one."""
    refreshed_by: RefreshedBy = RefreshedBy()
    survived: int | None = None
    """The longest that was survived, and proved; None: nothing was proved."""
    asked: int = 0
    """Sessions that gave an answer."""
    dead: int = 0
    confirmed: bool = False
    """Sessions that opened after the first had died met it as well, or busy ones lived on beside
    several that were dead when they were asked: no one moment ended them."""
    reached: bool = False
    """As far as was asked for was tried."""
    is_silence: bool | None = None
    """Busy sessions lived on beyond it; None: there were none, so that it may be one of age."""


@dataclass
class _Heard:
    """What the sessions of one cohort answered."""

    silences: list[AskedValue] = field(default_factory=list)
    ages: list[AskedValue] = field(default_factory=list)
    opened_ns: list[int] = field(default_factory=list)
    """Of each of `silences`."""
    forms: Counter[str] = field(default_factory=Counter)
    told: int = 0
    """Deaths that came of themselves."""

    def add(self, ending: Ending) -> None:
        """The ending of one session."""
        silence, age = answer_of_silence(ending), answer_of_age(ending)
        if silence is None or age is None or len(self.silences) >= _MOST_ANSWERS:
            return
        self.silences.append(silence)
        self.ages.append(age)
        self.opened_ns.append(ending.dead_by_ns - ending.age_ns)
        if not silence.lived:
            self.forms[_form(ending)] += 1
            self.told += silence.is_dated


class SearchAnswers:
    """A collector: what the sessions of a run's searches answered."""

    def __init__(self, plan: PlanFacts) -> None:
        self._plan = plan
        self._heard: dict[Cohort, _Heard] = {}

    def event(self, event: AnyEvent) -> None:
        """One event, in order."""
        if isinstance(event, RunStarted):
            for cohort in event.cohorts[:_MOST_COHORTS]:
                if self._plan.searches_idle(cohort):
                    self._heard[cohort] = _Heard()  # also of those that will never answer
        if isinstance(event, SessionEnded) and self._plan.may_belong_to_search(event.activity):
            heard = self._heard.get(event.cohort)
            if heard is None and len(self._heard) < _MOST_COHORTS:
                heard = self._heard[event.cohort] = _Heard()
            if heard is not None:
                heard.add(event.ending)

    def limits(self, diagnoses: Sequence[Diagnosis]) -> list[LimitFigures]:
        """All limits, and what was survived where there is none."""
        searches = sorted(cohort for cohort in self._heard if self._plan.searches_idle(cohort))
        return [one for cohort in searches for one in self._limits_of(cohort, diagnoses)]

    def _limits_of(self, cohort: Cohort, diagnoses: Sequence[Diagnosis]) -> Iterator[LimitFigures]:
        heard, busy = self._heard[cohort], self._heard.get(beside(cohort, BUSY), _Heard())
        age = _age_limit(busy)
        silence = _silence_limit(heard, age)
        up_to_ns = self._plan.activities[cohort.activity].up_to_ns
        survived = max((one.value for one in heard.silences if one.lived), default=None)
        busy_lived = max((one.value for one in busy.ages if one.lived), default=None)
        found = LimitFigures(
            endpoint=escaped(cohort.endpoint, _LONGEST_NAME),
            egress=escaped(cohort.egress, _LONGEST_NAME),
            kind="idle",
            low=None,
            high=None,
            survived=survived,
            asked=len(heard.silences),
            dead=sum(not one.lived for one in heard.silences),
            reached=survived is not None and survived >= _NEARLY * (up_to_ns or 0),
        )
        yield found if silence is None else _with_limit(
            found, silence, heard, self._refreshed(cohort), _blamed(cohort, "idle", diagnoses),
            is_silence=None if busy_lived is None else busy_lived > silence.low,
        )  # fmt: skip
        if busy.ages:
            aged = LimitFigures(
                endpoint=found.endpoint, egress=found.egress, kind="age", low=None, high=None,
                survived=busy_lived, asked=len(busy.ages),
                dead=sum(not one.lived for one in busy.ages),
            )  # fmt: skip
            blamed = _blamed(cohort, "age", diagnoses)
            yield aged if age is None else _with_limit(aged, age, busy, RefreshedBy(), blamed)

    def _refreshed(self, cohort: Cohort) -> RefreshedBy:
        # Under TLS a box sees no difference between them.
        up = self._lived(beside(cohort, UP))
        return RefreshedBy(
            ping=self._lived(beside(cohort, PING)),
            unanswered_ping=up,
            up=up,
            tcp_keepalive=self._lived(beside(cohort, TCP_KEEPALIVE)),
        )

    def _lived(self, cohort: Cohort) -> bool | None:
        """Whether those that beat in one way lived; None where they say both, or nothing."""
        said = {one.lived for one in self._heard.get(cohort, _Heard()).ages}
        return said.pop() if len(said) == 1 else None


def _form(ending: Ending) -> str:
    if ending.kind is not Kind.FOUND_DEAD:
        return ending.kind
    # Its socket had failed: the goodbye was answered by a RST. Else nothing came.
    return Kind.TCP_RESET if ending.evidence.operation is not None else Kind.SILENCE


def _age_limit(busy: _Heard) -> AskedLimit | None:
    """Of sessions that were never silent; at one moment alone something else may have struck."""
    found = limit_of_asked(busy.ages)
    deaths = sorted(one.at for one in busy.ages if not one.lived)
    is_repeated = len(deaths) > 1 and deaths[-1] - deaths[0] > NS_PER_S
    return found if found.high is not None and is_repeated and _fits(found, busy.ages) else None


def _silence_limit(heard: _Heard, age: AskedLimit | None) -> AskedLimit | None:
    found = limit_of_asked(heard.silences)
    if found.high is None or not _fits(found, heard.silences):
        return None
    is_age = age is not None and age.high is not None and age.low <= found.high + tolerance(age.low)
    return None if is_age else found


def _fits(found: AskedLimit, asked: Collection[AskedValue]) -> bool:
    dead = sum(not one.lived for one in asked)
    return dead > 1 and found.against <= _MOST_AGAINST * dead


def _with_limit(
    figures: LimitFigures,
    limit: AskedLimit,
    heard: _Heard,
    refreshed: RefreshedBy,
    blamed: Diagnosis | None,
    *,
    is_silence: bool | None = None,
) -> LimitFigures:
    deaths = [one.at for one in heard.silences if not one.lived]
    is_repeated = any(
        opened > min(deaths)
        for opened, one in zip(heard.opened_ns, heard.silences, strict=True)
        if not one.lived
    )
    return LimitFigures(
        **{name: getattr(figures, name) for name in ("endpoint", "egress", "kind", "survived")},
        **{name: getattr(figures, name) for name in ("asked", "dead", "reached")},
        low=limit.low,
        high=limit.high,
        tick=limit.tick,
        form=heard.forms.most_common(1)[0][0],
        at_expiry=2 * heard.told > heard.forms.total(),
        who=Initiator.UNKNOWN if blamed is None else blamed.who,
        where=Where.UNKNOWN if blamed is None else blamed.where,
        ask=Whom.NETWORK_TEAM if blamed is None else blamed.ask.whom,
        refreshed_by=refreshed,
        confirmed=is_repeated or bool(is_silence and len(deaths) >= _FEWEST_CONFIRMED),
        is_silence=is_silence,
    )


def _blamed(cohort: Cohort, kind: str, diagnoses: Sequence[Diagnosis]) -> Diagnosis | None:
    """The weightiest diagnosis of such a limit that covers this endpoint and egress."""
    for one in diagnoses:
        covers = one.scope.endpoint in {None, cohort.endpoint}
        covers = covers and one.scope.egress in {None, cohort.egress}
        if covers and one.mechanism in _MECHANISMS[kind]:
            return one
    return None
