"""What a list says of an entry besides its name: direction, ports, regions, dates, notes.

Where a list says nothing, nothing is filled in: a port without a protocol stays one, a region
that is not among the vendor's stays a text.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from enum import StrEnum

from msgspec import Struct

from stresser.citrix.allowlist_entry import TLS_PORT
from stresser.citrix.known_names import Region
from stresser.model.units import escaped, shown

TCP, UDP = "TCP", "UDP"
LONGEST_TEXT = 60

_HIGHEST_PORT = 65535
_MOST = 16
_LONGEST_PORTS = 400
_PORTS = re.compile(
    r"\s*(?:(tcp|udp)\s*[/: ]\s*)?([0-9]{1,5})(?:\s*(?:-|to)\s*([0-9]{1,5}))?"
    r"(?:\s*[/ ]\s*(tcp|udp))?\s*",
    re.IGNORECASE,
)
_DATE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ][0-9:.]{4,16}(?:Z|[+-][0-9:]{4,6})?)?")
_OUTBOUND, _INBOUND = {"outbound", "egress"}, {"inbound", "ingress"}
_REGIONS = {
    "unitedstates": Region.US,
    "europe": Region.EU,
    "asiapacificsouth": Region.AP_S,
    "japan": Region.JP,
    **{region.replace("-", ""): region for region in Region},
}


class Traffic(StrEnum):
    """Who connects to whom."""

    OUTBOUND = "outbound"
    """From the customer to Citrix."""
    INBOUND = "inbound"
    """From Citrix to the customer."""
    BOTH = "both"

    @property
    def is_outbound(self) -> bool:
        """The customer dials."""
        return self is not Traffic.INBOUND

    @property
    def is_inbound(self) -> bool:
        """Citrix dials."""
        return self is not Traffic.OUTBOUND


class PortRange(Struct, frozen=True, order=True):
    """One port, or all from one to another."""

    protocol: str
    """TCP, UDP, or empty where the list does not say."""
    low: int
    high: int

    @property
    def written(self) -> str:
        """For a person: `TCP 443`, `TCP 9350-9354`, `port 443`."""
        number = f"{self.low}" if self.low == self.high else f"{self.low}-{self.high}"
        return f"{self.protocol or 'port'} {number}"

    def has_tcp(self, port: int) -> bool:
        """A TCP port is among them; one without a protocol may be TCP's."""
        return self.protocol != UDP and self.low <= port <= self.high


class Terms(Struct, frozen=True, kw_only=True):
    """What one place of a list says of the entries there. All texts are escaped and short."""

    section: str = ""
    """The service, or the key of the file."""
    direction: Traffic = Traffic.OUTBOUND
    ports: tuple[PortRange, ...] = ()
    """Empty: the list says none."""
    regions: tuple[str, ...] = ()
    """Values of `Region`, or other texts of the list. Empty: it says none."""
    dates: tuple[str, ...] = ()
    """`key date`, of the service or the region; the list's own stand in `Allowlist.dates`."""
    required: bool | None = None
    notes: str = ""

    @property
    def written(self) -> str:
        """For a person; empty where the list says nothing beyond the section."""
        parts = [
            ", ".join(port.written for port in self.ports),
            f"regions {', '.join(self.regions)}" if self.regions else "",
            ", ".join(self.dates),
            "not required" if self.required is False else "",
            self.notes,
        ]
        return "; ".join(filter(None, parts))

    def is_of(self, wanted: Iterable[str]) -> bool | None:
        """Of one of these regions, or of another; None where the list leaves it open."""
        if not self.regions:
            return None
        if Region.ALL in self.regions or set(wanted) & set(self.regions):
            return True
        return None if set(self.regions) - set(Region) else False

    @property
    def has_tls_port(self) -> bool:
        """TCP 443 is meant: it is said, or no port is (the vendor's pages: 443 outbound)."""
        return not self.ports or any(port.has_tcp(TLS_PORT) for port in self.ports)


def direction_said(text: str) -> Traffic | None:
    """The direction that a word names; None: it names none."""
    word = text.strip().lower()
    if word in _OUTBOUND:
        return Traffic.OUTBOUND
    if word in _INBOUND:
        return Traffic.INBOUND
    return Traffic.BOTH if word in {"both", "bidirectional", "all"} else None


def region_said(text: str) -> Region | None:
    """The vendor's region that a word names, by its short or its long name."""
    return _REGIONS.get(re.sub(r"[ _-]", "", text.lower()))


def date_said(text: str) -> str | None:
    """The day of an ISO 8601 date, with or without a time; None: it is none."""
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return None
    try:
        return date.fromisoformat(match[1]).isoformat()
    except ValueError:  # the 30th of February
        return None


def region_text(text: str) -> str:
    """A region as it is kept: the vendor's short name, or what the list says."""
    return region_said(text) or escaped(text.strip(), LONGEST_TEXT)


def protocols_said(value: object) -> tuple[str, ...]:
    """TCP, UDP or both, as a `protocol` says it: `"tcp"`, `"TCP/UDP"`, a list; else none."""
    texts = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]
    words = {
        word for text in texts for word in re.findall(r"[^ ,/&]+", text[:_LONGEST_PORTS].upper())
    }
    return tuple(sorted(words)) if words <= {TCP, UDP} else ()


def read_ports(value: object, protocols: Sequence[str] = ()) -> tuple[PortRange, ...]:
    """Ports as lists write them: `443`, `"80,443"`, `["TCP/443", 8443]`, `"9350-9354"`.

    Args:
        value: as JSON has it.
        protocols: what the key or a `protocol` beside it says; a text's own goes before it.

    Raises:
        ValueError: with one sentence.
    """
    found = dict.fromkeys(port for text in _texts(value) for port in _port_ranges(text, protocols))
    if len(found) > _MOST:
        raise ValueError(f"holds {len(found)} ranges of ports; {_MOST} are the most that are kept")
    return tuple(found)


def _texts(value: object) -> Iterator[str]:
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, int) and not isinstance(one, bool):
            yield str(one)
        elif isinstance(one, str):
            if len(one) > _LONGEST_PORTS:
                raise ValueError(f"{shown(one)} has {len(one)} characters")
            yield from filter(str.strip, one.split(","))
        elif one is not None:
            raise ValueError("is no port: write a number, a range such as 9350-9354, or a list")


def _port_ranges(text: str, protocols: Sequence[str]) -> Iterator[PortRange]:
    match = _PORTS.fullmatch(text)
    if match is None:
        raise ValueError(f"{shown(text)} is no port: a number or a range such as 9350-9354")
    low = int(match[2])
    high = int(match[3] or low)
    if not 1 <= low <= high <= _HIGHEST_PORT:
        raise ValueError(f"{shown(text)}: ports are numbers from 1 to 65535, the lower one first")
    own = match[1] or match[4]
    for protocol in [own.upper()] if own else protocols or [""]:
        yield PortRange(protocol, low, high)
