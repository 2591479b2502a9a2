"""Copies what figures are computed from out of a run folder, each event changed meanwhile.

Lines that are no events are left out, so that a copy holds only what was understood.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from stresser.model.errors import RunFolderError
from stresser.record.chain_files import is_chain_id
from stresser.record.events_file import bounded_lines
from stresser.record.folder import RunFolder, shown_path
from stresser.record.manifest import read_small_file
from stresser.record.reader import RecordedRun, RunStatus

Change = Callable[[dict[str, Any]], dict[str, Any]]
_LONG_AGO = (315_532_800, 315_532_800)
"""1980, the first year of ZIP: a copied crash does not look like a run that goes on."""
_LARGEST_CHAIN = 256 * 1024
_LARGEST_MANIFEST = 16 << 20


class Changes:
    """What a copy does to each part. As it is: to none."""

    def event(self, event: dict[str, Any]) -> dict[str, Any]:
        """One event."""
        return event

    def manifest(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """The manifest."""
        return manifest

    def tag(self, tag: str) -> str:
        """The tag of a histogram."""
        return tag

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
            text = read_small_file(source.manifest, _LARGEST_MANIFEST)
            target.manifest.write_bytes(_changed(text, changes.manifest))
        _copy_lines(source.events, target.events, lambda line: _event_line(line, changes))
        for name in ("histograms", "partial"):
            original = getattr(source, name)
            _copy_lines(original, getattr(target, name), lambda line: _log_line(line, changes))
        if changes.keeps_chains:
            _copy_chains(source, target)
        for path in into.rglob("*"):
            os.utime(path, _LONG_AGO)
    except OSError as error:
        raise RunFolderError(
            f"{shown_path(run.path)}: cannot be copied: {error.strerror}"
        ) from error


def _copy_lines(source: Path, target: Path, change: Callable[[bytes], bytes | None]) -> None:
    if not source.exists():
        return
    with source.open("rb") as lines, target.open("wb") as copy:
        for line, whole in bounded_lines(lines):
            changed = change(line) if line is not None and whole else None
            if changed is not None:
                copy.write(changed + b"\n")


def _event_line(line: bytes, changes: Changes) -> bytes | None:
    if type(changes) is Changes:
        return line
    try:
        return _changed(line, changes.event)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _changed(text: bytes, change: Change) -> bytes:
    return msgspec.json.encode(change(msgspec.json.decode(text, type=dict[str, Any])))


def _log_line(line: bytes, changes: Changes) -> bytes | None:
    """A line of a histogram log; of comments, only those that are our own header."""
    if line.startswith((b"#", b'"')):
        return line if line.startswith((b"#[", b'"StartTimestamp"')) else None
    head, _, rest = line.partition(b",")
    tag = head.removeprefix(b"Tag=").decode("ascii", "replace")
    return b"Tag=" + changes.tag(tag).encode() + b"," + rest


def _copy_chains(source: RunFolder, target: RunFolder) -> None:
    if not source.chains.is_dir():
        return
    target.chains.mkdir()
    for path in sorted(source.chains.glob("*.pem")):
        if is_chain_id(path.stem):
            target.chain(path.stem).write_bytes(read_small_file(path, _LARGEST_CHAIN))
