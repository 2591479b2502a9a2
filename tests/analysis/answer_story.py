"""Summaries of made-up runs with made-up diagnoses: what an answer is made of."""

from typing import Any

from msgspec.structs import replace

from stresser.analysis.counts.cohort_tally import CohortTally
from stresser.analysis.diagnosis.diagnosis import (
    Ask,
    Control,
    DiagnosedScope,
    Diagnosis,
    Mechanism,
    Where,
    Whom,
)
from stresser.analysis.summary.answer import Answer
from stresser.analysis.summary.answers import answer_of
from stresser.analysis.summary.cohort_figures import (
    CohortFigures,
    DropFigures,
    FailureFigures,
    cohort_figures,
)
from stresser.analysis.summary.run_figures import RunFigures
from stresser.model.cohort import Cohort
from stresser.model.ending import Grade, Initiator
from stresser.model.units import NS_PER_S
from stresser.model.verdict import Verdict


def held(
    egress: str,
    sessions: int = 20,
    drops: int = 0,
    *,
    failed: int = 0,
    kind: str = "tcp_reset",
    endpoint: str = "broker",
    activity: str = "seldom",
) -> CohortFigures:
    """A cohort's figures."""
    figures = cohort_figures(Cohort(endpoint, egress, activity), CohortTally(), 0, {}, 0)
    kinds = DropFigures(
        kind=kind, count=drops, initiators={"unknown": drops}, codes={}, age=None, idle=None,
        bracket=None,
    )  # fmt: skip
    failure = FailureFigures(
        phase="connect", kind="refused", failure="connection_refused", count=failed
    )
    return replace(
        figures,
        requested=20,
        attempts=sessions + failed,
        attempts_failed=failed,
        sessions=sessions,
        sessions_open=max(sessions - drops, 0),
        proved=max(sessions - drops, 0),
        drops=drops,
        drop_kinds=[kinds] if drops else [],
        failures=[failure] if failed else [],
    )


def total_of(cohorts: list[CohortFigures]) -> CohortFigures:
    """All of them together."""
    total = cohort_figures(None, CohortTally(), 0, {}, 0)
    names = ("requested", "attempts", "attempts_failed", "sessions", "sessions_open", "drops")
    sums = {name: sum(getattr(one, name) for one in cohorts) for name in names}
    kinds = [kind for one in cohorts for kind in one.drop_kinds]
    failures = [failure for one in cohorts for failure in one.failures]
    return replace(total, **sums, drop_kinds=kinds, failures=failures)


def made_run(cohorts: list[CohortFigures], *diagnoses: Diagnosis, **changes: Any) -> RunFigures:
    """A complete run of thirty seconds."""
    fields: dict[str, Any] = {
        "scenario": "quickstart",
        "status": "complete",
        "started_utc": "2026-11-23T00:00:00.000000Z",
        "crashed_at_utc": None,
        "end_reason": "duration",
        "elapsed_ns": 30 * NS_PER_S,
        "duration_ns": 30 * NS_PER_S,
        "verdict": Verdict.NONE,
        "doubts": [],
        "thresholds": [],
        "findings": [],
        "notes": [],
        "total": total_of(cohorts),
        "cohorts": cohorts,
        "loop_lag": None,
        "incidents": [],
        "timers": [],
        "periods": [],
        "last_endings": [],
        "last_failures": [],
        "diagnoses": list(diagnoses),
    }
    return RunFigures(**(fields | changes))


def answer_to(
    cohorts: list[CohortFigures], *diagnoses: Diagnosis, unproved: int = 0, **changes: Any
) -> Answer:
    """The answer of such a run; so many sessions were not proved to have lived."""
    run = made_run(cohorts, *diagnoses, **changes)
    return answer_of(replace(run, total=replace(run.total, unproved=unproved)))


def diagnosed(mechanism: Mechanism = Mechanism.IDLE_TIMER, **changes: Any) -> Diagnosis:
    """By default the quickstart's: a middlebox resets after four seconds of silence."""
    fields: dict[str, Any] = {
        "number": 1,
        "mechanism": mechanism,
        "scope": DiagnosedScope(egress="middlebox"),
        "where": Where.EGRESS,
        "who": Initiator.MIDDLEBOX,
        "grade": Grade.COMPARISON,
        "low": 3_980_000_000,
        "high": 4_020_000_000,
        "unit": "ns",
        "drops": 79,
        "of_drops": 79,
        "kinds": {"tcp_reset": 79},
        "first_utc": "2026-11-23T02:13:07.100000Z",
        "last_utc": "2026-11-23T02:13:07.900000Z",
        "controls": [
            Control(
                scope=DiagnosedScope(egress="middlebox", activity="often"),
                sessions=5,
                drops=0,
                says="Not age: 5 sessions that ping every 2 s lived to the end.",
            )
        ],
        "unproved": [],
        "ask": Ask(
            whom=Whom.NETWORK_TEAM,
            says="Raise its idle timeout above 6 s, or ping within 4 s.",
        ),
        "says": "Through middlebox every session that was silent for 4 s was reset (79 of 79).",
    }
    return Diagnosis(**(fields | changes))


QUICKSTART = [held("direct"), held("middlebox", 96, 79)]
