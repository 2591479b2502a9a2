"""What a worker tells the run's process while it goes on: what its files have, and durations.

Events go out once they are written, as they were written: whoever reads the file of a worker that
died knows which of its events were sent.
"""

from collections import defaultdict, deque
from collections.abc import Sequence
from typing import Final

import trio

from stresser.model.cohort import Cohort
from stresser.model.events import AnyEvent
from stresser.model.quantity import Quantity
from stresser.run.worker_link import WorkerLink
from stresser.run.worker_messages import (
    Durations,
    FromWorker,
    Goodbye,
    Note,
    Progress,
    Ready,
    ToWorker,
)

_MOST_TOGETHER: Final = 100_000
"""Durations in a message: where a disk hangs nothing is written, and more come all the time."""
_MOST_WAITING: Final = 120
"""Of messages, two a second: a process that takes none for a minute gets no more of that time."""


class WorkerFeed:
    """An observer of durations; its events come from the recorder (`written`)."""

    def __init__(self) -> None:
        self._durations: defaultdict[tuple[Quantity, Cohort | None], list[int]] = defaultdict(list)
        self._gathered = 0
        self._waiting: deque[FromWorker] = deque([Ready()])
        self._has_some = trio.Event()
        self._lines = 0
        self.dropped = 0
        """Messages that were not sent, for nobody took them."""

    def event(self, event: AnyEvent) -> None:
        """The recorder has it."""

    def sample(self, quantity: Quantity, cohort: Cohort | None, value_ns: int) -> None:
        """A duration was measured."""
        self.samples(quantity, cohort, (value_ns,))

    def samples(self, quantity: Quantity, cohort: Cohort | None, values_ns: Sequence[int]) -> None:
        """Durations were measured."""
        self._durations[quantity, cohort].extend(values_ns)
        self._gathered += len(values_ns)
        if self._gathered >= _MOST_TOGETHER:
            self.written(b"")

    def written(self, lines: bytes) -> None:
        """These events are in the file now."""
        durations = [
            Durations(quantity, cohort, values_ns)
            for (quantity, cohort), values_ns in self._durations.items()
        ]
        self._durations.clear()
        self._gathered = 0
        if not lines and not durations:
            return
        progress = Progress(lines=lines, lines_before=self._lines, durations=durations)
        self._lines += lines.count(b"\n")
        self._add(progress)

    def warn(self, text: str) -> None:
        """For the live view."""
        self._add(Note(text=text))

    def _add(self, message: FromWorker) -> None:
        if len(self._waiting) < _MOST_WAITING:
            self._waiting.append(message)
        else:
            self.dropped += 1
        self._has_some.set()

    def complete(self, goodbye: Goodbye) -> None:
        """Nothing more comes: `run` returns when all is sent."""
        self._waiting.append(goodbye)
        self._has_some.set()

    async def run(self, link: WorkerLink[ToWorker]) -> None:
        """Send what there is, to the goodbye. Where nobody is there to take it, nothing is sent.

        To be cancelled by nobody: half a message would make all that follows unreadable.
        """
        is_heard, message = True, None
        while not isinstance(message, Goodbye):
            while not self._waiting:
                self._has_some = trio.Event()
                await self._has_some.wait()
            message = self._waiting.popleft()
            is_heard = is_heard and await link.send(message)
