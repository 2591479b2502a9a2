"""A fresh connection, made while a session was dying: what it met, as data."""

from enum import StrEnum

from msgspec import Struct

from stresser.model.bounds import Whole


class FreshResult(StrEnum):
    """What became of the connection."""

    ANSWERED = "answered"
    """The endpoint spoke: its ServerHello came; without TLS, an answer to HTTP that is not a
    gateway's own."""
    CONNECTED = "connected"
    """Somebody accepted, and no ServerHello came: a SYN proxy or a load balancer accepts for the
    dead, and so does the kernel of a process that hangs."""
    ACCEPTED = "accepted"
    """Somebody accepted, and without TLS there was no word by which the endpoint could have shown
    that it lives, or none came: this proves neither."""
    REFUSED = "refused"
    """RST in answer to the SYN: no listener is there (or a firewall says so)."""
    PROXY_FAILED = "proxy_failed"
    """The proxy of this egress says that it cannot reach the endpoint."""
    SILENT = "silent"
    """No answer in time."""
    UNREACHABLE = "unreachable"
    """ICMP or routing said that there is no way."""
    CANNOT_SEND = "cannot_send"
    """This host itself has no way: device, source address or route are gone."""


class FreshConnection(Struct, frozen=True, kw_only=True):
    """One fresh connection, closed at once. Times: run clock, ns."""

    egress: str
    endpoint: str
    remote: str
    """`address:port` that was dialled."""
    proxy: str | None = None
    """Scheme and address of the proxy that it went through."""
    result: FreshResult
    asked_ns: Whole
    answered_ns: Whole
    """When the result was known."""
    failure: str | None = None
    """The failure string, where it did not connect."""
    ttl: Whole | None = None
    """Of the packet that answered the SYN, where packets are captured."""
    hello_ttl: Whole | None = None
    """Of the segment with the ServerHello."""
    usual_ttl: Whole | None = None
    """Of the SYN-ACK of the session that opened last between the same two."""
    rtt_ns: Whole | None = None
    """From the SYN to its answer."""
    retransmits: Whole = 0
    """Segments that this host had to send again, the SYN included."""
    chain: str | None = None
    """Names the certificate chain that was served (`chains/`)."""
