"""Signals: the first one ends a run as planned, the second at once, SIGHUP never."""

import signal
from collections.abc import Callable

import trio

_HANGUP = getattr(signal, "SIGHUP", None)


async def obey_signals(
    stop: Callable[[str], None],
    force: Callable[[], None],
    note: Callable[[str], None],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Call `stop(reason)` on the first SIGINT or SIGTERM, `force()` on the second.

    A closed terminal (SIGHUP) does not end an overnight run: `note(text)` is called.
    """
    heeded = [signal.SIGINT, signal.SIGTERM] + ([] if _HANGUP is None else [_HANGUP])
    stopping = False
    with trio.open_signal_receiver(*heeded) as signals:
        task_status.started()
        async for number in signals:
            if number == _HANGUP:
                note("SIGHUP: the terminal was closed; the run goes on")
            elif stopping:
                force()
            else:
                stopping = True
                stop(f"signal {signal.Signals(number).name}")
