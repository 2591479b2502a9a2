"""What a signal does before a command has begun: one line, and the process is gone.

Imports take half a second. A KeyboardInterrupt in the midst of them is a traceback from whichever
module was just read, or is swallowed by it; so nothing is raised.
"""

import os
import signal
from contextlib import suppress
from types import FrameType
from typing import Final, NoReturn

from stresser.model.errors import ExitCode

STOPPING: Final = (signal.SIGINT, signal.SIGTERM)
"""Whoever sends one of these wants an end."""
_STDERR = 2


def heed_early() -> None:
    """From now on SIGINT and SIGTERM end the process at once. For the main thread."""
    for number in STOPPING:
        signal.signal(number, leave_early)


def heed_as_usual() -> None:
    """SIGINT raises KeyboardInterrupt, which is Python's own way, and so does SIGTERM.

    SIGTERM's own way would leave scratch files: what a bundle is made of has names in it.
    Does nothing where `heed_early` was not called: whoever set another handler keeps it.
    """
    if signal.getsignal(signal.SIGINT) is leave_early:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGTERM) is leave_early:
        signal.signal(signal.SIGTERM, signal.default_int_handler)


def leave_early(_number: int, _frame: FrameType | None) -> None:
    """The handler."""
    leave_now("stopped: nothing had begun")


def leave_now(words: str) -> NoReturn:
    """End the process with one line on standard error; nothing is cleaned up."""
    say_from_handler(words)
    os._exit(ExitCode.FORCED)


def say_from_handler(words: str) -> None:
    """One line on standard error. Python's own stream may be in the midst of a write."""
    with suppress(OSError):
        os.write(_STDERR, f"{words}\n".encode())
