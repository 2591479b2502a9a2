"""Text in lines of a terminal: how wide it is, where it breaks, what fits.

Widths are cells: a Chinese character takes two, a combining mark none (Unicode UAX 11).
"""

import unicodedata
from collections.abc import Sequence

NAME_WIDTH = 20
"""Cells of an egress's name in a table or a sentence."""
_NO_CELL = frozenset({"Mn", "Me", "Cf"})


def cells(text: str) -> int:
    """How many cells of a terminal a text takes."""
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def _cells_of(character: str) -> int:
    if unicodedata.category(character) in _NO_CELL:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def shortened(name: str, width: int) -> str:
    """A name in at most `width` cells: its beginning and its end, `connector-fleet…eu-west-1`."""
    if cells(name) <= width:
        return name
    tail = width // 3
    return f"{_cut(name, width - 1 - tail)}…{_cut(name[::-1], tail)[::-1]}"


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` cells; a longer word is broken."""
    lines = [""]
    for word in text.split():
        rest = word
        joined = f"{lines[-1]} {rest}" if lines[-1] else rest
        if cells(joined) <= width:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        while cells(rest) > width:
            lines[-1] = _cut(rest, width)
            rest = rest[len(lines[-1]) :]
            lines.append("")
        lines[-1] = rest
    return [line for line in lines if line] or [""]


def fitted(sentences: Sequence[str | tuple[str, ...]], lines: int, width: int) -> str:
    """The first sentence, and of the others, in order, each that still fits into `lines`.

    Of a tuple, the first one that fits. Only a first sentence that is longer than all the room
    there is gets cut.
    """
    text = ""
    for place, one in enumerate(sentences):
        for sentence in (one,) if isinstance(one, str) else one:
            longer = f"{text} {sentence}" if place else _within(sentence, lines, width)
            if len(wrapped(longer, width)) <= lines:
                text = longer
                break
    return text


def _within(text: str, lines: int, width: int) -> str:
    broken = wrapped(text, width)
    if len(broken) <= lines:
        return " ".join(text.split())
    last = _cut(broken[lines - 1], width - 1).rstrip(" ,;:.")
    return " ".join([*broken[: lines - 1], f"{last}…"])


def _cut(text: str, width: int) -> str:
    """As many first characters as take at most `width` cells; at least one."""
    room = width
    for place, character in enumerate(text):
        room -= _cells_of(character)
        if room < 0:
            return text[: max(place, 1)]
    return text


def lowered(sentence: str) -> str:
    """Without its capital, but for names and abbreviations: `TLS`, `DNS`, `I`."""
    first, second = sentence[:1], sentence[1:2]
    return first.lower() + sentence[1:] if second.islower() else sentence
