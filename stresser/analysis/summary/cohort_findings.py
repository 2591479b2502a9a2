"""What stands out in each cohort, in sentences that hold for every drop they count.

A silence or an age is named only where nine in ten drops lie within a tenth of the median
(`SampleRange.is_narrow`). What lived beside them is the diagnoses' to say.
"""

from collections.abc import Mapping

from stresser.analysis.counts.cohort_tally import CohortTally, DropGroup
from stresser.analysis.counts.plan_facts import PlanFacts
from stresser.analysis.counts.run_tally import LabKill
from stresser.analysis.words.endings import INITIATOR_WORDS, counted, kind_words
from stresser.model.cohort import Cohort
from stresser.model.ending import BRACKETED, Initiator, Kind
from stresser.model.kill import Kill
from stresser.model.units import escaped, format_duration
from stresser.statistics.sample_range import SampleRange

_FEWEST_FOR_A_PATTERN = 3
_MOST_KINDS = 4
_MOST_FAILURES = 4
_SAME = 0.05
"""Two medians this close (as a share) count as one."""


def cohort_findings(
    cohort: Cohort, figures: CohortTally, plan: PlanFacts, now_ns: int
) -> list[str]:
    """Sentences on one cohort."""
    place = _place(cohort, plan)
    said = []
    if figures.drops:
        said.append(f"{place}: {drops_in_words(figures)}.")
    elif figures.opened:
        held = format_duration(figures.session_time_ns(now_ns))
        said.append(
            f"{place}: no drop; {counted(figures.opened, 'session')} held for {held} in all."
        )
    elif not figures.attempts:
        said.append(f"{place}: no attempt came to an end.")
    if figures.failed:
        said.append(f"{place}: {failures_in_words(figures)}.")
    return said


_KILL_WORDS = {Kill.RESET: "reset", Kill.FIN: "ended with FIN", Kill.SILENT: "silently dropped"}


def lab_findings(kills: Mapping[LabKill, int]) -> list[str]:
    """What the lab's middleboxes themselves say that they did: the truth to compare with."""
    return [
        f'The lab middlebox "{escaped(kill.egress, 40)}" says itself: it {_KILL_WORDS[kill.kill]}'
        f" {counted(number, 'flow')} to {escaped(kill.endpoint, 40)} by its"
        f" {escaped(kill.rule, 40)}."
        for kill, number in kills.items()
    ]


def drops_in_words(figures: CohortTally) -> str:
    """The drops of a cohort, by kind: how many, when in the sessions' lives, and the initiator.

    Example: `24 drops, every one a TCP reset, 4 s (3.98 s to 4.02 s) after the last byte in
    either direction; initiator unknown`.
    """
    groups = sorted(figures.drop_groups.items(), key=lambda item: -item[1].count)
    if len(groups) == 1:
        kind, group = groups[0]
        return _one_kind(kind, group)
    parts = [
        f"{group.count:,} {kind_words(kind, group.count)}{_codes(group)}"
        f"{_when(kind, group)}{_by_whom(group)}"
        for kind, group in groups[:_MOST_KINDS]
    ]
    rest = sum(group.count for _, group in groups[_MOST_KINDS:])
    if rest:
        parts.append(f"{rest:,} of other kinds")
    return f"{counted(figures.drops, 'drop')}: {'; '.join(parts)}"


def failures_in_words(figures: CohortTally) -> str:
    """How many attempts failed, in which phase, of what."""
    common = figures.failures.most_common()
    parts = [
        f"{count:,} in phase {key.phase}: {kind_words(key.kind, count)}"
        f" ({escaped(key.failure, 60)})"
        for key, count in common[:_MOST_FAILURES]
    ]
    rest = sum(count for _, count in common[_MOST_FAILURES:])
    if rest:
        parts.append(f"{rest:,} otherwise")
    total = counted(figures.attempts, "attempt")
    return f"{figures.failed:,} of {total} failed; {'; '.join(parts)}"


def _place(cohort: Cohort, plan: PlanFacts) -> str:
    endpoint, egress, activity = (escaped(name, 40) for name in cohort)
    lab = plan.labs.get(cohort.egress)
    through = egress if lab is None else f'the lab middlebox "{egress}" ({lab})'
    return f"Through {through} to {endpoint}, {activity}"


def _one_kind(kind: Kind, group: DropGroup) -> str:
    every = "a" if group.count == 1 else "every one a"
    what = f"{counted(group.count, 'drop')}, {every} {kind_words(kind)}{_codes(group)}"
    return f"{what}{_when(kind, group)}{_by_whom(group)}"


def _codes(group: DropGroup) -> str:
    if not group.codes:
        return ""
    codes = ", ".join(escaped(code, 20) for code, _ in group.codes.most_common(4))
    return f" ({codes})"


def _when(kind: Kind, group: DropGroup) -> str:
    if group.count < _FEWEST_FOR_A_PATTERN:
        return _when_few(group)
    if kind in BRACKETED:
        width = format_duration(group.bracket.quantile(0.5))
        return f", at an age of at most {_spread(group.age)}, each dated to within {width} (median)"
    if group.answer.count == group.count:
        silence, answer = _centre(group.broken_silence), _centre(group.answer)
        return f", {answer} after we had sent something into a silence of {silence}"
    return _when_announced(group)


def _when_announced(group: DropGroup) -> str:
    is_idle_narrow = group.idle.count == group.count and group.idle.is_narrow()
    if is_idle_narrow and group.age.is_narrow():
        return _when_both(group)
    if is_idle_narrow:
        return f", {_centre(group.idle)} after the last byte in either direction"
    if group.age.is_narrow():
        return f", {_centre(group.age)} after they opened"
    return f", at scattered ages: {_spread(group.age)}"


def _when_few(group: DropGroup) -> str:
    ages = format_duration(group.age.least)
    if group.age.largest != group.age.least:
        ages += f" and {format_duration(group.age.largest)}"
    silence = f", {_centre(group.idle)} after the last byte" if group.idle.count else ""
    return f"{silence}, {ages} after opening"


def _when_both(group: DropGroup) -> str:
    idle, age = group.idle.quantile(0.5), group.age.quantile(0.5)
    if abs(idle - age) > _SAME * max(idle, age):
        opened = f", {_centre(group.age)} after they opened"
        return f"{opened} and {_centre(group.idle)} after the last byte"
    return (
        f", {_centre(group.idle)} after the last byte in either direction"
        " (as long as they had been open)"
    )


def _centre(span: SampleRange) -> str:
    """`4 s (3.98 s to 4.02 s)`."""
    middle = format_duration(span.quantile(0.5))
    least, largest = format_duration(span.least), format_duration(span.largest)
    return middle if least == largest else f"{middle} ({least} to {largest})"


def _spread(span: SampleRange) -> str:
    least, largest = format_duration(span.least), format_duration(span.largest)
    return f"{least} to {largest}, median {format_duration(span.quantile(0.5))}"


def _by_whom(group: DropGroup) -> str:
    if len(group.initiators) == 1:
        return f"; {INITIATOR_WORDS[next(iter(group.initiators))]}"
    known = [(who, n) for who, n in group.initiators.most_common() if who is not Initiator.UNKNOWN]
    parts = [f"{n:,} {INITIATOR_WORDS[who]}" for who, n in known]
    if group.initiators[Initiator.UNKNOWN]:
        parts.append(f"{group.initiators[Initiator.UNKNOWN]:,} initiator unknown")
    return f"; {', '.join(parts)}"
