"""The lines between a lab process and its parent: plan and end in, readiness and kills out."""

import queue
import threading
from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import Struct

from stresser.model.errors import LabError
from stresser.model.kill import Kill
from stresser.model.units import Duration, Size
from stresser.scenario.lab_table import LabPlan, LabReady

END: Final = b"end\n"
"""The parent's last line. Where its end comes without it, the parent was killed."""
LONGEST_LINE: Final = 16 << 20
"""Bytes of the longest line that either side reads: a plan of some 50,000 routes."""
FOLDER_PREFIX: Final = "stresser-lab-"
"""Of the folder with the lab's roots: the lab makes it, its parent removes what is left."""
_WAITING_KILLS: Final = 10_000
_GOODBYE_S: Final = 0.5


class KillRecord(Struct, frozen=True, kw_only=True):
    """One flow that a lab middlebox ended: the truth that a run's findings are held against."""

    kill: Kill
    rule: str
    """The middlebox's key that asked for it: `idle_timeout`, `age_limit`, ..."""
    egress: str
    endpoint: str
    client_port: int
    """The client's local TCP port."""
    at_unix_ns: int
    """Wall clock, right before the RST, FIN or silence."""
    idle_ns: int
    """Since the last byte in either direction."""


class KillsLost(Struct, frozen=True, kw_only=True):
    """How many kill records were not read in time, up to here."""

    kills_lost: int


def encode_message(message: Struct) -> bytes:
    """One line of JSON."""
    return msgspec.json.encode(message, enc_hook=int) + b"\n"  # Duration and Size are ints


def decode_plan(line: bytes) -> LabPlan:
    """Read the plan; durations are nanoseconds or text like `4s`.

    Raises:
        LabError: it is no LabPlan.
    """
    try:
        return msgspec.json.decode(line, type=LabPlan, dec_hook=_from_json)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LabError(f"the lab cannot read its plan: {error}") from error


def decode_ready(line: bytes) -> LabReady:
    """Read the line a lab prints when all its listeners wait.

    Raises:
        LabError: it is something else.
    """
    try:
        return msgspec.json.decode(line, type=LabReady)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LabError(f"the lab said something else than that it is ready: {error}") from error


def decode_kill(line: bytes) -> KillRecord | KillsLost:
    """Read a line that follows the ready line.

    Raises:
        LabError: it is neither of the two.
    """
    try:
        if b'"kills_lost"' in line:
            return msgspec.json.decode(line, type=KillsLost)
        return msgspec.json.decode(line, type=KillRecord)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LabError(f"the lab said something that is no kill record: {error}") from error


def _from_json(kind: type, value: Any) -> Any:
    if kind not in (Duration, Size):
        raise NotImplementedError(kind.__name__)
    if isinstance(value, str):
        return kind.parse(value)
    if type(value) is int and value >= 0:
        return kind(value)
    raise ValueError(f"neither text nor a number of units: {value!r}")


class LineWriter:
    """Writes lines from a thread of its own, so that a parent that does not read stalls nothing.

    Beyond 10,000 waiting lines it drops and counts them; the count goes out with the next line.
    """

    def __init__(self, write: Callable[[bytes], object]) -> None:
        """`write` may block and may raise OSError, which ends the writing."""
        self._write = write
        self._waiting: queue.Queue[bytes | None] = queue.Queue(_WAITING_KILLS)
        self._lost = 0
        # A daemon: a write that blocks for ever must not keep the lab alive.
        self._thread = threading.Thread(target=self._run, name="lab-lines", daemon=True)
        self._thread.start()

    def put(self, message: Struct) -> None:
        """Queue one line; never blocks."""
        try:
            if self._lost:
                self._waiting.put_nowait(encode_message(KillsLost(kills_lost=self._lost)))
                self._lost = 0
            self._waiting.put_nowait(encode_message(message))
        except queue.Full:
            self._lost += 1

    def close(self) -> None:
        """Let what waits go out, for at most half a second."""
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(_GOODBYE_S)

    def _run(self) -> None:
        while (line := self._waiting.get()) is not None:
            try:
                self._write(line)
            except OSError:
                return  # nobody reads any more
