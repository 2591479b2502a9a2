"""What a run's process and its workers say to each other over the socket between them.

Frames of MessagePack, each behind its length. Both ends are the same program of the same moment:
there are no versions. Secrets travel here and nowhere else: not in arguments, environment or files.
"""

import struct
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Struct, field

from stresser.model.cohort import Cohort
from stresser.model.quantity import Quantity
from stresser.model.units import Duration, Size
from stresser.net.dial import Binding
from stresser.record.manifest import Gap
from stresser.scenario.lab_table import LabReady
from stresser.scenario.plan import Scenario
from stresser.scenario.proxies import ProxyList
from stresser.scenario.secrets import Secret

LONGEST_FRAME: Final = 64 << 20
"""Bytes."""
_LENGTH = struct.Struct("!I")
HEAD_BYTES: Final = _LENGTH.size


class ProxiesOfPair(Struct, frozen=True, kw_only=True):
    """The proxies of one endpoint through one egress."""

    endpoint: str
    egress: str
    named: ProxyList


class HeaderOfEndpoint(Struct, frozen=True, kw_only=True):
    """A header of one endpoint's upgrade request."""

    endpoint: str
    name: str
    plain: str = ""
    secret: Secret | None = None
    """In place of a plain value."""

    @classmethod
    def of(cls, endpoint: str, name: str, value: "str | Secret") -> "HeaderOfEndpoint":
        """One that has this value."""
        if isinstance(value, Secret):
            return cls(endpoint=endpoint, name=name, secret=value)
        return cls(endpoint=endpoint, name=name, plain=value)

    @property
    def value(self) -> "str | Secret":
        """What it holds."""
        return self.plain if self.secret is None else self.secret


class Order(Struct, frozen=True, kw_only=True, tag=True):
    """To a worker: what it is to hold, and where it is to record that."""

    worker: int
    """From 1."""
    workers: int
    scenario: Scenario
    """Of the whole run."""
    file: Path
    """Paths of CA files are relative to its folder."""
    headers: list[HeaderOfEndpoint]
    tokens: dict[str, Secret]
    """Of the endpoints that are reflectors."""
    gaps: dict[str, Secret]
    """What the environment puts into messages, by variable."""
    proxies: list[ProxiesOfPair]
    bindings: dict[str, Binding]
    lab: LabReady | None
    run_id: str
    folder: Path
    """The worker's own."""
    anchor_unix_ns: int
    began_monotonic_ns: int
    """When the run's clock began, on this host's monotonic clock."""
    first_attempt: int
    """Of the whole run from now on."""
    first_session: int


class StopWord(Struct, frozen=True, kw_only=True, tag=True):
    """To a worker: end as planned."""

    reason: str


class ForceWord(Struct, frozen=True, tag=True):
    """To a worker: end now; what was recorded is to be readable."""


class Ready(Struct, frozen=True, tag=True):
    """From a worker: its files are open, its sessions begin."""


class Durations(Struct, frozen=True, array_like=True):
    """Samples of one quantity and cohort."""

    quantity: Quantity
    cohort: Cohort | None
    values_ns: list[int]


class Progress(Struct, frozen=True, kw_only=True, tag=True):
    """From a worker: what is in its files now and was not before."""

    lines: bytes = b""
    """Events as they were written."""
    lines_before: int = 0
    """How many it has written before these, in this part of the run."""
    durations: list[Durations] = field(default_factory=list)


class Note(Struct, frozen=True, kw_only=True, tag=True):
    """From a worker: something for the live view."""

    text: str
    is_warning: bool = True


class Goodbye(Struct, frozen=True, kw_only=True, tag=True):
    """From a worker: its sessions have ended, and its files are closed."""

    reason: str
    bugs: int = 0
    bug_reports: list[str] = field(default_factory=list)
    gap: Gap | None = None
    """What was not recorded; None: nothing."""


ToWorker: TypeAlias = Order | StopWord | ForceWord
FromWorker: TypeAlias = Ready | Progress | Note | Goodbye


def _encode_hook(value: Any) -> Any:
    if isinstance(value, Duration | Size):
        return int(value)
    if isinstance(value, Secret):
        return [value.variable, value.reveal()]
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value)} is not sent")


def _decode_hook(kind: type, value: Any) -> Any:
    return Secret(*value) if kind is Secret else kind(value)


_encoder = msgspec.msgpack.Encoder(enc_hook=_encode_hook)
_for_worker = msgspec.msgpack.Decoder(ToWorker, dec_hook=_decode_hook)
_from_worker = msgspec.msgpack.Decoder(FromWorker, dec_hook=_decode_hook)


def frame_of(message: ToWorker | FromWorker) -> bytes:
    """A message as it travels."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


def length_in(head: bytes) -> int:
    """How long the message behind this head is.

    Raises:
        ValueError: longer than any.
    """
    (length,) = _LENGTH.unpack(head)
    if length > LONGEST_FRAME:
        raise ValueError(f"a message of {length} bytes")
    return int(length)


def for_worker(body: bytes) -> ToWorker:
    """A message to a worker.

    Raises:
        msgspec.MsgspecError: it is none.
    """
    message: ToWorker = _for_worker.decode(body)
    return message


def from_worker(body: bytes) -> FromWorker:
    """A message from a worker.

    Raises:
        msgspec.MsgspecError: it is none.
    """
    message: FromWorker = _from_worker.decode(body)
    return message
