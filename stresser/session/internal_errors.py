"""What goes wrong inside stresser itself: an ending, counted, never passed on to others.

An exception that nothing in a session's life may raise is a bug of ours. It ends that session
alone; the run goes on, and says at its end that it met a bug.
"""

import errno
import os
import traceback
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import trio

from stresser.model.cohort import Cohort
from stresser.model.events import AnyEvent, Observer
from stresser.model.faults import Fault
from stresser.model.quantity import Quantity

_REPORTS_KEPT = 20
_REPORT_LENGTH = 8192
_FRAMES_SHOWN = 4
_RAW_LENGTH = 512


class InternalError(Fault):
    """An unexpected exception, as an ending tells it. Holds no frames."""

    def __init__(self, failure: str, last_lines: str) -> None:
        super().__init__(failure)
        self.failure = failure
        """`internal_error: ` and the exception's type."""
        self.last_lines = last_lines


class Bugs:
    """The bugs that one run has met: all counted, the first of them with their tracebacks."""

    def __init__(self) -> None:
        self.count = 0
        self.reports: list[str] = []
        """Tracebacks, cut; for the log of diagnostics, they are no data."""

    def blame(self, exc: Exception) -> Exception:
        """What an exception in a session's life is to be recorded as.

        What the outside world raises stays as it is; no memory is a limit of this machine
        (ENOMEM, as if the kernel had said it); the rest is a bug.
        """
        if isinstance(exc, (Fault, OSError, trio.BrokenResourceError)):
            return without_frames(exc)
        if isinstance(exc, MemoryError):
            return OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
        return self.note(exc)

    def note(self, exc: Exception) -> InternalError:
        """Count a bug and keep what tells where it is."""
        self.count += 1
        if len(self.reports) < _REPORTS_KEPT:
            self.reports.append("".join(traceback.format_exception(exc))[-_REPORT_LENGTH:])
        return InternalError(f"internal_error: {type(exc).__name__}", _last_lines(exc))

    @contextmanager
    def contained(self) -> Iterator[None]:
        """Work whose bugs are noted and go no further."""
        try:
            yield
        except Exception as exc:  # noqa: BLE001 - that is its purpose
            self.note(exc)


def without_frames(exc: Exception) -> Exception:
    """The exception and what it came from, without tracebacks.

    Their frames hold the connection, which holds the exception: such cycles wait for the
    garbage collector, which is set to look seldom.
    """
    links: list[BaseException | None] = [exc]
    while links:
        link = links.pop()
        if link is not None and link.__traceback__ is not None:
            link.__traceback__ = None
            links += [link.__cause__, link.__context__]
    return exc


def _last_lines(exc: Exception) -> str:
    """What happened, then where: innermost call first, files named as in the package."""
    said = "".join(traceback.format_exception_only(exc)).strip()
    frames = traceback.extract_tb(exc.__traceback__)[-_FRAMES_SHOWN:]
    places = [f"{'/'.join(Path(f.filename).parts[-3:])}:{f.lineno} {f.name}" for f in frames]
    return " < ".join([said[: _RAW_LENGTH // 2], *reversed(places)])[:_RAW_LENGTH]


class BatchObserver(Observer, Protocol):
    """Who can be told many samples at once: two of each ping, thousands a second."""

    def samples(self, quantity: Quantity, cohort: Cohort | None, values_ns: Sequence[int]) -> None:
        """These durations were measured."""


class Guarded:
    """An observer whose bugs do not reach the sessions that it hears of.

    Samples are gathered until `hand_on`: one by one they cost more than what they measure.
    """

    def __init__(self, observer: BatchObserver, bugs: Bugs) -> None:
        self._observer = observer
        self._bugs = bugs
        self._gathered: defaultdict[tuple[Quantity, Cohort | None], list[int]] = defaultdict(list)

    def event(self, event: AnyEvent) -> None:
        """Something happened."""
        try:
            self._observer.event(event)
        except Exception as exc:  # noqa: BLE001 - whatever it is, it is not the session's
            self._bugs.note(exc)

    def sample(self, quantity: Quantity, cohort: Cohort | None, value_ns: int) -> None:
        """A duration was measured."""
        self._gathered[quantity, cohort].append(value_ns)

    def hand_on(self) -> None:
        """Tell what was gathered since the last time."""
        gathered = list(self._gathered.items())
        self._gathered.clear()
        for (quantity, cohort), values_ns in gathered:
            try:
                self._observer.samples(quantity, cohort, values_ns)
            except Exception as exc:  # noqa: BLE001 - as above
                self._bugs.note(exc)
