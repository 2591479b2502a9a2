"""Flips one byte of one TLS record on its way, and leaves the record layer intact otherwise."""

from typing import Final

_HEADER_SIZE: Final = 5  # RFC 8446 section 5.1
_FLIP: Final = 0x55


class RecordCorruptor:
    """Follows one direction's records; spoils the first that begins after it is armed."""

    def __init__(self) -> None:
        self._header = bytearray()
        self._body_left = 0
        self._spoil = False
        self.done = False

    def pass_through(self, data: bytes, *, armed: bool) -> bytes:
        """The data, with the first byte of a record's body flipped where that is due."""
        position = 0
        while position < len(data) and not self.done:
            rest = len(data) - position
            if self._body_left and self._spoil:
                self.done = True
                return data[:position] + bytes((data[position] ^ _FLIP,)) + data[position + 1 :]
            if self._body_left:
                step = min(self._body_left, rest)
                self._body_left -= step
            else:
                step = min(_HEADER_SIZE - len(self._header), rest)
                self._read_header(data[position : position + step], armed=armed)
            position += step
        return data

    def _read_header(self, piece: bytes, *, armed: bool) -> None:
        if not self._header:
            self._spoil = armed
        self._header += piece
        if len(self._header) == _HEADER_SIZE:
            self._body_left = int.from_bytes(self._header[3:5], "big")
            self._header.clear()
