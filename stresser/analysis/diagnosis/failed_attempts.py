"""Attempts that failed, by what they met: a refusal, a hang, a filter, a dead endpoint, a portal.

One candidate for each pair and each thing met; those of one endpoint or one egress are joined.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from stresser.analysis.diagnosis.candidate import Candidate, Claims
from stresser.analysis.diagnosis.case_file import CaseFile
from stresser.analysis.diagnosis.diagnosis import Mechanism
from stresser.analysis.diagnosis.one_moment import is_far_side
from stresser.analysis.diagnosis.run_evidence import EndingFact, FailureFact
from stresser.analysis.words.endings import counted
from stresser.model.cohort import Pair
from stresser.model.ending import Initiator, Kind, Phase
from stresser.model.units import NS_PER_S, escaped

_PORTAL_STATUS = frozenset({302, 303, 307, 511})
_LOST = frozenset({Kind.TIMEOUT, Kind.SILENCE, Kind.KERNEL_TIMEOUT, Kind.UNREACHABLE})
_CUT = frozenset({Kind.TCP_RESET, Kind.TCP_FIN, Kind.TLS_CLOSE_NOTIFY})
_ALPN_ALERT = 120
_CERTIFICATE_ALERTS = frozenset({42, 43, 44, 45, 46, 48, 116})
_UPGRADE_IGNORED = frozenset({200, 400, 404, 426})
_NOT_FOUND = 404
_ASK_UPGRADE = (
    "Ask for WebSocket support (Upgrade and Connection passed on) on the reverse proxy before the"
    " endpoint."
)
IS_HTTP = ("HTTP/1.", "<html", "<!DOC")
_BESIDE_NS = 5 * NS_PER_S


class Met(NamedTuple):
    """What an attempt met."""

    mechanism: Mechanism
    words: str
    """`the proxy asked for a password (407)`: completes `every attempt failed: ...`."""
    unproved: str = ""
    ask: str = ""
    """A sentence for whoever can act, where the mechanism's own says too little."""
    who: Initiator | None = None
    """Whom the endings' own evidence must not name alone."""


_DOWN = Met(Mechanism.ENDPOINT_DOWN, "")


def failed_attempts(case: CaseFile, claims: Claims) -> Iterator[Candidate]:
    """All that is left, sorted by what was met."""
    groups: dict[tuple[Pair, Met], set[int]] = defaultdict(set)
    for one in claims.free_failures(case):
        met = _DOWN if _is_refused_beside(case, one) else what_was_met(one.ending)
        if met is not None:
            groups[one.ending.pair, met].add(one.place)
    for (pair, met), places in groups.items():
        facts = [case.failures[place].ending for place in places]
        apart = _by_address(case, pair, facts)
        yield Candidate(
            mechanism=met.mechanism,
            failures=frozenset(places),
            event=f"{met.words}{apart}",
            contrast=(apart.removeprefix(", "),) if apart else (),
            said=met.who is None and 2 * sum(fact.is_said for fact in facts) > len(facts),
            unproved=(met.unproved,) if met.unproved else (),
            advice=met.ask,
            who=met.who,
        )


def _by_address(case: CaseFile, pair: Pair, facts: list[EndingFact]) -> str:
    """`, by IPv6 alone: by IPv4 3 sessions opened`: where only some of its addresses fail."""
    failing = {_host(fact.remote) for fact in facts} - {""}
    opened = Counter(
        _host(case.lives.places[life.place].server) for life in case.lives_of.get(pair, [])
    )
    if not failing or not opened or failing & opened.keys():
        return ""
    families, theirs = set(map(_family, failing)), set(map(_family, opened))
    if families & theirs or len(families) > 1:
        where, there = _named(failing), _named(opened)
        return f", to {where} alone: to {there} {counted(opened.total(), 'session')} opened"
    other = next(iter(theirs))
    sessions = counted(opened.total(), "session")
    return f", by {next(iter(families))} alone: by {other} {sessions} opened"


def _host(remote: str) -> str:
    return remote.rpartition(":")[0].strip("[]")


def _family(host: str) -> str:
    return "IPv6" if ":" in host else "IPv4"


def _named(hosts: Iterable[str]) -> str:
    first, *more = sorted(hosts)
    return escaped(first, 45) if not more else f"{escaped(first, 45)} and {len(more)} more"


def _is_refused_beside(case: CaseFile, one: FailureFact) -> bool:
    """An interceptor says that it cannot reach an endpoint that refused this host just then."""
    if one.ending.kind is not Kind.HTTP_REFUSAL or not is_far_side(one.ending):
        return False
    return any(
        other.ending.kind is Kind.REFUSED and other.ending.proxy is None
        for pair in case.pairs
        if pair[0] == one.ending.cohort.endpoint and pair != one.ending.pair
        for other in case.failed_between(pair, one.began_ns - _BESIDE_NS, one.began_ns + _BESIDE_NS)
    )


def what_was_met(fact: EndingFact) -> Met | None:
    """What one failed attempt shows; None: nothing that has a name here."""
    if fact.kind is Kind.RESOLVE_ERROR or fact.phase is Phase.RESOLVE:
        return Met(Mechanism.RESOLVE_FAILURE, "the name did not resolve")
    if fact.kind is Kind.PROXY_ERROR or (fact.proxy and fact.phase in {Phase.CONNECT, Phase.PROXY}):
        return _proxy(fact)
    if fact.kind is Kind.HTTP_REFUSAL:
        return _http(fact)
    if fact.kind is Kind.CERTIFICATE:
        return _certificate(fact)
    if fact.kind is Kind.TLS_ALERT:
        return _alert(fact)
    return _connection(fact)


def _proxy(fact: EndingFact) -> Met:
    if is_far_side(fact):
        return _DOWN
    if fact.kind is not Kind.PROXY_ERROR:
        return Met(Mechanism.PROXY_REFUSAL, "the proxy did not take the connection")
    wants = fact.headers.get("proxy-authenticate", "")
    if fact.status == 407:  # noqa: PLR2004 - RFC 9110 section 15.5.8
        schemes = escaped(wants, 60) or "a login"
        only = (
            ""
            if "basic" in wants.lower() or not wants
            else ("Let this host through without Negotiate or NTLM, which stresser does not speak.")
        )
        return Met(Mechanism.PROXY_REFUSAL, f"the proxy asked for {schemes} (407)", ask=only)
    said = f" ({fact.status})" if fact.status is not None else ""
    return Met(Mechanism.PROXY_REFUSAL, f"the proxy refused{said}")


def _http(fact: EndingFact) -> Met:
    if fact.status in _PORTAL_STATUS:
        return Met(Mechanism.CAPTIVE_PORTAL, f"a portal answered with HTTP {fact.status}")
    if fact.status in _UPGRADE_IGNORED and not fact.headers.get("www-authenticate"):
        ask = "" if fact.status == _NOT_FOUND else _ASK_UPGRADE
        words = f"the upgrade was answered with HTTP {fact.status}"
        return Met(Mechanism.REFUSED_BY_ENDPOINT, words, ask=ask, who=Initiator.UNKNOWN)
    wants = escaped(fact.headers.get("www-authenticate", ""), 60)
    asked = f", which asks for {wants}" if wants else ""
    return Met(
        Mechanism.REFUSED_BY_ENDPOINT, f"the endpoint refused with HTTP {fact.status}{asked}"
    )


def _certificate(fact: EndingFact) -> Met:
    if fact.intercepted:
        return Met(Mechanism.INTERCEPTION, "the chain is an interceptor's")
    return Met(
        Mechanism.REFUSED_BY_ENDPOINT,
        "its certificate chain does not verify",
        ask='If its CA is the endpoint\'s own, declare it with ca = "FILE" in the scenario.',
    )


def _alert(fact: EndingFact) -> Met:
    if fact.alert == _ALPN_ALERT:
        words = "TLS alert 120: no common application protocol (ALPN)"
        return Met(Mechanism.REFUSED_BY_ENDPOINT, words, ask="Leave alpn out of the scenario.")
    if fact.alert in _CERTIFICATE_ALERTS:
        words = f"TLS alert {fact.alert}: a client certificate is wanted"
        return Met(Mechanism.REFUSED_BY_ENDPOINT, words)
    return Met(Mechanism.REFUSED_BY_ENDPOINT, f"TLS alert {fact.alert}")


def _connection(fact: EndingFact) -> Met | None:
    if fact.kind is Kind.REFUSED:
        return _DOWN
    if fact.kind in _LOST:
        return _lost(fact)
    if fact.kind in _CUT and fact.phase is Phase.TLS:
        return Met(
            Mechanism.NAME_FILTER,
            "the connection was cut when the ClientHello had been sent",
            "Whether the name in it decides: try another sni to the same address.",
        )
    if fact.kind in _CUT and fact.phase is Phase.UPGRADE:
        return Met(Mechanism.REFUSED_BY_ENDPOINT, "the connection was closed at the upgrade")
    if fact.kind is Kind.PROTOCOL_ERROR and any(mark in fact.raw for mark in IS_HTTP):
        return Met(Mechanism.CAPTIVE_PORTAL, "something answered in plain HTTP")
    return None


def _lost(fact: EndingFact) -> Met:
    if fact.phase is Phase.TLS:
        return Met(
            Mechanism.HANDSHAKE_HANG,
            "the ClientHello had no answer",
            "Whether it is the size: lower the MTU of this host's interface to 1280, and try"
            " again.",
        )
    if fact.phase is Phase.UPGRADE:
        return Met(Mechanism.HANDSHAKE_HANG, "the upgrade had no answer")
    return Met(Mechanism.OUTAGE, "no connection came about")
