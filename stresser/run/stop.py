"""Signals: the first one ends a run as planned, the second at once, SIGHUP never.

From the moment at which a run folder is made until its summary is printed, whatever part of the
run is at work.
"""

import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import FrameType
from typing import Any

import trio

from stresser.run.early_stop import STOPPING, leave_early, leave_now, say_from_handler

_HANGUP = getattr(signal, "SIGHUP", None)
_HEEDED = (*STOPPING, *([] if _HANGUP is None else [_HANGUP]))


class StopSignals(AbstractContextManager["StopSignals"]):
    """The signals of one run. For the main thread."""

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._first: signal.Signals | None = None
        self._has_run = False

    def begin(self) -> None:
        """From now on the first signal waits for `obey`; a second one ends the process."""
        for number in _HEEDED:
            self._before[number] = signal.signal(number, self._meet)

    def __exit__(self, *_: object) -> None:
        """Set what was set before; what was for the time before the run is not set again.

        A run that has ended has its exit code: what Python still does until the process is gone
        is no more to be stopped.
        """
        for number, before in self._before.items():
            signal.signal(number, signal.SIG_IGN if before is leave_early else before)

    async def obey(
        self,
        stop: Callable[[str], None],
        force: Callable[[], None],
        note: Callable[[str], None],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Call `stop(reason)` on the first SIGINT or SIGTERM, `force()` on the second.

        A closed terminal (SIGHUP) does not end an overnight run: `note(text)` is told.
        """
        # What arrives and is not read before the cancel is raised again by trio: `_meet` has it.
        with trio.open_signal_receiver(*_HEEDED) as signals:
            self._has_run = True
            task_status.started()
            if self._first is not None:
                stop(_reason(self._first))
            async for number in signals:
                if number == _HANGUP:
                    note("SIGHUP: the terminal was closed; the run goes on")
                elif self._first is not None:
                    force()
                else:
                    self._first = signal.Signals(number)
                    stop(_reason(self._first))

    def _meet(self, number: int, _frame: FrameType | None) -> None:
        """Where the event loop does not listen: just before the run and after it."""
        if number == _HANGUP:
            return
        if self._first is not None:
            leave_now("stopped by force; what was recorded is readable")
        self._first = signal.Signals(number)
        if self._has_run:
            say_from_handler("the run has ended and is being summed up; once more leaves at once")


def _reason(number: signal.Signals) -> str:
    return f"signal {number.name}"
