"""Sessions that were asked for and never opened: how many, where, and what stood in the way.

While one is missing, how it would have fared is unknown, so that a run with a shortfall never
passes. A place whose session was dropped and not replaced is no shortfall: that is a drop.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from stresser.analysis.counts.cohort_tally import CohortTally, FailureKey
from stresser.analysis.words.endings import kind_words
from stresser.model.cohort import Cohort
from stresser.model.units import escaped

_LONGEST_NAME = 40
_LONGEST_FAILURE = 60


def shortfalls(cohorts: Mapping[Cohort, CohortTally]) -> list[str]:
    """At most one clause without its full stop; none where every session opened.

    Example: `3 of 20 sessions never opened, all of them through vpn to broker; 41 attempts failed
    there, most of them in phase connect: refused connections (connection_refused)`.
    """
    short = {cohort: figures for cohort, figures in cohorts.items() if figures.never_opened}
    if not short:
        return []
    missing = sum(figures.never_opened for figures in short.values())
    asked = sum(figures.requested for figures in cohorts.values())
    sessions = "session" if asked == 1 else "sessions"
    never = f"{missing:,} of {asked:,} {sessions} never opened{_where(short, cohorts)}"
    return [f"{never}; {_cause(short.values())}"]


def _where(short: Iterable[Cohort], cohorts: Iterable[Cohort]) -> str:
    """The egress and the endpoint that all of them have in common, where there are others."""
    words = ""
    for preposition, name in (("through", "egress"), ("to", "endpoint")):
        common = {getattr(cohort, name) for cohort in short}
        if len(common) == 1 < len({getattr(cohort, name) for cohort in cohorts}):
            words += f" {preposition} {escaped(common.pop(), _LONGEST_NAME)}"
    return f", all of them{words}" if words else ""


def _cause(short: Iterable[CohortTally]) -> str:
    failures: Counter[FailureKey] = Counter()
    for figures in short:
        failures.update(figures.failures)
    if not failures:
        return "no attempt at them came to an end"
    [(key, count)] = failures.most_common(1)
    failed = failures.total()
    attempts = "1 attempt" if failed == 1 else f"{failed:,} attempts"
    share = "" if failed == 1 else "all of them " if count == failed else "most of them "
    what = f"{kind_words(key.kind, count)} ({escaped(key.failure, _LONGEST_FAILURE)})"
    return f"{attempts} failed there, {share}in phase {key.phase}: {what}"
