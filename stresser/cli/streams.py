"""The standard streams of the process: closed ones, full ones, pipes whose reader has left."""

import errno
import os
import sys
from contextlib import suppress
from typing import Final, TextIO

from stresser.model.errors import ExitCode

_UNWRITABLE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""What a device says that takes no more (write(2)): full, over quota, too large, gone."""
_MODES: Final = {"stdin": "r", "stdout": "w", "stderr": "w"}
"""By the number of their file descriptors."""
_OWN_WORDS: Final = frozenset({ExitCode.BAD_INPUT, ExitCode.BUG, ExitCode.FORCED})
"""Codes that say more than that the output is lost."""


def ready_streams() -> None:
    """Open what the caller has closed (`2>&-`), to nowhere.

    Else the next file or socket would get its number, and be written to by mistake.
    """
    for number, (name, mode) in enumerate(_MODES.items()):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
        if getattr(sys, name) is None:
            stream = open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - a number has no path, and it stays open
            setattr(sys, name, stream)


def tell_stderr(*lines: str) -> None:
    """Say it on standard error, if that can be written to: it is never what a command is for."""
    with suppress(OSError, ValueError):
        sys.stderr.writelines(f"{line}\n" for line in lines)


def unwritable(error: BaseException) -> OSError | None:
    """What a stream's device said, if it is that and nothing else: a file's error has a name."""
    if isinstance(error, BaseExceptionGroup):
        found = [unwritable(one) for one in error.exceptions]
        return found[0] if all(found) else None
    if isinstance(error, OSError) and error.filename is None and error.errno in _UNWRITABLE:
        return error
    return None


def tell_unwritable(error: OSError) -> ExitCode:
    """The line about output that is lost, and what the command ends with."""
    _lead_nowhere(sys.stdout)
    tell_stderr(f"the output cannot be written: {error.strerror}; it is not whole")
    return ExitCode.INCONCLUSIVE


def flushed(code: int) -> int:
    """Write what the streams still hold; the exit code after that.

    Python's own flush, at its end, would print a traceback and exit with 120.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # its reader has read enough
        _lead_nowhere(sys.stdout)
    except OSError as error:
        lost = tell_unwritable(error)
        code = code if code in _OWN_WORDS else lost
    except ValueError:
        pass  # closed, hence flushed
    try:
        sys.stderr.flush()
    except (OSError, ValueError):
        _lead_nowhere(sys.stderr)
    return code


def _lead_nowhere(stream: TextIO) -> None:
    """What is buffered still would fail again when Python flushes at exit."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
