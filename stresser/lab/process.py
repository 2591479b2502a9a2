"""The lab's process as its parent sees it: starts it, holds it, ends it, says why it died."""

import os
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import trio

import stresser
from stresser.lab.messages import (
    END,
    FOLDER_PREFIX,
    LONGEST_LINE,
    KillRecord,
    KillsLost,
    decode_kill,
    decode_ready,
    encode_message,
)
from stresser.model.errors import LabError
from stresser.model.units import shown
from stresser.scenario.lab_table import LabPlan, LabReady

_COMES_UP_S: Final = 15.0
_GOES_DOWN_S: Final = 5.0
_TAIL_CHUNKS: Final = 4  # of standard error, at most 4 KiB each


def _discard(_: KillRecord | KillsLost) -> None:
    pass


@asynccontextmanager
async def running_lab(
    plan: LabPlan,
    *,
    on_kill: Callable[[KillRecord | KillsLost], None] = _discard,
    module: str = "stresser.lab",
) -> AsyncIterator[LabReady]:
    """A lab process of its own, for as long as the block runs.

    `module` is what it runs: `stresser.reflector` is a lab with reflectors in it.
    `on_kill` is called in this process for each flow that a middlebox ends, and with KillsLost
    for those of which the record was lost because this process was too slow.

    Raises:
        LabError: it did not come up within 15 seconds, or died while the block ran (which is
            cancelled then); with the end of what it wrote to standard error.
    """
    process = await _start(module)
    child = _Child(process, on_kill)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child.read_errors)
            ready = await child.come_up(plan)
            nursery.start_soon(child.watch, nursery.cancel_scope)
            try:
                yield ready
            finally:
                child.is_wanted = False
                nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise _only(group) from None
    finally:
        with trio.CancelScope(shield=True):
            await child.go_down()
    if child.failure is not None:
        raise child.failure


async def _start(module: str) -> trio.Process:
    package = str(Path(stresser.__file__).parent.parent)
    paths = [package, os.environ.get("PYTHONPATH", "")]
    # -P and a path of our own: nothing in the user's working directory shadows a module.
    return await trio.lowlevel.open_process(
        [sys.executable, "-P", "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )


def _only(group: BaseExceptionGroup) -> BaseException:
    """The block's exception as it was raised, when nothing else went wrong."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


class _Child:
    """The lab process and what it says."""

    def __init__(
        self, process: trio.Process, on_kill: Callable[[KillRecord | KillsLost], None]
    ) -> None:
        self.is_wanted = True
        self.failure: LabError | None = None
        self._process = process
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise LabError("the lab process has no pipes")
        self._stdin, self._stdout, self._stderr = process.stdin, process.stdout, process.stderr
        self._on_kill = on_kill
        self._lines = _Lines(self._stdout)
        self._errors: deque[bytes] = deque(maxlen=_TAIL_CHUNKS)
        self._ready: LabReady | None = None

    async def come_up(self, plan: LabPlan) -> LabReady:
        with trio.move_on_after(_COMES_UP_S):
            with suppress(trio.BrokenResourceError):  # it is dead; its standard error says why
                await self._stdin.send_all(encode_message(plan))
            line = await self._lines.next()
            if line is None:
                raise await self._error("did not start")
            self._ready = decode_ready(line)
            return self._ready
        raise await self._error(f"did not come up within {_COMES_UP_S:.0f} s")

    async def watch(self, scope: trio.CancelScope) -> None:
        """Read kills until the lab dies, which ends the block."""
        while (line := await self._lines.next()) is not None:
            self._on_kill(decode_kill(line))
        self.failure = await self._error("died")
        scope.cancel()

    async def read_errors(self) -> None:
        try:
            while data := await self._stderr.receive_some(4096):
                self._errors.append(bytes(data))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass

    async def go_down(self) -> None:
        """Say so, close its standard input and wait; then less and less politely."""
        with suppress(trio.BrokenResourceError):
            await self._stdin.send_all(END)
        await self._stdin.aclose()
        for end in (self._process.terminate, self._process.kill, None):
            with trio.move_on_after(_GOES_DOWN_S):
                await self._process.wait()
                break
            if end is not None:
                end()
        await self._stdout.aclose()
        await self._stderr.aclose()
        if self._ready is not None and self._process.returncode:
            _remove_folder(self._ready)

    async def _error(self, what: str) -> LabError:
        with trio.move_on_after(1):  # what it last said is on its way
            await self._process.wait()
        code = self._process.returncode
        told = b"".join(self._errors).decode("utf-8", "replace").strip().splitlines()[-12:]
        status = "is still running" if code is None else f"exit code {code}"
        return LabError(f"the lab {what} ({status})", *(shown(line, 200) for line in told))


class _Lines:
    """Cuts a stream into lines of bounded length."""

    def __init__(self, stream: trio.abc.ReceiveStream) -> None:
        self._stream = stream
        self._buffer = bytearray()
        self._searched = 0

    async def next(self) -> bytes | None:
        """The next whole line without its end; None at the end of the stream."""
        while (end := self._buffer.find(b"\n", self._searched)) < 0:
            self._searched = len(self._buffer)
            data = await self._stream.receive_some(65_536)
            if not data or self._searched > LONGEST_LINE:
                return None
            self._buffer += data
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._searched = 0
        return line


def _remove_folder(ready: LabReady) -> None:
    """After a crash the lab's folder is left: its two files, and nothing else, go."""
    folder = Path(ready.ca_file).parent
    if folder.name.startswith(FOLDER_PREFIX):
        for name in (ready.ca_file, ready.inspection_ca_file):
            Path(name).unlink(missing_ok=True)
        with suppress(OSError):  # somebody keeps a file of his own there, or it is gone
            folder.rmdir()
