"""What came of ClientHellos that differ in one thing each: facts of `stresser check`, as data."""

from enum import StrEnum

from msgspec import Struct

from stresser.model.client_hello import HelloKind


class HelloShape(StrEnum):
    """What is peculiar to one. All carry the endpoint's name unless said."""

    CLASSIC = "classic"
    """Small, curves alone, TLS 1.2 and 1.3: what passed for years."""
    CAPPED = "answer_in_small_segments"
    """The same in one segment; what answers it is to come in segments no longer than that."""
    SPLIT = "split"
    """The same in two segments, its name in the first."""
    SPLIT_NAME = "name_in_second_segment"
    """As small, its name in the second segment."""
    LONG = "long"
    """As long as one with ML-KEM by its ALPN list, its name in the first of two segments."""
    HYBRID = "hybrid"
    """With an ML-KEM share, its name in the first segment: browsers, OpenSSL 3.5."""
    HYBRID_NAME_LAST = "hybrid_name_last"
    """With an ML-KEM share, its name in the second segment: OpenSSL 4."""
    HYBRID_SPLIT = "hybrid_in_small_segments"
    """With an ML-KEM share, in segments of a third of its length."""
    TLS_1_2 = "tls_1_2"
    """Offers TLS 1.2 alone."""
    NO_NAME = "no_name"
    """Classic without a name."""
    OTHER_NAME = "other_name"
    """Classic with another name of the same length."""
    OTHER_ALPN = "other_alpn"
    """Classic with another ALPN list."""


class HelloOutcome(StrEnum):
    """What came of one try."""

    STOOD = "stood"
    """TLS stands."""
    ALERT = "alert"
    """A TLS alert answered."""
    CUT = "cut"
    """A FIN or a RST came instead of an answer."""
    LOST = "lost"
    """No answer, or no whole one, within the deadline."""
    UNKNOWN = "unknown"
    """It did not come to a ClientHello, or something else than TLS answered."""


class HelloTried(Struct, frozen=True, kw_only=True):
    """One shape, tried once or twice."""

    shape: HelloShape
    not_made: str | None = None
    """Why it was not tried, in words; then there is no more."""
    size: int = 0
    """Bytes, its record header included."""
    segments: int | None = None
    name_segment: int | None = None
    """The segment in which its name ends, from 1; None: it has no name, or that is not known."""
    kind: HelloKind = HelloKind.CLASSIC
    outcomes: list[HelloOutcome] = []
    alert: int | None = None
    """The last alert's number."""
    acknowledged: int | None = None
    """Of tries that failed: the most bytes of the hello that TCP acknowledged; None: not known."""

    @property
    def answered(self) -> bool:
        """By TLS each time, and twice at least."""
        return self._always({HelloOutcome.STOOD, HelloOutcome.ALERT})

    @property
    def stood(self) -> bool:
        """TLS stood each time, and twice at least."""
        return self._always({HelloOutcome.STOOD})

    @property
    def failed(self) -> bool:
        """No TLS answered, each time, and twice at least."""
        return self._always({HelloOutcome.CUT, HelloOutcome.LOST})

    @property
    def refused(self) -> bool:
        """By an alert each time, and twice at least."""
        return self._always({HelloOutcome.ALERT})

    def _always(self, wanted: set[HelloOutcome]) -> bool:
        return len(self.outcomes) >= FEWEST and wanted.issuperset(self.outcomes)


class SegmentLimit(Struct, frozen=True, kw_only=True):
    """The longest segment that passes in one direction, as TCP_MAXSEG counts: options included.

    A packet is 40 bytes longer by IPv4, 60 by IPv6.
    """

    towards_us: bool
    passes: int
    """Passed twice."""
    fails: int
    """Was lost twice: the next one that was tried."""


FEWEST = 2
"""Tries: one shows nothing, for packets get lost."""
