"""What explains a group of drops or failures of a run: the answer, as data (DESIGN, section 4).

A diagnosis says more than any single session's evidence can: it stands on the whole run, on what
lived beside what died. Where it contradicts a session's own initiator, both are shown.
"""

from enum import StrEnum

from msgspec import Struct, field

from stresser.analysis.diagnosis.hop_stops import HopStop
from stresser.model.ending import Grade, Initiator


class Mechanism(StrEnum):
    """What happened: the closed list."""

    IDLE_TIMER = "idle_timer"
    AGE_LIMIT = "age_limit"
    BYTE_LIMIT = "byte_limit"
    SIZE_LIMIT = "size_limit"
    """Big packets or messages die."""
    PING_INTOLERANCE = "ping_intolerance"
    SESSION_CEILING = "session_ceiling"
    STATE_LOST = "state_lost"
    """A flush, failover or reload: one moment."""
    OUTAGE = "outage"
    """Nothing passes for a time."""
    PATH_CHANGE = "path_change"
    INTERCEPTION = "interception"
    NAME_FILTER = "name_filter"
    """What the ClientHello says decides."""
    HANDSHAKE_HANG = "handshake_hang"
    """The hello is acknowledged, the answer never arrives."""
    PROXY_REFUSAL = "proxy_refusal"
    REFUSED_BY_ENDPOINT = "refused_by_endpoint"
    """401, 403, 404, a required certificate, ..."""
    ENDPOINT_GOODBYE = "endpoint_goodbye"
    """A drain, restart, maximum age or idle limit that the endpoint itself announced."""
    ENDPOINT_DOWN = "endpoint_down"
    RESOLVE_FAILURE = "resolve_failure"
    CAPTIVE_PORTAL = "captive_portal"
    HOST_UNFIT = "host_unfit"
    TOOL_UNFIT = "tool_unfit"
    NO_PATTERN = "no_pattern"


class Where(StrEnum):
    """On which part of the way it happens, as far as controls tell."""

    EGRESS = "egress"
    """Only through this egress, while a control through another lived."""
    ENDPOINT = "endpoint"
    """Through all egresses alike, while other endpoints through them lived."""
    SHARED = "shared"
    """Through all egresses alike, and nothing tells the endpoint from a shared upstream."""
    HOST = "host"
    TOOL = "tool"
    UNKNOWN = "unknown"
    """There was no control."""


class Whom(StrEnum):
    """Who can act on it."""

    NETWORK_TEAM = "network_team"
    SERVICE_OWNER = "service_owner"
    PROXY_TEAM = "proxy_team"
    THIS_HOST = "this_host"
    NOBODY = "nobody"


class DiagnosedScope(Struct, frozen=True, kw_only=True):
    """The part of the run that a diagnosis or a control is about; None: all of them."""

    endpoint: str | None = None
    egress: str | None = None
    activity: str | None = None


class Control(Struct, frozen=True, kw_only=True):
    """Sessions that lived, or died alike, beside those that the diagnosis explains."""

    scope: DiagnosedScope
    sessions: int
    drops: int
    says: str


def is_clean(control: Control) -> bool:
    """Whether nine lived for each that dropped."""
    return 0 < control.sessions >= _CLEAN * control.drops


_CLEAN = 10
"""So many sessions, for each of them that dropped."""


class Ask(Struct, frozen=True, kw_only=True):
    """One sentence that its addressee can act on."""

    whom: Whom
    says: str


class Diagnosis(Struct, frozen=True, kw_only=True):
    """One cause. `low` and `high` bracket its limit in `unit`; None where it has none."""

    number: int
    """From 1, the weightiest first."""
    mechanism: Mechanism
    scope: DiagnosedScope
    where: Where
    who: Initiator
    grade: Grade
    by_log: bool = False
    """The middlebox that did it says so in its own log: only one of the lab does."""
    by_both_ends: dict[str, int] = field(default_factory=dict)
    """Of its drops, those that a reflector's account decided, by rule."""
    low: int | None = None
    high: int | None = None
    unit: str | None = None
    """`ns`, `bytes` or `sessions`."""
    tick_ns: int | None = None
    """How coarsely the box looks at its timer, where that shows."""
    drops: int = 0
    """Drops that it explains."""
    of_drops: int = 0
    """All drops in its scope."""
    failures: int = 0
    of_failures: int = 0
    sessions_found_dead: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    """Of the drops and failures that it explains."""
    seen: str = ""
    """Of bytes that break the protocol: their first line, or what the parser said, in quotes."""
    struck: str = ""
    """Where it struck once, when: `at 02:13:07 UTC`, `between 02:13:07 and 02:13:12 UTC`."""
    first_utc: str | None = None
    """When the first of them was noticed; where it struck once, when it can have struck."""
    last_utc: str | None = None
    hop: HopStop | None = None
    """The router after which what it explains stops, where that was walked."""
    contrasts: list[str] = field(default_factory=list)
    """What lived on although another cause would have ended it, in sentences."""
    controls: list[Control] = field(default_factory=list)
    against: list[str] = field(default_factory=list)
    """What contradicts it, in sentences."""
    unproved: list[str] = field(default_factory=list)
    """What was not shown, in sentences."""
    consistent_with: list[str] = field(default_factory=list)
    """Documented or measured behaviour of known boxes."""
    ask: Ask
    says: str
    """One sentence: what happened to how many, and to how many it did not."""
