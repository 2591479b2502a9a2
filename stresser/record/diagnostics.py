"""`stresser.log`: what stresser has to say about itself, JSON lines by structlog. Never data.

It is turned over by itself: a full one becomes `stresser.log.1`, in place of the one before it.
What is said is kept in memory until the recorder's thread writes it: a slow or full disk costs
lines here, counted, and never the run. That thread loads structlog, too: it brings half a hundred
modules, for which the first attempt need not wait.
"""

import json
import os
import sys
import threading
from collections import deque
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from stresser.witness.clock import RunClock

_MOST_LINES = 10_000
_LARGEST_FILE = 16 << 20
_LONGEST_LINE = 16 << 10


class DiagnosticLog:
    """Collects lines and writes them when asked to."""

    def __init__(self, path: Path, clock: RunClock) -> None:
        self._path = path
        self._clock = clock
        self._said: deque[tuple[str, dict[str, Any]]] = deque()
        """Each with its level."""
        self._writing = threading.Lock()
        self.lost = 0
        """Lines that were not written: too many at once, or the disk full."""
        self.logger = Logger(self)

    def keep(self, level: str, fields: dict[str, Any]) -> None:
        """Something was said."""
        if len(self._said) >= _MOST_LINES:
            self.lost += 1
            return
        try:
            t_ns = self._clock.now_ns()
        except RuntimeError:
            pass  # outside of the trio loop there is no run clock
        else:
            fields = {"t_ns": t_ns, "utc": self._clock.utc(t_ns), **fields}
        self._said.append((level, fields))

    def flush(self) -> None:
        """Write what was collected; for any thread. Never raises: what fails is counted."""
        if not self._said or not self._writing.acquire(blocking=False):
            return
        try:
            self._write([_line(*self._said.popleft()) for _ in range(len(self._said))])
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


class Logger:
    """`log.logger.warning("what happened", detail=1)`: cheap, never blocks, never raises."""

    def __init__(self, log: DiagnosticLog) -> None:
        self._log = log

    def info(self, event: str, **fields: object) -> None:
        """What stresser does."""
        self._log.keep("info", {"event": event, **fields})

    def warning(self, event: str, **fields: object) -> None:
        """What its user should know of."""
        self._log.keep("warning", {"event": event, **fields})

    def error(self, event: str, **fields: object) -> None:
        """What went wrong inside it."""
        self._log.keep("error", {"event": event, **fields})

    def exception(self, event: str, **fields: object) -> None:
        """The same, with the exception that is being handled."""
        self._log.keep("error", {"event": event, "exc_info": sys.exc_info(), **fields})


@cache
def _processors() -> tuple[Any, ...]:
    processors = import_module("structlog.processors")
    return (
        processors.add_log_level,
        processors.format_exc_info,
        processors.JSONRenderer(default=repr),
    )


def _line(level: str, fields: dict[str, Any]) -> str:
    line: Any = fields
    for process in _processors():
        line = process(None, level, line)
    return str(line) if len(line) <= _LONGEST_LINE else _cut(line)


def _cut(line: str) -> str:
    """Still one JSON object."""
    return json.dumps({"event": "a line too long", "begins": line[: _LONGEST_LINE // 4]})
