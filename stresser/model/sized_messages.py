"""Messages by which an endpoint of ours is asked for an answer of another size.

The lab and the reflector send a message back as it is, unless it begins with this mark: then it
says how long the answer is to be, so that much goes up and little comes down, or the other way.
"""

import os
import struct
from functools import lru_cache
from typing import Final

_HEAD: Final = struct.Struct("!12sII")
_MARK: Final = b"stresser-sz1"
LEAST_BYTES: Final = _HEAD.size
"""A message with no more than its number and the size of its answer."""
_LONGEST: Final = 1 << 20
"""The lab and the reflector take no longer messages, either."""


def sized_message(number: int, size: int, answer_size: int) -> bytes:
    """One of `size` bytes that asks for an answer of `answer_size`, both `LEAST_BYTES` or more."""
    head = _HEAD.pack(_MARK, number & 0xFFFF_FFFF, answer_size)
    return head + _filler(size - LEAST_BYTES)


def sized_answer(message: str | bytes) -> str | bytes:
    """What an endpoint of ours answers; a message of anybody else's comes back as it is."""
    if not isinstance(message, bytes) or not message.startswith(_MARK) or len(message) < _HEAD.size:
        return message
    _, _, size = _HEAD.unpack_from(message)
    head = message[:LEAST_BYTES]
    return head + _filler(min(max(size, LEAST_BYTES), _LONGEST) - LEAST_BYTES)


def answers_sized(answer: str | bytes, number: int, answer_size: int) -> bool:
    """Whether this is the whole answer to the message of that number."""
    head = _HEAD.pack(_MARK, number & 0xFFFF_FFFF, answer_size)
    return isinstance(answer, bytes) and len(answer) == answer_size and answer.startswith(head)


@lru_cache(maxsize=8)
def _filler(size: int) -> bytes:
    """Bytes that nothing on the path can compress."""
    return os.urandom(size)
