"""A second look: what a fresh TCP connection met while a session was dying, as data."""

from enum import StrEnum

from msgspec import Struct

from stresser.model.bounds import Whole


class LookResult(StrEnum):
    """What became of the connection."""

    CONNECTED = "connected"
    """SYN-ACK: host and way are alive, and somebody listens."""
    REFUSED = "refused"
    """RST in answer to the SYN: nobody listens there (or a firewall says so)."""
    SILENT = "silent"
    """No answer in time."""
    UNREACHABLE = "unreachable"
    """ICMP or routing said that there is no way."""
    NO_WAY_OUT = "no_way_out"
    """This host itself has no way: device, source address or route are gone."""


class Look(Struct, frozen=True, kw_only=True):
    """One fresh connection, closed at once. Times: run clock, ns."""

    egress: str
    endpoint: str
    remote: str
    """`address:port` that was dialled."""
    result: LookResult
    asked_ns: Whole
    answered_ns: Whole
    """When the result was known."""
    failure: str | None = None
    """The failure string, where it did not connect."""
    ttl: Whole | None = None
    """Of the packet that answered, where packets are captured."""
