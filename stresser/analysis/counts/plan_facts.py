"""What the recorded scenario says that its run's figures need to be read.

The manifest's scenario is data from a file: whatever has not the expected shape is left out. It is
not decoded as a scenario again: there a key of a newer stresser's is a mistake, here none.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, field

from stresser.classify.idle_answers import BUSY_EVERY_NS, Beside
from stresser.model.cohort import Cohort
from stresser.model.units import Duration, Size, escaped, format_duration
from stresser.scenario.endpoint import TOKENS, is_address, parse_url
from stresser.scenario.plan import BEATING, ActivityKind, Scheme

_MOST = 10_000
_LARGEST = 2**62


class ActivityFacts(Struct, frozen=True, kw_only=True):
    """What an activity of the scenario does."""

    kind: str
    every_ns: int | None = None
    up_to_ns: int | None = None
    """How far a search for an idle limit goes."""
    message_bytes: int | None = None
    """Of the message that goes with each ping, or in its place; None: none does, or not known."""


class PlanFacts(Struct, frozen=True, kw_only=True):
    """The scenario's facts, by the names in it."""

    name: str = ""
    duration_ns: int | None = None
    schemes: dict[str, str] = field(default_factory=dict)
    """`wss`, `tls`, `ws` or `tcp` by endpoint."""
    hosts: dict[str, str] = field(default_factory=dict)
    """The host of each endpoint outside the lab, by endpoint."""
    snis: dict[str, str] = field(default_factory=dict)
    """The name in the ClientHello, by endpoint; none where an address is asked for."""
    tokens: set[str] = field(default_factory=set)
    """Endpoints whose requests carry an Authorization or a cookie."""
    labs: dict[str, str] = field(default_factory=dict)
    """What the lab middlebox of an egress was set to do, in words, by egress."""
    activities: dict[str, ActivityFacts] = field(default_factory=dict)
    thresholds: dict[str, str] = field(default_factory=dict)

    def pings_every_ns(self, cohort: Cohort) -> int | None:
        """The heartbeat's interval; None when the cohort's sessions are held silent."""
        activity = self.activities.get(cohort.activity)
        return None if activity is None or self.is_silent(cohort) else activity.every_ns

    def is_silent(self, cohort: Cohort) -> bool:
        """Whether its sessions send nothing while they are held, as far as the plan tells."""
        activity = self.activities.get(cohort.activity)
        if activity is None:
            return False
        return activity.kind not in BEATING or self.is_muted(cohort)

    def searches_idle(self, cohort: Cohort) -> bool:
        """Whether its sessions are those of a search for an idle limit."""
        activity = self.activities.get(cohort.activity)
        return activity is not None and activity.kind == ActivityKind.IDLE_SEARCH

    def is_kept_alive(self, cohort: Cohort) -> bool:
        """Whether TCP keepalive breaks its silence, for the boxes that count it."""
        activity = self.activities.get(cohort.activity)
        search, _, what = cohort.activity.rpartition("-")
        searched = cohort._replace(activity=search)
        is_beside = what == Beside.TCP_KEEPALIVE and self.searches_idle(searched)
        return is_beside or (activity is not None and activity.kind == ActivityKind.KEEPALIVE)

    def may_belong_to_search(self, activity: str) -> bool:
        """Whether sessions of this name may be those of a search, or stand beside them."""
        names = (name for name, one in self.activities.items() if one.kind == "idle_search")
        return any(activity == name or activity.startswith(f"{name}-") for name in names)

    def is_muted(self, cohort: Cohort) -> bool:
        """Whether a heartbeat cannot be sent here, so that the sessions are held silent."""
        activity = self.activities.get(cohort.activity)
        return (
            activity is not None
            and activity.kind in BEATING
            and activity.kind != ActivityKind.MQTT
            and self.schemes.get(cohort.endpoint) in {Scheme.TLS, Scheme.TCP}
        )

    def is_merely_accepted(self, cohort: Cohort) -> bool:
        """Whether its sessions are open before the endpoint has said a word.

        SYN proxies, load balancers and some proxies accept for a server that is dead.
        """
        activity = self.activities.get(cohort.activity)
        is_broker = activity is not None and activity.kind == ActivityKind.MQTT
        return self.schemes.get(cohort.endpoint) == Scheme.TCP and not is_broker


def read_plan(scenario: Mapping[str, Any]) -> PlanFacts:
    """Read the manifest's `scenario`."""
    return PlanFacts(
        name=_text(scenario.get("name")),
        duration_ns=_number(scenario.get("duration")),
        schemes={name: _scheme(table) for name, table in _named(scenario, "endpoints")},
        hosts=dict(_hosts(scenario)),
        snis=dict(_snis(scenario)),
        tokens={name for name, table in _named(scenario, "endpoints") if _has_token(table)},
        labs={
            name: _lab_words(table["lab"])
            for name, table in _named(scenario, "egresses")
            if isinstance(table.get("lab"), Mapping)
        },
        activities=_activities(scenario),
        thresholds=_thresholds(scenario.get("thresholds")),
    )


def _named(scenario: Mapping[str, Any], key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    tables = scenario.get(key)
    for table in tables[:_MOST] if isinstance(tables, list) else ():
        if isinstance(table, Mapping):
            yield _text(table.get("name")) or _text(table.get("kind")), table


def _scheme(table: Mapping[str, Any]) -> str:
    return _text(table.get("url")).partition("://")[0].removeprefix("lab+")


def _hosts(scenario: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, table in _named(scenario, "endpoints"):
        try:
            address = parse_url(_text(table.get("url")))
        except ValueError:
            continue
        if not address.is_lab:
            yield name, address.host


def _snis(scenario: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    hosts = dict(_hosts(scenario))
    for name, table in _named(scenario, "endpoints"):
        asked = _text(table.get("sni")) or hosts.get(name, "")
        if asked and not is_address(asked):
            yield name, asked


def _has_token(table: Mapping[str, Any]) -> bool:
    headers = table.get("headers")
    return isinstance(headers, Mapping) and any(str(one).lower() in TOKENS for one in headers)


def _lab_words(table: Mapping[str, Any]) -> str:
    """`idle_timeout 4 s, kill reset`: only what was set, cut to a line."""
    set_keys = {key: value for key, value in table.items() if value not in (None, False)}
    kills = {"idle_timeout", "age_limit", "byte_limit", "on_client_hello"}
    kill = set_keys.pop("kill", None)
    if kill is not None and kills & set_keys.keys():
        set_keys["kill"] = kill
    words = (f"{key} {_lab_value(value)}" for key, value in set_keys.items())
    return escaped(", ".join(words), 120) or "only forwards"


def _lab_value(value: Any) -> str:
    duration_ns = _number(value)
    return str(value) if duration_ns is None else format_duration(duration_ns)


def _activities(scenario: Mapping[str, Any]) -> dict[str, ActivityFacts]:
    """Those of the scenario, and the busy sessions beside a search."""
    planned = {name: _activity(table) for name, table in _named(scenario, "activities")}
    busy = ActivityFacts(kind=ActivityKind.HEARTBEAT, every_ns=BUSY_EVERY_NS)
    beside = {
        f"{name}-{Beside.BUSY}": busy
        for name, one in planned.items()
        if one.kind == ActivityKind.IDLE_SEARCH
    }
    return beside | planned


def _activity(table: Mapping[str, Any]) -> ActivityFacts:
    return ActivityFacts(
        kind=_text(table.get("kind")) or ActivityKind.HEARTBEAT,
        every_ns=_number(table.get("every")),
        up_to_ns=_number(table.get("up_to")),
        message_bytes=_number(table.get("message") or table.get("size"), Size),
    )


def _thresholds(table: Any) -> dict[str, str]:
    if not isinstance(table, Mapping):
        return {}
    return {str(key): str(rule) for key, rule in list(table.items())[:_MOST]}


def _number(value: Any, unit: type[Duration | Size] = Duration) -> int | None:
    """As the manifest holds it: nanoseconds or bytes, or text with its unit."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 <= value <= _LARGEST else None
    try:
        return int(unit.parse(value)) if isinstance(value, str) else None
    except ValueError:
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
