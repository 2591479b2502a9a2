"""One session's life from its opening to its ending, or a failed attempt, as lines to show."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import asdict, replace

from stresser.analysis.counts.chain_tally import ChainTally
from stresser.analysis.diagnosis.failure_bursts import burst_in_words
from stresser.analysis.summary.run_reading import RunReading
from stresser.analysis.words.endings import GRADE_WORDS, ending_in_words
from stresser.analysis.words.far_end_words import far_end_in_words
from stresser.analysis.words.hello_fate import fate_words, hello_in_words
from stresser.analysis.words.hop_words import change_words, path_words
from stresser.analysis.words.obstacles import Stopped, obstacle_of
from stresser.analysis.words.packet_words import provenance_in_words
from stresser.analysis.words.proxy_choices import pac_words
from stresser.analysis.words.remedy_table import (
    BY_OBSTACLE,
    asked_words,
    facts_of_ending,
    seen_words,
    sent_words,
)
from stresser.analysis.words.rules import reasons
from stresser.model.chain import TlsFacts
from stresser.model.cohort import Pair
from stresser.model.ending import Initiator, Proof
from stresser.model.events import (
    AnyEvent,
    AttemptFailed,
    ChainSeen,
    CohortEvent,
    Ended,
    HopsSeen,
    ResolvedBy,
    RunResumed,
    SessionEnded,
    SessionOpened,
)
from stresser.model.evidence import Evidence
from stresser.model.proxy_chosen import ProxyChosen
from stresser.model.units import escaped, format_duration
from stresser.record.failure_runs import is_counted

_LONGEST = 500
_MOST_CHAINS = 1000
_MOST_LINES = 40
_MOST_PATHS = 8
_COUNTED = (
    "counted with attempts that failed alike: its times are estimates, its TCP figures are of the"
    " last of them; its port, its packets and how long its phases took are not recorded"
)
_RESOLVERS = {ResolvedBy.HOST: "this host", ResolvedBy.PROXY: "the proxy"}

_PROVED = {
    Proof.ALIVE: "alive when it was closed",
    Proof.DEAD: "dead before it was closed",
    Proof.UNPROVED: "neither: nothing that came back shows whether it still lived",
}

Line: TypeAlias = tuple[str, str]
"""What, and its value."""


class Story(Struct, kw_only=True):
    """What is recorded of one session or attempt. All texts are cut and escaped."""

    title: str
    """`Session 25`, `Attempt 12`."""
    lines: list[Line]


class StoryTeller:
    """Takes each event of a run, in order, and keeps what concerns one session or attempt."""

    def __init__(self, *, session: int | None = None, attempt: int | None = None) -> None:
        self.title = f"Session {session}" if attempt is None else f"Attempt {attempt}"
        self.session, self.attempt = session, attempt
        self.opened: SessionOpened | None = None
        self.ended: SessionEnded | None = None
        self.failed: AttemptFailed | None = None
        self.cut_off: RunResumed | None = None
        """When the run went on without it."""
        self.replaced_by: SessionOpened | None = None
        self._chains: dict[str, ChainSeen] = {}
        self._hops: deque[HopsSeen] = deque(maxlen=_MOST_PATHS)
        self._chosen: dict[Pair, ProxyChosen] = {}
        """What PAC files have said, by endpoint and egress."""

    def event(self, event: AnyEvent) -> None:
        """One event."""
        match event:
            case SessionOpened() if self._is_it(event):
                self.opened, self.session = event, event.session
            case SessionOpened() if event.replaces is not None and event.replaces == self.session:
                self.replaced_by = event
            case SessionEnded() if event.session == self.session:
                self.ended = event
            case RunResumed() if self.opened is not None and self.ended is None:
                self.cut_off = self.cut_off or event
            case AttemptFailed() if event.attempt == self.attempt:
                self.failed = event
            case HopsSeen() if event.session == self.session:
                self._hops.append(event)
            case ChainSeen() if len(self._chains) < _MOST_CHAINS:
                self._chains.setdefault(event.chain, event)
            case ProxyChosen() if len(self._chosen) < _MOST_CHAINS:
                self._chosen.setdefault(Pair(event.endpoint, event.egress), event)
            case _:
                pass

    def _is_it(self, event: SessionOpened) -> bool:
        if self.attempt is not None:
            return event.attempt == self.attempt
        return event.session == self.session

    def story(self, served: ChainTally, explained: Iterable[Line] = ()) -> Story | None:
        """The story; None: the run has none of this number.

        Args:
            served: which chains the run's endpoints showed.
            explained: what the whole run says of its ending.
        """
        lines = self._lines(served)
        if not lines:
            return None
        lines += explained
        if self.replaced_by is not None:
            lines.append(("replaced by", _replacement(self.replaced_by)))
        return Story(title=self.title, lines=[(what, _cut(value)) for what, value in lines])

    def _lines(self, served: ChainTally) -> list[Line]:
        if self.failed is not None:
            chain = self._chain(self.failed, self.failed.tls, served)
            return [*_failed(self.failed, chain), *self._pac(self.failed)]
        if self.opened is None:
            return [] if self.ended is None else _ending(self.ended)
        chain = self._chain(self.opened, self.opened.tls, served)
        ending = _ending(self.ended, self.cut_off)
        pac = self._pac(self.opened)
        return [*_opening(self.opened, chain), *pac, *map(_path, self._hops), *ending]

    def _pac(self, event: SessionOpened | AttemptFailed) -> list[Line]:
        chosen = self._chosen.get(event.cohort.pair)
        if chosen is None:
            return []
        lines = [("PAC", pac_words(chosen))]
        return lines if event.proxy is not None else [("proxy", "none: directly"), *lines]

    def _chain(self, event: CohortEvent, tls: TlsFacts | None, served: ChainTally) -> list[Line]:
        if tls is None:
            return []
        is_shared = served.shared(event.endpoint).is_shared(tls.chain)
        facts = replace(tls, intercepted=tls.intercepted and not is_shared)
        seen = self._chains.get(tls.chain)
        lines = [("tls", _tls(tls)), *_chain_lines(facts, seen)]
        if tls.intercepted and is_shared:
            lines.append(
                ("shown by", "every egress alike: the endpoint's own, or a box before all")
            )
        return lines


def explained_ending(reading: RunReading, teller: StoryTeller) -> Iterator[Line]:
    """What the whole run says of the ending that a story is about."""
    explained = reading.explained
    endings = explained.failures if teller.failed is not None else explained.drops
    number = teller.attempt if teller.failed is not None else teller.session
    for one in endings:
        own = one.attempt if teller.failed is not None else one.session
        if own == number and one.diagnosis is not None:
            found = explained.diagnoses[one.diagnosis - 1]
            yield "diagnosis", f"{found.number}, {found.mechanism}: {found.says}"
    if teller.failed is not None:
        yield from _met(reading, teller.failed)


def _met(reading: RunReading, failed: AttemptFailed) -> Iterator[Line]:
    for burst in reading.bursts:
        if burst.holds(failed.endpoint, failed.egress, _began_ns(failed)):
            yield "burst", burst_in_words(burst)
    plan, place = reading.plan, failed.endpoint
    by_proxy, has_token = failed.proxy is not None, place in plan.tokens
    met = obstacle_of(Stopped(failed.ending, failed.tls, by_proxy, carries_token=has_token))
    names = dict.fromkeys(("hosts", "destinations", "names"), place)
    facts = facts_of_ending(failed.ending, failed.tls) | names
    facts["sent"] = sent_words(plan.snis.get(place, ""))
    row = BY_OBSTACLE[met]
    yield "met", f"{met}: {seen_words(row, facts)}"
    yield "what to do", asked_words(row, facts)


def _failed(event: AttemptFailed, chain: list[Line]) -> list[Line]:
    ends = {"from": event.local, "to": event.remote, "proxy": event.proxy}
    lines = [
        ("cohort", f"{event.endpoint} through {event.egress}, {event.activity}"),
        ("began", f"{format_duration(_began_ns(event))} into the run"),
        *((what, end) for what, end in ends.items() if end is not None),
    ]
    if is_counted(event):
        lines.insert(1, ("recorded", _COUNTED))
    if event.resolved_by is not None:
        lines.append(("name looked up by", _RESOLVERS[event.resolved_by]))
    lines += [*_phases(event.phases_ns), *_hello(event), *chain, *_ending_lines(event, [])]
    fate = fate_words(event.ending)
    return lines if fate is None else [*lines, ("what was sent", fate)]


def _began_ns(event: AttemptFailed) -> int:
    return max(event.ending.dead_by_ns - event.ending.age_ns, 0)


def _phases(phases_ns: Mapping[str, int]) -> list[Line]:
    phases = list(phases_ns.items())[:_MOST_LINES]
    return [(f"phase {name}", format_duration(ns)) for name, ns in phases]


def _opening(event: SessionOpened, chain: list[Line]) -> list[Line]:
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
    lines += [*_phases(event.phases_ns), *_hello(event), *chain]
    if event.subprotocol is not None:
        lines.append(("subprotocol", event.subprotocol))
    if event.replaces is not None:
        after = "" if event.recovery_ns is None else f", {format_duration(event.recovery_ns)} later"
        lines.append(("replaces", f"session {event.replaces}{after}"))
    return lines


def _hello(event: SessionOpened | AttemptFailed) -> list[Line]:
    return [] if event.hello is None else [("ClientHello", hello_in_words(event.hello))]


def _path(event: HopsSeen) -> Line:
    to = "" if event.proxy is None else " to the proxy"
    changed = "" if not event.before else f" (changed, {change_words(event)})"
    return f"path{to}", f"{path_words(event.hops)}{changed}, seen at {event.utc}"


def _tls(tls: TlsFacts) -> str:
    alpn = f", ALPN {tls.alpn}" if tls.alpn else ""
    return f"{tls.version}, {tls.cipher}{alpn}"


def _chain_lines(tls: TlsFacts, seen: ChainSeen | None) -> list[Line]:
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


def _ending(event: SessionEnded | None, cut_off: RunResumed | None = None) -> list[Line]:
    if event is None and cut_off is not None:
        until = format_duration(cut_off.since_ns)
        why = escaped(cut_off.why)
        return [("ending", f"none recorded: open {until} into the run, when that ended ({why})")]
    if event is None:
        return [("ending", "none recorded: it was open when the record ends")]
    counts = [
        ("pings, pongs", f"{event.pings}, {event.pongs}"),
        ("messages drained", str(event.messages)),
        ("bytes in, out", f"{event.bytes_received:,}, {event.bytes_sent:,}"),
    ]
    return _ending_lines(event, counts)


def _ending_lines(event: Ended, counts: list[Line]) -> list[Line]:
    ending = event.ending
    lines = [("ended", event.utc), ("ending", ending_in_words(ending))]
    if ending.initiator not in {Initiator.UNKNOWN, Initiator.PLAN}:
        lines.append(("known from", GRADE_WORDS[ending.grade]))
    lines += reasons(ending.evidence)
    if ending.evidence.far_end is not None:
        far = far_end_in_words(ending.evidence.far_end, ending.dead_by_ns)
        lines.append(("far end", far))
    lines += [("packets", line) for line in provenance_in_words(ending.evidence)]
    if ending.proved is not None:
        lines.append(("proved", _PROVED[ending.proved]))
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
        "the last text message": evidence.last_text,
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
