"""Owns the judgement of the run as a whole: its diagnoses beside what the lab did.

Right: what the truth allows. Timid: less than the run's evidence decides (`no_pattern`, `unknown`,
`nobody`, no limit, no diagnosis), and nobody innocent is named. False: all else.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from tests.netlab.recording import Cohort

SECOND = 1_000_000_000
TIMID_SHARE = 0.03
_SAYS_NOTHING = {"mechanism": "no_pattern", "where": "unknown", "who": "unknown", "whom": "nobody"}


class Answer(IntEnum):
    """The worse, the larger."""

    RIGHT = 0
    TIMID = 1
    FALSE = 2


@dataclass(frozen=True, kw_only=True)
class RunTruth:
    """What a run shows of what ended in some cohorts. Where a set has several, any is fair."""

    what: str
    mechanism: AbstractSet[str]
    where: AbstractSet[str]
    who: AbstractSet[str]
    whom: AbstractSet[str]
    egress: str | None = None
    endpoint: str | None = None
    activity: str | None = None
    """Of the cohorts whose drops and failures are to be explained by it; None: of all."""
    failures: bool = False
    """Of these cohorts, failed attempts are to be explained, and not drops."""
    limit: float | None = None
    """What the box was set to, in seconds, bytes or sessions; the diagnosis brackets it."""
    tick: float = 0.0
    """How much later it may act, since it looks only now and then; as `limit`."""
    unit: str = "ns"
    widest: float | None = None
    """A bracket wider than this is timid; in seconds, bytes or sessions."""
    says: Sequence[str] = ()
    """Patterns that its sentences must have."""
    never: Sequence[str] = ()
    """Patterns that no sentence may have."""
    beside: bool = False
    """It is fair beside the others, and explains no drop that they do not."""
    is_certain: bool = False
    """Though it explains no drop, somebody must say it."""

    def covers(self, one: dict[str, Any]) -> bool:
        cohort = Cohort(one["endpoint"], one["egress"], one["activity"])
        return (
            self.egress in {None, cohort.egress}
            and self.endpoint in {None, cohort.endpoint}
            and self.activity in {None, cohort.activity}
        )

    def weigh(self, diagnosis: dict[str, Any] | None) -> tuple[Answer, str]:
        """How good an answer this is, and what is wrong with it."""
        if diagnosis is None:
            fair = "no_pattern" in self.mechanism
            return (Answer.RIGHT, "") if fair else (Answer.TIMID, "no diagnosis")
        worst = max(self._flaws(diagnosis), key=lambda flaw: flaw[0], default=None)
        return worst or (Answer.RIGHT, "")

    def _flaws(self, diagnosis: dict[str, Any]) -> Iterator[tuple[Answer, str]]:
        said = {name: diagnosis[name] for name in ("mechanism", "where", "who")}
        said["whom"] = diagnosis["ask"]["whom"]
        for name, value in said.items():
            if value in getattr(self, name):
                continue
            is_timid = value == _SAYS_NOTHING[name]
            yield Answer.TIMID if is_timid else Answer.FALSE, f"{name} {value}"
        if said["mechanism"] != "no_pattern":
            yield from self._flaws_of_limit(diagnosis)
        yield from self._flaws_of_words(diagnosis)

    def _flaws_of_limit(self, diagnosis: dict[str, Any]) -> Iterator[tuple[Answer, str]]:
        if self.limit is None:
            return
        low, high, unit = (diagnosis.get(name) for name in ("low", "high", "unit"))
        if high is None or unit is None:
            yield Answer.TIMID, "no limit"
            return
        scale = SECOND if self.unit == "ns" else 1
        if unit != self.unit or not (
            (low or 0) <= (self.limit + self.tick) * scale and self.limit * scale <= high
        ):
            yield Answer.FALSE, f"limit {low} to {high} {unit}"
        elif self.widest is not None and high - (low or 0) > self.widest * scale:
            yield Answer.TIMID, f"wide: {low} to {high} {unit}"

    def _flaws_of_words(self, diagnosis: dict[str, Any]) -> Iterator[tuple[Answer, str]]:
        words = "\n".join(
            [diagnosis["says"], diagnosis["ask"]["says"]]
            + [line for name in ("against", "unproved", "consistent_with") for line in
               diagnosis[name]] + [one["says"] for one in diagnosis["controls"]]
        )  # fmt: skip
        for pattern in self.says:
            if not re.search(pattern, words, re.IGNORECASE):
                yield Answer.TIMID, f"does not say {pattern!r}"
        for pattern in self.never:
            if re.search(pattern, words, re.IGNORECASE):
                yield Answer.FALSE, f"says {pattern!r}"

    @property
    def expected(self) -> str:
        sets = (self.mechanism, self.where, self.who, self.whom)
        limit = "" if self.limit is None else f" {self.limit:g} {self.unit.replace('ns', 's')}"
        return " / ".join("|".join(sorted(one)) for one in sets) + limit


@dataclass
class Verdicts:
    """One run's: complaints, and rows for the matrix."""

    run: dict[str, Any]
    """One of `runs` of `stresser report --format json`."""
    complaints: list[str] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)

    @property
    def _diagnoses(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.run["summary"].get("diagnoses", [])
        return found

    def judge(self, truths: Sequence[RunTruth]) -> None:
        """Each drop and failure has one truth, the first that covers it; or nobody asks."""
        run = self.run
        if not isinstance(run["drops"], list):
            self.complaints.append("the report has no list of drops")
            return
        by_number = {one["number"]: one for one in self._diagnoses}
        used: set[int | None] = set()
        for truth in truths:
            of_truth = [
                one
                for one in run["failures" if truth.failures else "drops"]
                if truth is _first(truths, one, failures=truth.failures)
            ]
            used |= {one["diagnosis"] for one in of_truth}
            if not truth.beside:
                self._judge_one(truth, [by_number.get(one["diagnosis"]) for one in of_truth])
        for truth in truths:
            if truth.is_certain:
                answers = [truth.weigh(one)[0] for one in self._diagnoses]
                best = self._diagnoses[answers.index(min(answers))] if answers else None
                self._judge_one(truth, [best])
        self._judge_strays(truths, [one for one in self._diagnoses if one["number"] not in used])
        self._judge_first(truths)
        self._judge_counts(run)

    def _judge_one(self, truth: RunTruth, diagnoses: list[dict[str, Any] | None]) -> None:
        answers = Counter(truth.weigh(one) for one in diagnoses)
        sums = {kind: sum(n for (answer, _), n in answers.items() if answer is kind)
                for kind in Answer}  # fmt: skip
        said = Counter(_said(one) for one in diagnoses)
        self.rows.append(
            {"truth": truth.what, "expected": truth.expected, "said": dict(said),
             "right": sums[Answer.RIGHT], "timid": sums[Answer.TIMID],
             "false": sums[Answer.FALSE], "of": len(diagnoses)}
        )  # fmt: skip
        if not diagnoses:
            self.complaints.append(f"{truth.what}: nothing befell those that it is about")
        if sums[Answer.FALSE] or sums[Answer.TIMID] > TIMID_SHARE * len(diagnoses):
            flaws = {f"{answer.name.lower()}: {flaw}": n for (answer, flaw), n in answers.items()
                     if flaw}  # fmt: skip
            self.complaints.append(
                f"{truth.what}: expected {truth.expected}; {flaws}; said {dict(said)}; "
                f"{[one['says'] for one in self._diagnoses]}"
            )

    def _judge_strays(self, truths: Sequence[RunTruth], strays: Sequence[dict[str, Any]]) -> None:
        """Diagnoses that explain nothing that a truth is about."""
        for one in strays:
            answers = [truth.weigh(one)[0] for truth in truths]
            if Answer.RIGHT in answers:
                continue
            is_accusation = _said(one).split(" / ")[2] != "unknown"
            kind = "false" if is_accusation else "timid"
            self.rows.append(
                {"truth": "nothing more", "expected": "no diagnosis", "said": {_said(one): 1},
                 "right": 0, "timid": 0, "false": 0, "of": 1} | {kind: 1}
            )  # fmt: skip
            self.complaints.append(f"one diagnosis too many: {one}")

    def _judge_first(self, truths: Sequence[RunTruth]) -> None:
        """The first is what people read."""
        asked = [truth for truth in truths if not truth.beside]
        if asked and self._diagnoses:
            answers = [truth.weigh(self._diagnoses[0]) for truth in asked]
            if min(answers)[0] is not Answer.RIGHT:
                self.complaints.append(f"the first diagnosis is not right: {min(answers)}")

    def _judge_counts(self, run: dict[str, Any]) -> None:
        for name in ("drops", "failures"):
            counted = Counter(one["diagnosis"] for one in run[name])
            for one in self._diagnoses:
                if one[name] != counted[one["number"]]:
                    self.complaints.append(
                        f"diagnosis {one['number']} says {one[name]} {name}; "
                        f"{counted[one['number']]} have its number"
                    )


def _first(truths: Sequence[RunTruth], one: dict[str, Any], *, failures: bool) -> RunTruth | None:
    fit = (truth for truth in truths if truth.failures is failures and not truth.beside)
    return next((truth for truth in fit if truth.covers(one)), None)


def _said(diagnosis: dict[str, Any] | None) -> str:
    if diagnosis is None:
        return "no diagnosis / unknown / unknown / nobody"
    names = [diagnosis[name] for name in ("mechanism", "where", "who")]
    return " / ".join([*names, diagnosis["ask"]["whom"]])
