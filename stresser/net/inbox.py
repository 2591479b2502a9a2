"""Puts the pieces of data messages together, as far as anybody may make us keep them."""

from collections.abc import Callable

LONGEST_MESSAGE = 1 << 20
"""Characters, or bytes: of a longer message so much is kept."""


class Inbox:
    """Takes pieces (`WebSocket.on_data`), hands on whole messages."""

    __slots__ = ("_on_message", "_pieces", "_size")

    def __init__(self, on_message: Callable[[str | bytes], bool]) -> None:
        self._on_message = on_message
        self._pieces: list[str | bytes] = []
        self._size = 0

    def take(self, piece: str | bytes | bytearray, is_last: bool) -> bool:  # noqa: FBT001 - as called
        """Keep a piece. Whether the message that it ended is enough for who hears it."""
        room = LONGEST_MESSAGE - self._size
        if piece and room > 0:
            kept = piece if isinstance(piece, str) else bytes(piece)
            self._pieces.append(kept[:room])
            self._size += len(kept)
        if not is_last:
            return False
        pieces, self._pieces, self._size = self._pieces, [], 0
        if not pieces:
            return self._on_message(piece if isinstance(piece, str) else b"")
        return self._on_message(_joined(pieces))


def _joined(pieces: list[str | bytes]) -> str | bytes:
    if isinstance(pieces[0], str):
        return "".join(piece for piece in pieces if isinstance(piece, str))
    return b"".join(piece for piece in pieces if isinstance(piece, bytes))
