"""Damages bytes, the same way for the same seed and round, and says which round it was.

`STRESSER_FUZZ`: how many rounds each fuzzer goes (make fuzz: thousands). `STRESSER_FUZZ_SEED`: the
seed that a failure prints.
"""

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

from stresser.model.errors import StresserError

ROUNDS = int(os.environ.get("STRESSER_FUZZ", "40"))
SEED = int(os.environ.get("STRESSER_FUZZ_SEED", "1"))
_LONGEST_S = 30.0
_BITS = (
    b"", b"\0", b"\xff", b"\n", b'"', b"{", b"}", b"[" * 2000, b"]", b",", b":", b"\\u0000",
    b"null", b"-1", b"9" * 400, b"1e400", b"NaN", b"true", b"-9223372036854775808",
    b"../../../etc/passwd",
    b"\xed\xa0\x80", "\u202e".encode(), b"\x1b[2J", b"A" * 70_000, b"PK\x03\x04", b"=HYPERLINK(1)",
    b"<script>", b"%s%n", b"0x" + b"f" * 40, b"[[endpoints]]\n", b"env:HOME", b'"""',
)  # fmt: skip


class Rounds:
    """The rounds of one fuzzer, each with dice of its own."""

    def __init__(self, fuzzer: str) -> None:
        self._fuzzer = fuzzer

    def __iter__(self) -> Iterator[random.Random]:
        for number in range(ROUNDS):
            yield random.Random(f"{SEED}/{self._fuzzer}/{number}")  # noqa: S311 - dice


def damaged(data: bytes, dice: random.Random) -> bytes:
    """A few changes, anywhere."""
    changed = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        _change(changed, dice)
    return bytes(changed)


def _change(data: bytearray, dice: random.Random) -> None:
    at = dice.randint(0, len(data))
    until = min(len(data), at + dice.choice((1, 1, 4, 30, 400)))
    match dice.randrange(6):
        case 0:
            del data[at:until]
        case 1:
            data[at:at] = dice.choice(_BITS)
        case 2:
            data[at:until] = dice.choice(_BITS)
        case 3:
            data[at:at] = data[at:until] * dice.choice((1, 2, 50))
        case 4:
            del data[at:]
        case _:
            for place in range(at, until):
                data[place] ^= 1 << dice.randrange(8)


@contextmanager
def only_mistakes(what: bytes) -> Iterator[None]:
    """What is damaged is read, or refused in one line: never a traceback, never for ever."""
    began, unprintable = time.monotonic(), []
    try:
        yield
    except StresserError as told:
        unprintable = [line for line in told.lines if not line.isprintable()]
    except Exception as exc:
        raise AssertionError(f"seed {SEED}, damaged to {what[:2000]!r}") from exc
    assert unprintable == []
    assert time.monotonic() - began < _LONGEST_S, what[:2000]
