"""What a diagnosis says it does, who can act on it, and what supports it: in clauses.

A clause's subject is whatever the question asks of: "What does it do? Resets a session ...".
"""

from collections.abc import Sequence

from stresser.analysis.diagnosis.diagnosis import Ask, Diagnosis, Mechanism, Whom
from stresser.analysis.words.endings import GRADE_WORDS, counted
from stresser.analysis.words.lines import lowered
from stresser.model.ending import Initiator, Kind
from stresser.model.units import format_duration

_NARROW = 0.05
"""A bracket this narrow, as a share, is reported as one figure."""
_SHARE = 0.25
_MOST_VERBS = 2
_CLOCK_TIME = slice(11, 19)
"""Hours to seconds of an ISO 8601 text."""
_VERBS = {
    Kind.TCP_RESET: ("Resets", ""),
    Kind.TCP_FIN: ("Closes", ", with a TCP FIN"),
    Kind.TLS_CLOSE_NOTIFY: ("Closes", ", with a TLS close_notify"),
    Kind.TLS_ALERT: ("Ends", ", with a TLS alert"),
    Kind.WS_CLOSE: ("Closes", ", with a WebSocket close"),
    Kind.MQTT_DISCONNECT: ("Closes", ", with an MQTT DISCONNECT"),
    Kind.SILENCE: ("Silently drops", ""),
    Kind.FOUND_DEAD: ("Silently drops", ""),
    Kind.UNRESPONSIVE: ("Stops answering", ""),
}
_WITH_LIMIT = {
    Mechanism.IDLE_TIMER: "{verb} a session after {limit} of silence{how}",
    Mechanism.AGE_LIMIT: "{verb} a session {limit} after it opened{how}",
    Mechanism.BYTE_LIMIT: "{verb} a session after {limit}{how}",
    Mechanism.SIZE_LIMIT: "Loses packets or messages larger than {limit}",
    Mechanism.ENDPOINT_GOODBYE: "The endpoint ends a session {limit} after it opened, and says so",
    Mechanism.SESSION_CEILING: "Allows {limit} at a time; further attempts fail",
}
_ALONE = {
    Mechanism.IDLE_TIMER: "{verb} a session that is silent for too long{how}",
    Mechanism.AGE_LIMIT: "{verb} a session that has been open for too long{how}",
    Mechanism.BYTE_LIMIT: "{verb} a session that has carried too many bytes{how}",
    Mechanism.SIZE_LIMIT: "Loses big packets or messages; small ones pass",
    Mechanism.PING_INTOLERANCE: "{verb} a session at its first ping{how}; silent sessions live",
    Mechanism.SESSION_CEILING: "Allows so many sessions at a time; further attempts fail",
    Mechanism.STATE_LOST: "Loses its sessions all at one moment{at}",
    Mechanism.OUTAGE: "Lets nothing pass for a time{between}",
    Mechanism.PATH_CHANGE: "This host's path changes{at}, and the sessions end with it",
    Mechanism.INTERCEPTION: "Ends TLS itself and shows a certificate of its own",
    Mechanism.NAME_FILTER: "Refuses connections by the server name in the TLS hello",
    Mechanism.HANDSHAKE_HANG: "Leaves handshakes, upgrades or first messages without an answer",
    Mechanism.PROXY_REFUSAL: "The proxy refuses the connection",
    Mechanism.REFUSED_BY_ENDPOINT: "The endpoint refuses the connection",
    Mechanism.ENDPOINT_GOODBYE: "The endpoint ends the sessions and says so",
    Mechanism.ENDPOINT_DOWN: "The endpoint is down{between}",
    Mechanism.RESOLVE_FAILURE: "The endpoint's name does not resolve",
    Mechanism.CAPTIVE_PORTAL: "A captive portal answers in the endpoint's place",
    Mechanism.HOST_UNFIT: "This host was not fit to hold the sessions{between}",
    Mechanism.TOOL_UNFIT: "stresser itself was not fit to hold the sessions{between}",
    Mechanism.NO_PATTERN: "No pattern holds",
}
_BY_NO_ONE = {
    Mechanism.ENDPOINT_DOWN: "Connections to the endpoint are refused{between}",
    Mechanism.REFUSED_BY_ENDPOINT: "The connection is refused by the endpoint, or in its place",
}
"""Where it is not known that the endpoint did it."""
_NAMES = {
    Mechanism.IDLE_TIMER: "an idle timer",
    Mechanism.AGE_LIMIT: "an age limit",
    Mechanism.BYTE_LIMIT: "a limit of bytes",
    Mechanism.SIZE_LIMIT: "a limit of packet or message size",
    Mechanism.PING_INTOLERANCE: "pings that end sessions",
    Mechanism.SESSION_CEILING: "a limit of open sessions",
    Mechanism.STATE_LOST: "sessions lost at one moment",
    Mechanism.OUTAGE: "an outage",
    Mechanism.PATH_CHANGE: "a path change of this host",
    Mechanism.INTERCEPTION: "TLS interception",
    Mechanism.NAME_FILTER: "a filter of server names",
    Mechanism.HANDSHAKE_HANG: "handshakes that hang",
    Mechanism.PROXY_REFUSAL: "refusals of the proxy",
    Mechanism.REFUSED_BY_ENDPOINT: "refusals of the endpoint",
    Mechanism.ENDPOINT_GOODBYE: "goodbyes of the endpoint",
    Mechanism.ENDPOINT_DOWN: "an endpoint that is down",
    Mechanism.RESOLVE_FAILURE: "names that do not resolve",
    Mechanism.CAPTIVE_PORTAL: "a captive portal",
    Mechanism.HOST_UNFIT: "this host unfit",
    Mechanism.TOOL_UNFIT: "stresser itself unfit",
    Mechanism.NO_PATTERN: "what has no pattern",
}
WHOM_WORDS = {
    Whom.NETWORK_TEAM: "Ask the network team",
    Whom.SERVICE_OWNER: "Ask the service's owner",
    Whom.PROXY_TEAM: "Ask the proxy team",
    Whom.THIS_HOST: "On this host",
    Whom.NOBODY: "",
}
"""How a sentence that asks somebody to act begins."""


def what_it_does(found: Diagnosis) -> str:
    """Such as `Resets a session after 4 s of silence (79 of 79).`."""
    limit = diagnosed_limit(found)
    template = _template(found, has_limit=bool(limit))
    verb, how = _verb(found)
    clause = template.format(
        verb=verb, how=how, limit=limit, at=_moment(found), between=_between(found)
    )
    tick = ""
    if found.tick_ns is not None:
        tick = f", as of a box that looks each {_roughly(found.tick_ns)}"
    share = share_in_words(found)
    return f"{clause}{tick} ({share})." if share else f"{clause}{tick}."


def _template(found: Diagnosis, *, has_limit: bool) -> str:
    if has_limit and found.mechanism in _WITH_LIMIT:
        return _WITH_LIMIT[found.mechanism]
    if found.who is Initiator.ENDPOINT and found.kinds.keys() == {Kind.MESSAGE_REFUSAL}:
        return "The endpoint lives, and does not answer as the scenario wants"
    if found.who is not Initiator.ENDPOINT and found.mechanism in _BY_NO_ONE:
        return _BY_NO_ONE[found.mechanism]
    return _ALONE[found.mechanism]


def share_in_words(found: Diagnosis) -> str:
    """How much of what happened in its scope it explains: `79 of 79 drops`; or nothing."""
    parts = []
    if found.drops:
        parts.append(f"{found.drops:,} of {counted(found.of_drops, 'drop')}")
    if found.failures:
        parts.append(f"{found.failures:,} of {counted(found.of_failures, 'failed attempt')}")
    return ", ".join(parts)


def named_causes(found: Sequence[Diagnosis]) -> list[str]:
    """Diagnoses beside a weightier one: `an outage (12 drops)`, `an outage, 3 times (36 drops)`."""
    alike: dict[Mechanism, list[Diagnosis]] = {}
    for one in found:
        alike.setdefault(one.mechanism, []).append(one)
    return [_named_cause(mechanism, some) for mechanism, some in alike.items()]


def _named_cause(mechanism: Mechanism, alike: list[Diagnosis]) -> str:
    name = _NAMES[mechanism] + (f", {len(alike)} times" if len(alike) > 1 else "")
    drops, failures = sum(one.drops for one in alike), sum(one.failures for one in alike)
    if drops:
        return f"{name} ({counted(drops, 'drop')})"
    return f"{name} ({counted(failures, 'failure')})" if failures else name


def diagnosed_limit(found: Diagnosis) -> str:
    """`4 s`, `20 to 30 s`, `at most 30 s`; empty where there is no limit."""
    low, high = found.low, found.high
    if low is None and high is None:
        return ""
    if low is None or high is None:
        bound = "at most" if low is None else "more than"
        return f"{bound} {_figure(found, high if low is None else low or 0)}"
    if high - low <= _NARROW * high:
        return _figure(found, high if found.unit != "ns" else (low + high) // 2)
    return f"{_figure(found, low)} to {_figure(found, high)}"


def grounds(found: Diagnosis) -> str:
    """On what the initiator rests; no ending need have shown an interceptor."""
    if found.mechanism is Mechanism.INTERCEPTION:
        return "certificates"
    if found.by_log:
        return "the middlebox's own log"
    return GRADE_WORDS[found.grade]


def known_from(found: Diagnosis) -> str:
    """`, from packets`; empty where nobody is named."""
    return "" if found.who is Initiator.UNKNOWN else f", from {grounds(found)}"


def addressed(ask: Ask) -> str:
    """`Ask the network team: raise ...`; for `Whom.NOBODY`, the sentence alone."""
    whom = WHOM_WORDS[ask.whom]
    return f"{whom}: {lowered(ask.says)}" if whom else ask.says


def _roughly(ns: int) -> str:
    """One digit: what is seen of a tick is how far apart its drops came."""
    unit = 10 ** max(len(str(ns)) - 1, 0)
    return format_duration(max(round(ns / unit), 1) * unit)


def _figure(found: Diagnosis, value: int | None) -> str:
    if value is None:
        return "?"
    if found.unit == "bytes":
        return f"{value:,} bytes"
    return counted(value, "session") if found.unit == "sessions" else format_duration(value)


def _verb(found: Diagnosis) -> tuple[str, str]:
    """By the commonest kinds, and in which manner."""
    least = _SHARE * sum(found.kinds.values())
    common = [k for k, n in found.kinds.items() if k in set(Kind) and n >= least]
    ways = [_VERBS.get(Kind(kind), ("Ends", "")) for kind in common[:_MOST_VERBS]]
    first, *others = dict.fromkeys(verb for verb, _ in ways) or ["Ends"]
    how = ways[0][1] if ways else ""
    if found.seen and not how:
        how = f", with bytes that break the protocol: {found.seen}"
    return " or ".join([first, *map(lowered, others)]), "" if others else how


def _moment(found: Diagnosis) -> str:
    if found.struck:
        return f", {found.struck}"
    return "" if found.first_utc is None else f", at {found.first_utc[_CLOCK_TIME]} UTC"


def _between(found: Diagnosis) -> str:
    if found.first_utc is None or found.last_utc is None:
        return _moment(found)
    first, last = found.first_utc[_CLOCK_TIME], found.last_utc[_CLOCK_TIME]
    return f", {first} to {last} UTC" if first != last else _moment(found)
