"""Streams that a middlebox puts in a flow's way: a corrupted record, a delay line.

They know nothing of the flow and its rules.
"""

from collections.abc import Callable
from typing import Final

import trio

_HEADER_SIZE: Final = 5  # of a TLS record, RFC 8446 section 5.1
_FLIP: Final = 0x55
_LINE_CHUNKS: Final = 256  # of at most 64 KiB each: what a delay line may hold


class RecordCorruptor:
    """Flips one byte of the first TLS record that begins after it is armed."""

    def __init__(self) -> None:
        self._header = bytearray()
        self._body = 0
        self._flip_next = False
        self.done = False

    def pass_through(self, data: bytes, *, armed: bool) -> bytes:
        """Follow the record layer; return the data, with the byte flipped where it is due."""
        if self.done:
            return data
        position = 0
        while position < len(data):
            if self._body:
                if self._flip_next:
                    self.done = True
                    return data[:position] + bytes((data[position] ^ _FLIP,)) + data[position + 1 :]
                step = min(self._body, len(data) - position)
                self._body -= step
            else:
                step = min(_HEADER_SIZE - len(self._header), len(data) - position)
                self._read_header(data[position : position + step], armed=armed)
            position += step
        return data

    def _read_header(self, piece: bytes, *, armed: bool) -> None:
        if armed and not self._header:
            self._flip_next = True
        self._header += piece
        if len(self._header) == _HEADER_SIZE:
            self._body = int.from_bytes(self._header[3:5], "big")
            self._header.clear()


async def delayed(
    receive: Callable[[], "trio.abc.ReceiveStream"],  # placeholder
) -> None:
    raise NotImplementedError
