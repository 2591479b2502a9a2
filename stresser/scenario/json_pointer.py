"""JSON Pointer (RFC 6901): where in a JSON document a value is, and the value there as text.

A message may hold several documents, each ended by U+001E, as SignalR's hub protocol and RFC 7464
write them: all are looked at.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from stresser.model.units import shown

_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)*")
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
_SEPARATOR: Final = "\x1e"
_MOST_DOCUMENTS = 256
_MISSING: Final = object()


class JsonPointer:
    """One pointer. `""` is the whole document."""

    __slots__ = ("_parts",)

    def __init__(self, text: str) -> None:
        """Raises ValueError with one sentence where it is no pointer."""
        if not _POINTER.fullmatch(text):
            raise ValueError(
                f'{shown(text)} is not a JSON pointer (RFC 6901); write for example "/user/id"'
            )
        names = text.split("/")[1:]
        self._parts = tuple(name.replace("~1", "/").replace("~0", "~") for name in names)

    def texts_in(self, message: str | bytes) -> Iterator[str]:
        """The value there in each document of a message that has it, as `text_of`."""
        for document in _documents(message):
            value = self._value(document)
            if value is not _MISSING:
                yield text_of(value)

    def _value(self, value: Any) -> Any:
        for name in self._parts:
            if isinstance(value, dict) and name in value:
                value = value[name]
            elif isinstance(value, list) and _INDEX.fullmatch(name) and int(name) < len(value):
                value = value[int(name)]
            else:
                return _MISSING
        return value


def text_of(value: Any) -> str:
    """A JSON value as it is compared and put in: a string bare, all else as JSON writes it."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _documents(message: str | bytes) -> Iterator[Any]:
    text = message if isinstance(message, str) else message.decode("utf-8", "replace")
    for part in text.split(_SEPARATOR, _MOST_DOCUMENTS)[:_MOST_DOCUMENTS]:
        try:
            yield json.loads(part)
        except (ValueError, RecursionError):  # what a peer sends may be anything
            continue
