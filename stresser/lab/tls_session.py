"""TLS over a wire of the lab, on MemoryBIO: an independent peer that can also misbehave.

Unlike trio.SSLStream it shows the bytes that TLS made before they leave, so that a fault can
spoil, cut or drip them.
"""

import os
import ssl
from contextlib import suppress
from typing import Final

import trio

from stresser.lab.wire import Wire

_CIPHERTEXT_CHUNK: Final = 65_536
_PLAINTEXT_CHUNK: Final = 16_384  # RFC 8446 section 5.1: no record holds more
_CLOSE_S: Final = 2.0
_BROKEN_RECORD: Final = b"\x17\x03\x03\x01\x00"  # application data, 256 bytes
_BROKEN_RECORDS_ENOUGH: Final = 80  # the first may complete a half-received record of 16 KiB


class TlsSession(trio.abc.Stream):
    """One TLS session above `below`. After `handshake` it is a stream of plaintext.

    `receive_some` gives b"" for close_notify; a FIN without one, an alert and a reset raise
    BrokenResourceError.
    """

    def __init__(
        self,
        below: Wire,
        context: ssl.SSLContext,
        *,
        server_side: bool = True,
        name: str | None = None,
    ) -> None:
        """As a client, `name` is the server to ask for."""
        self.below = below
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_side, server_hostname=name
        )
        self._sending = trio.Lock()
        self._unread = b""
        self.close_notified = False

    async def handshake(self) -> None:
        """Shake hands; on failure the alert that OpenSSL wrote has been sent."""
        while True:
            try:
                self._object.do_handshake()
            except ssl.SSLWantReadError:
                await self.flush()
                await self._feed()
            except ssl.SSLError as error:
                await self.flush()
                raise trio.BrokenResourceError(str(error)) from error
            else:
                await self.flush()
                return

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Plaintext, at most 16 KiB."""
        if self._unread:
            data, self._unread = self._unread, b""
            return data
        while True:
            try:
                data = self._object.read(max_bytes or _PLAINTEXT_CHUNK)
            except ssl.SSLWantReadError:
                await self.flush()  # a key update's answer, for one
                await self._feed()
            except ssl.SSLZeroReturnError:
                data = b""  # once we have sent ours as well, OpenSSL raises it
                break
            except ssl.SSLError as error:
                await self.flush()  # the alert
                raise trio.BrokenResourceError(str(error)) from error
            else:
                break
        self.close_notified = not data
        return data

    def unread(self, data: bytes) -> None:
        """Have the next `receive_some` give this again, whole."""
        self._unread = data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and hand everything to the stream below."""
        async with self._sending:
            try:
                with memoryview(data) as rest:
                    for start in range(0, len(rest), _PLAINTEXT_CHUNK):
                        self._object.write(rest[start : start + _PLAINTEXT_CHUNK])
            except ssl.SSLError as error:
                raise trio.BrokenResourceError(str(error)) from error
            await self._send_outgoing()

    async def flush(self) -> None:
        """Send what OpenSSL wrote of its own accord."""
        if self._outgoing.pending:
            async with self._sending:
                await self._send_outgoing()

    async def close_notify(self) -> None:
        """Send the alert that ends this direction (RFC 8446 section 6.1)."""
        with suppress(ssl.SSLError):  # WantRead: the peer's own has not come, and need not
            self._object.unwrap()
        await self.flush()

    async def fatal_alert(self) -> None:
        """Make OpenSSL send an encrypted bad_record_mac, by feeding it records that are noise."""
        for _ in range(_BROKEN_RECORDS_ENOUGH):
            self._incoming.write(_BROKEN_RECORD + os.urandom(256))
            try:
                while self._object.read(_PLAINTEXT_CHUNK):
                    pass
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError:
                break
        await self.flush()

    async def answer_of_hello(self, hello: bytes) -> bytes:
        """The flight that answers a ClientHello, unsent."""
        self._incoming.write(hello)
        with suppress(ssl.SSLError):  # WantRead, or an alert that is in the BIO too
            self._object.do_handshake()
        await trio.lowlevel.checkpoint()
        return self._outgoing.read()

    def record_of(self, data: bytes) -> bytes:
        """One message as ciphertext, unsent."""
        self._object.write(data)
        return self._outgoing.read()

    @property
    def server_name(self) -> str | None:
        """The host name that a client asked an inspection context for."""
        name: str | None = getattr(self._object, "name_seen", None)
        return name

    async def end(self, *, notify: bool) -> None:
        """FIN, with close_notify before it where that is wanted."""
        if notify:
            await self.close_notify()
        self.below.shut()

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the stream below has room."""
        await self.below.wait_send_all_might_not_block()

    async def aclose(self) -> None:
        """close_notify, then close the stream below."""
        try:
            with trio.move_on_after(_CLOSE_S):
                await self.close_notify()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # nobody is left to be told
        finally:
            await self.below.aclose()

    async def _feed(self) -> None:
        data = await self.below.receive_some(_CIPHERTEXT_CHUNK)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    async def _send_outgoing(self) -> None:
        data = self._outgoing.read()
        if data:
            await self.below.send_all(data)
