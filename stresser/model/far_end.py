"""What the far end (`stresser reflect`) recorded of one session: the other half of its evidence."""

from msgspec import Struct

from stresser.model.bounds import Whole


class FarEnd(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One session as the reflector saw it. Times: run clock of the tester, ns.

    The two clocks are aligned by the sessions' own handshakes; each time may be off by
    `within_ns` in either direction.
    """

    within_ns: Whole
    kind: str | None = None
    """How it ended there, in the words of `Kind`; `planned`: the reflector itself closed it.
    None: it was still held when the reflector's record ends."""
    at_ns: Whole | None = None
    """When it ended there."""
    known_until_ns: Whole
    """The reflector's record goes on until then."""
    peer: str
    """Our address and port as seen there: behind a NAT they are the NAT's."""
    bytes_received: Whole = 0
    """Plaintext that came."""
    bytes_sent: Whole = 0
    last_in_ns: Whole | None = None
    """When the last plaintext came; None: its record does not say, for it is still held."""
    last_out_ns: Whole | None = None
    """When the last plaintext was sent; None: never."""
    unacked: Whole | None = None
    """Segments that our host had not acknowledged when it ended there (TCP_INFO, Linux)."""
