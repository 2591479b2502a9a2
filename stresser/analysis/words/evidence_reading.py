"""Reads an ending's evidence: what a session's tap and kernel knew when it stopped.

Evidence comes from a file: whatever is not of the expected type is as if it were not there.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from stresser.model.units import NS_PER_S

_ANSWER_WITHIN_NS = NS_PER_S
"""What comes later than this after our last send is no answer to it (or comes from far away)."""
_WORTH_NAMING_NS = NS_PER_S
_ROUND_TRIPS = 4
_NOT_ASKED = ("answered", "no close in this protocol")


class AnsweredSend(NamedTuple):
    """We sent something into a silence, and the ending came in answer. Nanoseconds."""

    after_ns: int
    """From our send to the ending."""
    silence_ns: int
    """How long nothing had passed in either direction when we sent."""


def answered_send(evidence: Mapping[str, Any]) -> AnsweredSend | None:
    """The send that the ending followed at once, if it broke a silence of a second or more."""
    since, silence = _int(evidence, "since_sent_ns"), _int(evidence, "idle_before_send_ns")
    if since is None or silence is None:
        return None
    if since > _ANSWER_WITHIN_NS or silence < _WORTH_NAMING_NS:
        return None
    return AnsweredSend(since, silence)


def is_unasked(evidence: Mapping[str, Any]) -> bool:
    """Whether our last send was too long ago for the ending to be an answer to it."""
    since = _int(evidence, "since_sent_ns")
    info = evidence.get("tcp_info")
    rtt_us = _int(info, "rtt_us") if isinstance(info, Mapping) else None
    limit = max(_ANSWER_WITHIN_NS, _ROUND_TRIPS * 1000 * (rtt_us or 0))
    return since is not None and since > limit


def since_sent(evidence: Mapping[str, Any]) -> int | None:
    """Nanoseconds from our last send to the ending."""
    return _int(evidence, "since_sent_ns")


def silence_before_send(evidence: Mapping[str, Any]) -> int | None:
    """How long nothing had passed in either direction when we last sent."""
    return _int(evidence, "idle_before_send_ns")


def ping_sent_ns(evidence: Mapping[str, Any]) -> int | None:
    """When the ping was sent that no pong answered, since the run began."""
    return _int(evidence, "ping_sent_ns")


def is_close_unanswered(evidence: Mapping[str, Any]) -> bool:
    """Whether a session that the plan ended got no answer to its WebSocket close."""
    took = evidence.get("close")
    return isinstance(took, str) and took not in _NOT_ASKED


def rules_named(evidence: Mapping[str, Any]) -> frozenset[str]:
    """The rules that decided who ended it (`classify.rules`)."""
    named = evidence.get("why")
    return (
        frozenset(n for n in named if isinstance(n, str))
        if isinstance(named, list)
        else frozenset()
    )


def path_change_times(evidence: Mapping[str, Any]) -> list[int]:
    """When this host's path changed shortly before or during the end, since the run began."""
    changes = evidence.get("path_changes")
    listed = changes if isinstance(changes, list) else []
    times = [_int(one, "t_ns") for one in listed if isinstance(one, Mapping)]
    return [t_ns for t_ns in times if t_ns is not None]


def _int(evidence: Mapping[str, Any], key: str) -> int | None:
    value = evidence.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
