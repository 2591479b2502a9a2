"""The page for the network team: which flows died when, and what the findings ask of them.

5-tuples and UTC in milliseconds, so that a firewall's or proxy's own log can be searched for them.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator

from msgspec import Struct

from stresser.analysis.diagnosis.diagnosis import Whom
from stresser.analysis.views.run_report import RunReport
from stresser.model.ending import BRACKETED
from stresser.model.events import AnyEvent, SessionEnded
from stresser.model.units import NS_PER_MS, escaped
from stresser.witness.clock import format_utc

__all__ = ["COLUMNS", "DroppedFlow", "asked_of_network", "flow_counts", "flows_csv", "flows_of"]

COLUMNS = (
    "run", "utc_from", "utc_until", "protocol", "local_address", "local_port", "remote_address",
    "remote_port", "proxy", "egress", "endpoint", "kind", "initiator", "age_ms", "idle_ms",
    "session",
)  # fmt: skip
_LONGEST = 128
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MOST_ASKED = 50


class DroppedFlow(Struct, frozen=True, kw_only=True):
    """One dropped session. Field names are `COLUMNS`."""

    run: str
    utc_from: str
    """Last proof of life where nobody announced the end; else the same as `utc_until`."""
    utc_until: str
    protocol: str
    local_address: str
    local_port: str
    remote_address: str
    remote_port: str
    proxy: str
    egress: str
    endpoint: str
    kind: str
    initiator: str
    age_ms: int
    idle_ms: int | None
    session: int


def flows_of(
    run: str, events: Iterable[AnyEvent], anchor_unix_ns: int | None
) -> Iterator[DroppedFlow]:
    """The drops of a run, as they came."""
    for event in events:
        if isinstance(event, SessionEnded) and event.ending.is_drop:
            yield _flow(run, event, anchor_unix_ns or 0)


def _flow(run: str, event: SessionEnded, anchor_unix_ns: int) -> DroppedFlow:
    local, local_port = _parted(event.local)
    remote, remote_port = _parted(event.remote)
    from_ns = (
        event.ending.alive_at_ns if event.ending.kind in BRACKETED else event.ending.dead_by_ns
    )
    return DroppedFlow(
        run=run,
        utc_from=_utc(anchor_unix_ns + from_ns),
        utc_until=_utc(anchor_unix_ns + event.ending.dead_by_ns),
        protocol="TCP",
        local_address=local,
        local_port=local_port,
        remote_address=remote,
        remote_port=remote_port,
        proxy=escaped(event.proxy or "", _LONGEST),
        egress=escaped(event.egress, _LONGEST),
        endpoint=escaped(event.endpoint, _LONGEST),
        kind=event.ending.kind.value,
        initiator=event.ending.initiator.value,
        age_ms=event.ending.age_ns // NS_PER_MS,
        idle_ms=None if event.ending.idle_ns is None else event.ending.idle_ns // NS_PER_MS,
        session=event.session,
    )


def _parted(address: str | None) -> tuple[str, str]:
    host, _, port = escaped(address or "", _LONGEST).rpartition(":")
    return host.strip("[]"), port


def _utc(unix_ns: int) -> str:
    try:
        return f"{format_utc(unix_ns)[:23]}Z"
    except (OverflowError, ValueError, OSError):
        return "unknown"


def flows_csv(flows: Iterable[DroppedFlow]) -> str:
    """RFC 4180; no cell that a spreadsheet would take for a formula."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\r\n")
    rows.writerow(COLUMNS)
    for flow in flows:
        rows.writerow([_cell(getattr(flow, name)) for name in COLUMNS])
    return text.getvalue()


def _cell(value: str | float | None) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def flow_counts(flows: Iterable[DroppedFlow]) -> list[tuple[tuple[str, str, str, str], int]]:
    """Drops by egress, endpoint, remote address with port, and kind; most first."""
    counts = Counter(
        (flow.egress, flow.endpoint, f"{flow.remote_address}:{flow.remote_port}", flow.kind)
        for flow in flows
    )
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def asked_of_network(run: RunReport) -> list[str]:
    """What the network's and the proxy's teams can do, as far as diagnoses and chains carry."""
    asked = [
        f"{one.ask.says} {one.says}"
        for one in run.summary.diagnoses
        if one.ask.whom in {Whom.NETWORK_TEAM, Whom.PROXY_TEAM}
    ]
    for chain in run.chains:
        if chain.intercepted:
            product = f" (consistent with {chain.product})" if chain.product else ""
            asked += [f"Exempt from TLS inspection{product}: {way}." for way in chain.ways]
    return asked[:_MOST_ASKED]
