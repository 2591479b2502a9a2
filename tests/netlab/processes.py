"""Owns the processes of a lab: each in a namespace and a session of its own, each ended."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.netlab.wait import until

_PATIENCE_S = 5.0


class Process:
    """A command in a namespace. It takes orders as lines; what it says is in a file."""

    def __init__(
        self,
        command: list[str],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.log = log
        with log.open("wb") as out:
            self._popen = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=os.environ | (environment or {}),
                cwd=folder,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def ended(self) -> int | None:
        """Its exit code."""
        return self._popen.poll()

    def said(self) -> list[str]:
        return self.log.read_text(errors="replace").splitlines()

    def wait_until_says(self, text: str, times: int = 1, patience_s: float = 20.0) -> str:
        """The line that says it for so many times."""

        def line() -> str | None:
            found = [line for line in self.said() if text in line]
            assert len(found) >= times or self.ended is None, f"ended early: {self.said()[-20:]}"
            return found[times - 1] if len(found) >= times else None

        found = until(line, f"{text!r} in {self.log.name}", patience_s)
        assert found is not None
        return found

    def order(self, line: str) -> None:
        assert self._popen.stdin is not None
        self._popen.stdin.write(line.encode() + b"\n")
        self._popen.stdin.flush()

    def send(self, number: int) -> None:
        self._popen.send_signal(number)

    def wait(self, patience_s: float = _PATIENCE_S) -> int:
        return self._popen.wait(patience_s)

    def kill(self) -> None:
        """At once, with all that it started and that did not leave its session."""
        if self.ended is None:
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.communicate()

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Ask it to end; then make it."""
        if self.ended is None:
            self.send(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.wait()
        self.kill()
