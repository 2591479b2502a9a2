"""What our own handshake says of a chain, asked without the peer that served it.

A client of this process is given a ServerHello of TLS 1.2 and the chain as the server's certificate
(RFC 5246 sections 7.4.1.3 and 7.4.2). It verifies the chain there and then: with the roots, the
dates, the name, the purpose and the security level of a real handshake, because it is one. What
would come next needs the server's key, and is not asked for.
"""

import contextlib
import os
import ssl
from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from msgspec import Struct

from stresser.net.chain_facts import UNREADABLE, load, quiet
from stresser.net.tls import ascii_name

_LARGEST_RECORD = 1 << 14
_HANDSHAKE, _SERVER_HELLO, _CERTIFICATE = 22, 2, 11
_TLS_1_2 = b"\x03\x03"
_SAFE_RENEGOTIATION = b"\xff\x01\x00\x01\x00"
"""RFC 5746: without it OpenSSL goes no further."""
_OF_RSA, _OF_CURVES = b"\xc0\x2f", b"\xc0\x2b"
"""ECDHE with AES-128-GCM, signed by RSA and by ECDSA or EdDSA."""
_OTHER_SUITE = "WRONG_CERTIFICATE_TYPE"


class Rehearsal(Struct, frozen=True, kw_only=True):
    """How a handshake takes a chain."""

    is_accepted: bool
    code: int | None = None
    """X509_V_ERR_ number (openssl/x509_vfy.h) of a chain that was verified and refused."""
    reason: str = ""
    """OpenSSL's words for that number, or its name for what kept it from verifying."""
    path: tuple[bytes, ...] = ()
    """The certificates that were joined to a path, DER, leaf first; empty: it was not tried."""


def rehearse(context: ssl.SSLContext, chain: Sequence[bytes], server_name: str) -> Rehearsal:
    """Put a chain (DER, leaf first) to a client. Never raises for what a peer sent."""
    first, second = _suites(chain)
    answer = _rehearse(context, chain, server_name, first)
    if answer.reason == _OTHER_SUITE:
        answer = _rehearse(context, chain, server_name, second)
    return answer


def _suites(chain: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The likelier suite first: the leaf's key decides which of them a server can speak."""
    try:
        with quiet():
            is_rsa = isinstance(load(chain[0] if chain else b"").public_key(), rsa.RSAPublicKey)
    except UNREADABLE:
        is_rsa = True
    return (_OF_RSA, _OF_CURVES) if is_rsa else (_OF_CURVES, _OF_RSA)


def _rehearse(
    context: ssl.SSLContext, chain: Sequence[bytes], server_name: str, suite: bytes
) -> Rehearsal:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    name = ascii_name(server_name)
    client = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):  # it has sent its hello
        client.do_handshake()
    incoming.write(_flight(chain, suite))
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:  # it waits for what comes after the chain
        return Rehearsal(is_accepted=True, path=_path(client))
    except ssl.SSLCertVerificationError as exc:
        return Rehearsal(
            is_accepted=False, code=exc.verify_code, reason=exc.verify_message, path=_path(client)
        )
    except (ssl.SSLError, ValueError) as exc:
        return Rehearsal(is_accepted=False, reason=getattr(exc, "reason", None) or "UNREADABLE")
    return Rehearsal(is_accepted=False, reason="UNREADABLE")


def _path(client: Any) -> tuple[bytes, ...]:
    public = getattr(client, "get_verified_chain", None)  # since Python 3.13
    if public is not None:
        return tuple(public() or ())
    # Until then the same call exists one level down (cpython Modules/_ssl/cert.c, 3.10).
    found = client._sslobj.get_verified_chain() or ()  # noqa: SLF001 - no public way before 3.13
    return tuple(certificate.public_bytes(2) for certificate in found)  # _ssl.ENCODING_DER


def _flight(chain: Sequence[bytes], suite: bytes) -> bytes:
    extensions = _sized(_SAFE_RENEGOTIATION, 2)
    hello = _TLS_1_2 + os.urandom(32) + b"\0" + suite + b"\0" + extensions
    certificates = _sized(b"".join(_sized(der, 3) for der in chain), 3)
    messages = _message(_SERVER_HELLO, hello) + _message(_CERTIFICATE, certificates)
    pieces = range(0, len(messages), _LARGEST_RECORD)
    return b"".join(
        bytes([_HANDSHAKE]) + _TLS_1_2 + _sized(messages[at : at + _LARGEST_RECORD], 2)
        for at in pieces
    )


def _message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + _sized(body, 3)


def _sized(data: bytes, size: int) -> bytes:
    return len(data).to_bytes(size, "big") + data
