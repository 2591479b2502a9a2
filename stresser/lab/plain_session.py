"""A session of the lab without TLS: what a `TlsSession` does, on the bare wire."""

import trio

from stresser.lab.tls_session import TlsSession
from stresser.lab.wire import Wire


class PlainSession(TlsSession):
    """The wire as a session: there is no handshake, no record, no close_notify and no alert."""

    def __init__(self, below: Wire) -> None:
        self.below = below
        self._unread = b""
        self.close_notified = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """What comes; b"" after the peer's FIN."""
        if self._unread:
            data, self._unread = self._unread, b""
            return data
        return await self.below.receive_some(max_bytes)

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Hand everything to the wire."""
        await self.below.send_all(data)

    async def flush(self) -> None:
        """Nothing waits."""
        await trio.lowlevel.checkpoint()

    async def close_notify(self) -> None:
        """Nothing says goodbye."""
        await trio.lowlevel.checkpoint()

    def record_of(self, data: bytes) -> bytes:
        """The data itself."""
        return data
