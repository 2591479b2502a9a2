"""Where reports are written: consoles that neither fail on a text nor end the program."""

import contextlib
import errno
import io
import os
import re
import sys
from collections.abc import Iterator
from typing import IO, Any, cast

import msgspec
from rich.console import Console

_UNWRAPPED = 4096
"""Columns of what is no terminal: its reader wraps lines, or searches in them."""
_TRAILING = re.compile(r"[ \t]+(?=\n)")


class ReportConsole(Console):
    """A rich console that leaves a broken pipe to its caller.

    Rich's own answer is SystemExit and standard output turned to /dev/null, which would end a
    run that somebody pipes through `head`.
    """

    def on_broken_pipe(self) -> None:
        """Called by rich in the handler of BrokenPipeError.

        Raises:
            BrokenPipeError: always.
        """
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def stdout_console() -> ReportConsole:
    """Standard output. A file or a pipe has no width to wrap at, unless COLUMNS names one."""
    _escape_unencodable(sys.stdout)
    return _unwrapped(ReportConsole(file=sys.stdout, highlight=False))


def stderr_console(*, quiet: bool = False) -> ReportConsole:
    """Standard error: what is shown while `--json` has standard output for itself.

    A quiet one prints nothing; a live view on it shows nothing.
    """
    _escape_unencodable(sys.stderr)
    return _unwrapped(ReportConsole(file=sys.stderr, highlight=False, quiet=quiet))


def json_text(document: object) -> str:
    """A document for `--json`, indented."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


@contextlib.contextmanager
def until_reader_leaves(console: Console) -> Iterator[None]:
    """Write what a command prints; `stresser show last | head` has read enough and is no error."""
    try:
        yield
        console.file.flush()
    except BrokenPipeError:
        # What is buffered still would fail again when Python flushes at exit.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, console.file.fileno())
        os.close(nowhere)


def _unwrapped(console: ReportConsole) -> ReportConsole:
    """In a file or a pipe a line is as long as its text, unless COLUMNS says how long."""
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _UNWRAPPED
        console.file = cast("IO[str]", _Trimmed(console.file))
    return console


class _Trimmed:
    """A file without the blanks that fill a table's last column."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        """Write whole lines, as rich does."""
        return self._file.write(_TRAILING.sub("", text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _escape_unencodable(stream: object) -> None:
    """A terminal's encoding may lack a character of a name: escape it instead of failing."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
