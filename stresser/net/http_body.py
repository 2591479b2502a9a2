"""The body of an answer that is not read, passed over so that its connection can be used again.

Bounded in memory and size by `BODY_LIMIT`, in time by the caller's deadline (RFC 9112 sections 6, 7
and 9.3).
"""

from collections.abc import Awaitable, Callable

from stresser.net.http_head import header_fields, status_line

BODY_LIMIT = 262_144
"""Bytes. For a longer one a new connection costs less."""
_LONGEST_LINE = 4096
_CLOSES = (b"connection", b"proxy-connection")


async def skip_body(
    head: bytes, behind: bytes, receive: Callable[[], Awaitable[bytes]]
) -> bytes | None:
    """What was received behind the body; None: the connection is of no more use.

    It ends with this answer, or its body's end cannot be told or is far.

    Args:
        head: of the answer, as `read_head` gave it.
        behind: what was received behind that.
        receive: gives the next bytes.

    Raises:
        what `receive` raises.
    """
    fields: dict[bytes, bytes] = {}
    for name, value in header_fields(head):
        lowered = name.lower()
        fields[lowered] = b", ".join(filter(None, (fields.get(lowered), value.lower())))
    said = b", ".join(fields.get(name, b"") for name in _CLOSES)
    is_old = status_line(head).startswith(b"HTTP/1.0")
    if b"close" in said or (is_old and b"keep-alive" not in said):
        return None
    body = _Body(behind, receive)
    if b"chunked" in fields.get(b"transfer-encoding", b""):
        return await body.skip_chunks()
    length = fields.get(b"content-length", b"").split(b",")[0].strip()
    if not length.isdigit() or len(length) > len(str(BODY_LIMIT)):
        return None
    return await body.skip(int(length))


class _Body:
    def __init__(self, behind: bytes, receive: Callable[[], Awaitable[bytes]]) -> None:
        self._received = bytearray(behind)
        self._receive = receive
        self._skipped = 0

    async def skip(self, size: int) -> bytes | None:
        """The rest behind so many bytes."""
        self._skipped += size
        if self._skipped > BODY_LIMIT:
            return None
        while len(self._received) < size:
            self._received += await self._receive()
        del self._received[:size]
        return bytes(self._received)

    async def skip_chunks(self) -> bytes | None:
        """The rest behind the last chunk and its trailer."""
        while (line := await self._line()) is not None:
            size = line.split(b";")[0].strip()
            try:
                number = int(size, 16)
            except ValueError:
                return None
            if number == 0:
                return await self._skip_trailer()
            if not 0 < number <= BODY_LIMIT or await self.skip(number + len(b"\r\n")) is None:
                return None
        return None

    async def _skip_trailer(self) -> bytes | None:
        while (line := await self._line()) is not None:
            if not line:
                return bytes(self._received)
        return None

    async def _line(self) -> bytes | None:
        """The next one, its end taken off; None: it is too long."""
        while (end := self._received.find(b"\r\n")) < 0:
            if len(self._received) > _LONGEST_LINE:
                return None
            self._received += await self._receive()
        line = bytes(self._received[:end])
        del self._received[: end + 2]
        self._skipped += end + 2
        return line if self._skipped <= BODY_LIMIT else None
