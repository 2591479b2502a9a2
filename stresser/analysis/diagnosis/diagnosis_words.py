"""A diagnosis as one sentence: what happened to how many, and to how many it did not."""

from collections import Counter

from stresser.analysis.diagnosis.candidate import Candidate, members
from stresser.analysis.diagnosis.case_file import CaseFile
from stresser.analysis.diagnosis.controls import Located
from stresser.analysis.diagnosis.diagnosis import DiagnosedScope, Mechanism, Where
from stresser.analysis.diagnosis.ending_facts import EndingFact
from stresser.analysis.diagnosis.limit_candidates import condition
from stresser.analysis.patterns.scopes import Variable
from stresser.analysis.words.endings import counted, kind_words
from stresser.model.ending import Kind
from stresser.model.units import shown

_LONGEST_REASON = 60
_LONGEST_LINE = 80
_NEARLY = 0.9
_CLOCK_TIME = slice(11, 19)
"""Hours to seconds of an ISO 8601 text."""
_MOST_KINDS = 2
_DIED = {
    Kind.SILENCE: "went dead without RST or FIN",
    Kind.KERNEL_TIMEOUT: "went dead without RST or FIN",
    Kind.UNREACHABLE: "became unreachable",
    Kind.UNRESPONSIVE: "stopped answering, while its TCP went on",
    Kind.FOUND_DEAD: "was found dead",
    Kind.MESSAGE_REFUSAL: "had another answer than the one wanted, or none, while it lived",
    Kind.TCP_RESET: "was reset",
    Kind.TCP_FIN: "was ended by a TCP FIN",
    Kind.TLS_CLOSE_NOTIFY: "was closed by TLS close_notify",
    Kind.UNKNOWN: "ended",
}
_UNFIT = {Mechanism.HOST_UNFIT, Mechanism.TOOL_UNFIT}
_LOSSY = ", on a path that loses packets"
_COUNTS = {
    Mechanism.IDLE_TIMER: Variable.IDLE,
    Mechanism.AGE_LIMIT: Variable.AGE,
    Mechanism.ENDPOINT_GOODBYE: Variable.AGE,
    Mechanism.BYTE_LIMIT: Variable.BYTES,
}
_AT_ONCE = {
    Mechanism.STATE_LOST: "at one moment",
    Mechanism.OUTAGE: "in an outage",
    Mechanism.ENDPOINT_DOWN: "when the endpoint went down",
    Mechanism.ENDPOINT_GOODBYE: "at one moment",
    Mechanism.PATH_CHANGE: "when this host changed its own path",
}


def says(
    candidate: Candidate, scope: DiagnosedScope, located: Located, case: CaseFile, of_drops: int
) -> str:
    """The one sentence."""
    if not candidate.drops:
        return _of_failures(candidate, scope, located, case)
    facts = [case.drop(number).fact for number in sorted(candidate.drops)]
    said = f"{_place(scope)}, {_what(candidate, facts, case, of_drops)}"
    beside = [*_across(located, scope), *candidate.contrast[:1]]
    tail = f"; {'; '.join(beside)}" if beside else ""
    return f"{said}{tail}.{_failures_too(candidate, case)}"


def _place(scope: DiagnosedScope) -> str:
    to = "" if scope.endpoint is None else f" to {scope.endpoint}"
    if scope.egress is None:
        return f"Through all egresses{to}"
    return f"Through {scope.egress}{to}"


def _what(candidate: Candidate, facts: list[EndingFact], case: CaseFile, of_drops: int) -> str:
    count = len(facts)
    ended = _ended(facts)
    if candidate.condition:
        total = count + _spared(candidate, facts, case)
        which = f"{_which(candidate)} {ended}"
        return f"{_those(count, total, which)} ({count:,} of {total:,})"
    if candidate.mechanism is Mechanism.NO_PATTERN:
        return (
            f"{counted(count, 'drop')} of {of_drops:,} ({_kinds(facts)}) came at times, ages and"
            f" silences that nothing here explains{_LOSSY if candidate.is_lossy else ''}"
        )
    if candidate.mechanism is Mechanism.PATH_CHANGE:
        when = _AT_ONCE[candidate.mechanism]
        change = f" ({candidate.event})" if candidate.event else ""
        return f"{counted(count, 'session')} {_plural(ended, count)} {when}{change}"
    if candidate.moment is None and candidate.mechanism is Mechanism.ENDPOINT_GOODBYE:
        return f"{counted(count, 'session')} {_plural(ended, count)}, by the endpoint's own word"
    open_then = max(_open_then(candidate, facts, case), count)
    when = _AT_ONCE.get(candidate.mechanism, "at one moment")
    if candidate.event:
        when = f"{when}, {candidate.event.removeprefix('at ')}"
    return f"{_those(count, open_then, ended)} {when} ({count:,} of {open_then:,})"


def _plural(ended: str, count: int) -> str:
    return ended if count == 1 else ended.replace("was ", "were ")


def _which(candidate: Candidate) -> str:
    """`silent for 4 s`: of the limit as it is now, that several candidates may have in common."""
    variable = _COUNTS.get(candidate.mechanism)
    if variable is None or candidate.limit is None:
        return candidate.condition
    return condition(variable, candidate.limit)


def _those(count: int, total: int, ended: str) -> str:
    """`nearly every session was reset`, `some sessions were reset`."""
    those = _every(count, total)
    return f"{those} {_plural(ended, 2) if those.endswith('s') else ended}"


def _every(count: int, total: int) -> str:
    if count < _NEARLY * total:
        return "some sessions" if total - count > count else "most sessions"
    if count < total:
        return "nearly every session"
    return "every session" if count > 1 else "the one session"


def _spared(candidate: Candidate, facts: list[EndingFact], case: CaseFile) -> int:
    """Sessions of the same pairs that went through the same and lived."""
    if candidate.through is None:
        return 0
    pairs = {fact.pair for fact in facts}
    activities = {fact.cohort.activity for fact in facts}
    return sum(
        case.number_through(pair, activity, candidate.through)
        for pair in pairs
        for activity in activities
    )


def _open_then(candidate: Candidate, facts: list[EndingFact], case: CaseFile) -> int:
    pairs = {fact.pair for fact in facts}
    return 0 if candidate.moment is None else case.open_at(pairs, candidate.moment.low)


def _ended(facts: list[EndingFact]) -> str:
    kinds = Counter(fact.kind for fact in facts)
    if len(kinds) > 1:
        return f"ended ({_kinds(facts)})"
    kind = facts[0].kind
    if kind is Kind.WS_CLOSE:
        return f"was closed by {_close(facts[0])}"
    if kind is Kind.MQTT_DISCONNECT:
        return f"was closed by {_disconnect(facts[0])}"
    if kind is Kind.TLS_ALERT:
        return f"was ended by TLS alert {facts[0].alert}"
    if kind is Kind.PROTOCOL_ERROR:
        return f"was ended by bytes that break the protocol ({what_broke_it(facts[0])})"
    return _DIED.get(kind, f"ended ({kind_words(kind)})")


def moment_words(low_utc: str, high_utc: str) -> str:
    """`at 02:13:07 UTC`; `between 02:13:07 and 02:13:12 UTC` where it is only bracketed."""
    first, last = low_utc[_CLOCK_TIME], high_utc[_CLOCK_TIME]
    if not last:
        return ""
    return f"at {last} UTC" if first == last else f"between {first} and {last} UTC"


def what_broke_it(fact: EndingFact) -> str:
    """The first line of what came, `"HTTP/1.1 504 Gateway Time-out"`; else what the parser said."""
    line = fact.seen.partition("\\r\\n")[0]
    return f'"{line[:_LONGEST_LINE]}"' if line else shown(fact.raw, _LONGEST_LINE)


def _close(fact: EndingFact) -> str:
    reason = f" {shown(fact.reason, _LONGEST_REASON)}" if fact.reason else ""
    return f"WebSocket close {fact.code}{reason}"


def _disconnect(fact: EndingFact) -> str:
    reason = f" {shown(fact.reason, _LONGEST_REASON)}" if fact.reason else ""
    return f"MQTT DISCONNECT {fact.code}{reason}"


def _kinds(facts: list[EndingFact]) -> str:
    kinds = Counter(fact.kind for fact in facts).most_common()
    told = ", ".join(f"{n:,} {kind_words(kind, n)}" for kind, n in kinds[:_MOST_KINDS])
    rest = sum(n for _, n in kinds[_MOST_KINDS:])
    return told + (f", {rest:,} otherwise" if rest else "")


def _across(located: Located, scope: DiagnosedScope) -> list[str]:
    """`through direct none of 15 was`: of the clean controls that decided where, the largest."""
    sums: Counter[str] = Counter()
    for one in located.controls:
        if one.drops:
            continue
        if located.where is Where.EGRESS and one.scope.egress != scope.egress:
            sums[f"through {one.scope.egress}"] += one.sessions
        elif located.where is Where.ENDPOINT and one.scope.endpoint != scope.endpoint:
            sums[f"to {one.scope.endpoint}"] += one.sessions
    return [f"{place} none of {count:,} was" for place, count in sums.most_common(1)]


def _failures_too(candidate: Candidate, case: CaseFile) -> str:
    if not candidate.failures:
        return ""
    kinds = _kinds([case.failures[place].ending for place in candidate.failures])
    return f" {counted(len(candidate.failures), 'attempt')} failed then ({kinds})."


def _of_failures(
    candidate: Candidate, scope: DiagnosedScope, located: Located, case: CaseFile
) -> str:
    facts = members(candidate, case)
    if not facts:
        return f"{_place(scope)}, {candidate.event}."
    count = counted(len(facts), "attempt")
    if candidate.mechanism is Mechanism.SESSION_CEILING and candidate.limit is not None:
        said = (
            f"never more than {candidate.limit.high:,} sessions were open: every further attempt"
            f" failed while they lived ({len(facts):,})"
        )
    elif candidate.event:
        joint = ", and" if candidate.mechanism in _UNFIT else ":"
        said = f"{count} failed{joint} {candidate.event}"
    else:
        said = f"{count} failed ({_kinds(facts)})"
    across = [text.replace(" was", " did") for text in _across(located, scope)[:1]]
    beside = [*across, *candidate.contrast[:1]]
    tail = f"; {'; '.join(beside)}" if beside else ""
    if facts[0].kind is Kind.PROTOCOL_ERROR:
        said = f"{said} ({what_broke_it(facts[0])})"
    return f"{_place(scope)}, {said}{tail}."
