"""`manifest.json`: what was run, where, by what, and how it ended. The record and its file.

What the host says is gathered in `host_facts.py`.
"""

from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from stresser.model.bounds import Count, Whole
from stresser.model.errors import RunFolderError
from stresser.model.measured_limits import MeasuredLimits
from stresser.model.verdict import Verdict
from stresser.record.atomic_write import write_atomically
from stresser.record.folder import shown_path
from stresser.record.regular_file import open_regular

SCHEMA = 1
_LARGEST = 16 << 20


class Status(StrEnum):
    """How far a run came, as it says itself."""

    RUNNING = "running"
    COMPLETE = "complete"
    """Ended as planned; also by the first Ctrl-C."""
    INTERRUPTED = "interrupted"
    """Stopped at once: a forced stop, or recording failed."""


class ProcessIdentity(Struct, frozen=True, kw_only=True):
    """Which process writes the folder, so that another one with its number is not taken for it."""

    pid: Count
    started: str | None = None
    """Start time in clock ticks since boot: field 22 of /proc/PID/stat (proc_pid_stat(5))."""
    boot_id: str | None = None
    """/proc/sys/kernel/random/boot_id (random(4))."""
    pid_namespace: str | None = None
    """/proc/self/ns/pid: the number means something only there (pid_namespaces(7))."""
    host: str | None = None


class Gap(Struct, frozen=True, kw_only=True):
    """What was not recorded, after recording stopped."""

    what: str
    """Why: `No space left on device`."""
    path: str
    """The file that could not be written."""
    since_t_ns: Whole
    """The last moment up to which everything is recorded, since the run began."""
    since_utc: str
    events: Count
    samples: Count

    def __str__(self) -> str:
        return (
            f"recording stopped: {self.path}: {self.what}; nothing after {self.since_utc} is"
            f" complete, {self.events} events and {self.samples} samples are missing"
        )


class Resumption(Struct, frozen=True, kw_only=True):
    """The run went on after its process had ended. Times: nanoseconds since the run began."""

    t_ns: int
    """When it went on."""
    utc: str
    since_ns: int
    """The last sign of it before."""
    why: str
    """How it had ended: `crashed`, or in words."""
    stresser: str
    """The version that went on."""
    process: ProcessIdentity
    """Who wrote before."""
    gap: Gap | None = None
    """What was not recorded before; null when everything was."""
    unrecorded_events: int = 0
    """Events before that are not in the folder, without a gap."""


class Manifest(Struct, kw_only=True):
    """One run. Made by `host_facts.gather_manifest`, written at the start and at the end."""

    schema: int = SCHEMA
    stresser: str
    """Version of stresser."""
    scenario: dict[str, Any]
    """The scenario as resolved; secrets are masked."""
    run_id: str | None = None
    """A random name, 128 bits in hex: by it a reflector's record is joined to the run's."""
    listened: str | None = None
    """Where a reflector listened: this is its record, and no run of a tester's."""
    status: Status = Status.RUNNING
    started_utc: str
    anchor_unix_ns: Whole
    """UTC of every event is this plus its `t_ns`."""
    ended_utc: str | None = None
    end_reason: str | None = None
    """`duration`, `signal SIGINT`, ..., in words."""
    verdict: Verdict | None = None
    gap: Gap | None = None
    """What was not recorded; null when everything was."""
    resumptions: list[Resumption] = field(default_factory=list)
    """How often the run went on in the same folder (`--resume`)."""
    workers: Count = 1
    """Processes that held the sessions; of several each recorded in `workers/N/`."""
    process: ProcessIdentity
    command_line: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    """Of Python, OpenSSL, the kernel and the libraries that do the work."""
    host: dict[str, Any] = field(default_factory=dict)
    kernel: dict[str, str] = field(default_factory=dict)
    """The sysctls that decide timings, as they were at the start."""
    socket_options: dict[str, Any] = field(default_factory=dict)
    """What the sessions' sockets are set to, TCP_USER_TIMEOUT above all (tcp(7))."""
    capabilities: dict[str, Any] = field(default_factory=dict)
    """What this run could witness."""
    measured: MeasuredLimits | None = None
    """What `stresser doctor --measure` had found of this machine before the run."""
    limits: dict[str, Any] = field(default_factory=dict)
    """RLIMIT_NOFILE and the like (getrlimit(2)); -1 is no limit."""


def finished(
    manifest: Manifest,
    *,
    status: Status,
    ended_utc: str,
    end_reason: str,
    verdict: Verdict | None,
    gap: Gap | None,
) -> Manifest:
    """The manifest of the same run at its end."""
    return msgspec.structs.replace(
        manifest,
        status=status,
        ended_utc=ended_utc,
        end_reason=end_reason,
        verdict=verdict,
        gap=gap,
    )


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Replace the manifest.

    Raises:
        RunFolderError: it cannot be written; the old one is still there.
    """
    text = msgspec.json.format(msgspec.json.encode(manifest, enc_hook=str), indent=2)
    try:
        write_atomically(path, text + b"\n")
    except OSError as error:
        raise RunFolderError(f"{shown_path(path)}: cannot be written: {error.strerror}") from error


def read_manifest(path: Path) -> Manifest:
    """Read a manifest, also one of a newer stresser as long as it means the same.

    Raises:
        RunFolderError: it is missing, cannot be read, or is no manifest.
    """
    text = read_small_file(path, _LARGEST)
    try:
        return msgspec.json.decode(text, type=Manifest)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        reason = str(error).replace("\n", " ")
        raise RunFolderError(f"{shown_path(path)}: is not a manifest: {reason[:200]}") from error


def read_small_file(path: Path, largest: int) -> bytes:
    """A whole file of bounded size.

    Raises:
        RunFolderError: it is missing, cannot be read or is larger than `largest` bytes.
    """
    try:
        with open_regular(path) as file:
            text = file.read(largest + 1)
    except OSError as error:
        raise RunFolderError(f"{shown_path(path)}: cannot be read: {error.strerror}") from error
    if len(text) > largest:
        raise RunFolderError(f"{shown_path(path)}: is larger than {largest >> 20} MiB")
    return text
