"""ClientHellos before they are sent: which library here makes which, and what one holds.

Python's own OpenSSL has an ML-KEM share from 3.5 on. Where it is older, the one that comes with
cryptography may have it (`newer_tls.py`). What a hello is, its bytes tell, and no version does.
"""

import contextlib
import ssl
import struct
from collections.abc import Iterator
from functools import lru_cache

from stresser.model.client_hello import HelloFacts, HelloKind
from stresser.net.newer_tls import newer_context
from stresser.net.tls import ClientContext, TlsProfile, ascii_name, context_for

_RECORD, _MESSAGE, _RANDOM = 5, 4, 34
_HANDSHAKE, _CLIENT_HELLO = 22, 1
_SERVER_NAME, _KEY_SHARE = 0, 51
_NO_HELLO = "not one whole ClientHello"
_NAME_HEAD = 5
"""Length of the list, kind of the name, its length (RFC 6066 section 3)."""


class HelloNotMadeError(ValueError):
    """No library of this Python makes such a ClientHello; the text says what was tried."""


@lru_cache(maxsize=256)
def client_context(profile: TlsProfile) -> ClientContext:
    """The client that makes the hello which a profile asks for: Python's own, where it can.

    Raises:
        HelloNotMadeError: none can.
        OSError, ssl.SSLError: a CA file cannot be read.
    """
    own = context_for(profile)
    if profile.hello is None or hello_facts(own, "x.invalid").kind == profile.hello:
        return own
    newer = newer_context(profile)
    if newer is not None and hello_facts(newer, "x.invalid").kind == profile.hello:
        return newer
    what = "no key share of ML-KEM" if profile.hello is HelloKind.HYBRID else "no hello without one"
    others = "" if newer is None else f", and {newer.version}, which cryptography brings, neither"
    raise HelloNotMadeError(f"{ssl.OPENSSL_VERSION} makes {what}{others}")


def hello_facts(context: ClientContext, server_name: str) -> HelloFacts:
    """What the hello of a client for a name is."""
    return read_hello(hello_of(context, server_name))


def hello_of(context: ClientContext, server_name: str) -> bytes:
    """The bytes of a ClientHello, record header first; it goes nowhere."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=ascii_name(server_name))
    with contextlib.suppress(ssl.SSLWantReadError):  # it has said what it says first
        client.do_handshake()
    return outgoing.read()


def read_hello(hello: bytes) -> HelloFacts:
    """Read our own ClientHello (RFC 8446 section 4.1.2).

    Raises:
        ValueError: it is none.
    """
    name: tuple[int, int] | None = None
    groups: tuple[int, ...] = ()
    try:
        for kind, at, size in _extensions(hello):
            if kind == _SERVER_NAME:
                name = at + _NAME_HEAD, size - _NAME_HEAD
            elif kind == _KEY_SHARE:
                groups = tuple(_groups(hello[at + 2 : at + size]))
    except (struct.error, IndexError):
        raise ValueError(_NO_HELLO) from None
    return HelloFacts(
        size=len(hello),
        name_at=None if name is None else name[0],
        name_size=0 if name is None else name[1],
        groups=groups,
    )


def _extensions(hello: bytes) -> Iterator[tuple[int, int, int]]:
    """Type, place and size of each."""
    is_whole = len(hello) == _RECORD + _short(hello, 3)
    if not is_whole or hello[0] != _HANDSHAKE or hello[_RECORD] != _CLIENT_HELLO:
        raise ValueError(_NO_HELLO)
    at = _RECORD + _MESSAGE + _RANDOM
    at += 1 + hello[at]  # the session id
    at += 2 + _short(hello, at)  # cipher suites
    at += 1 + hello[at]  # compression methods
    end = at + 2 + _short(hello, at)
    at += 2
    while at < end:
        kind, size = _short(hello, at), _short(hello, at + 2)
        yield kind, at + 4, size
        at += 4 + size


def _groups(shares: bytes) -> Iterator[int]:
    at = 0
    while at < len(shares):
        yield _short(shares, at)
        at += 4 + _short(shares, at + 2)


def _short(data: bytes, at: int) -> int:
    number: int
    (number,) = struct.unpack_from(">H", data, at)
    return number
