"""The answer to a WebSocket's opening handshake in its usual form, recognised without a parser.

Parsing it with h11 and wsproto takes a fifth of a handshake's CPU. What is plainly an acceptance
(RFC 6455 section 4.1) needs neither; of anything unusual this module only says that it is not
plain, and net/websocket.py asks them.
"""

import base64
import hashlib
import re

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 section 1.3
_PLAIN_HEAD = re.compile(rb"HTTP/1\.1 101(?: [ -~]*)?\r\n(?:[A-Za-z0-9-]+:[ -~]*\r\n)+\r\n")
"""Every name and value in printable ASCII, nothing folded: less than RFC 9112 allows."""
_UNUSUAL = {
    b"sec-websocket-extensions",
    b"sec-websocket-protocol",
    b"content-length",
    b"transfer-encoding",
}


def accept_token(key: bytes) -> bytes:
    """The Sec-WebSocket-Accept that proves that the peer has read our key."""
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())


def plainly_accepts(head: bytes, key: bytes) -> bool:
    """Whether a whole answer head accepts, with no subprotocol and nothing to think about."""
    if not _PLAIN_HEAD.fullmatch(head):
        return False
    lines = [line.partition(b":") for line in head.split(b"\r\n")[1:-2]]
    fields = {name.lower(): value.strip() for name, _, value in lines}
    return (
        fields.get(b"upgrade", b"").lower() == b"websocket"
        and fields.get(b"connection", b"").lower() == b"upgrade"
        and fields.get(b"sec-websocket-accept") == accept_token(key)
        and len(fields) == len(lines)  # none of them twice
        and fields.keys().isdisjoint(_UNUSUAL)
    )
