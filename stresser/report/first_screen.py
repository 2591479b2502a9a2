"""The first screen of a report: three tiles, the egresses, what to ask of whom, limits to draw."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from msgspec import Struct

import stresser
from stresser.analysis.diagnosis.diagnosis import Diagnosis, Mechanism
from stresser.analysis.summary.answer import Answer, IsIt
from stresser.analysis.summary.mechanism_words import addressed, diagnosed_limit
from stresser.analysis.summary.summary import Summary
from stresser.analysis.views.run_report import RunReport
from stresser.model.units import escaped, format_duration
from stresser.report.tables import egress_cells

_CLASSES = {
    IsIt.YES: "bad",
    IsIt.PARTLY: "bad",
    IsIt.NO: "good",
    IsIt.NOTHING: "good",
    IsIt.UNKNOWN: "doubt",
}
_TILES = 3
_MOST_LIMITS = 6
_NS = 1e9
_LONGEST = 500
_OF_TIME = {Mechanism.IDLE_TIMER: "of silence", Mechanism.AGE_LIMIT: "old"}


class DrawnLimit(Struct, frozen=True, kw_only=True):
    """A timer as the charts draw it. Seconds."""

    is_age: bool
    low_s: float
    high_s: float
    egress: str | None
    words: str


def first_screen(run: RunReport) -> dict[str, Any]:
    """What the template shows of a run before anything else."""
    answer = run.summary.answer
    tiles = [
        {"question": question, "first": first, "rest": rest}
        for question, text in answer.lines()[:_TILES]
        for first, rest in [_parted(text)]
    ]
    return {
        "name": answer.heading[0] if answer.heading else "",
        "state": ", ".join(answer.heading[1:]),
        "tile_class": _CLASSES[answer.is_egress],
        "tiles": tiles,
        "rows": [egress_cells(row) for row in answer.egresses],
        "more_egresses": answer.more_egresses,
        "what_to_do": answer.what_to_do,
        "not_proved": answer.not_proved,
        "verdict": answer.verdict,
        "ask": ask_of(run),
    }


def _parted(text: str) -> tuple[str, str]:
    """An answer's first words and the rest: `Yes: middlebox.`, `79 drops of ...`."""
    first, mark, rest = text.partition(". " if ". " in text else ": ")
    return first + mark.strip(), rest


def ask_of(run: RunReport) -> str:
    """What somebody who can act on it is sent: the sentence, why, when, and from what run."""
    summary = run.summary
    lines = [summary.answer.what_to_do]
    if summary.diagnoses:
        main = summary.diagnoses[0]
        lines = [addressed(main.ask), f"Why: {main.says}", *_when(main)]
    lasted = format_duration(summary.elapsed_ns)
    lines.append(
        f"Run {run.name}, from {summary.started_utc}, {lasted}; stresser {stresser.__version__}."
    )
    return "\n".join(escaped(line, _LONGEST) for line in lines)


def _when(main: Diagnosis) -> Iterator[str]:
    if main.first_utc is not None:
        until = "" if main.last_utc in {None, main.first_utc} else f" to {main.last_utc}"
        yield f"When: {main.first_utc}{until} (UTC)."


def drawn_limits(summary: Summary) -> list[DrawnLimit]:
    """Limits of time that were diagnosed."""
    found = (limit for one in summary.diagnoses for limit in _diagnosed(one))
    return list(islice(found, _MOST_LIMITS))


def _diagnosed(found: Diagnosis) -> Iterator[DrawnLimit]:
    if found.mechanism in _OF_TIME and found.high is not None:
        yield DrawnLimit(
            is_age=found.mechanism is Mechanism.AGE_LIMIT,
            low_s=(found.high if found.low is None else found.low) / _NS,
            high_s=found.high / _NS,
            egress=found.scope.egress,
            words=f"{diagnosed_limit(found)} {_OF_TIME[found.mechanism]}",
        )


def told(answer: Answer) -> list[tuple[str, str]]:
    """Heading, the five answers and the verdict, for texts without tiles."""
    return [*answer.lines(), ("Verdict", answer.verdict)]
