"""A session's bytes with no TLS around them: TCP, or the tunnel of a proxy.

It has the methods that a held session needs of a `TlsStream`, so that whoever reads and sends need
not know which of the two it is. There is no goodbye here: a FIN is all that an end can say, and who
sent it nothing shows.
"""

from typing import TypeAlias

from stresser.model.faults import PeerFin
from stresser.net.tap import Tap
from stresser.net.tls import Carrier, TlsStream

_SLICE = 4096
"""Handed up at a time, as of TLS."""
_LITTLE = 256


class PlainStream:
    """One connection without TLS."""

    __slots__ = ("_carrier", "_rest", "_unsent", "tap")

    junk = 0
    """Everything that comes is plaintext."""
    has_records = False
    """Nothing waits to be decrypted."""

    def __init__(self, tap: Tap, carrier: Carrier | None = None, early: bytes = b"") -> None:
        self.tap = tap
        """The socket with its memory."""
        self._carrier: Carrier = tap if carrier is None else carrier
        self._rest = early  # what came together with a proxy's word that the way is open
        self._unsent = b""

    async def receive_some(self) -> bytes:
        """What comes next, at most 4 KiB. Raises as `receive_any`."""
        return await self.receive_any()

    async def receive_any(self) -> bytes:
        """What comes next, at most 4 KiB; never nothing.

        Raises:
            PeerFin: the end.
            trio.BrokenResourceError: from the OSError of the transport.
        """
        if not self._rest:
            self._rest = await self._carrier.receive_some()
            if not self._rest:
                raise PeerFin
        data, self._rest = self._rest[:_SLICE], self._rest[_SLICE:]
        return data

    @property
    def is_direct(self) -> bool:
        """The socket itself carries it: `receive_nowait` may be used."""
        return self._carrier is self.tap

    def receive_nowait(self) -> bytes:
        """Read a little of a socket that is known to be readable.

        Raises:
            BlockingIOError: nothing was there after all.
            PeerFin, trio.BrokenResourceError: as `receive_any`.
        """
        data = self.tap.receive_nowait(_LITTLE)
        if not data:
            raise PeerFin
        return data

    @property
    def has_more(self) -> bool:
        """More has been read already: a fair reader lets others run first."""
        return bool(self._rest)

    @property
    def backlog(self) -> bool:
        """Some of what was sent is not yet in the kernel's hands."""
        return bool(self._unsent) or self._carrier.backlog

    def send_nowait(self, data: bytes | bytearray) -> None:
        """Send what the kernel takes; the rest waits in `backlog`."""
        self._unsent += data
        self.push_nowait()

    async def send_all(self, data: bytes | bytearray) -> None:
        """Send, waiting for the kernel. A dead transport is left to the reader."""
        self.send_nowait(data)
        if self.backlog:
            await self.flush()

    async def flush(self) -> None:
        """Send everything that waits. A dead transport is left to the reader."""
        self.push_nowait()
        while self._unsent or self._carrier.backlog:
            await self._carrier.wait_send_all_might_not_block()
            self.push_nowait()

    def push_nowait(self) -> None:
        """Hand on what waits, as far as it is taken."""
        if self._unsent:
            taken = self._carrier.send_nowait(self._unsent)
            self._unsent = self._unsent[taken:]

    def close_notify_nowait(self) -> None:
        """Without TLS there is none."""

    def release_buffer(self) -> None:
        """Without TLS there is none."""


SessionStream: TypeAlias = TlsStream | PlainStream
"""What a session is held on."""
