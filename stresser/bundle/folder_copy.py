"""Copies what figures are computed from out of a run folder, each part changed meanwhile.

Regular files alone are read, and each line keeps its place: what is damaged in the run is damaged
in the copy.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from stresser.model.errors import RunFolderError
from stresser.record.chain_files import LARGEST_CHAIN, is_chain_id
from stresser.record.events_file import bounded_lines
from stresser.record.folder import RunFolder, shown_path
from stresser.record.manifest import read_small_file
from stresser.record.reader import RecordedRun, RunStatus
from stresser.record.regular_file import open_regular
from stresser.record.segments import Segment, has_segments, open_segments
from stresser.record.worker_folders import worker_folders

_LONG_AGO = (315_532_800, 315_532_800)
"""1980, the first year of ZIP: a copied crash does not look like a run that goes on."""
_TOO_LONG = b"{}"
"""A line that is no event: in place of one that cannot be read."""
_NO_INTERVAL = b"unreadable"
_MARK_OF_DAMAGE = b"\n{}\n"
"""A line that is no event: what the copy lacks is to be doubted there, too."""
_OUR_HEADER = (
    b"#[Histogram log format", b"#[stresser: values", b"#[StartTime: ", b"#[BaseTime: ",
    b'"StartTimestamp","Interval',
)  # fmt: skip
_LOG_LINE = re.compile(rb"Tag=([A-Za-z0-9._/-]{1,400})(,[0-9.]+,[0-9.]+,[0-9.]+,[A-Za-z0-9+/=]+)")
_LARGEST_MANIFEST = 16 << 20


class Changes:
    """What a copy does to each part. As it is: to none."""

    def event_line(self, line: bytes, *, is_whole: bool) -> bytes:
        """One line of the events; `is_whole`: it was written to its end."""
        del is_whole
        return line

    def manifest(self, text: bytes) -> bytes | None:
        """The manifest; None: it is left out."""
        return text

    def tag(self, tag: str) -> str:
        """The tag of a histogram."""
        return tag

    def egress(self, name: str) -> str:
        """The name of an egress."""
        return name

    @property
    def keeps_chains(self) -> bool:
        """Whether certificates go along."""
        return True


def copy_run(run: RecordedRun, into: Path, changes: Changes) -> None:
    """Make a run folder at `into`, which must not exist.

    Raises:
        RunFolderError: the run still goes on, or a file cannot be read or written.
    """
    if run.status is RunStatus.RUNNING:
        raise RunFolderError(
            f"{shown_path(run.path)}: the run still goes on; bundle it when it has ended"
        )
    source, target = run.folder, RunFolder(into)
    try:
        into.mkdir(parents=True)
        if source.manifest.exists():
            text = changes.manifest(read_small_file(source.manifest, _LARGEST_MANIFEST))
            if text is not None:
                target.manifest.write_bytes(text)
        _copy_record(source, target, changes)
        for number, worker in worker_folders(source).items():
            copy = target.worker(number)
            copy.path.mkdir(parents=True)
            _copy_record(worker, copy, changes)
            if not has_segments(copy.events):
                copy.events.write_bytes(_TOO_LONG + b"\n")  # a bundle has no empty folders
        for path in into.rglob("*"):
            os.utime(path, _LONG_AGO)
    except OSError as error:
        raise RunFolderError(
            f"{shown_path(run.path)}: cannot be copied: {error.strerror}"
        ) from error


def _copy_record(source: RunFolder, target: RunFolder, changes: Changes) -> None:
    for path in (source.events, source.far_ends):
        _copy_segments(path, target.path, changes)
    for name in ("histograms", "partial"):
        if getattr(source, name).exists():
            with open_regular(getattr(source, name)) as lines:
                _copy_lines(lines, getattr(target, name), lambda line, _: _log_line(line, changes))
    if changes.keeps_chains:
        _copy_chains(source, target)


def _copy_segments(source: Path, into: Path, changes: Changes) -> None:
    """Unpacked: the bundle packs its files itself, and whoever opens it reads them by hand."""
    if not has_segments(source):
        return
    for segment in open_segments(source):
        if isinstance(segment, Segment):
            _copy_lines(
                segment.file,
                into / segment.plain_name,
                lambda line, is_whole: changes.event_line(line, is_whole=is_whole),
            )
            if segment.broken:
                with (into / segment.plain_name).open("ab") as copy:
                    copy.write(_MARK_OF_DAMAGE)


def _copy_lines(source: BinaryIO, target: Path, change: Callable[[bytes, bool], bytes]) -> None:
    with target.open("wb") as copy:
        for line, is_whole in bounded_lines(source):
            copy.write(_TOO_LONG if line is None else change(line, is_whole))
            if is_whole:
                copy.write(b"\n")


def _log_line(line: bytes, changes: Changes) -> bytes:
    """A line of a histogram log; of comments, only those that are our own header."""
    if line.startswith(_OUR_HEADER):
        return line
    match = _LOG_LINE.fullmatch(line)
    if match is None:
        return _NO_INTERVAL
    return b"Tag=" + changes.tag(match[1].decode("ascii")).encode() + match[2]


def _copy_chains(source: RunFolder, target: RunFolder) -> None:
    if source.chains.is_symlink() or not source.chains.is_dir():
        return
    target.chains.mkdir()
    for path in sorted(source.chains.glob("*.pem")):
        if is_chain_id(path.stem):
            target.chain(path.stem).write_bytes(read_small_file(path, LARGEST_CHAIN))
