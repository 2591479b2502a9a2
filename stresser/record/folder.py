"""Where a run is recorded: the name of its folder and of each file in it.

`docs/run-folder.md` says what is in the files.
"""

import contextlib
import os
import re
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stresser.model.errors import RunFolderError
from stresser.model.units import shown

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 80
_ASKED = 0o722
"""Of a new folder: what the umask leaves of it tells the umask, and nobody else can enter yet."""
_MOST_CLASHES = 1000
_RESERVE_BYTES = 256 * 1024
_LONGEST_SHOWN = 400
RESULTS = Path("results")
"""Where runs are recorded and looked for, unless the user says otherwise."""
RUN_NAME = re.compile(r"[0-9]{8}T[0-9]{6}Z-.+")
"""How the name of a run folder looks."""


class RunFolder:
    """The paths in one run folder. Touches nothing by itself."""

    __slots__ = ("path",)

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def manifest(self) -> Path:
        """What was run, where and by what."""
        return self.path / "manifest.json"

    @property
    def events(self) -> Path:
        """What happened, one JSON object a line."""
        return self.path / "events.jsonl"

    @property
    def histograms(self) -> Path:
        """Durations, an HdrHistogram log."""
        return self.path / "histograms.hlog"

    @property
    def partial(self) -> Path:
        """The interval that is not complete yet, in the same format; rewritten all the time."""
        return self.path / "histograms.partial.hlog"

    @property
    def far_ends(self) -> Path:
        """What a reflector recorded of this run's sessions (`stresser join`), as the events."""
        return self.path / "far_ends.jsonl"

    @property
    def joined(self) -> Path:
        """The summary with both ends' account."""
        return self.path / "joined.json"

    @property
    def packets(self) -> Path:
        """Where packets were captured: those of drops and failures, for Wireshark."""
        return self.path / "drops.pcapng"

    @property
    def tls_keys(self) -> Path:
        """Where the scenario asks for it: the keys of the run's TLS sessions. In no bundle."""
        return self.path / "tls_keys.log"

    @property
    def chains(self) -> Path:
        """A folder of certificate chains, one PEM file each."""
        return self.path / "chains"

    def chain(self, chain_id: str) -> Path:
        """The file of one chain. The caller vouches for the id."""
        return self.chains / f"{chain_id}.pem"

    @property
    def summary(self) -> Path:
        """The findings at the end of the run."""
        return self.path / "summary.json"

    @property
    def log(self) -> Path:
        """Diagnostics of stresser itself."""
        return self.path / "stresser.log"

    @property
    def workers(self) -> Path:
        """A folder of folders: what each worker recorded, where a run has more than one."""
        return self.path / "workers"

    def worker(self, number: int) -> "RunFolder":
        """Where a worker (from 1) records: files as the run's own, without manifest and summary."""
        return RunFolder(self.workers / str(number))

    @property
    def reserve(self) -> Path:
        """Room kept for manifest and summary, so that a full disk can still be reported on it."""
        return self.path / ".reserve"

    def release_reserve(self) -> None:
        """Give the kept room back. Never raises."""
        with contextlib.suppress(OSError):
            self.reserve.unlink()

    def __repr__(self) -> str:
        return f"<RunFolder {self.path}>"


def create_run_folder(
    parent: Path, scenario: str, label: str | None, started_unix_ns: int
) -> RunFolder:
    """Make `<UTC start>-<scenario>[-<label>]` in `parent`, which is made where it is missing.

    An existing folder is never used again: the new one's name gets `-2`, `-3`, ...

    Raises:
        RunFolderError: it cannot be made or written.
    """
    name = _folder_name(scenario, label, started_unix_ns)
    try:
        parent.mkdir(parents=True, exist_ok=True)
        folder = RunFolder(_make_new(parent, name))
    except OSError as error:
        raise RunFolderError(
            f"{shown_path(parent)}: the run folder cannot be made here: {error.strerror};"
            " choose another place with --out"
        ) from error
    try:
        reserve_room(folder)
    except OSError as error:
        folder.release_reserve()
        with contextlib.suppress(OSError):
            folder.path.rmdir()
        raise RunFolderError(
            f"{shown_path(folder.path)}: cannot be written: {error.strerror};"
            " choose another place with --out"
        ) from error
    return folder


def make_worker_folder(run: RunFolder, number: int) -> RunFolder:
    """The folder of one worker, which may be there already: the run goes on then.

    Raises:
        RunFolderError: it cannot be made.
    """
    folder = run.worker(number)
    try:
        for path in (run.workers, folder.path):
            with contextlib.suppress(FileExistsError):
                path.mkdir(_ASKED)
                _close_to_others(path)
        folder.events.touch(0o644)  # a worker that dies before it writes has recorded nothing
    except OSError as error:
        raise RunFolderError(
            f"{shown_path(folder.path)}: cannot be made: {error.strerror}"
        ) from error
    return folder


def shown_path(path: Path) -> str:
    """A path for a message, escaped but hardly ever cut."""
    return shown(str(path), _LONGEST_SHOWN)[1:-1]


def _folder_name(scenario: str, label: str | None, started_unix_ns: int) -> str:
    started = _EPOCH + timedelta(microseconds=started_unix_ns // 1000)
    parts = [started.strftime("%Y%m%dT%H%M%SZ"), _safe(scenario) or "run"]
    if label and (safe_label := _safe(label)):
        parts.append(safe_label)
    return "-".join(parts)


def _safe(text: str) -> str:
    return _UNSAFE.sub("_", text.strip())[:_LONGEST_NAME].strip("._")


def _make_new(parent: Path, name: str) -> Path:
    for number in range(1, _MOST_CLASHES):
        path = parent / (name if number == 1 else f"{name}-{number}")
        try:
            path.mkdir(_ASKED)
        except FileExistsError:
            continue
        _close_to_others(path)
        return path
    raise FileExistsError(None, f"{_MOST_CLASHES} folders named {name} exist")


def _close_to_others(path: Path) -> None:
    """What a run met is its owner's. A umask that lets the group or all write is so on purpose."""
    left = stat.S_IMODE(path.stat().st_mode)
    shared = (0o070 if left & stat.S_IWGRP else 0) | (0o007 if left & stat.S_IWOTH else 0)
    path.chmod((left & ~0o077) | shared)


def reserve_room(folder: RunFolder) -> None:
    """Keep room. Also shows that the folder can be written to before the run depends on it.

    Raises:
        OSError: it cannot.
    """
    folder.release_reserve()
    fd = os.open(folder.reserve, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        remaining = _RESERVE_BYTES
        while remaining:
            # Written, not truncated to length: only blocks that are really there are kept.
            remaining -= os.write(fd, b"\0" * remaining)
    finally:
        os.close(fd)
