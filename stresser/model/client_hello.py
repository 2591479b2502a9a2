"""What a handshake sends first: the ClientHello's size, its name's place, its key shares.

Some boxes read the first packet alone, or bear no large hello: how many segments one takes decides.
"""

from enum import StrEnum

from msgspec import Struct

from stresser.model.bounds import Whole


class HelloKind(StrEnum):
    """Which key shares a ClientHello offers."""

    CLASSIC = "classic"
    """Curves alone: some 300 to 600 bytes, one segment."""
    HYBRID = "hybrid"
    """X25519MLKEM768 as well (draft-ietf-tls-ecdhe-mlkem): 1,216 bytes more, two segments."""


class HelloSent(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The ClientHello of one attempt."""

    size: Whole
    """Bytes, its record header included."""
    segments: Whole | None = None
    """What its size takes by the connection's own segment size; None: that is not known, or a
    proxy's TLS carries it."""


class HelloFacts(Struct, frozen=True, kw_only=True):
    """A ClientHello, as its bytes are: the same for all attempts of a profile and a name."""

    size: int
    """Bytes, its record header included."""
    name_at: int | None
    """Where its name (RFC 6066 section 3) begins; None: it carries none."""
    name_size: int
    groups: tuple[int, ...]
    """Of the key shares (RFC 8446 section 4.2.8); of TLS 1.2 there are none."""

    @property
    def kind(self) -> HelloKind:
        """Which shares it offers."""
        return HelloKind.HYBRID if X25519_MLKEM768 in self.groups else HelloKind.CLASSIC

    def sent(self, segment: int | None) -> HelloSent:
        """How it goes out in segments of so many bytes."""
        return HelloSent(size=self.size, segments=None if not segment else -(-self.size // segment))

    def name_segment(self, segment: int) -> int | None:
        """In which segment its name ends, from 1; None: it carries none."""
        if self.name_at is None:
            return None
        return -(-(self.name_at + self.name_size) // segment)


X25519_MLKEM768 = 0x11EC
"""IANA's TLS Supported Groups."""
