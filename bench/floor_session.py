"""Owns one connection of the floor: TLS on MemoryBIO, WebSocket by hand (RFC 6455).

Standard library only. A session that does anything but its work raises FloorError.
"""

import base64
import hashlib
import os
import socket
import ssl
from enum import IntEnum

_RECEIVE_BYTES = 65536
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3
_PING, _PONG = 0x89, 0x8A  # with FIN (RFC 6455 section 5.2)
_MASKED = 0x80
PAYLOAD_BYTES = 4
"""Of each ping."""
_HEADER_BYTES = 2
_SWITCHING = b"HTTP/1.1 101 "
_END_OF_HEADERS = b"\r\n\r\n"


class Stage(IntEnum):
    """How far a session is."""

    CONNECT = 0
    TLS = 1
    UPGRADE = 2
    HELD = 3


class FloorError(Exception):
    """A session did not do its work: the floor has no use for a run like that."""


class Session:
    """One connection, its TLS and its WebSocket."""

    __slots__ = ("due_ns", "incoming", "key", "left", "outgoing", "payload", "sock", "stage", "tls")

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, address: str) -> None:
        self.sock = sock
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=address)
        self.stage = Stage.CONNECT
        self.key = b""
        self.left = b""
        self.payload = b""
        self.due_ns = 0

    def flush(self) -> None:
        """Send what TLS has produced. Frames are tiny: a full socket buffer is a failure."""
        data = self.outgoing.read()
        if data and self.sock.send(data) != len(data):
            raise FloorError("a send was cut short")

    def shake_hands(self) -> bool:
        """Go on with the TLS handshake; True when it is done."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            self.flush()
            return False
        return True

    def ask_upgrade(self, host: str) -> None:
        """Send the opening handshake (RFC 6455 section 4.1), together with TLS's Finished."""
        self.key = base64.b64encode(os.urandom(16))
        request = (
            f"GET / HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {self.key.decode()}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        self.tls.write(request.encode())
        self.flush()

    def receive(self) -> bytes:
        """Take what the socket has and what TLS makes of it."""
        data = self.sock.recv(_RECEIVE_BYTES)
        if not data:
            raise FloorError("the server closed a session")
        self.incoming.write(data)
        return data

    def plaintext(self) -> bytes:
        """All decrypted bytes at hand, after what was left the last time."""
        parts = [self.left]
        try:
            while True:
                part = self.tls.read(_RECEIVE_BYTES)
                if not part:
                    raise FloorError("the server sent close_notify")
                parts.append(part)
        except ssl.SSLWantReadError:
            return b"".join(parts)

    def upgraded(self) -> bool:
        """Read the answer to the upgrade; True when it is whole and right."""
        self.left = self.plaintext()
        head, end, rest = self.left.partition(_END_OF_HEADERS)
        if not end:
            return False
        accept = base64.b64encode(hashlib.sha1(self.key + _GUID, usedforsecurity=False).digest())
        if not head.startswith(_SWITCHING) or accept not in head:
            raise FloorError("the server refused the upgrade")
        self.left, self.key = rest, b""
        return True

    def ping(self, payload: bytes) -> None:
        """Send a masked ping frame (RFC 6455 sections 5.3 and 5.5.2)."""
        mask = os.urandom(4)
        masked = (int.from_bytes(payload) ^ int.from_bytes(mask)).to_bytes(PAYLOAD_BYTES)
        self.payload = payload
        self.tls.write(bytes((_PING, _MASKED | PAYLOAD_BYTES)) + mask + masked)
        self.flush()

    def pongs(self) -> int:
        """Read frames; how many of them answered the ping in flight."""
        data = self.plaintext()
        answered = 0
        while len(data) >= _HEADER_BYTES and len(data) >= _HEADER_BYTES + data[1]:
            payload, opcode = data[_HEADER_BYTES : _HEADER_BYTES + data[1]], data[0]
            if opcode != _PONG:
                raise FloorError(f"the server sent a frame of type {opcode:#x}")
            if payload == self.payload:
                answered += 1
                self.payload = b""
            data = data[_HEADER_BYTES + len(payload) :]
        self.left = data
        return answered


def client_context() -> ssl.SSLContext:
    """The one context of a process: TLS 1.3 as stresser and the server agree on it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # stresser, too, verifies a chain once and not per session
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context
