"""Failed attempts that repeat: written as counted runs, given one by one again when they are read.

An endpoint that is down may be asked 33 times a second for days. The first 32 attempts that fail
alike are events of their own, with all their evidence; after that, those between two writings of
the folder are one event, which stands for all of them and names their attempts. Everything that
counts sees each of them, so that no figure depends on how they were written.
"""

import re
from collections.abc import Hashable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta

import msgspec
from msgspec.structs import replace

from stresser.model.ending import Ending
from stresser.model.events import MOST_ALSO, AnyEvent, AttemptFailed
from stresser.model.evidence import Evidence, TcpInfo
from stresser.model.packet import PacketOrigin
from stresser.model.units import NS_PER_S, NS_PER_US

EACH = 32
"""So many that are alike are written each."""
_FORGOTTEN_NS = 60 * NS_PER_S
"""After so long without one, the next is the first again."""
_MOST_KINDS = 256
_DECIDING = frozenset({"location", "www-authenticate", "proxy-authenticate"})
_ALSO = re.compile(rb'"also":\[([0-9,]+)\]')
"""Of a line: within a text its quotes would be escaped."""


class FailureRuns:
    """Decides of each failed attempt whether it is written or counted."""

    def __init__(self) -> None:
        self._seen: dict[Hashable, tuple[int, int]] = {}
        """How many were alike, and when the latest was."""
        self._waiting: dict[Hashable, AttemptFailed] = {}
        """The latest of each run, with those before it."""

    @property
    def waiting(self) -> int:
        """Attempts that wait to be written."""
        return sum(1 + len(event.also) for event in self._waiting.values()) if self._waiting else 0

    def take(self, event: AttemptFailed) -> AttemptFailed | None:
        """What is to be written at once; None: the attempt is counted until `flush`."""
        key = _alike(event)
        count, at_ns = self._seen.get(key, (0, event.t_ns))
        if event.t_ns - at_ns > _FORGOTTEN_NS:
            count = 0
        if event.ending.planned or not self._has_room(key, event.t_ns):
            return event
        self._seen[key] = (count + 1, event.t_ns)
        if count < EACH:
            return event
        before = self._waiting.pop(key, None)
        if before is None:
            self._waiting[key] = event
            return None
        if len(before.also) >= MOST_ALSO or event.t_ns < before.t_ns:
            self._waiting[key] = event
            return before
        since_ns = before.t_ns if before.since_ns is None else before.since_ns
        also = [*before.also, before.attempt]
        self._waiting[key] = replace(event, since_ns=since_ns, also=also)
        return None

    def _has_room(self, key: Hashable, now_ns: int) -> bool:
        if key in self._seen or len(self._seen) < _MOST_KINDS:
            return True
        self._seen = {
            known: seen for known, seen in self._seen.items() if now_ns - seen[1] <= _FORGOTTEN_NS
        }
        return len(self._seen) < _MOST_KINDS

    def flush(self) -> list[AttemptFailed]:
        """What was counted since the last time, one event for each run."""
        runs = list(self._waiting.values())
        self._waiting.clear()
        return runs


def _alike(event: AttemptFailed) -> Hashable:
    """What attempts have in common that are counted together: all that decides what they met."""
    ending = event.ending
    evidence = ending.evidence
    lists = evidence.why, evidence.against, _deciding(evidence), evidence.hops
    return (
        event.cohort, event.remote, event.proxy, event.resolved_by, event.tls,
        ending.phase, ending.kind, ending.failure, ending.initiator, ending.grade,
        ending.code, ending.reason, ending.status, ending.alert, ending.no_drop, ending.raw,
        evidence.operation, evidence.first_bytes, evidence.last_text, evidence.proxy_step,
        evidence.name,
        msgspec.msgpack.encode(lists), _account(evidence.tcp_info), _sender(evidence.origin),
    )  # fmt: skip


def _deciding(evidence: Evidence) -> dict[str, str]:
    """The header fields by which a refusal is told from another; others may differ each time."""
    return {name: value for name, value in evidence.headers.items() if name.lower() in _DECIDING}


def _account(info: TcpInfo | None) -> Hashable:
    """What the kernel says of the fate of what was sent."""
    return info and (
        info.state, info.unacked, info.bytes_acked, info.bytes_received, info.out_of_order,
        info.data_segments_received,
    )  # fmt: skip


def _sender(origin: PacketOrigin | None) -> Hashable:
    """Where the packet that ended it came from."""
    return origin and (
        origin.outgoing, origin.shape, origin.ttl, origin.peer_ttl, origin.hops, origin.peer_hops,
        origin.resets, origin.ignored,
    )  # fmt: skip


def events_in(lines: bytes | bytearray) -> int:
    """How many events these lines stand for."""
    also = sum(match[1].count(b",") + 1 for match in _ALSO.finditer(lines))
    return lines.count(b"\n") + also


def one_by_one(events: Iterable[AnyEvent]) -> Iterator[AnyEvent]:
    """Each event, and each failed attempt that was counted in one.

    A counted attempt is as the one that it was counted in, but for its number and its times (they
    are spread evenly over their run). Its port, its packets, how long its phases took, header
    fields that decide nothing and what happened beside it are not recorded; `since_ns` stays
    (`is_counted`).
    """
    for event in events:
        if isinstance(event, AttemptFailed) and event.also:
            yield from _counted(event)
        yield event


def is_counted(event: AttemptFailed) -> bool:
    """It has no event of its own: its times are estimates."""
    return event.since_ns is not None and not event.also


def _counted(event: AttemptFailed) -> Iterator[AttemptFailed]:
    since_ns = event.t_ns if event.since_ns is None else min(event.since_ns, event.t_ns)
    lasted_ns = event.t_ns - since_ns
    own = event.ending.evidence
    evidence = replace(
        own, headers=_deciding(own), packets=None, fresh_connections=[], sibling=None, control=None,
        path_changes=[], route_changes=[], since_sent_ns=None, idle_before_send_ns=None,
    )  # fmt: skip
    like = replace(event, also=[], since_ns=since_ns, local=None, phases_ns={})
    for place, attempt in enumerate(event.also):
        earlier_ns = lasted_ns - lasted_ns * place // len(event.also)
        ending = replace(_earlier(event.ending, earlier_ns), evidence=evidence)
        yield replace(
            like,
            t_ns=event.t_ns - earlier_ns,
            utc=_earlier_utc(event.utc, earlier_ns),
            attempt=attempt,
            ending=ending,
        )


def _earlier(ending: Ending, by_ns: int) -> Ending:
    return replace(
        ending,
        alive_at_ns=max(ending.alive_at_ns - by_ns, 0),
        dead_by_ns=max(ending.dead_by_ns - by_ns, 0),
        detected_at_ns=max(ending.detected_at_ns - by_ns, 0),
    )


def _earlier_utc(utc: str, by_ns: int) -> str:
    with suppress(ValueError, OverflowError):
        at = datetime.fromisoformat(utc) - timedelta(microseconds=by_ns // NS_PER_US)
        return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return utc
