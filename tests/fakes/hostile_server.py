"""A process with a port for each kind of hostile peer: it breaks rules, floods, or says nothing.

`python -m tests.fakes.hostile_server CERTIFICATE` (PEM, key and chain) prints `{kind: port}` and
ends when standard input does. Threads and the standard library: nothing of stresser's.
"""

import base64
import hashlib
import json
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from itertools import repeat
from typing import TypeAlias

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3
_MANY = 1365
_ESCAPES = b"\x1b]0;owned\x07\x1b[2J\x1b[31m\xe2\x80\xae%s%n<script>alert(1)</script>" * 40
Tls: TypeAlias = ssl.SSLSocket
Kind: TypeAlias = Callable[[Tls], None]


def _request(tls: Tls) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        data = tls.recv(4096)
        if not data:
            raise EOFError
        head += data
    return head


def _acceptance(head: bytes, *fields: bytes) -> bytes:
    _, _, rest = head.lower().partition(b"sec-websocket-key:")
    key = head[len(head) - len(rest) :].split(b"\r\n", 1)[0].strip()
    accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
    lines = [b"HTTP/1.1 101 Switching Protocols", b"Upgrade: websocket", b"Connection: Upgrade"]
    return b"\r\n".join([*lines, *fields, b"Sec-WebSocket-Accept: " + accept, b"", b""])


def _swallow(tls: Tls) -> None:
    while tls.recv(65_536):
        pass


def _reading(tls: Tls, act: Callable[[], None]) -> None:
    """Act while all that comes is thrown away."""
    threading.Thread(target=_quietly, args=(_swallow, tls), daemon=True).start()
    act()


def after_upgrade(*frames: bytes, again: bytes = b"") -> Kind:
    """Frames behind the acceptance; then, where there is something to repeat, that for ever."""

    def go(tls: Tls) -> None:
        tls.sendall(_acceptance(_request(tls)) + b"".join(frames))

        def flood() -> None:
            for part in repeat(again * _MANY) if again else ():
                tls.sendall(part)

        _reading(tls, flood) if again else _swallow(tls)

    return go


def answer(*parts: bytes, again: bytes = b"") -> Kind:
    """This in the place of an acceptance; then something for ever."""

    def go(tls: Tls) -> None:
        _request(tls)
        for part in parts:
            tls.sendall(part)
        while again:
            tls.sendall(again)
        _swallow(tls)

    return go


def accepted_with(*fields: bytes) -> Kind:
    def go(tls: Tls) -> None:
        tls.sendall(_acceptance(_request(tls), *fields))
        _swallow(tls)

    return go


def never_reads(tls: Tls) -> None:
    """Pings for ever; the pongs stay in the network."""
    tls.sendall(_acceptance(_request(tls)))
    while True:
        tls.sendall(b"\x89\x7d" + bytes(125))


def wrong_pongs(tls: Tls) -> None:
    tls.sendall(_acceptance(_request(tls)))
    while tls.recv(4096):
        tls.sendall(b"\x8a\x04\xff\xff\xff\xff" + b"\x8a\x7d" + bytes(125))


def byte_by_byte(tls: Tls) -> None:
    """Each byte in a record and a segment of its own."""
    tls.sendall(_acceptance(_request(tls)))

    def drip() -> None:
        for byte in repeat(b"\x82"):
            tls.sendall(byte)
            tls.sendall(b"\x00")

    _reading(tls, drip)


def speaks_first(tls: Tls) -> None:
    tls.sendall(_acceptance(b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n") + b"\x81\x01x")
    _swallow(tls)


def never_closes(tls: Tls) -> None:
    """A close frame, and then data for ever."""
    tls.sendall(_acceptance(_request(tls)) + b"\x88\x02\x03\xe9")

    def go_on() -> None:
        for data in repeat(b"\x82\x7e\x0f\xff" + bytes(4095)):
            tls.sendall(data)

    _reading(tls, go_on)


def garbage_behind_close_notify(tls: Tls) -> None:
    tls.sendall(_acceptance(_request(tls)))
    raw = tls.unwrap()
    for _ in range(100):
        raw.sendall(bytes(range(256)))


def tls_alone(again: bytes) -> Kind:
    def go(tls: Tls) -> None:
        while True:
            tls.sendall(again)

    return go


def plain(*parts: bytes, again: bytes = b"") -> Callable[[socket.socket], None]:
    """Bytes in the place of a ServerHello, and then some for ever."""

    def go(sock: socket.socket) -> None:
        sock.recv(4096)
        for part in parts:
            sock.sendall(part)
        while again:
            sock.sendall(again)
        while sock.recv(4096):
            pass

    return go


_LARGE_MESSAGE = b"\x02\x7f" + struct.pack("!Q", 1 << 40)
UPGRADED: dict[str, Kind] = {
    "fragments": after_upgrade(b"\x02\x01x", again=b"\x00\x01x"),
    "empty-fragments": after_upgrade(b"\x02\x00", again=b"\x00\x00"),
    "empty-messages": after_upgrade(again=b"\x82\x00"),
    "pings": after_upgrade(again=b"\x89\x01x"),
    "pongs": after_upgrade(again=b"\x8a\x01x"),
    "pings-unread": never_reads,
    "wrong-pongs": wrong_pongs,
    "masked-frames": after_upgrade(b"\x82\x81\0\0\0\0x"),
    "reserved-bits": after_upgrade(b"\xf2\x01x"),
    "reserved-opcode": after_upgrade(b"\x83\x01x"),
    "large-ping": after_upgrade(b"\x89\x7e\x00\x7e" + bytes(126)),
    "split-ping": after_upgrade(b"\x09\x01x"),
    "not-utf8": after_upgrade(b"\x81\x02\xc3\x28"),
    "half-a-letter": after_upgrade(b"\x01\x01\xf0", again=b"\x00\x00"),
    "continuation-of-nothing": after_upgrade(b"\x80\x01x"),
    "length-beyond-2-63": after_upgrade(b"\x82\x7f" + b"\xff" * 8),
    "endless-message": after_upgrade(_LARGE_MESSAGE, again=b"\0" * 48),
    "close-of-one-byte": after_upgrade(b"\x88\x01\x03"),
    "close-code-0": after_upgrade(b"\x88\x02\x00\x00"),
    "close-reason-no-text": after_upgrade(b"\x88\x7d\x03\xe8" + _ESCAPES[:120] + b"\xff\xfe\xfd"),
    "never-closes": never_closes,
    "byte-by-byte": byte_by_byte,
    "speaks-first": speaks_first,
    "garbage-behind-close-notify": garbage_behind_close_notify,
    "escapes-in-head": accepted_with(b"Server: " + _ESCAPES, b"Via: 1.1 " + _ESCAPES),
    "thousand-fields": accepted_with(*(b"X-%d: y" % n for n in range(1000))),
    "extension-unasked": accepted_with(b"Sec-WebSocket-Extensions: permessage-deflate"),
    "subprotocol-unasked": accepted_with(b"Sec-WebSocket-Protocol: \x1b[2Jmqtt"),
    "endless-interim": answer(again=b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 50),
    "status-of-a-thousand-digits": answer(b"HTTP/1.1 " + b"9" * 1000 + b" x\r\n\r\n"),
    "endless-refusal": answer(b"HTTP/1.1 403 No\r\nVia: z\r\n\r\n", again=b"<b>" * 4096),
    "realm": answer(
        b'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="' + _ESCAPES * 5 + b'"\r\n\r\n'
    ),
    "location": answer(
        b"HTTP/1.1 302 Found\r\nLocation: https://user:pw@" + b"a" * 20_000 + b"/?t=1\r\n\r\n"
    ),
    "tickets": after_upgrade(),
}
TLS_ALONE: dict[str, Kind] = {"bytes": tls_alone(b"x"), "blocks": tls_alone(bytes(16_384))}
PLAIN: dict[str, Callable[[socket.socket], None]] = {
    "warnings-for-ever": plain(again=b"\x15\x03\x03\x00\x02\x01\x5a"),
    "change-cipher-for-ever": plain(again=b"\x14\x03\x03\x00\x01\x01"),
    "empty-records": plain(again=b"\x16\x03\x03\x00\x00"),
    "endless-certificate": plain(
        b"\x16\x03\x03\x00\x04\x0b\xff\xff\xff", again=b"\x16\x03\x03\x40\x00" + bytes(16_384)
    ),
    "ssh": plain(b"SSH-2.0-OpenSSH_9.9\r\n"),
}
TICKETS = 20_000


def _quietly(act: Callable[..., None], *arguments: object) -> None:
    with suppress(OSError, EOFError, ValueError):
        act(*arguments)


def _serve(listener: socket.socket, kind: str, context: ssl.SSLContext) -> None:
    def one(sock: socket.socket) -> None:
        with sock:
            if kind in PLAIN:
                PLAIN[kind](sock)
                return
            with context.wrap_socket(sock, server_side=True) as tls:
                (UPGRADED | TLS_ALONE)[kind](tls)

    while True:
        sock, _ = listener.accept()
        threading.Thread(target=_quietly, args=(one, sock), daemon=True).start()


def main() -> None:
    ports = {}
    for kind in [*UPGRADED, *TLS_ALONE, *PLAIN]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1])
        context.num_tickets = TICKETS if kind == "tickets" else 2
        listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        ports[kind] = listener.getsockname()[1]
        threading.Thread(target=_serve, args=(listener, kind, context), daemon=True).start()
    print(json.dumps(ports), flush=True)
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
