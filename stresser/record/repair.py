"""Sets right what a process that ended left in its run's folder: as if the run had closed it.

A torn line is cut off, or ended where it is whole; the interval that was under way is complete;
what was written beside is removed. It may be cut short itself, and begun again.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import msgspec

from stresser.model.errors import RunFolderError
from stresser.record.atomic_write import sync_directory
from stresser.record.event_lines import event_of_line
from stresser.record.events_file import LONGEST_LINE, bounded_lines
from stresser.record.folder import RunFolder, reserve_room, shown_path
from stresser.record.regular_file import open_regular
from stresser.record.worker_folders import folders_of

_MALFORMED = (msgspec.MsgspecError, ValueError, RecursionError)


def repair(folder: RunFolder) -> None:
    """Make the folder as if its run had closed it, and with it those of its workers.

    Raises:
        RunFolderError: it cannot be written.
    """
    for one in folders_of(folder):
        repair_record(one)
    with _written(folder):
        for path in (folder.summary, folder.packets):  # to be computed anew of all parts
            path.unlink(missing_ok=True)
        reserve_room(folder)


def repair_record(folder: RunFolder) -> None:
    """Make what one process recorded as if it had closed it: the run's own, or one worker's.

    Raises:
        RunFolderError: it cannot be written.
    """
    with _written(folder):
        _end_last_line(folder.events, _is_event)
        _end_last_line(folder.far_ends, _is_event)
        _end_last_line(folder.log, lambda _: True)
        _end_last_line(folder.histograms, lambda _: False)  # the partial file has it, whole
        _take_over_partial(folder)
        for left in (*folder.path.glob(".*.tmp"), *folder.path.glob(".*.next")):
            left.unlink()
        _set_keys_aside(folder.tls_keys)


@contextmanager
def _written(folder: RunFolder) -> Iterator[None]:
    try:
        yield
        sync_directory(folder.path)
    except OSError as error:
        raise RunFolderError(
            f"{shown_path(folder.path)}: cannot be written: {error.strerror}"
        ) from error


def _set_keys_aside(keys: Path) -> None:
    """The TLS keys of each part are a file of their own, made by nobody but that part."""
    if os.path.lexists(keys):
        names = (keys.with_name(f"{keys.name}.{number}") for number in count(1))
        keys.rename(next(name for name in names if not os.path.lexists(name)))


def _is_event(line: bytes) -> bool:
    try:
        event_of_line(line)
    except _MALFORMED:
        return False
    return True


def _end_last_line(path: Path, is_whole: Callable[[bytes], bool]) -> None:
    """End a last line that has no end, where it is whole; else cut it off: it was not written."""
    if not path.exists():
        return
    with open_regular(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - LONGEST_LINE, 0))
        rest = file.read().rpartition(b"\n")[2]
    if not rest:
        return
    with path.open("r+b") as file:
        if is_whole(rest):
            file.seek(0, os.SEEK_END)
            file.write(b"\n")
        else:
            file.truncate(size - len(rest))
        os.fsync(file.fileno())


def _take_over_partial(folder: RunFolder) -> None:
    """The interval that was under way is complete now: what the log lacks of it is appended."""
    if not folder.partial.exists():
        return
    lacking = dict(_intervals(folder.partial))
    for key, _ in _intervals(folder.histograms):
        lacking.pop(key, None)
    with folder.histograms.open("ab") as log:
        log.write(b"".join(line + b"\n" for line in lacking.values()))
        log.flush()
        os.fsync(log.fileno())
    folder.partial.unlink()


def _intervals(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Whole lines of a log, each with its tag and start before it."""
    with suppress(FileNotFoundError), open_regular(path) as file:
        for line, is_whole in bounded_lines(file):
            if is_whole and line is not None and line.startswith(b"Tag="):
                yield b",".join(line.split(b",", 2)[:2]), line
