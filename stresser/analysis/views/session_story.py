"""One session's life from its opening to its ending, or a failed attempt, as lines to show."""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import asdict

from stresser.analysis.words.endings import GRADE_WORDS, ending_in_words
from stresser.analysis.words.far_end_words import far_end_in_words
from stresser.analysis.words.packet_words import provenance_in_words
from stresser.analysis.words.rules import reasons
from stresser.model.ending import Initiator
from stresser.model.events import (
    AnyEvent,
    AttemptFailed,
    ChainSeen,
    Ended,
    ResolvedBy,
    SessionEnded,
    SessionOpened,
    TlsFacts,
)
from stresser.model.evidence import Evidence
from stresser.model.units import escaped, format_duration

_LONGEST = 500
_MOST_CHAINS = 1000
_MOST_LINES = 40
_RESOLVERS = {ResolvedBy.HOST: "this host", ResolvedBy.PROXY: "the proxy"}


class Story(Struct, kw_only=True):
    """What is recorded of one session or attempt. All texts are cut and escaped."""

    title: str
    """`Session 25`, `Attempt 12`."""
    lines: list[tuple[str, str]]
    """What, and its value."""


def session_story(events: Iterable[AnyEvent], session: int) -> Story | None:
    """The story of one session; None when the run has none with this number."""
    opened: SessionOpened | None = None
    ended: SessionEnded | None = None
    replaced_by: SessionOpened | None = None
    chains: dict[str, ChainSeen] = {}
    for event in events:
        if isinstance(event, SessionOpened):
            opened = event if event.session == session else opened
            replaced_by = event if event.replaces == session else replaced_by
        elif isinstance(event, SessionEnded) and event.session == session:
            ended = event
        elif isinstance(event, ChainSeen) and len(chains) < _MOST_CHAINS:
            chains.setdefault(event.chain, event)
    if opened is None and ended is None:
        return None
    lines = [] if opened is None else _opening(opened, chains)
    lines += _ending(ended)
    if replaced_by is not None:
        lines.append(("replaced by", _replacement(replaced_by)))
    return _story(f"Session {session}", lines)


def attempt_story(events: Iterable[AnyEvent], attempt: int) -> Story | None:
    """The story of one attempt that failed, or which session it opened; None: there is none."""
    chains: dict[str, ChainSeen] = {}
    for event in events:
        if isinstance(event, ChainSeen) and len(chains) < _MOST_CHAINS:
            chains.setdefault(event.chain, event)
        elif isinstance(event, SessionOpened) and event.attempt == attempt:
            opened = f"session {event.session}: show --session {event.session} has its story"
            return _story(f"Attempt {attempt}", [("opened", opened)])
        elif isinstance(event, AttemptFailed) and event.attempt == attempt:
            return _story(f"Attempt {attempt}", _failed(event, chains))
    return None


def _story(title: str, lines: list[tuple[str, str]]) -> Story:
    return Story(title=title, lines=[(what, _cut(value)) for what, value in lines])


def _failed(event: AttemptFailed, chains: dict[str, ChainSeen]) -> list[tuple[str, str]]:
    ends = {"from": event.local, "to": event.remote, "proxy": event.proxy}
    lines = [("cohort", f"{event.endpoint} through {event.egress}, {event.activity}")]
    lines += [(what, end) for what, end in ends.items() if end is not None]
    if event.resolved_by is not None:
        lines.append(("name looked up by", _RESOLVERS[event.resolved_by]))
    lines += _phases(event.phases_ns)
    if event.tls is not None:
        lines += [("tls", _tls(event.tls)), *_chain(event.tls, chains.get(event.tls.chain))]
    return [*lines, *_ending_lines(event, [])]


def _phases(phases_ns: Mapping[str, int]) -> list[tuple[str, str]]:
    phases = list(phases_ns.items())[:_MOST_LINES]
    return [(f"phase {name}", format_duration(ns)) for name, ns in phases]


def _opening(event: SessionOpened, chains: dict[str, ChainSeen]) -> list[tuple[str, str]]:
    lines = [
        ("cohort", f"{event.endpoint} through {event.egress}, {event.activity}"),
        ("opened", f"{event.utc}, {format_duration(event.t_ns)} into the run"),
        ("attempt", str(event.attempt)),
        ("from", event.local),
        ("to", event.remote),
    ]
    if event.proxy is not None:
        lines.append(("proxy", event.proxy))
    if event.resolved_by is not None:
        lines.append(("name looked up by", _RESOLVERS[event.resolved_by]))
    lines += _phases(event.phases_ns)
    lines.append(("tls", _tls(event.tls)))
    lines += _chain(event.tls, chains.get(event.tls.chain))
    if event.subprotocol is not None:
        lines.append(("subprotocol", event.subprotocol))
    if event.replaces is not None:
        after = "" if event.recovery_ns is None else f", {format_duration(event.recovery_ns)} later"
        lines.append(("replaces", f"session {event.replaces}{after}"))
    return lines


def _tls(tls: TlsFacts) -> str:
    alpn = f", ALPN {tls.alpn}" if tls.alpn else ""
    return f"{tls.version}, {tls.cipher}{alpn}"


def _chain(tls: TlsFacts, seen: ChainSeen | None) -> list[tuple[str, str]]:
    word = "verifies" if tls.verified else f"does NOT verify: {tls.problem or 'no reason recorded'}"
    lines = [("chain", word)]
    if tls.chain_class is not None:
        lines.append(("TLS end", _tls_end(tls, seen)))
    if seen is not None and seen.file is not None:
        lines.append(("chain file", seen.file))
    for certificate in [] if seen is None else seen.certificates[:10]:
        subject, issuer = certificate.get("subject", "?"), certificate.get("issuer", "?")
        until = certificate.get("not_after", "?")
        lines.append(("certificate", f"{subject}, issued by {issuer}, until {until}"))
    return lines


def _tls_end(tls: TlsFacts, seen: ChainSeen | None) -> str:
    """Who the chain says ends TLS, and why."""
    who = "INTERCEPTED" if tls.intercepted else "not known to be intercepted"
    product = "" if seen is None or seen.product is None else f", consistent with {seen.product}"
    why = "" if seen is None or seen.why is None else f": {seen.why}"
    return f"{tls.chain_class} chain, {who}{product}{why}"


def _ending(event: SessionEnded | None) -> list[tuple[str, str]]:
    if event is None:
        return [("ending", "none recorded: it was open when the record ends")]
    counts = [
        ("pings, pongs", f"{event.pings}, {event.pongs}"),
        ("messages drained", str(event.messages)),
        ("bytes in, out", f"{event.bytes_received:,}, {event.bytes_sent:,}"),
    ]
    return _ending_lines(event, counts)


def _ending_lines(event: Ended, counts: list[tuple[str, str]]) -> list[tuple[str, str]]:
    ending = event.ending
    lines = [("ended", event.utc), ("ending", ending_in_words(ending))]
    if ending.initiator not in {Initiator.UNKNOWN, Initiator.PLAN}:
        lines.append(("known from", GRADE_WORDS[ending.grade]))
    lines += reasons(ending.evidence)
    if ending.evidence.far_end is not None:
        lines.append(("far end", far_end_in_words(ending.evidence.far_end)))
    lines += [("packets", line) for line in provenance_in_words(ending.evidence)]
    lines += [
        ("kind", ending.kind.value),
        ("failure", ending.failure or "none"),
        ("last proof of life", f"{format_duration(ending.alive_at_ns)} into the run"),
        ("first proof of its end", f"{format_duration(ending.dead_by_ns)} into the run"),
        ("detected", f"{format_duration(ending.detected_at_ns)} into the run"),
        *counts,
    ]
    lines += _measured(ending.evidence)
    if ending.raw is not None:
        lines.append(("raw error", ending.raw))
    return lines


def _measured(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """What is a figure or a text as it is, and in no sentence."""
    times = {
        "since our last send": evidence.since_sent_ns,
        "silence before it": evidence.idle_before_send_ns,
        "ping sent": evidence.ping_sent_ns,
    }
    for what, ns in times.items():
        if ns is not None:
            yield what, f"{format_duration(ns)} ({ns} ns)"
    texts = {
        "operation": evidence.operation,
        "answer to the close": evidence.close,
        "step through the proxy": evidence.proxy_step,
        "what came instead": evidence.first_bytes,
        "name": evidence.name,
    }
    yield from ((what, text) for what, text in texts.items() if text is not None)
    if evidence.tcp_info is not None:
        fields = asdict(evidence.tcp_info).items()
        yield "TCP state", ", ".join(f"{name} {value}" for name, value in fields)
    for name, value in list(evidence.headers.items())[:_MOST_LINES]:
        yield f"header {_cut(name, 40)}", value


def _replacement(event: SessionOpened) -> str:
    after = "" if event.recovery_ns is None else f", {format_duration(event.recovery_ns)} later"
    return f"session {event.session}{after}"


def _cut(text: str, limit: int = _LONGEST) -> str:
    return escaped(text, limit)
