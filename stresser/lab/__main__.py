"""The lab process: a plan on standard input, readiness and kills on standard output.

It ends when standard input does, so that it does not outlive its parent for long, and on SIGTERM.
SIGINT and SIGHUP are the parent's business: the run's Ctrl-C must not end the lab before the
sessions.
"""

import gc
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import Final

import trio

from stresser.lab.file_limit import raise_file_limit
from stresser.lab.messages import END, LONGEST_LINE, LineWriter, decode_plan, encode_message
from stresser.lab.server import Reflect, serve
from stresser.model.errors import LabError, StresserError
from stresser.scenario.lab_table import LabPlan

_STDIN, _STDOUT = 0, 1
_READ_SIZE: Final = 65_536
_ORPHANED_S: Final = 2.0
"""The workers of a run that was killed are gone first: what befell them then were drops to them."""
_EAGER_OBJECTS: Final = 50_000  # allocations between collections: thousands of sessions are no leak


def read_plan() -> LabPlan:
    """Read standard input up to the first line's end.

    Raises:
        LabError: no line, or one that is no plan.
    """
    line = b""
    while b"\n" not in line:
        # Not sys.stdin: its buffer would swallow the end that `_wait_for_parent` waits for.
        data = os.read(_STDIN, _READ_SIZE)
        line += data
        if not data or len(line) > LONGEST_LINE:
            raise LabError("the lab got no plan on its standard input")
    return decode_plan(line.partition(b"\n")[0])


async def _run(plan: LabPlan, reflect: Reflect | None) -> None:
    writer = LineWriter(_write_out)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_wait_for_parent, nursery.cancel_scope)
            nursery.start_soon(_wait_for_sigterm, nursery.cancel_scope)
            ready = await nursery.start(
                lambda **status: serve(plan, on_kill=writer.put, reflect=reflect, **status)
            )
            gc.collect()
            gc.freeze()
            gc.set_threshold(_EAGER_OBJECTS)
            _write_out(encode_message(ready))
    finally:
        writer.close()


async def _wait_for_parent(scope: trio.CancelScope) -> None:
    """Standard input ends with the parent, however that died."""
    said = b""
    read = partial(os.read, _STDIN, _READ_SIZE)
    while data := await trio.to_thread.run_sync(read, abandon_on_cancel=True):
        said = (said + data)[-len(END) :]
    if said != END:
        await trio.sleep(_ORPHANED_S)
    scope.cancel()


async def _wait_for_sigterm(scope: trio.CancelScope) -> None:
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()


def _write_out(line: bytes) -> None:
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(_STDOUT, rest) :]


def _ignore_terminal() -> None:
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def main(reflector_of: Callable[[LabPlan], Reflect | None] = lambda _: None) -> int:
    """Serve one plan; 0 after an orderly end, else the error's exit code with one line each.

    `reflector_of` gives what serves the plan's endpoints that are to reflect.
    """
    _ignore_terminal()
    raise_file_limit()
    mistakes: list[str] = []
    try:
        plan = read_plan()
        trio.run(_run, plan, reflector_of(plan))
    except* StresserError as group:
        mistakes = _lines(group)
    sys.stderr.writelines(line + "\n" for line in mistakes)
    return int(LabError.exit_code) if mistakes else 0


def _lines(group: BaseExceptionGroup[StresserError]) -> list[str]:
    lines = []
    for error in group.exceptions:
        lines += _lines(error) if isinstance(error, BaseExceptionGroup) else [*error.lines]
    return lines


if __name__ == "__main__":
    sys.exit(main())
