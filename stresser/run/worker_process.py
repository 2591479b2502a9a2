"""One worker as the run's process sees it: started, spoken to, ended, and how it ended."""

import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import trio

import stresser
from stresser.model.errors import PreflightError
from stresser.model.units import shown
from stresser.run.worker_link import WorkerLink
from stresser.run.worker_messages import FromWorker, from_worker

_MODULE: Final = "stresser.run.worker"
_GOES_DOWN_S: Final = 15.0
"""What a worker is given to close its files once it is left alone."""
_IS_GONE_S: Final = 5.0
"""What a process is given to be gone after its last word."""
_LAST_WORDS_S: Final = 1.0
_TAIL_CHUNKS: Final = 4  # of standard error, at most 4 KiB each
_TOLD_LINES: Final = 20
_LONGEST_LINE: Final = 300


class WorkerProcess:
    """One process. Made by `started_workers`."""

    def __init__(self, number: int, process: trio.Process, ours: socket.socket) -> None:
        self.number = number
        """From 1."""
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(ours))
        self.link: WorkerLink[FromWorker] = WorkerLink(stream, from_worker)
        self._process = process
        self._is_ended_by_us = False
        self._said: deque[bytes] = deque(maxlen=_TAIL_CHUNKS)
        self._has_said_all = trio.Event()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def read_errors(self) -> None:
        """Keep the end of what it writes to standard error: it says why it died."""
        stderr = self._process.stderr
        if stderr is None:
            return
        try:
            while data := await stderr.receive_some(4096):
                self._said.append(bytes(data))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        self._has_said_all.set()

    @property
    def last_words(self) -> str:
        """The end of what it wrote to standard error."""
        lines = b"".join(self._said).decode("utf-8", "replace").strip().splitlines()
        return "\n".join(shown(line, _LONGEST_LINE) for line in lines[-_TOLD_LINES:])

    async def gone(self) -> str:
        """Wait until the process is gone, and make sure of it; how it ended, in words."""
        with trio.move_on_after(_IS_GONE_S):
            await self._process.wait()
        self.kill()
        code = await self._process.wait()
        if self._is_ended_by_us:
            return "said nothing more, and was ended"
        with trio.move_on_after(_LAST_WORDS_S):
            await self._has_said_all.wait()
        return _how(code)

    @property
    def met_a_bug(self) -> bool:
        """It ended by an exception of its own."""
        code = self._process.returncode
        return code is not None and code > 0

    async def leave_alone(self) -> None:
        """Close the socket: where it is still there, it leaves at once, or is ended."""
        self.link.close()
        with trio.move_on_after(_GOES_DOWN_S):
            await self._process.wait()
        self.kill()
        await self._process.wait()
        if self._process.stderr is not None:
            await self._process.stderr.aclose()

    def has_ended(self) -> bool:
        """Whether the process is gone; blocks nobody and needs no loop."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """End it at once, where it is still there: nobody else did."""
        if not self.has_ended():
            self._is_ended_by_us = True
            self._process.kill()


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


@asynccontextmanager
async def started_workers(
    number: int, secret: Collection[str] = ()
) -> AsyncIterator[Sequence[WorkerProcess]]:
    """So many workers that wait for their orders; none is left when the block is over.

    The variables of the environment that are `secret` are not in theirs.

    Raises:
        PreflightError: a process cannot be started.
    """
    workers: list[WorkerProcess] = []
    environment = _environment(secret)
    try:
        while len(workers) < number:
            workers.append(await _started(len(workers) + 1, number, environment))
        yield workers
    finally:
        with trio.CancelScope(shield=True):
            async with trio.open_nursery() as nursery:
                for worker in workers:
                    nursery.start_soon(worker.leave_alone)


def _environment(secret: Collection[str]) -> dict[str, str]:
    package = str(Path(stresser.__file__).parent.parent)
    paths = [package, os.environ.get("PYTHONPATH", "")]
    kept = {name: value for name, value in os.environ.items() if name not in secret}
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


async def _started(number: int, of: int, environment: dict[str, str]) -> WorkerProcess:
    ours, theirs = socket.socketpair()
    try:
        # -P and a path of our own: nothing in the user's working directory shadows a module.
        # A session of its own: Ctrl-C at the terminal is for the run's process alone.
        process = await trio.lowlevel.open_process(
            [sys.executable, "-P", "-m", _MODULE],
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env=environment,
        )
    except BaseException as exc:
        ours.close()
        if isinstance(exc, OSError):
            raise PreflightError(
                f"sessions.workers: worker {number} of {of} cannot be started: {exc.strerror};"
                " lower workers"
            ) from exc
        raise
    finally:
        theirs.close()
    return WorkerProcess(number, process, ours)
