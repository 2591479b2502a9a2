"""Batches on their way to the files: in order, whichever thread writes them, until one fails.

Only the holder of the lock takes batches out, so the run's thread and a forced stop cannot
overtake each other. The first error ends writing for good.
"""

import threading
from collections import deque

from stresser.record.writer import Batch, FolderWriter, WriteError


class WriteQueue:
    """`put` and `drop` are for the event loop; the other methods block, on any thread."""

    def __init__(self, writer: FolderWriter, start_ns: int) -> None:
        self._writer = writer
        self._batches: deque[Batch] = deque()
        self._lock = threading.Lock()
        self.error: WriteError | None = None
        """What ended writing."""
        self.written_until_ns = start_ns
        """When the last batch was taken that is wholly written."""

    def put(self, batch: Batch) -> None:
        """Add a batch; it is owned from now on."""
        self._batches.append(batch)

    def drain(self) -> None:
        """Write all that is queued. Never raises: look at `error`."""
        with self._lock:
            self._drain()

    def _drain(self) -> None:
        while self.error is None:
            try:
                batch = self._batches.popleft()
            except IndexError:
                return
            try:
                self._writer.write(batch)
            except WriteError as error:
                self.error = error
            else:
                self.written_until_ns = batch.taken_ns

    def sync(self) -> None:
        """Bring what is written to the disk; waits for no writer. Never raises."""
        try:
            self._writer.sync()
        except WriteError as error:
            self.error = self.error or error

    def finish(self) -> None:
        """Write all that is queued and bring it to the disk. Never raises."""
        with self._lock:
            self._drain()
            if self.error is None:
                self.sync()

    def drop(self) -> tuple[int, int]:
        """Give up what is queued; how many events and samples that was."""
        events = samples = 0
        while True:
            try:
                batch = self._batches.popleft()
            except IndexError:  # a thread may take the last one, so asking first would not do
                return events, samples
            events += batch.events
            samples += batch.samples
