"""The limits that a search for them found: of silence, age and bytes, one by one. Pure.

What each session of the search answered, and where the limit is, `search_answers` has; who and
where come from the run's diagnoses, with their rules and controls.
"""

from collections.abc import Iterator, Sequence
from functools import partial

from msgspec import Struct
from msgspec.structs import astuple, replace

from stresser.analysis.counts.plan_facts import PlanFacts
from stresser.analysis.diagnosis.diagnosis import Diagnosis, Mechanism, Where, Whom
from stresser.analysis.summary.search_answers import (
    Answers,
    Moved,
    age_limit,
    byte_limit,
    comes_again,
    silence_limit,
)
from stresser.classify.idle_answers import Beside, beside
from stresser.model.asked_value import AskedValue
from stresser.model.cohort import Cohort
from stresser.model.ending import Initiator
from stresser.model.events import AnyEvent, RunStarted, SessionEnded
from stresser.model.units import escaped
from stresser.statistics.asked_limits import AskedLimit, outlasts_one_moment

_MOST_COHORTS = 2_000
_LONGEST_NAME = 128
_FEWEST_CONFIRMED = 3
_NEARLY = 0.97
"""The last rung is asked a little sooner than it is called: TLS tickets come after the opening."""
_MECHANISMS = {
    "idle": (Mechanism.IDLE_TIMER, Mechanism.ENDPOINT_GOODBYE, Mechanism.AGE_LIMIT),
    "age": (Mechanism.AGE_LIMIT, Mechanism.ENDPOINT_GOODBYE),
    "bytes": (Mechanism.BYTE_LIMIT,),
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
    """Data from the endpoint alone, a byte at a time: asked of a reflector."""
    one_byte: bool | None = None
    """A message of one byte, and its echo by a reflector."""
    big_message: bool | None = None
    """One of 16 KiB."""


class LimitFigures(Struct, frozen=True, kw_only=True):
    """One limit of one endpoint through one egress, or that there is none up to `survived`."""

    endpoint: str
    egress: str
    kind: str
    """`idle`, `age` or `bytes`."""
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
    """Sessions that opened after the first had died met it as well, or ones that were not silent,
    or had begun later, were there before several ended, and lived on: no one moment ended them."""
    reached: bool = False
    """As far as was asked for was tried."""
    is_silence: bool | None = None
    """Sessions that were not silent lived beyond it; None: none is known to have."""
    of_egress: bool = False
    """The egress itself went when nothing had passed through it for so long, and all sessions with
    it; none of one session alone was found."""


class SearchAnswers:
    """A collector: what the sessions of a run's searches answered."""

    def __init__(self, plan: PlanFacts) -> None:
        self._plan = plan
        self._heard: dict[Cohort, Answers] = {}

    def event(self, event: AnyEvent) -> None:
        """One event, in order."""
        if isinstance(event, RunStarted):
            for cohort in event.cohorts[:_MOST_COHORTS]:
                if self._plan.searches_idle(cohort):
                    self._heard[cohort] = Answers()  # also of those that will never answer
        if (
            isinstance(event, SessionEnded)
            and _was_sent_to(event)
            and self._plan.may_belong_to_search(event.activity)
        ):
            heard = self._heard.get(event.cohort)
            if heard is None and len(self._heard) < _MOST_COHORTS:
                heard = self._heard[event.cohort] = Answers()
            if heard is not None:
                heard.add(event)

    def limits(self, diagnoses: Sequence[Diagnosis]) -> list[LimitFigures]:
        """All limits, and what was survived where there is none."""
        searches = sorted(cohort for cohort in self._heard if self._plan.searches_idle(cohort))
        return [one for cohort in searches for one in self._limits_of(cohort, diagnoses)]

    def _limits_of(self, cohort: Cohort, diagnoses: Sequence[Diagnosis]) -> Iterator[LimitFigures]:
        heard, busy = self._heard[cohort], self._beside(cohort, Beside.BUSY)
        blamed = partial(_blamed, cohort, diagnoses)
        age = age_limit(busy, heard)
        up_to_ns = self._plan.activities[cohort.activity].up_to_ns
        survived = max((one.value for one in heard.silences if one.lived), default=None)
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
        silence = silence_limit(heard, busy, age)
        if silence is not None:
            refreshed = self._refreshed(cohort, silence)
            lived_on = None if busy.oldest_ns is None else busy.oldest_ns > silence.low
            # Whatever else broke its silence and lived shows as much.
            lived_on = True in astuple(refreshed) or lived_on
            found = _with_limit(found, silence, heard, blamed("idle"))
            is_beside = lived_on and found.dead >= _FEWEST_CONFIRMED
            is_sure = found.confirmed or bool(is_beside and self._lived_through(cohort, heard))
            is_sure = is_sure or outlasts_one_moment(heard.silences)
            found = replace(found, refreshed_by=refreshed, is_silence=lived_on, confirmed=is_sure)
        yield self._of_egress(cohort, found)
        if busy.ages:
            oldest = max(busy.oldest_ns or 0, heard.oldest_ns or 0) or None
            aged = _of_companions(found, "age", "ns", busy.ages, oldest)
            if age is not None:
                aged = replace(_with_limit(aged, age, busy, blamed("age")), confirmed=True)
            yield aged
        yield from self._bytes(cohort, found, busy.oldest_ns, blamed("bytes"))

    def _of_egress(self, cohort: Cohort, found: LimitFigures) -> LimitFigures:
        """Where all were silent at once: that the egress went, once: it is not confirmed."""
        together = self._beside(cohort, Beside.TOGETHER)
        dead = sum(not one.lived for one in together.silences)
        if found.high is not None or found.dead or not dead or dead != len(together.by_host):
            return found
        limit = AskedLimit(0, max(together.by_host))
        told = _with_limit(found, limit, together, None)
        refreshed = self._refreshed(cohort, limit)
        return replace(told, dead=dead, where=Where.EGRESS, refreshed_by=refreshed,
                       confirmed=False, of_egress=True)  # fmt: skip

    def _bytes(
        self, cohort: Cohort, pair: LimitFigures, busy_ns: int | None, blamed: Diagnosis | None
    ) -> Iterator[LimitFigures]:
        both = [self._beside(cohort, what) for what in (Beside.HEAVY, Beside.HALF_HEAVY)]
        loads = [load for heard in both for load in heard.loads]
        if not loads:
            return
        most = max((load.moved for load in loads if load.lived), default=None)
        figures = _of_companions(pair, "bytes", "bytes", loads, most)
        found = byte_limit(loads, busy_ns)
        if found is None:
            yield figures
            return
        heard = both[0] if both[0].forms else both[1]
        limit = AskedLimit(found.low, found.high)
        yield replace(_with_limit(figures, limit, heard, blamed), confirmed=True)

    def _refreshed(self, cohort: Cohort, limit: AskedLimit) -> RefreshedBy:
        def outlived(what: Beside) -> bool | None:
            return self._beside(cohort, what).outlived(limit)

        up = outlived(Beside.UP)
        return RefreshedBy(
            ping=outlived(Beside.BUSY),
            unanswered_ping=up,  # under TLS a box sees no difference between them
            up=up,
            down=outlived(Beside.DOWN),
            tcp_keepalive=outlived(Beside.TCP_KEEPALIVE),
            one_byte=outlived(Beside.ONE_BYTE),
            big_message=outlived(Beside.BIG_MESSAGE),
        )

    def _lived_through(self, cohort: Cohort, heard: Answers) -> bool:
        """Whether one that was not silent was there before the first of these died, and lived on.

        One that came afterwards, in the place of another, shows nothing.
        """
        dead = [one for one in heard.silences if not one.lived]
        first = min(one.at for one in dead)
        since = max(
            (one.at for one in heard.silences if one.lived and one.at < first),
            default=min(one.at - one.value for one in dead),
        )
        return any(
            one.lived and one.at - one.value <= since and one.at > first
            for what in Beside
            for one in self._beside(cohort, what).ages
        )

    def _beside(self, cohort: Cohort, what: Beside) -> Answers:
        return self._heard.get(beside(cohort, what), Answers())


def _was_sent_to(event: SessionEnded) -> bool:
    """Where data down was asked for, some came: an older reflector sends none."""
    return event.messages > 0 or not event.activity.endswith(f"-{Beside.DOWN}")


def _of_companions(
    pair: LimitFigures,
    kind: str,
    unit: str,
    asked: Sequence[AskedValue | Moved],
    survived: int | None,
) -> LimitFigures:
    """Of the sessions beside those that were silent: what they survived."""
    return LimitFigures(
        endpoint=pair.endpoint, egress=pair.egress, kind=kind, low=None, high=None, unit=unit,
        survived=survived, asked=len(asked), dead=sum(not one.lived for one in asked),
    )  # fmt: skip


def _with_limit(
    figures: LimitFigures, limit: AskedLimit, heard: Answers, blamed: Diagnosis | None
) -> LimitFigures:
    return replace(
        figures,
        low=limit.low,
        high=limit.high,
        tick=limit.tick,
        form=heard.forms.most_common(1)[0][0],
        at_expiry=2 * heard.of_themselves > heard.forms.total(),
        who=Initiator.UNKNOWN if blamed is None else blamed.who,
        where=Where.UNKNOWN if blamed is None else blamed.where,
        ask=Whom.NETWORK_TEAM if blamed is None else blamed.ask.whom,
        confirmed=comes_again(heard.ages),
    )


def _blamed(cohort: Cohort, diagnoses: Sequence[Diagnosis], kind: str) -> Diagnosis | None:
    """The weightiest diagnosis of such a limit that covers this endpoint and egress."""
    for one in diagnoses:
        covers = one.scope.endpoint in {None, cohort.endpoint}
        covers = covers and one.scope.egress in {None, cohort.egress}
        if covers and one.mechanism in _MECHANISMS[kind]:
            return one
    return None
