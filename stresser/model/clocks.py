"""What the layers need of the run's clock (implemented in `witness.clock`)."""

from typing import Protocol


class Clock(Protocol):
    """Nanoseconds since the run began."""

    woke_ns: int
    """When the event loop last came back from waiting for I/O: all that it reports in this
    pass had happened by then."""

    def now_ns(self) -> int:
        """Now."""


class Hangups(Protocol):
    """Who dates hang-ups apart from the loop (implemented in `witness.hangup`)."""

    def add(self, descriptor: int) -> None:
        """Watch a connected socket."""

    def forget(self, descriptor: int) -> None:
        """Before it is closed."""

    def look(self) -> None:
        """Stamp what has hung up since the last look."""

    def seen_ns(self, descriptor: int) -> int | None:
        """When its hang-up was first seen; None: not here."""
