"""Asks a PAC file which proxies some URLs have: in a process of its own, which is ended in time.

Not in this one: a script that allocates without end, or never returns, must stop no run. Only with
the extra `stresser[pac]`, QuickJS-NG (docs/pac.md says why that engine).
"""

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO, NamedTuple

import stresser
from stresser.model.units import escaped
from stresser.scenario.pac_answer import PacAsk

_MODULE = "stresser.net.pac_child"
_ENGINE = "quickjs"
_LONGEST_LINE = 1 << 16
_LONGEST_WORDS = 400
_KEPT = ("PATH", "HOME", "LANG", "TZ", "SYSTEMROOT", "TEMP", "TMPDIR", "USERPROFILE")
_KEPT_PREFIXES = ("PYTHON", "LC_", "SSL_CERT_")


class Patience(NamedTuple):
    """How long each step may take, in seconds."""

    read: float = 20.0
    """Until the file is there: the process begins and reads it."""
    answer: float = 5.0
    """Until the script is loaded, and until it has answered one question, its look-ups included."""


_USUAL = Patience()


def ask_pac(
    place: str, asks: Sequence[PacAsk], own_addresses: Sequence[str], patience: Patience = _USUAL
) -> list[str]:
    """What FindProxyForURL returns for each; empty: nothing. Blocks until it is known.

    Args:
        place: path or http(s) URL of the file.
        asks: what it is asked.
        own_addresses: what `myIpAddress` says, the likeliest first.
        patience: how long each step may take.

    Raises:
        ValueError: one sentence whose subject, the file, is for the caller to put before it.
    """
    if find_spec(_ENGINE) is None:
        raise ValueError("needs the extra stresser[pac]: pip install 'stresser[pac]'")
    job = {"place": place, "asks": list(asks), "own": list(own_addresses)}
    with _started() as child:
        lines = _Lines(child)
        lines.say(json.dumps(job))
        lines.next(patience.read, "was not read")
        lines.next(patience.answer, "was not loaded")
        return [
            lines.next(patience.answer, f"gave no answer for {one.url}").get("answer", "")
            for one in asks
        ]


@contextmanager
def _started() -> Iterator["subprocess.Popen[str]"]:
    package = str(Path(stresser.__file__).parent.parent)
    paths = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH", "")]))
    # Neither the run's secrets nor its proxies are of use there.
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or name.startswith(_KEPT_PREFIXES)
    }
    child = subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-P", "-m", _MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        env=kept | {"PYTHONPATH": paths},
    )
    try:
        yield child
    finally:
        child.kill()
        for pipe in (child.stdin, child.stdout):
            with suppress(OSError):  # what it did not read before it died
                if pipe is not None:
                    pipe.close()
        child.wait()


class _Lines:
    """What the process says, line by line, each within its time."""

    def __init__(self, child: "subprocess.Popen[str]") -> None:
        self._child = child
        self._said: queue.Queue[str] = queue.Queue()
        # A pipe of Windows cannot be waited for: a thread reads, and ends with the process.
        threading.Thread(target=self._read, args=(child.stdout,), daemon=True).start()

    def _read(self, stdout: "IO[str] | None") -> None:
        try:
            while stdout is not None and (line := stdout.readline(_LONGEST_LINE)):
                self._said.put(line)
        except (OSError, ValueError):  # closed meanwhile
            pass
        self._said.put("")

    def say(self, line: str) -> None:
        """Hand a line to it; one that died has said all that it has to say."""
        with suppress(OSError):
            if self._child.stdin is not None:
                self._child.stdin.write(line + "\n")
                self._child.stdin.flush()

    def next(self, within_s: float, missing: str) -> Mapping[str, str]:
        """What it says next. ValueError, as `ask_pac`: nothing in time, or that it cannot."""
        try:
            line = self._said.get(timeout=within_s)
        except queue.Empty:
            raise ValueError(f"{missing} within {within_s:g} s, and was ended") from None
        if not line:
            raise ValueError(f"{missing}: its process died (code {self._child.wait()})")
        said: dict[str, str] = json.loads(line)
        if "mistake" in said:
            raise ValueError(escaped(said["mistake"], _LONGEST_WORDS))
        return said
