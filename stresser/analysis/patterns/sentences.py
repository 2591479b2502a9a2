"""Incidents, timers and periods in sentences that hold for every drop they count."""

from collections.abc import Iterator

from stresser.analysis.patterns.incidents import IncidentFigures, Share
from stresser.analysis.patterns.pattern_figures import Patterns, PeriodFigures, TimerFigures
from stresser.analysis.patterns.scopes import Variable
from stresser.analysis.words.endings import counted, kind_words
from stresser.model.ending import Initiator, Kind
from stresser.model.units import format_duration

_MOST_INCIDENTS = 10
_TIGHT = 0.05
_INITIATORS = {
    Initiator.ENDPOINT: "by the endpoint",
    Initiator.MIDDLEBOX: "by a middlebox",
}


def pattern_findings(patterns: Patterns) -> list[str]:
    """What the drops have in common; nothing where there is no drop."""
    largest = sorted(patterns.incidents, key=lambda one: -one.drops)[:_MOST_INCIDENTS]
    shown = [incident_in_words(one) for one in sorted(largest, key=lambda one: one.from_ns)]
    if len(patterns.incidents) > len(shown):
        shown.append(f"{len(patterns.incidents) - len(shown)} more incidents in summary.json.")
    return [
        *shown,
        *(timer_in_words(timer) for timer in patterns.timers),
        *(period_in_words(period) for period in patterns.periods),
        *_count(patterns),
    ]


def pattern_notes(patterns: Patterns) -> list[str]:
    """What was not looked at."""
    if not patterns.beyond:
        return []
    endings = counted(patterns.beyond, "session")
    return [f"Incidents and timers leave {endings} out: there were too many to keep each."]


def incident_in_words(incident: IncidentFigures) -> str:
    """`38 drops within 40 ms at ...Z are one incident: 38 of 40 sessions through vpn, ...`."""
    span = format_duration(max(incident.until_ns - incident.from_ns, 0))
    what = f"{counted(incident.drops, 'drop')} within {span} at {incident.utc}"
    where = _where(incident)
    every = _every(incident.kinds)
    by = _by_whom(incident)
    after = ""
    if incident.after_path_change_ns is not None:
        after = f", {format_duration(incident.after_path_change_ns)} after a change of the path"
    if incident.is_certain:
        return f"{what} are one incident{after}{where}; {every}{by}."
    return (
        f"{what} share one moment or one timer, and nothing decides: their sessions had started"
        f" together{after}{where}; {every}{by}."
    )


def timer_in_words(timer: TimerFigures) -> str:
    """`Through vpn: 20 of 21 drops came after 4 s of silence: an idle timer; ...`."""
    return f"{_way(timer)}: {_timed(timer)}{_survivors(timer)}{_known(timer)}."


def period_in_words(period: PeriodFigures) -> str:
    """`Incidents through vpn came back every 1 h: 7 of 8 times`, and a full stop."""
    through = "" if period.egress is None else f" through {period.egress}"
    every = format_duration(period.period_ns)
    return (
        f"Incidents{through} came back every {every} (to within"
        f" {format_duration(period.jitter_ns)}): {period.incidents} of {period.teeth} times."
    )


def _where(incident: IncidentFigures) -> str:
    with_it, without_it = incident.with_it, incident.without_it
    if incident.factor is None or with_it is None or without_it is None:
        return ""
    if incident.factor == "start":
        others = f"{without_it.dropped:,} of {without_it.open:,} others"
        return f": {_share(with_it)} that had started together, {others}"
    by = _FACTOR_WORDS[incident.factor]
    other = by.format(without_it.of) if without_it.of else "otherwise"
    ended = f"{without_it.dropped:,} of {without_it.open:,}"
    return f": {_share(with_it)} {by.format(with_it.of)}, {ended} {other}"


_FACTOR_WORDS = {
    "egress": "through {}",
    "endpoint": "to {}",
    "server": "to the server address {}",
    "source": "from {}",
    "activity": "held by activity {}",
    "endpoint and egress": "to {}",
}


_LONGER = {
    Variable.IDLE: "survived a longer silence",
    Variable.AGE: "grown older",
    Variable.BYTES: "moved more",
}


def _share(share: Share) -> str:
    return f"{share.dropped:,} of {counted(share.open, 'session')}"


def _every(kinds: dict[str, int]) -> str:
    parts = [(Kind(kind), count) for kind, count in list(kinds.items())[:3]]
    if len(kinds) == 1:
        return f"every one a {kind_words(parts[0][0])}"
    said = ", ".join(f"{count:,} {kind_words(kind, count)}" for kind, count in parts)
    rest = sum(kinds.values()) - sum(count for _, count in parts)
    return said + (f", {rest:,} otherwise" if rest else "")


def _by_whom(incident: IncidentFigures) -> str:
    parts = [
        words if incident.initiators[who] == incident.drops else f"{count:,} {words}"
        for who, words in _INITIATORS.items()
        if (count := incident.initiators.get(who, 0))
    ]
    return f", {', '.join(parts)}" if parts else ""


def _way(timer: TimerFigures) -> str:
    through = "all egresses" if timer.egress is None else timer.egress
    to = "all endpoints" if timer.endpoint is None else timer.endpoint
    activity = "" if timer.activity is None else f", {timer.activity}"
    return f"Through {through} to {to}{activity}"


def _timed(timer: TimerFigures) -> str:
    drops = f"{timer.drops:,} of {counted(timer.of, 'drop')}"
    first, *others = (Variable(variable) for variable in timer.variables)
    if first is Variable.BYTES:
        return f"{drops} came after {timer.low:,} to {timer.high:,} bytes: a limit on bytes"
    if timer.low == 0:
        return _at_most(timer, drops)
    value = _value(timer)
    if timer.tick_ns is not None:
        value += f", in ticks of some {format_duration(timer.tick_ns)},"
    if Variable.AGE in others:
        return (
            f"{drops} came after {value} of silence, which was their age as well: a timer, of"
            " silence or of age"
        )
    same = " (or bytes: all sent alike)" if Variable.BYTES in others else ""
    if first is Variable.AGE:
        said = f"{drops} came at an age of {value}: a limit on age{same}"
        return said + _refuted(timer, Variable.IDLE, "not silence")
    said = f"{drops} came after {value} of silence: a timer of silence{same}"
    return said + _refuted(timer, Variable.AGE, "not of age")


def _at_most(timer: TimerFigures, drops: str) -> str:
    """Every session was dead at its first ping: how to find the timer is said with it."""
    most = format_duration(timer.high)
    age = " or age" if Variable.AGE in timer.variables else ""
    return (
        f"{drops} were found at the first ping: every session that was silent for {most} was dead,"
        f" so a timer of silence{age} is at most {most}; an activity that pings more often shows it"
    )


def _refuted(timer: TimerFigures, variable: Variable, words: str) -> str:
    count = timer.refuted.get(variable)
    longer = "grew older" if variable is Variable.AGE else "lived through longer silences"
    return "" if count is None else f", {words} ({counted(count, 'session')} there {longer})"


def _value(timer: TimerFigures) -> str:
    low, high = format_duration(timer.low), format_duration(timer.high)
    if timer.high - timer.low > _TIGHT * timer.high:
        return f"more than {low} and at most {high}"
    return f"{format_duration((timer.low + timer.high) // 2)} ({low} to {high})"


def _survivors(timer: TimerFigures) -> str:
    longer = _LONGER[Variable(timer.variables[0])]
    if timer.survivors:
        return f"; {timer.survivors:,} there had {longer}"
    return f"; no session there is known to have {longer}"


def _known(timer: TimerFigures) -> str:
    if not timer.consistent_with:
        return ""
    names = ", ".join(f"{one.name} ({_seconds(one.seconds)})" for one in timer.consistent_with)
    more = f" and {timer.more_known} more" if timer.more_known else ""
    return f". Consistent with the documented default of: {names}{more}"


def _seconds(seconds: int) -> str:
    return f"{seconds:,} s"


def _count(patterns: Patterns) -> Iterator[str]:
    if not patterns.of_several:
        return
    drops = counted(patterns.drops, "drop")
    several = f"{counted(patterns.of_several, 'incident')} of several drops"
    several += " each" if patterns.of_several > 1 else ""
    alone = patterns.total - patterns.of_several
    yield (f"The {drops} are {counted(patterns.total, 'incident')}: {several}, {alone:,} of one.")
