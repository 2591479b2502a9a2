"""TLS on MemoryBIO over a transport; sole owner of SSLContext and SSLObject.

Not `ssl.SSLSocket`: before Python 3.13 it turns a RST into EOF. Not `trio.SSLStream`: a held
session costs a third more CPU with it (docs/measurements.md), and a send that fails there
hides the alert that is already in the receive buffer.
"""

import contextlib
import ssl
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct

from stresser.model.client_hello import HelloKind
from stresser.model.faults import CertificateRejected, PeerCloseNotify, PeerFin
from stresser.net.tap import Tap
from stresser.net.tls_errors import translate

_SLICE = 4096
"""Plaintext handed up at a time: what one flooding peer can make us parse in one go."""
_LITTLE = 256
"""Read at once of a session from which a pong is expected: Python's own heap has room for it."""

_LONGEST_RECORD = 17 << 10
"""RFC 8446 section 5.2. What is longer and holds no plaintext is session tickets and the like."""
_HYBRID_SINCE = (3, 5)
"""OpenSSL offers an ML-KEM share."""


class TlsProfile(Struct, frozen=True, kw_only=True):
    """What sessions of one endpoint agree to; one SSLContext is shared by all of them.

    (A context costs 0.85 MB and 18 ms.)
    """

    require: bool
    """End the handshake with an alert where the chain does not verify (OpenSSL's own check)."""
    ca_files: tuple[str, ...] = ()
    """PEM files trusted besides the system's roots."""
    alpn: tuple[str, ...] = ()
    version: str | None = None
    """`1.2` or `1.3`: offer that version alone."""
    hello: HelloKind | None = None
    """Its key shares, to which `hello_bytes.py` sees; None: the library's own."""


class ClientContext(Protocol):
    """What makes the two ends of a client's TLS: an `SSLContext`, or `newer_tls.NewerContext`."""

    keylog_filename: Any

    def wrap_bio(
        self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *, server_hostname: bytes
    ) -> Any:
        """An `SSLObject`, or what does as one."""


@lru_cache(maxsize=256)
def context_for(profile: TlsProfile) -> ssl.SSLContext:
    """The client context that all sessions of a profile share.

    Raises:
        OSError, ssl.SSLError: when a CA file cannot be read.
    """
    context = trusting(profile.ca_files, this_host=True) if profile.require else _bare_context()
    if profile.version is not None:
        wanted = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[profile.version]
        context.minimum_version = context.maximum_version = wanted
    if not profile.require:
        # The chain is judged apart, by net/trust.py: the session is held all the same.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if profile.alpn:
        context.set_alpn_protocols(list(profile.alpn))
    if profile.hello == HelloKind.CLASSIC and ssl.OPENSSL_VERSION_INFO >= _HYBRID_SINCE:
        context.set_ecdh_curve("prime256v1")  # the one that all have to know (RFC 8446 section 9.1)
    return context


def trusting(files: tuple[str, ...], *, this_host: bool) -> ssl.SSLContext:
    """A client that verifies: by the roots in PEM files, and by this host's own if asked to.

    Raises:
        OSError, ssl.SSLError: when a file cannot be read.
    """
    context = _bare_context()
    if this_host:
        context.load_default_certs()
    for path in files:
        context.load_verify_locations(path)
    return context


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """A server's context: its chain, leaf first, and the leaf's key, both PEM.

    Raises:
        OSError, ssl.SSLError: a file cannot be read, or the two do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    context.set_alpn_protocols(["http/1.1"])
    context.num_tickets = 0  # nobody resumes here, and OpenSSL would keep each session for it
    context.load_cert_chain(certificate, key)
    return context


def _bare_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Left set, a truncation would look like an orderly close (RFC 8446 section 6.1).
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class Carrier(Protocol):
    """What carries the records: a `Tap`, or TLS with a proxy (`net/proxy_tls.py`)."""

    @property
    def backlog(self) -> bool:
        """Some of what it took is not yet in the kernel's hands."""

    def send_nowait(self, data: bytes | memoryview) -> int:
        """Take what goes now; a dead transport takes all and leaves the news to the reader."""

    async def receive_some(self) -> bytes:
        """The next bytes; `b""` is the end."""

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until it takes more and has no backlog."""


@lru_cache(maxsize=1024)
def ascii_name(server_name: str) -> bytes:
    """In IDNA's form, which the ssl module would work out anew for each session."""
    return server_name.encode("idna")


class TlsStream:
    """One TLS connection over a `Tap` (or, in tests, over a stream with the same methods).

    Not a trio Stream: reading raises what the peer did, closing is in two steps, and
    `send_nowait` lets one scheduler send for thousands of sessions without awaiting any.
    """

    __slots__ = (
        "_barren", "_carrier", "_incoming", "_outgoing", "_ssl", "_unsent", "junk",
        "last_record", "tap",
    )  # fmt: skip

    def __init__(
        self,
        tap: Tap,
        context: ClientContext,
        server_name: str,
        carrier: Carrier | None = None,
        early: bytes = b"",
    ) -> None:
        self.tap = tap
        """The socket with its memory, whatever lies between it and this TLS."""
        self._carrier: Carrier = tap if carrier is None else carrier
        self._incoming = ssl.MemoryBIO()
        self._incoming.write(early)  # what came together with a proxy's word that the way is open
        self._outgoing = ssl.MemoryBIO()
        name = ascii_name(server_name)
        self._ssl = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        self._unsent = b""
        self.last_record: bytes | None = b""
        """Tail of what last came in, during the handshake: an alert that OpenSSL has no name
        for still has its number there."""
        self._barren = 0
        self.junk = 0
        """Bytes that the last read brought after more without plaintext than a record has."""

    async def handshake(self, *, flush: bool = True) -> None:
        """Shake hands.

        With `flush` False our last message waits to go out with what is sent next: one segment
        instead of two saves a tenth of a handshake's CPU on either side.

        Raises:
            PeerAlert, PeerFin, PeerCloseNotify, CertificateRejected, ProtocolViolation: what
                the peer did.
            trio.BrokenResourceError: from the OSError of the transport.
        """
        while True:
            try:
                self._ssl.do_handshake()
            except ssl.SSLWantReadError:
                await self.flush()
                self._take_in(await self._carrier.receive_some())
            except ssl.SSLError as exc:
                self._say_goodbye()
                raise translate(exc, self.last_record) from exc
            except ValueError as exc:  # e.g. embedded NUL in a certificate's name
                raise CertificateRejected(str(exc)) from exc
            else:
                break
        self.last_record = None
        if flush:
            await self.flush()

    async def receive_some(self) -> bytes:
        """The next plaintext, at most 4 KiB. Raises as `receive_any`."""
        while not (data := await self.receive_any()):
            pass
        return data

    async def receive_any(self) -> bytes:
        """The next plaintext, at most 4 KiB; none where what came next held none.

        Raises:
            PeerCloseNotify: the orderly end.
            PeerFin: TCP ended without it.
            PeerAlert, ProtocolViolation: as said.
            trio.BrokenResourceError: from the OSError of the transport.
        """
        # Reading costs an exception when nothing is there: look first.
        if not (self._incoming.pending or self._ssl.pending()):
            received = await self._carrier.receive_some()
            self._take_in(received)
            self._count_barren(len(received))
        if data := self._decrypted():
            return data
        await self.flush()
        return b""

    @property
    def is_direct(self) -> bool:
        """The socket itself carries the records: `receive_nowait` may be used."""
        return self._carrier is self.tap

    def receive_nowait(self) -> bytes:
        """Read a little of a socket that is known to be readable; `b""`: nothing whole came.

        Raises:
            BlockingIOError: nothing was there after all.
            PeerCloseNotify, PeerFin, PeerAlert, ProtocolViolation, trio.BrokenResourceError: as
                `receive_any`.
        """
        record = self.tap.receive_nowait(_LITTLE)
        if not record:
            raise PeerFin
        self._incoming.write(record)
        data = self._decrypted(_LITTLE)
        if not data:
            self._count_barren(len(record))
            self.push_nowait()
        return data

    def _count_barren(self, size: int) -> None:
        self._barren += size
        self.junk = size if self._barren > _LONGEST_RECORD else 0

    def _decrypted(self, most: int = _SLICE) -> bytes:
        """Plaintext of what has come in; `b""`: more must come, and something may have to go."""
        try:
            data: bytes = self._ssl.read(most)
        except ssl.SSLWantReadError:
            self.release_buffer()  # it was a ticket, or a part of something
            return b""
        except ssl.SSLError as exc:
            self._say_goodbye()
            raise translate(exc, self.last_record) from exc
        if not data:
            raise PeerCloseNotify
        self._barren = self.junk = 0
        return data

    @property
    def has_records(self) -> bool:
        """Something waits to be decrypted: `has_more`, where all of the last record was read."""
        return self._incoming.pending > 0

    @property
    def has_more(self) -> bool:
        """More plaintext is waiting: a fair reader lets others run first."""
        return bool(self._incoming.pending or self._ssl.pending())

    @property
    def backlog(self) -> bool:
        """Some of what was sent is not yet in the kernel's hands."""
        return bool(self._unsent) or self._carrier.backlog

    def send_nowait(self, data: bytes | bytearray) -> None:
        """Encrypt and send what the kernel takes; the rest waits in `backlog`."""
        try:
            self._ssl.write(data)
        except ssl.SSLError:
            # The TLS state is broken or shut down: the reader meets the reason.
            return
        self.push_nowait()

    async def send_all(self, data: bytes | bytearray) -> None:
        """Encrypt and send, waiting for the kernel. A dead transport is left to the reader."""
        self.send_nowait(data)
        if self.backlog:
            await self.flush()

    async def flush(self) -> None:
        """Send everything encrypted so far. A dead transport is left to the reader.

        While it waits, `send_nowait` may go on: what is unsent stays in one queue, for a
        record that overtakes the rest of another breaks the connection.
        """
        self.push_nowait()
        while self._unsent or self._carrier.backlog:
            await self._carrier.wait_send_all_might_not_block()
            self.push_nowait()

    def release_buffer(self) -> None:
        """Give back 16 KiB that OpenSSL may hold for a record to be sent.

        It takes them to process a session ticket and returns them after the next write only;
        a session that stays silent would keep them. Writing nothing is that write, and sends
        nothing (SSL_write_ex(3)).
        """
        with contextlib.suppress(ssl.SSLError):  # the reader meets the reason
            self._ssl.write(b"")

    def close_notify_nowait(self) -> None:
        """Tell the peer that nothing more comes (RFC 8446 section 6.1), without waiting."""
        try:
            self._ssl.unwrap()
        except ssl.SSLError:
            pass
        except ValueError:  # the handshake never finished
            return
        self.push_nowait()

    def push_nowait(self) -> None:
        """Hand on what waits, as far as it is taken."""
        pending = self._outgoing.read()
        if self._unsent:
            pending = self._unsent + pending
        if pending:
            taken = self._carrier.send_nowait(pending)
            self._unsent = b"" if taken == len(pending) else pending[taken:]

    def _say_goodbye(self) -> None:
        # OpenSSL has written the alert that says what we did not like.
        self.tap.is_parting = True
        self.push_nowait()

    def _take_in(self, data: bytes) -> None:
        if not data:
            raise PeerFin
        if self.last_record is not None:
            self.last_record = data[-_SLICE:]
        self._incoming.write(data)

    @property
    def version(self) -> str:
        """`TLSv1.3`, ..."""
        return self._ssl.version() or "unknown"

    @property
    def cipher(self) -> str:
        """OpenSSL's or the RFC's name of the suite."""
        cipher = self._ssl.cipher()
        return cipher[0] if cipher else "unknown"

    @property
    def alpn(self) -> str | None:
        """The protocol that the server chose (RFC 7301)."""
        chosen: str | None = self._ssl.selected_alpn_protocol()
        return chosen

    def chain(self) -> tuple[bytes, ...]:
        """The certificates as the peer served them, DER, leaf first; unverified."""
        return tuple(_der(certificate) for certificate in _served_chain(self._ssl))


def _served_chain(tls: ssl.SSLObject) -> Iterable[Any]:
    public = getattr(tls, "get_unverified_chain", None)  # since Python 3.13
    if public is not None:
        return public() or ()
    # Until then the same call exists one level down (cpython Modules/_ssl/cert.c, 3.10).
    inner: Any = tls._sslobj  # type: ignore[attr-defined]  # noqa: SLF001 - no public way before 3.13
    return inner.get_unverified_chain() or ()


def _der(certificate: Any) -> bytes:
    if isinstance(certificate, bytes):
        return certificate
    encoded: bytes = certificate.public_bytes(2)  # _ssl.ENCODING_DER
    return encoded
