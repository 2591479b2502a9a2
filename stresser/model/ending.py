"""How an attempt or a session stopped: a value, exactly one each (closed lists).

The failure strings are OONI's where one exists (ooni/spec data-formats/df-007-errors.md);
ours are listed apart.
"""

from enum import StrEnum

from msgspec import Struct

from stresser.model.bounds import Whole
from stresser.model.evidence import NO_EVIDENCE, Evidence
from stresser.model.kind import Kind

__all__ = ["BRACKETED", "Ending", "Grade", "Initiator", "Kind", "NoDrop", "Phase", "Proof"]

WORKER_DIED = "worker_died"
"""The failure of a session whose process died: `tool`, and no drop."""


class Phase(StrEnum):
    """Where in its life an attempt or session was."""

    BEFORE = "before"
    """The HTTPS request that yields a token or a URL, where the scenario has one."""
    RESOLVE = "resolve"
    CONNECT = "connect"
    PROXY = "proxy"
    TLS = "tls"
    UPGRADE = "upgrade"
    OPEN = "open"
    """The first messages, where the scenario has some."""
    HELD = "held"
    CLOSING = "closing"


class Initiator(StrEnum):
    """Who ended it."""

    ENDPOINT = "endpoint"
    MIDDLEBOX = "middlebox"
    HOST = "host"
    TOOL = "tool"
    PLAN = "plan"
    UNKNOWN = "unknown"


class Grade(StrEnum):
    """What supports the initiator, weakest first."""

    ERRNO = "errno"
    TCP_INFO = "tcp_info"
    PACKET = "packet"
    COMPARISON = "comparison"
    """What lived and died beside it, in the same run."""
    REFLECTOR = "reflector"


BRACKETED = frozenset(
    {
        Kind.SILENCE, Kind.UNRESPONSIVE, Kind.KERNEL_TIMEOUT, Kind.UNREACHABLE, Kind.HOST_SLEPT,
        Kind.FOUND_DEAD,
    }
)  # fmt: skip
"""Unannounced endings: they are dated by two times, not by one."""


class Proof(StrEnum):
    """Whether a session proved to live when it was closed as planned, or asked."""

    ALIVE = "alive"
    DEAD = "dead"
    UNPROVED = "unproved"


class NoDrop(StrEnum):
    """Why the ending of a session is no drop."""

    PLANNED = "planned"
    HOST_SLEPT = "host_slept"
    HOST_UNFIT = "host_unfit"
    """This host gave stresser no CPU, so that it could not keep the session alive."""
    TOOL = "tool"
    """stresser itself: its limits, its lateness, a bug."""


class Ending(Struct, frozen=True, kw_only=True):
    """How one attempt or session stopped.

    Times are nanoseconds on the run's clock. A silent ending is bracketed:
    it happened after `alive_at_ns` and no later than `dead_by_ns`.
    """

    phase: Phase
    kind: Kind
    failure: str | None
    """OONI df-007 name or one of ours; None when nothing failed."""
    initiator: Initiator
    grade: Grade
    planned: bool
    age_ns: Whole
    """From the start of the attempt (or, for a session, from its opening) to `dead_by_ns`."""
    idle_ns: Whole | None
    """From the last byte that we know passed in either direction to `dead_by_ns`."""
    alive_at_ns: Whole
    """Last proof of life from the other side."""
    dead_by_ns: Whole
    """First proof of the end."""
    detected_at_ns: Whole
    """When stresser learned of it."""
    code: Whole | None = None
    """WebSocket close code, or MQTT's return or reason code."""
    reason: str | None = None
    """WebSocket close reason, MQTT's reason or HTTP's reason phrase; escaped where it is shown."""
    status: Whole | None = None
    """HTTP status."""
    alert: Whole | None = None
    """TLS alert number."""
    evidence: Evidence = NO_EVIDENCE
    raw: str | None = None
    """The untranslated error."""
    in_clear: bool = False
    """The session is without TLS: a FIN is all that its end could say, and whatever was said,
    anybody on the path may have said it."""
    proved: Proof | None = None
    """Of a planned end or a session found dead; None: it was not asked."""
    is_drop: bool
    """A held session ended, unplanned, and neither a pause of this host nor stresser is why.
    Whatever counts drops asks this field."""
    no_drop: NoDrop | None = None
    """Why it is none; of a failed attempt: why it does not speak of the path."""
    answers_send: bool = False
    """The end came in answer to something that we sent, and nothing had proved the session alive
    since: it may have been dead before."""
    unasked: bool = False
    """Our last send was too long ago for the end to be an answer to it."""
    silence_ns: Whole | None = None
    """How long nothing had passed when we sent what the end answered; else, when the end came."""
