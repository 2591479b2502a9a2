"""The answer of a run: five questions, a line for each egress, the verdict with what it judged.

It is derived once, from the diagnoses and the figures beside them. Terminal, report, Markdown,
JUnit, the page for the network team and `compare` print these texts as they stand.
"""

from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct

from stresser.analysis.summary.cohort_figures import CohortFigures
from stresser.analysis.summary.run_figures import RunFigures
from stresser.analysis.words.endings import counted, kind_words
from stresser.analysis.words.lines import NAME_WIDTH, cells, fitted, shortened
from stresser.model.ending import Kind
from stresser.model.units import escaped, format_duration
from stresser.model.verdict import ThresholdResult, Verdict

SCREEN_WIDTH = 80
LABEL_WIDTH = 19
TEXT_WIDTH = SCREEN_WIDTH - LABEL_WIDTH
"""Cells that a text has beside its question on a terminal of 80 columns."""
NOTE_WIDTH = 9
"""Cells before the text of `Verdict:`."""
HEADING_GAP = "   "
_MOST_EGRESSES = 40
_VERDICT_LINES = 2
ABOUT_ALL = 0.98
"""A run that lasted so much of what was asked was not cut short."""


class IsIt(StrEnum):
    """Whether the egress is to blame, as far as the run tells."""

    YES = "yes"
    PARTLY = "partly"
    NO = "no"
    UNKNOWN = "unknown"
    NOTHING = "nothing"
    """Nothing dropped and nothing failed: there is nothing to blame anybody for."""


class EgressRow(Struct, frozen=True, kw_only=True):
    """All sessions through one egress."""

    egress: str
    asked: int
    sessions: int
    """That opened, replacements included."""
    sessions_open: int
    """At the end."""
    proved: int
    """Proved to live when the plan ended them: at the end, or before to be replaced."""
    dead: int
    """Found dead then. They are drops, too."""
    unproved: int
    """Nothing shows that they lived until then."""
    drops: int
    attempts: int
    attempts_failed: int
    ended_by: str
    """The commonest kind of drop, or of failure where nothing dropped."""


class Answer(Struct, frozen=True, kw_only=True):
    """What a run says. Texts are sentences, escaped, and short enough for their place."""

    heading: list[str] = []
    """Scenario, how long and how it ended, what stood beside what."""
    is_egress: IsIt = IsIt.UNKNOWN
    is_it: str = ""
    what: str = ""
    who: str = ""
    what_to_do: str = ""
    not_proved: str = ""
    egresses: list[EgressRow] = []
    more_egresses: int = 0
    """Beyond those listed."""
    verdict: str = ""

    def lines(self) -> list[tuple[str, str]]:
        """Each question with its answer, in the order in which they are read."""
        return [
            ("Is it the egress?", self.is_it),
            ("What does it do?", self.what),
            ("Who?", self.who),
            ("What to do", self.what_to_do),
            ("Not proved", self.not_proved),
        ]


def heading_of(run: RunFigures, rows: list[EgressRow]) -> list[str]:
    """Such as `quickstart`, `30 s, complete`, `direct beside vpn: same endpoints, same time`.

    Together they fit one line of the screen.
    """
    kept = [shortened(escaped(run.scenario), 2 * NAME_WIDTH)]
    beside, _, alike = _sides(run, rows).partition(": ")
    for texts in ([_state(run)], [f"{beside}: {alike}" if alike else beside, beside]):
        room = SCREEN_WIDTH - cells(HEADING_GAP.join([*kept, ""]))
        kept += [part for part in texts if part and cells(part) <= room][:1]
    return kept


def _state(run: RunFigures) -> str:
    asked, lasted = run.duration_ns, format_duration(run.elapsed_ns)
    if asked is not None:
        is_whole = run.elapsed_ns >= ABOUT_ALL * asked
        lasted = format_duration(asked) if is_whole else f"{lasted} of {format_duration(asked)}"
    if run.resumptions:
        lasted += f" in {run.resumptions + 1} parts"
    if run.crashed_at_utc is not None:
        return f"{lasted}, crashed at {escaped(run.crashed_at_utc)[:19]}Z"
    return f"{lasted}, still running" if run.status == "running" else f"{lasted}, {run.status}"


def _sides(run: RunFigures, rows: list[EgressRow]) -> str:
    names = [shortened(row.egress, NAME_WIDTH) for row in rows]
    if not names:
        return ""
    if len(names) == 1:
        return f"through {names[0]} alone"
    beside = f"{names[0]} beside {names[1]}" if len(names) == 2 else f"{len(names)} egresses"  # noqa: PLR2004 - a pair
    held = [
        {(one.endpoint, one.activity) for one in run.cohorts if one.egress == row.egress}
        for row in rows
    ]
    return f"{beside}: same endpoints, same time" if held.count(held[0]) == len(held) else beside


def egress_rows(cohorts: list[CohortFigures]) -> list[EgressRow]:
    """One row an egress, in the order of the run."""
    by_egress: dict[str, list[CohortFigures]] = {}
    for one in cohorts:
        by_egress.setdefault(one.egress or "", []).append(one)
    return [_row(egress, group) for egress, group in by_egress.items()]


def _row(egress: str, group: list[CohortFigures]) -> EgressRow:
    return EgressRow(
        egress=egress,
        asked=sum(one.requested for one in group),
        sessions=sum(one.sessions for one in group),
        sessions_open=sum(one.sessions_open for one in group),
        proved=sum(one.proved for one in group),
        dead=sum(count for kind, count in kinds_of(group) if kind == Kind.FOUND_DEAD),
        unproved=sum(one.unproved for one in group),
        drops=sum(one.drops for one in group),
        attempts=sum(one.attempts for one in group),
        attempts_failed=sum(one.attempts_failed for one in group),
        ended_by=_ended_by(group),
    )


def _ended_by(group: list[CohortFigures]) -> str:
    counts: dict[str, int] = {}
    for kind, count in kinds_of(group) or _failures_of(group):
        counts[kind] = counts.get(kind, 0) + count
    if not counts:
        return ""
    commonest = max(counts, key=counts.__getitem__)
    words = kind_words(Kind(commonest), counts[commonest]) if commonest in set(Kind) else commonest
    return f"{words}, ..." if len(counts) > 1 else words


def kinds_of(group: list[CohortFigures]) -> list[tuple[str, int]]:
    """Kind and number of all drops of these cohorts."""
    return [(kind.kind, kind.count) for one in group for kind in one.drop_kinds]


def _failures_of(group: list[CohortFigures]) -> list[tuple[str, int]]:
    return [(failed.kind, failed.count) for one in group for failed in one.failures]


def shown_rows(rows: list[EgressRow]) -> tuple[list[EgressRow], int]:
    """As many rows as are kept, those with most drops and failures, and how many are left out."""
    worst = sorted(rows, key=lambda row: (-row.drops, -row.attempts_failed))[:_MOST_EGRESSES]
    return [row for row in rows if row in worst], max(len(rows) - _MOST_EGRESSES, 0)


def verdict_in_words(run: RunFigures) -> str:
    """The verdict, and what it judged: `fail. 1 of 2 thresholds held. Failed: ...`."""
    return fitted([*_verdict(run)], _VERDICT_LINES, SCREEN_WIDTH - NOTE_WIDTH)


def _verdict(run: RunFigures) -> Iterator[str]:
    rules = run.thresholds
    if rules:
        held = [rule for rule in rules if rule.verdict is Verdict.PASS]
        yield f"{run.verdict}. {len(held)} of {counted(len(rules), 'threshold')} held."
        for verdict, word in ((Verdict.FAIL, "Failed"), (Verdict.INCONCLUSIVE, "Not judged")):
            yield from (_rule(word, rule) for rule in rules if rule.verdict is verdict)
    else:
        yield f"{run.verdict}. The scenario has no thresholds."
    if not run.total.sessions:
        yield "No session opened."
    yield from (f"In doubt: {escaped(doubt)}." for doubt in run.doubts)
    yield from (_rule("Held", rule) for rule in rules if rule.verdict is Verdict.PASS)


def _rule(word: str, result: ThresholdResult) -> str:
    measured = escaped(result.shown)
    return f"{word}: {escaped(result.rule)} ({measured})."
