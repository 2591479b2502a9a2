"""Owns the judgement: what the tool said of each session beside what the lab did to it."""

from collections import Counter
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from tests.netlab.recording import Cohort, Ending, Moment, Recording
from tests.netlab.topology import CONTROL, SUSPECT

TIMID_SHARE = 0.03
"""Of the sessions of one truth."""
ALIVE = "alive"
_WANT_AN_OLDER_SESSION = ("flow-dropped-somewhere", "proxy-may-pass-on")
"""Rules that name nobody where, with a control that is older than the last proof of life and
lives on, another rule names the box."""


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What befell some cohorts, and what a client can know of it."""

    what: str
    kinds: AbstractSet[str] = frozenset()
    """Empty: nothing befell them, all live."""
    initiators: AbstractSet[str] = frozenset()
    """More than one where the evidence, not the truth, leaves it open."""
    grades: AbstractSet[str] = frozenset()
    """Empty: any."""
    may_live: bool = False
    """It befalls some, not all: sessions that were opened late, or not chosen."""
    egress: str = SUSPECT
    activity: str | None = None
    endpoint: str | None = None
    changed: "Moment | Callable[[Ending], Moment | None] | None" = None
    """When it befell them, or each of them."""

    def covers(self, cohort: Cohort) -> bool:
        return (
            cohort.egress == self.egress
            and self.activity in {None, cohort.activity}
            and self.endpoint in {None, cohort.endpoint}
        )

    def is_right(self, ending: Ending) -> bool:
        return (
            ending.kind in self.kinds
            and (ending.initiator in self.initiators or _has_no_older(ending))
            and (not self.grades or ending.grade in self.grades)
        )

    def is_timid(self, ending: Ending) -> bool:
        """Nobody is named where this session's own evidence names somebody."""
        wrong = not self.is_right(ending)
        return wrong and ending.kind in self.kinds and ending.initiator == "unknown"

    def moment(self, ending: Ending) -> Moment | None:
        return self.changed(ending) if callable(self.changed) else self.changed

    @property
    def expected(self) -> str:
        if not self.kinds:
            return ALIVE
        return "|".join(sorted(self.kinds)) + " / " + "|".join(sorted(self.initiators))


NOTHING = Truth(what="nothing is wrong", egress=CONTROL)


@dataclass
class Judgement:
    """One test's: complaints, and rows for the matrix."""

    complaints: list[str] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def judge(self, recording: Recording, truths: Sequence[Truth]) -> None:
        """Judge all sessions; each cohort has one truth, the first that covers it."""
        endings, opened = recording.endings(), Counter(recording.opened())
        for truth in truths:
            of_truth = {
                cohort: sessions
                for cohort, sessions in opened.items()
                if next((one for one in truths if one.covers(cohort)), None) is truth
            }
            if not of_truth:
                self.complaints.append(f"{truth.what}: no session was opened")
            mine = [one for one in endings if one.cohort in of_truth]
            self._judge_one(truth, sum(of_truth.values()), mine)
        missed = [cohort for cohort in opened if not any(one.covers(cohort) for one in truths)]
        if missed:
            self.complaints.append(f"no truth is told of {missed}")

    def _judge_one(self, truth: Truth, opened: int, endings: list[Ending]) -> None:
        drops = [one for one in endings if one.is_drop]
        said = Counter(one.said for one in drops)
        said[ALIVE] = opened - len(drops)
        right = sum(map(truth.is_right, drops)) if truth.kinds else said[ALIVE]
        timid = sum(map(truth.is_timid, drops))
        left = said[ALIVE] if truth.kinds and truth.may_live else 0
        self.rows.append(
            {"truth": truth.what, "egress": truth.egress, "activity": truth.activity or "",
             "expected": truth.expected, "said": dict(said), "right": right + left,
             "timid": timid, "opened": opened,
             "grades": dict(Counter(one.grade for one in drops))}
        )  # fmt: skip
        if right + timid + left < opened or timid > TIMID_SHARE * opened:
            self.complaints.append(
                f"{truth.what} ({truth.egress}): {right} of {opened} right, {timid} timid; "
                f"expected {truth.expected} {sorted(truth.grades)}, said {dict(said)}, "
                f"for example {_example(truth, endings)}"
            )
        self._judge_accusations(truth, endings)
        self._judge_brackets(truth, drops)

    def _judge_accusations(self, truth: Truth, endings: list[Ending]) -> None:
        """Where nothing stands in the way nobody may say that it does, not once."""
        if truth.egress != CONTROL:
            return
        accused = [one for one in endings if one.initiator == "middlebox"]
        if accused:
            self.complaints.append(f"accused in the control: {len(accused)}, {accused[0]}")

    def _judge_brackets(self, truth: Truth, drops: list[Ending]) -> None:
        for ending in drops:
            moment = truth.moment(ending)
            if truth.changed is None or (moment and _contains(ending, moment)):
                continue
            if moment is None:
                self.complaints.append(f"{truth.what}: nobody knows when it befell {ending}")
                return
            early = (moment.before_ns - ending.dead_by_ns) / 1e6
            late = (ending.alive_ns - moment.after_ns) / 1e6
            self.complaints.append(
                f"{truth.what}: a bracket misses the change: it ends {early:.3f} ms before or "
                f"begins {late:.3f} ms after it; {ending}"
            )
            return


def _has_no_older(ending: Ending) -> bool:
    """It leaves open what only an older session through another egress shows; there is none.

    It was never answered a ping: when one that was had its answer, others were open beside it.
    """
    leaves_open = ending.evidence.get("why", []) in ([one] for one in _WANT_AN_OLDER_SESSION)
    return leaves_open and ending.is_first and ending.pongs == 0


def _contains(ending: Ending, moment: Moment) -> bool:
    return ending.alive_ns <= moment.after_ns and moment.before_ns <= ending.dead_by_ns


def _example(truth: Truth, endings: list[Ending]) -> Ending | None:
    wrong = (one for one in endings if one.is_drop and not truth.is_right(one))
    return next(wrong, None)


def share_at_most(limit: int, values: Sequence[int]) -> float:
    """Which share of some values does not exceed a limit."""
    assert values
    return sum(value <= limit for value in values) / len(values)
