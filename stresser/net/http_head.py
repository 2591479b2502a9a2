"""The head of an HTTP/1 answer, read from a peer that may send anything (RFC 9112 section 2.1).

Bounded in memory and in the number of interim answers; bounded in time by the caller's deadline.
"""

import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator

from stresser.model.faults import ProtocolViolation
from stresser.model.location import place_of

HEAD_LIMIT = 32_768
"""Bytes of an answer's head, interim answers before it included."""
_END_OF_HEAD = b"\r\n\r\n"
_INTERIM = re.compile(rb"HTTP/1\.[01] 1(?!01)[0-9]{2}\b")
_SHOWN = 256
TELLING = frozenset(
    {
        "server", "via", "location", "retry-after", "x-cache", "www-authenticate",
        "proxy-authenticate", "proxy-agent", "proxy-connection", "proxy-status", "forwarded",
        "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-squid-error",
        "x-cache-lookup",
    }
)  # fmt: skip
"""Headers that tell who answered, and through whom (lower case)."""


async def read_head(
    receive: Callable[[], Awaitable[bytes]], layer: str = "http"
) -> tuple[bytes, bytes]:
    """The final answer's head, and what was received behind it.

    Interim answers are passed over (RFC 9110 section 15.2); 101 is none.

    Raises:
        ProtocolViolation: of `layer`: too long, or not HTTP.
        and what `receive` raises.
    """
    received = bytearray()
    total = 0
    while True:
        data = await receive()
        total += len(data)
        received += data
        head = _take_head(received)
        if head is not None:
            return head, bytes(received)
        if total > HEAD_LIMIT:
            detail = f"answer head longer than {HEAD_LIMIT} bytes"
            raise ProtocolViolation(layer, detail, bytes(received))
        if not b"HTTP/1.".startswith(received[:7]):
            detail = f"answer is not HTTP: {bytes(received[:32])!r}"
            raise ProtocolViolation(layer, detail, bytes(received))


def _take_head(received: bytearray) -> bytes | None:
    while (end := received.find(_END_OF_HEAD)) >= 0:
        head = bytes(received[: end + len(_END_OF_HEAD)])
        del received[: len(head)]
        if not _INTERIM.match(head):
            return head
    return None


def status_line(head: bytes) -> bytes:
    """The first line."""
    return head.split(b"\r\n", 1)[0]


def reason_phrase(head: bytes) -> str:
    """What stands behind the status, cut."""
    words = status_line(head).decode("latin-1").split(" ", 2)
    return words[2][:_SHOWN] if len(words) > 2 else ""  # noqa: PLR2004 - version, status, reason


def telling_headers(
    headers: Iterable[tuple[bytes, bytes]], names: Collection[str]
) -> dict[str, str]:
    """Those of these names (lower case), each cut; of one that is there twice, both.

    Of a `Location` scheme, host and path are kept: the rest may be a password or a token.
    """
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name == "location":
            value = place_of(value)
        if name in names:
            before = f"{found[name]}, " if name in found else ""
            found[name] = (before + value)[:_SHOWN]
    return found


def header_fields(head: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and value of each line that has both; no other is believed."""
    for line in head.split(b"\r\n")[1:]:
        name, colon, value = line.partition(b":")
        if colon:
            yield name.strip(), value.strip()
