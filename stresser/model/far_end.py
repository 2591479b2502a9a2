"""What the far end (`stresser reflect`) recorded of one session: the other half of its evidence."""

from msgspec import Struct

from stresser.model.bounds import Whole
from stresser.model.kind import Kind

_ON_THE_WAY = 2
"""The two kernels are not asked at the same instant."""


class OneWay(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Segments with data in one direction, as the kernels of both ends counted them (TCP_INFO).

    Every sending of a segment counts where it is sent, and every arrival where it arrives,
    duplicates included: what is missing and was sent again was lost on that way, of
    acknowledgements nothing is said.
    """

    sent: Whole
    again: Whole = 0
    """Of these, those that TCP sent again."""
    unacked: Whole = 0
    """Of these, those that were not acknowledged yet."""
    arrived: Whole

    @property
    def lost(self) -> int | None:
        """How many were lost; None: it cannot be told.

        What is lost is sent again. Where more is missing than that, small segments were sent again
        as one (`tcp_retrans_collapse`), or see `is_split`; where more arrived than were sent, the
        answer was late. One or two may be on the way (below 0: more arrived since the sender was
        asked), and are no loss: a box that puts a session's first segments together leaves one
        out as well.
        """
        missing = self.sent - self.arrived
        is_one = -_ON_THE_WAY <= missing <= self.again + _ON_THE_WAY
        return min(missing, self.again) if is_one else None

    @property
    def is_split(self) -> bool:
        """The counts are of two connections: something in between ends TCP.

        All was acknowledged, nothing was sent again, and yet it did not arrive.
        """
        return not (self.again or self.unacked) and self.sent - self.arrived > _ON_THE_WAY


class AnsweredPing(Struct, frozen=True, kw_only=True):
    """The latest ping that a reflector answered, by the reflector's clock."""

    number: Whole
    """As the ping says: a tester numbers those of a session from 1."""
    in_ns: Whole
    """When it had been read."""
    out_ns: Whole
    """When its pong was sent."""


class Varied(Struct, frozen=True, kw_only=True):
    """By how much the delays in one direction exceeded the smallest of their 20 seconds.

    Packet delay variation (RFC 5481 section 4.2): see `statistics.delay_variation`.
    """

    pings: Whole
    """That were looked at: the latest one whenever the far end was asked."""
    mean_ns: Whole
    most_ns: Whole


class FarEnd(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One session as the reflector saw it. Times: run clock of the tester, ns.

    The two clocks are aligned by the sessions' own handshakes; each time may be off by
    `within_ns` in either direction.
    """

    within_ns: Whole
    kind: Kind | None = None
    """How it ended there; `planned`: the reflector itself closed it.
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
    there: OneWay | None = None
    """From us to the far end, when it was last asked while the session was held."""
    back: OneWay | None = None
    varied_there: Varied | None = None
    """Of pings on their way to the far end; None: too few were looked at."""
    varied_back: Varied | None = None
    """Of the answers."""

    def held_longer_ns(self, ended_ns: int) -> int:
        """For how long at least the far end held it when it had ended here, at `ended_ns`.

        Below 0: for how long this end held what had ended there; 0: it cannot be told.
        """
        if self.at_ns is None:
            return max(self.known_until_ns - ended_ns - self.within_ns, 0)
        apart_ns = self.at_ns - ended_ns
        sure_ns = max(abs(apart_ns) - self.within_ns, 0)
        return sure_ns if apart_ns > 0 else -sure_ns
