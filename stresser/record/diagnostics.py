"""`stresser.log`: what stresser has to say about itself, JSON lines by structlog. Never data.

It is turned over by itself: a full one becomes `stresser.log.1`, in place of the one before it.
Lines are kept in memory until the recorder's thread writes them: a slow or full disk costs lines
here, counted, and never the run.
"""

import json
import os
import threading
from collections import deque
from pathlib import Path

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from stresser.witness.clock import RunClock

_MOST_LINES = 10_000
_LARGEST_FILE = 16 << 20
_LONGEST_LINE = 16 << 10


class DiagnosticLog:
    """Collects lines and writes them when asked to."""

    def __init__(self, path: Path, clock: RunClock) -> None:
        self._path = path
        self._clock = clock
        self._lines: deque[str] = deque()
        self._writing = threading.Lock()
        self.lost = 0
        """Lines that were not written: too many at once, or the disk full."""
        self.logger = self._make_logger()
        """`log.logger.warning("what happened", detail=1)`: cheap, never blocks, never raises."""

    def _make_logger(self) -> FilteringBoundLogger:
        logger: FilteringBoundLogger = structlog.wrap_logger(
            _Sink(self),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.format_exc_info,
                self._add_time,
                structlog.processors.JSONRenderer(default=repr),
            ],
            wrapper_class=structlog.make_filtering_bound_logger("debug"),
            cache_logger_on_first_use=True,
        )
        return logger

    def _add_time(self, _logger: WrappedLogger, _method: str, fields: EventDict) -> EventDict:
        try:
            t_ns = self._clock.now_ns()
        except RuntimeError:
            return fields  # outside of the trio loop there is no run clock
        return {"t_ns": t_ns, "utc": self._clock.utc(t_ns), **fields}

    def _keep(self, line: str) -> None:
        if len(self._lines) >= _MOST_LINES:
            self.lost += 1
        else:
            self._lines.append(line if len(line) <= _LONGEST_LINE else _cut(line))

    def flush(self) -> None:
        """Write what was collected; for any thread. Never raises: what fails is counted."""
        if not self._lines or not self._writing.acquire(blocking=False):
            return
        try:
            self._write([self._lines.popleft() for _ in range(len(self._lines))])
        finally:
            self._writing.release()

    def _write(self, lines: list[str]) -> None:
        data = "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")
        try:
            if self._path.exists() and self._path.stat().st_size >= _LARGEST_FILE:
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
            fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                os.write(fd, data)
            finally:
                os.close(fd)
        except OSError:
            self.lost += len(lines)


class _Sink:
    """What structlog calls with the finished line, whatever the level."""

    def __init__(self, log: DiagnosticLog) -> None:
        self._log = log

    def msg(self, line: str) -> None:
        self._log._keep(line)  # noqa: SLF001 - the two are one

    debug = info = warning = error = critical = exception = msg


def _cut(line: str) -> str:
    """Still one JSON object."""
    return json.dumps({"event": "a line too long", "begins": line[: _LONGEST_LINE // 4]})
