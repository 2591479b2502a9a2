"""Whom to ask for what: one sentence, addressed to the one who can act.

Never the network team for what the endpoint said itself, never the endpoint's owner for what only
one egress does; the proxy's team where an explicit proxy did it.
"""

from msgspec.structs import replace

from stresser.analysis.diagnosis.candidate import Candidate, members
from stresser.analysis.diagnosis.case_file import CaseFile
from stresser.analysis.diagnosis.diagnosis import Ask, DiagnosedScope, Mechanism, Where, Whom
from stresser.analysis.diagnosis.diagnosis_words import what_broke_it
from stresser.analysis.diagnosis.limit_candidates import bracket_words
from stresser.analysis.diagnosis.run_evidence import EndingFact
from stresser.analysis.words.lines import lowered
from stresser.model.ending import Initiator, Kind
from stresser.model.units import escaped, format_duration

_PLACE = "{logs}"
"""Stands for whose logs are meant, in a wish."""
_OF_THE_PATH = frozenset(
    {
        Mechanism.IDLE_TIMER,
        Mechanism.BYTE_LIMIT,
        Mechanism.SIZE_LIMIT,
        Mechanism.SESSION_CEILING,
        Mechanism.HANDSHAKE_HANG,
        Mechanism.CAPTIVE_PORTAL,
        Mechanism.INTERCEPTION,
    }
)
"""What boxes do more often than endpoints that say nothing of it."""
LOSSY = ", on a path that loses packets"
_NAME = 80
_MARGIN = 0.8
"""A ping this much sooner than a timer is in time."""


def ask_for(
    candidate: Candidate, where: Where, who: Initiator, scope: DiagnosedScope, case: CaseFile
) -> Ask:
    """Who can act, and on what."""
    if candidate.ask is not None:
        return candidate.ask
    facts = members(candidate, case)
    if scope.endpoint is None and len(case.endpoints) == 1:
        scope = replace(scope, endpoint=escaped(case.endpoints[0], _NAME))
    whom = _whom(candidate, where, who, facts)
    wish = (
        candidate.advice
        or _of_broken(facts)
        or _WISHES.get(candidate.mechanism, _of_no_pattern)(candidate, scope)
    )
    wish = wish.replace(_PLACE, _whose_logs(whom, scope))
    why = _address(whom, candidate.mechanism, where)
    return Ask(whom=whom, says=f"{why}{lowered(wish) if why else wish}")


def _whom(candidate: Candidate, where: Where, who: Initiator, facts: list[EndingFact]) -> Whom:
    mechanism = candidate.mechanism
    by_proxy = bool(facts) and all(fact.proxy for fact in facts)
    if who in {Initiator.HOST, Initiator.TOOL}:
        return Whom.THIS_HOST
    if who is Initiator.MIDDLEBOX:
        is_proxy = by_proxy or mechanism is Mechanism.PROXY_REFUSAL
        return Whom.PROXY_TEAM if is_proxy else Whom.NETWORK_TEAM
    if where is Where.EGRESS:
        return _of_egress(candidate, who, by_proxy=by_proxy)
    if who is Initiator.ENDPOINT:
        return Whom.SERVICE_OWNER
    if where is Where.ENDPOINT:
        return _of_endpoint(mechanism, facts)
    return _of_all(mechanism, where, by_proxy=by_proxy)


def _of_egress(candidate: Candidate, who: Initiator, *, by_proxy: bool) -> Whom:
    """No one is named, or the endpoint for what one egress alone meets."""
    is_open = candidate.mechanism in {Mechanism.STATE_LOST, Mechanism.NO_PATTERN}
    if who is Initiator.ENDPOINT or (is_open and not candidate.event.startswith(LOSSY)):
        return Whom.NOBODY
    return Whom.PROXY_TEAM if by_proxy else Whom.NETWORK_TEAM


def _of_endpoint(mechanism: Mechanism, facts: list[EndingFact]) -> Whom:
    """At the endpoint or before it: a policy that drops it is not its owner's to find."""
    hung = sum(fact.kind is Kind.UNRESPONSIVE for fact in facts)
    if mechanism is Mechanism.OUTAGE and 2 * hung <= len(facts):
        return Whom.NOBODY
    return Whom.NOBODY if mechanism is Mechanism.NO_PATTERN else Whom.SERVICE_OWNER


def _of_all(mechanism: Mechanism, where: Where, *, by_proxy: bool) -> Whom:
    """Nothing tells the endpoint from what is before it: who can look first."""
    if mechanism is Mechanism.RESOLVE_FAILURE:
        return Whom.NETWORK_TEAM if where is Where.SHARED else Whom.THIS_HOST
    is_timer = mechanism in {Mechanism.IDLE_TIMER, Mechanism.AGE_LIMIT} and not by_proxy
    if mechanism is Mechanism.REFUSED_BY_ENDPOINT or (is_timer and where is Where.SHARED):
        return Whom.SERVICE_OWNER
    if mechanism in _OF_THE_PATH or (mechanism is Mechanism.OUTAGE and where is Where.UNKNOWN):
        return Whom.PROXY_TEAM if by_proxy else Whom.NETWORK_TEAM
    return Whom.NOBODY


def _address(whom: Whom, mechanism: Mechanism, where: Where) -> str:
    """Where no one can be asked yet: why, before the sentence."""
    if whom is not Whom.NOBODY:
        return ""
    if where is Where.UNKNOWN and mechanism is not Mechanism.NO_PATTERN:
        return "Run the same through a second egress to learn whose it is; then: "
    return "The run does not show who can act: "


def _whose_logs(whom: Whom, scope: DiagnosedScope) -> str:
    """The logs that the one who is asked can read."""
    carrier = f"what carries {_through(scope)}"
    if whom in {Whom.NETWORK_TEAM, Whom.PROXY_TEAM}:
        return carrier
    return _to(scope) if whom is Whom.SERVICE_OWNER else f"{_to(scope)} and of {carrier}"


def _through(scope: DiagnosedScope) -> str:
    return "every egress" if scope.egress is None else scope.egress


def _to(scope: DiagnosedScope) -> str:
    return "the endpoints" if scope.endpoint is None else scope.endpoint


def _idle(candidate: Candidate, scope: DiagnosedScope) -> str:
    limit = candidate.limit
    if limit is None:
        return f"Raise the idle timeout on {_through(scope)}."
    place = f"on {_through(scope)}" if not candidate.said else f"of {_to(scope)}"
    least = format_duration(_rounded(max(candidate.needed_ns or 0, limit.high)))
    # What is known to be survived needs no margin; a point that kills does.
    is_tight = limit.low > limit.high // 2
    within = round((limit.low + limit.high) // 2 * _MARGIN) if is_tight else limit.low
    sooner = f", or have the client ping within {format_duration(_rounded(within))}"
    return f"Raise the idle timeout {place} above {least}{sooner if within else ''}."


def _rounded(ns: int) -> int:
    """Two digits: a timer is not known better, and no one sets one closer."""
    unit: int = 10 ** max(len(str(ns)) - 2, 0)
    return round(ns / unit) * unit


def _age(candidate: Candidate, scope: DiagnosedScope) -> str:
    value = "" if candidate.limit is None else f" of {bracket_words(candidate.limit)}"
    place = f"on {_through(scope)}" if not candidate.said else f"of {_to(scope)}"
    return f"Raise the limit{value} on a session's age {place}, or let clients reconnect before it."


def _bytes(candidate: Candidate, scope: DiagnosedScope) -> str:
    value = "" if candidate.limit is None else f" of about {_rounded(candidate.limit.high):,} bytes"
    return f"Lift the limit{value} per connection on {_through(scope)}."


def _size(_candidate: Candidate, scope: DiagnosedScope) -> str:
    return (
        f"Let big packets to {_to(scope)} pass on {_through(scope)}: check its MTU and that ICMP"
        " 'fragmentation needed' gets through, or clamp the MSS."
    )


def _hang(_candidate: Candidate, scope: DiagnosedScope) -> str:
    return (
        f"Check the MTU on {_through(scope)} first, and that ICMP 'fragmentation needed' (IPv6:"
        f" 'packet too big') gets through: the TLS handshake with {_to(scope)} is not answered."
    )


def _pings(_candidate: Candidate, scope: DiagnosedScope) -> str:
    return f"Stop pinging {_to(scope)}, or ask its owner to answer pings."


def _ceiling(candidate: Candidate, scope: DiagnosedScope) -> str:
    most = 0 if candidate.limit is None else candidate.limit.high
    return f"Raise the limit of {most:,} connections at once to {_to(scope)} on {_through(scope)}."


def _state(candidate: Candidate, _scope: DiagnosedScope) -> str:
    at = candidate.event.removeprefix(", ") or "that moment"
    return f"Look for a restart, reload or failover at {at} in the logs of {_PLACE}."


def _outage(_candidate: Candidate, scope: DiagnosedScope) -> str:
    return (
        f"Find out why nothing passed to {_to(scope)} through {_through(scope)} at that time: a"
        " rule that drops it, a dead link, or a service that hung."
    )


def _goodbye(_candidate: Candidate, scope: DiagnosedScope) -> str:
    return f"Ask why {_to(scope)} closes sessions then, and have the client reconnect before."


def _down(_candidate: Candidate, scope: DiagnosedScope) -> str:
    return f"Find out why {_to(scope)} stopped listening."


def _intercepted(_candidate: Candidate, scope: DiagnosedScope) -> str:
    return f"Exempt {_to(scope)} from TLS inspection on {_through(scope)}."


def _filter(_candidate: Candidate, scope: DiagnosedScope) -> str:
    return f"Let the name of {_to(scope)} pass the filter on {_through(scope)}."


def _proxy(_candidate: Candidate, scope: DiagnosedScope) -> str:
    return f"Allow CONNECT to {_to(scope)} through the proxy of {_through(scope)}."


def _refused(_candidate: Candidate, scope: DiagnosedScope) -> str:
    return f"Check what {_to(scope)} wants of its clients: path, login, certificate."


def _names(_candidate: Candidate, scope: DiagnosedScope) -> str:
    return f"Check that the name of {_to(scope)} resolves where {_through(scope)} looks it up."


def _portal(_candidate: Candidate, scope: DiagnosedScope) -> str:
    return f"Log in at the portal of {_through(scope)}, or exempt this host from it."


def _of_broken(facts: list[EndingFact]) -> str:
    """Bytes that are no frames name their sender, often: that comes before any limit."""
    broken = [fact for fact in facts if fact.kind is Kind.PROTOCOL_ERROR and fact.seen]
    if 2 * len(broken) <= len(facts):
        return ""
    return f"Find in the logs of {_PLACE} who sent {what_broke_it(broken[0])} amid the frames."


def _of_no_pattern(_candidate: Candidate, _scope: DiagnosedScope) -> str:
    return f"Compare the times of these drops with the logs of {_PLACE}."


_WISHES = {
    Mechanism.IDLE_TIMER: _idle,
    Mechanism.AGE_LIMIT: _age,
    Mechanism.BYTE_LIMIT: _bytes,
    Mechanism.SIZE_LIMIT: _size,
    Mechanism.PING_INTOLERANCE: _pings,
    Mechanism.SESSION_CEILING: _ceiling,
    Mechanism.STATE_LOST: _state,
    Mechanism.OUTAGE: _outage,
    Mechanism.INTERCEPTION: _intercepted,
    Mechanism.NAME_FILTER: _filter,
    Mechanism.HANDSHAKE_HANG: _hang,
    Mechanism.PROXY_REFUSAL: _proxy,
    Mechanism.REFUSED_BY_ENDPOINT: _refused,
    Mechanism.ENDPOINT_GOODBYE: _goodbye,
    Mechanism.ENDPOINT_DOWN: _down,
    Mechanism.RESOLVE_FAILURE: _names,
    Mechanism.CAPTIVE_PORTAL: _portal,
    Mechanism.NO_PATTERN: _of_no_pattern,
}
