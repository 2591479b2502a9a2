"""The page for the network team: which flows ended when, and what the findings ask of them.

5-tuples and UTC in milliseconds, so that a firewall's or proxy's own log can be searched for them.
"""

import csv
from collections import Counter
from typing import IO, NamedTuple

from msgspec import Struct

from stresser.analysis.diagnosis.diagnosis import Mechanism, Whom
from stresser.analysis.views.run_report import RunReport
from stresser.analysis.words.hop_words import hop_name
from stresser.model.ending import BRACKETED
from stresser.model.events import AnyEvent, SessionEnded
from stresser.model.hops import HopReading, HopWalk
from stresser.model.units import NS_PER_MS, escaped, format_utc
from stresser.record.events_file import encode_event

__all__ = ["COLUMNS", "DroppedFlow", "DroppedFlows", "FlowKey", "asked_of_network", "write_columns"]

COLUMNS = (
    "run", "utc_from", "utc_until", "protocol", "local_address", "local_port", "remote_address",
    "remote_port", "proxy", "egress", "endpoint", "kind", "initiator", "age_ms", "idle_ms",
    "session", "stops_after",
)  # fmt: skip
_LONGEST = 128
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MOST_ASKED = 50


class DroppedFlow(Struct, frozen=True, kw_only=True):
    """One dropped session. Field names are `COLUMNS`."""

    run: str
    utc_from: str
    """Last proof of life where the end came unannounced; else the same as `utc_until`."""
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
    stops_after: str
    """The hop that it was seen to reach and not to pass; empty where that is not known."""


class FlowKey(NamedTuple):
    """What the rows of the page have in common."""

    egress: str
    endpoint: str
    remote: str
    kind: str


class DroppedFlows:
    """Writes the drops of one run to a CSV file and a file of events as they pass, and counts them.

    Nothing is held but the counts: a night may have a hundred thousand drops.
    """

    def __init__(
        self, run: str, anchor_unix_ns: int | None, rows: IO[str], lines: IO[bytes]
    ) -> None:
        self.counts: Counter[FlowKey] = Counter()
        """Drops by egress, endpoint, remote address with port, and kind."""
        self._run, self._anchor_ns = run, anchor_unix_ns or 0
        self._rows, self._lines = csv.writer(rows, lineterminator="\r\n"), lines

    def event(self, event: AnyEvent) -> None:
        """One event, in order."""
        if not isinstance(event, SessionEnded) or not event.ending.is_drop:
            return
        flow = _flow(self._run, event, self._anchor_ns)
        remote = f"{flow.remote_address}:{flow.remote_port}"
        self.counts[FlowKey(flow.egress, flow.endpoint, remote, flow.kind)] += 1
        self._rows.writerow([_cell(getattr(flow, name)) for name in COLUMNS])
        self._lines.write(encode_event(event))

    @property
    def most_first(self) -> list[tuple[FlowKey, int]]:
        """The counts, largest first."""
        return sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))


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
        stops_after=_stops_after(event.ending.evidence.hops),
    )


def _stops_after(walk: HopWalk | None) -> str:
    stops = walk is not None and walk.reading in {HopReading.STOPS_ALONE, HopReading.STOPS_LIKE_ALL}
    return "" if walk is None or walk.last is None or not stops else hop_name(walk.last)


def _parted(address: str | None) -> tuple[str, str]:
    host, _, port = escaped(address or "", _LONGEST).rpartition(":")
    return host.strip("[]"), port


def _utc(unix_ns: int) -> str:
    try:
        return f"{format_utc(unix_ns)[:23]}Z"
    except (OverflowError, ValueError, OSError):
        return "unknown"


def write_columns(rows: IO[str]) -> None:
    """The head of the CSV file (RFC 4180), no cell of which is a formula to a spreadsheet."""
    csv.writer(rows, lineterminator="\r\n").writerow(COLUMNS)


def _cell(value: str | float | None) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def asked_of_network(run: RunReport) -> list[str]:
    """What the network's and the proxy's teams can do, as far as diagnoses and chains carry."""
    chains = []
    for chain in run.chains:
        if chain.intercepted:
            product = f" (consistent with {chain.product})" if chain.product else ""
            chains += [f"Exempt from TLS inspection{product}: {way}." for way in chain.ways]
    asked = [
        f"{one.ask.says} {one.says}{'' if one.hop is None else f' {one.hop.says}'}"
        for one in run.summary.diagnoses
        if one.ask.whom in {Whom.NETWORK_TEAM, Whom.PROXY_TEAM}
        and not (chains and one.mechanism is Mechanism.INTERCEPTION)  # the chains say more of it
    ]
    return [*asked, *chains][:_MOST_ASKED]
