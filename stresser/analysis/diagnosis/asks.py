"""Whom to ask for what: one sentence, addressed to the one who can act.

Never the network team for what the endpoint said itself, never the endpoint's owner for what only
one egress does; the proxy's team where an explicit proxy did it.
"""

from msgspec.structs import replace

from stresser.analysis.diagnosis.candidate import Candidate, members
from stresser.analysis.diagnosis.case_file import CaseFile
from stresser.analysis.diagnosis.diagnosis import Ask, DiagnosedScope, Mechanism, Where, Whom
from stresser.analysis.diagnosis.diagnosis_words import what_broke_it
from stresser.analysis.diagnosis.ending_facts import EndingFact
from stresser.analysis.diagnosis.limit_candidates import bracket_words
from stresser.analysis.words.lines import lowered
from stresser.analysis.words.remedy_row import Addressee
from stresser.analysis.words.remedy_table import BY_OBSTACLE, filled, sent_words
from stresser.model.ending import Initiator, Kind
from stresser.model.units import escaped, format_duration
from stresser.statistics.brackets import Bracket

_NAMES = 80
_ASKED_OF_THE_PATH = frozenset(
    obstacle for obstacle, row in BY_OBSTACLE.items() if row.whom is Addressee.NETWORK
)
"""What the one table of remedies asks of the network's team."""
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
    is_login = candidate.mechanism is Mechanism.PROXY_REFUSAL  # which each egress has of its own
    if candidate.is_ours and where is Where.EGRESS and not is_login:
        # What another egress takes is not wrong.
        candidate = replace(candidate, advice=_ANSWERED_FOR, is_ours=False)
    whom = _whom(candidate, where, who, facts)
    opening = _address(whom, candidate.mechanism, where)
    wish = "" if candidate.advice else _of_broken(facts, scope, whom)
    wish = wish or _wish(candidate, scope, whom, _name_sent(facts, case))
    return Ask(whom=whom, says=f"{opening}{lowered(wish) if opening else wish}")


def _name_sent(facts: list[EndingFact], case: CaseFile) -> str:
    """Which names the ClientHellos of these attempts carried."""
    endpoints = {fact.cohort.endpoint for fact in facts}
    names = [name for endpoint, name in case.plan.snis.items() if endpoint in endpoints]
    return sent_words(escaped(", ".join(names), _NAMES))


def _whom(candidate: Candidate, where: Where, who: Initiator, facts: list[EndingFact]) -> Whom:
    mechanism = candidate.mechanism
    by_proxy = bool(facts) and all(fact.proxy for fact in facts)
    if candidate.is_ours or who in {Initiator.HOST, Initiator.TOOL}:
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
    return _of_all(mechanism, where, facts, by_proxy=by_proxy)


def _of_egress(candidate: Candidate, who: Initiator, *, by_proxy: bool) -> Whom:
    """No one is named, or the endpoint for what one egress alone meets."""
    is_open = candidate.mechanism in {Mechanism.STATE_LOST, Mechanism.NO_PATTERN}
    if who is Initiator.ENDPOINT or (is_open and not candidate.is_lossy):
        return Whom.NOBODY
    return Whom.PROXY_TEAM if by_proxy else Whom.NETWORK_TEAM


def _of_endpoint(mechanism: Mechanism, facts: list[EndingFact]) -> Whom:
    """At the endpoint or before it: a policy that drops it is not its owner's to find."""
    hung = sum(fact.kind is Kind.UNRESPONSIVE for fact in facts)
    if mechanism is Mechanism.OUTAGE and 2 * hung <= len(facts):
        return Whom.NOBODY
    return Whom.NOBODY if mechanism is Mechanism.NO_PATTERN else Whom.SERVICE_OWNER


def _of_all(mechanism: Mechanism, where: Where, facts: list[EndingFact], *, by_proxy: bool) -> Whom:
    """Nothing tells the endpoint from what is before it: who can look first."""
    if mechanism is Mechanism.RESOLVE_FAILURE:
        return Whom.NETWORK_TEAM if where is Where.SHARED else Whom.THIS_HOST
    is_timer = mechanism in {Mechanism.IDLE_TIMER, Mechanism.AGE_LIMIT} and not by_proxy
    is_refusal = mechanism is Mechanism.REFUSED_BY_ENDPOINT
    is_strange = is_refusal and bool(facts) and facts[0].obstacle in _ASKED_OF_THE_PATH
    if (is_refusal and not is_strange) or (is_timer and where is Where.SHARED):
        return Whom.SERVICE_OWNER
    if (
        is_strange
        or mechanism in _OF_THE_PATH
        or (mechanism is Mechanism.OUTAGE and where is Where.UNKNOWN)
    ):
        return Whom.PROXY_TEAM if by_proxy else Whom.NETWORK_TEAM
    return Whom.NOBODY


def _address(whom: Whom, mechanism: Mechanism, where: Where) -> str:
    """Where no one can be asked yet: why, before the sentence."""
    if whom is not Whom.NOBODY:
        return ""
    if where is Where.UNKNOWN and mechanism is not Mechanism.NO_PATTERN:
        return "Run the same through a second egress to learn whose it is; then: "
    return "The run does not show who can act: "


def _whose_logs(whom: Whom, through: str, to: str) -> str:
    """The logs that the one who is asked can read."""
    carrier = f"what carries {through}"
    if whom in {Whom.NETWORK_TEAM, Whom.PROXY_TEAM}:
        return carrier
    return to if whom is Whom.SERVICE_OWNER else f"{to} and of {carrier}"


def _of_broken(facts: list[EndingFact], scope: DiagnosedScope, whom: Whom) -> str:
    """Bytes that are no frames name their sender, often: that comes before any limit."""
    broken = [fact for fact in facts if fact.kind is Kind.PROTOCOL_ERROR and fact.seen]
    if 2 * len(broken) <= len(facts):
        return ""
    logs = _whose_logs(whom, *_places(scope))
    return f"Find in the logs of {logs} who sent {what_broke_it(broken[0])} amid the frames."


def _places(scope: DiagnosedScope) -> tuple[str, str]:
    """Through which egress, and to which endpoint."""
    return scope.egress or "every egress", scope.endpoint or "the endpoints"


def _wish(candidate: Candidate, scope: DiagnosedScope, whom: Whom, sent: str) -> str:
    through, to = _places(scope)
    words = candidate.advice or _WISHES.get(candidate.mechanism, _COMPARE_TIMES)
    if candidate.mechanism is Mechanism.HANDSHAKE_HANG and whom is Whom.SERVICE_OWNER:
        words = _HANGS_THERE
    facts = {
        "through": through,
        "to": to,
        "hosts": to,
        "destinations": to,
        "sent": sent,
        "place": f"of {to}" if candidate.said else f"on {through}",
        "limit": _limit_words(candidate),
        "at": candidate.event or "at that moment",
        "logs": _whose_logs(whom, through, to),
    }
    return filled(words, facts)


def _limit_words(candidate: Candidate) -> str:
    limit = candidate.limit
    if limit is None:
        return ""
    match candidate.mechanism:
        case Mechanism.IDLE_TIMER:
            return _idle_words(limit, candidate.needed_ns or 0)
        case Mechanism.AGE_LIMIT:
            return f" of {bracket_words(limit)}"
        case Mechanism.BYTE_LIMIT:
            return f" of about {_rounded(limit.high):,} bytes"
    return f" of {limit.high:,} connections"


def _idle_words(limit: Bracket, needed_ns: int) -> str:
    least = format_duration(_rounded(max(needed_ns, limit.high)))
    # What is known to be survived needs no margin; a point that kills does.
    is_tight = limit.low > limit.high // 2
    within = round((limit.low + limit.high) // 2 * _MARGIN) if is_tight else limit.low
    sooner = f", or have the client ping within {format_duration(_rounded(within))}"
    return f" above {least}{sooner if within else ''}"


def _rounded(ns: int) -> int:
    """Two digits: a timer is not known better, and no one sets one closer."""
    unit: int = 10 ** max(len(str(ns)) - 2, 0)
    return round(ns / unit) * unit


_ANSWERED_FOR = "Say who answers for {to} on {through}: through another egress the same is taken."
_COMPARE_TIMES = "Compare the times of these drops with the logs of {logs}."
_HANGS_THERE = (
    "Find out why {to} does not answer handshakes that its kernel acknowledges: a process that"
    " hangs, or big packets that are lost before it."
)
"""Through all egresses alike, while other endpoints answer."""
_WISHES = {
    Mechanism.IDLE_TIMER: "Raise the idle timeout {place}{limit}.",
    Mechanism.AGE_LIMIT: (
        "Raise the limit{limit} on a session's age {place}, or let clients reconnect before it."
    ),
    Mechanism.BYTE_LIMIT: "Lift the limit{limit} per connection on {through}.",
    Mechanism.SIZE_LIMIT: (
        "Let big packets to {to} pass on {through}: check its MTU and that ICMP 'fragmentation"
        " needed' gets through, or clamp the MSS."
    ),
    Mechanism.PING_INTOLERANCE: "Answer pings; until then the client must stop pinging {to}.",
    Mechanism.SESSION_CEILING: "Raise the limit{limit} at once to {to} on {through}.",
    Mechanism.STATE_LOST: "Look for a restart, reload or failover {at} in the logs of {logs}.",
    Mechanism.OUTAGE: (
        "Find out why nothing passed to {to} through {through} at that time: a rule that drops it,"
        " a dead link, or a service that hung."
    ),
    Mechanism.INTERCEPTION: "Exempt {to} from TLS inspection on {through}.",
    Mechanism.NAME_FILTER: "Let the name of {to} pass the filter on {through}.",
    Mechanism.HANDSHAKE_HANG: (
        "Check the MTU on {through} first, and that ICMP 'fragmentation needed' (IPv6: 'packet too"
        " big') gets through: the TLS handshake with {to} is not answered."
    ),
    Mechanism.PROXY_REFUSAL: "Allow CONNECT to {to} through the proxy of {through}.",
    Mechanism.REFUSED_BY_ENDPOINT: (
        "Check what {to} expects of its clients: path, login, certificate."
    ),
    Mechanism.ENDPOINT_GOODBYE: (
        "Say why {to} closes sessions then, and have the client reconnect before it does."
    ),
    Mechanism.ENDPOINT_DOWN: (
        "Find out why connections to {to} were refused, and whether it had stopped listening."
    ),
    Mechanism.RESOLVE_FAILURE: (
        "Check that the name of {to} resolves where {through} looks it up."
    ),
    Mechanism.CAPTIVE_PORTAL: "Log in at the portal of {through}, or exempt this host from it.",
}
