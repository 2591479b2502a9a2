"""TLS by the OpenSSL that cryptography brings; sole owner of pyOpenSSL.

It is newer than Python's own on most systems, and its ClientHello is another: an ML-KEM share from
3.5 on, the server's name behind all else from 4.0 on. What `net/tls.py` asks of an `SSLObject` is
given here by a `Connection`, with the same errors. It judges no chain while it shakes hands: where
one is required, it is put to Python's OpenSSL, as by `net/trust.py`, before our last message goes.
"""

import os
import ssl
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from stresser.model.client_hello import HelloKind
from stresser.model.late_module import LateModule
from stresser.net.rehearsal import rehearse
from stresser.net.tls import TlsProfile, trusting
from stresser.scenario.endpoint import is_address

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec
    from OpenSSL import SSL, crypto
else:
    SSL, crypto = LateModule("OpenSSL.SSL"), LateModule("OpenSSL.crypto")
    ec = LateModule("cryptography.hazmat.primitives.asymmetric.ec")

T = TypeVar("T")
_TAKE = 1 << 16
_HEADER = 5
_RECORDS = range(20, 25)
_TLS_MAJOR = 3
_VERSIONS = {"1.2": 0x0303, "1.3": 0x0304}
_FRESH_NAMES = (("SSL/TLS_ALERT_", "SSLV3_ALERT_"),)
"""What OpenSSL calls some alerts since 3.2 (openssl/sslerr.h keeps the old symbols)."""


@lru_cache(maxsize=64)
def newer_context(profile: TlsProfile) -> "NewerContext | None":
    """The same client by the other library; None: there is none here.

    Raises:
        OSError, ssl.SSLError: a CA file cannot be read.
    """
    try:
        return NewerContext(profile)
    except ImportError:
        return None


class NewerContext:
    """What all sessions of a profile share."""

    def __init__(self, profile: TlsProfile) -> None:
        self._context = context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_verify(SSL.VERIFY_NONE)
        context.set_min_proto_version(_VERSIONS["1.2"])
        if profile.version is not None:
            wanted = _VERSIONS[profile.version]
            context.set_min_proto_version(wanted)
            context.set_max_proto_version(wanted)
        if profile.hello == HelloKind.CLASSIC:
            context.set_tmp_ecdh(ec.SECP256R1())
        if profile.alpn:
            context.set_alpn_protos([one.encode("ascii") for one in profile.alpn])
        self._required = trusting(profile.ca_files, this_host=True) if profile.require else None
        self._keys: Path | None = None
        context.set_keylog_callback(self._log_key)  # once it is in use it is not to be changed

    @property
    def version(self) -> str:
        """`OpenSSL 4.0.3 29 Sep 2026`."""
        return SSL.SSLeay_version(SSL.SSLEAY_VERSION).decode("ascii", "replace")

    @property
    def keylog_filename(self) -> str | None:
        """Where keys go (RFC 9850), as of an `SSLContext`."""
        return None if self._keys is None else str(self._keys)

    @keylog_filename.setter
    def keylog_filename(self, path: str | None) -> None:
        self._keys = None if path is None else Path(path)

    def _log_key(self, _connection: Any, line: bytes) -> None:
        if self._keys is not None:
            fd = os.open(self._keys, os.O_WRONLY | os.O_APPEND)
            try:
                os.write(fd, line + b"\n")
            finally:
                os.close(fd)

    def wrap_bio(
        self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *, server_hostname: bytes
    ) -> "NewerTls":
        """A client on two buffers."""
        connection = SSL.Connection(self._context, None)
        connection.set_connect_state()
        if not is_address(server_hostname.decode("ascii")):
            connection.set_tlsext_host_name(server_hostname)
        return NewerTls(connection, incoming, outgoing, self._refusal(server_hostname))

    def _refusal(self, server_name: bytes) -> "Callable[[list[bytes]], Exception | None] | None":
        context = self._required
        if context is None:
            return None

        def refusal(chain: list[bytes]) -> Exception | None:
            answer = rehearse(context, chain, server_name.decode("ascii"))
            return None if answer.is_accepted else _refused(answer.code, answer.reason)

        return refusal


class NewerTls:
    """One connection. Methods are those of `ssl.SSLObject` that `TlsStream` calls."""

    def __init__(
        self,
        connection: "SSL.Connection",
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        refusal: Callable[[list[bytes]], Exception | None] | None,
    ) -> None:
        self._connection = connection
        self._incoming = incoming
        self._outgoing = outgoing
        self._refusal = refusal
        self._record = b""

    def do_handshake(self) -> None:
        """One step. Raises as `ssl.SSLObject`."""
        self._fed(self._connection.do_handshake, shows=self._refusal is None)
        if self._refusal is not None:
            refused = self._refusal(self.get_unverified_chain())
            if refused is not None:
                raise refused
            self._show()

    def read(self, most: int) -> bytes:
        """Plaintext; `b""`: close_notify."""
        try:
            return self._fed(lambda: self._connection.recv(most))
        except ssl.SSLZeroReturnError:
            return b""

    def write(self, data: bytes | bytearray) -> int:
        """Encrypt."""
        return self._fed(lambda: self._connection.send(bytes(data))) if data else 0

    def unwrap(self) -> None:
        """Send close_notify."""
        self._fed(self._connection.shutdown)

    def pending(self) -> int:
        """Plaintext bytes that wait."""
        return self._connection.pending()

    def version(self) -> str:
        """`TLSv1.3`."""
        return self._connection.get_protocol_version_name()

    def cipher(self) -> tuple[str] | None:
        """The suite's name, alone in a tuple."""
        name = self._connection.get_cipher_name()
        return None if name is None else (name,)

    def selected_alpn_protocol(self) -> str | None:
        """What the server chose."""
        return self._connection.get_alpn_proto_negotiated().decode("ascii", "replace") or None

    def get_unverified_chain(self) -> list[bytes]:
        """As served, DER, leaf first."""
        served: Iterable[Any] = self._connection.get_peer_cert_chain() or ()
        return [crypto.dump_certificate(crypto.FILETYPE_ASN1, one) for one in served]

    def _fed(self, step: Callable[[], T], *, shows: bool = True) -> T:
        """One step, with as many records as it asks for, and no more: the rest stays outside."""
        while True:
            try:
                done = step()
            except SSL.WantReadError:
                if not self._feed():
                    self._show()
                    raise ssl.SSLWantReadError from None
            except SSL.ZeroReturnError:
                raise ssl.SSLZeroReturnError from None
            except SSL.Error as exc:
                self._show()
                raise _translated(exc) from exc
            else:
                if shows:
                    self._show()
                return done

    def _feed(self) -> bool:
        """Hand over one record, if a whole one has come; what is no record at once."""
        self._record += self._incoming.read(max(_HEADER - len(self._record), 0))
        if len(self._record) < _HEADER:
            return False
        kind, major = self._record[0], self._record[1]
        length = _HEADER + int.from_bytes(self._record[3:5], "big")
        is_record = kind in _RECORDS and major == _TLS_MAJOR
        if len(self._record) < length:
            self._record += self._incoming.read(length - len(self._record))
        if is_record and len(self._record) < length:
            return False
        self._connection.bio_write(self._record)
        self._record = b""
        return True

    def _show(self) -> None:
        """Hand out what waits to be sent."""
        try:
            while True:
                self._outgoing.write(self._connection.bio_read(_TAKE))
        except SSL.WantReadError:
            pass


def _translated(exc: "SSL.Error") -> ssl.SSLError:
    """As Python's ssl would raise it: `reason` is OpenSSL's symbol."""
    queue: Any = exc.args[0] if exc.args else ()
    words = str(queue[0][-1]) if isinstance(queue, list) and queue else "unknown error"
    reason = words.upper().replace(" ", "_")
    for fresh, usual in _FRESH_NAMES:
        reason = reason.replace(fresh, usual)
    error = ssl.SSLError(ssl.SSL_ERROR_SSL, f"[SSL: {reason}] {words}")
    error.reason = reason
    return error


def _refused(code: int | None, reason: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(ssl.SSL_ERROR_SSL, reason)
    error.reason = "CERTIFICATE_VERIFY_FAILED"
    error.verify_code, error.verify_message = code or 0, reason
    return error
