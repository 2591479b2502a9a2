"""Leaves out events whose figures no run can have had: JSON knows no largest number, we do.

Python refuses to print integers of thousands of digits, and floats end at 1e308; a damaged or
hostile file must not stop a summary with either.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from stresser.model.events import AnyEvent

_LARGEST = 2**63
_DEEPEST = 6


class PlausibleEvents:
    """Passes events on, in order; `left_out` counts the others once the iteration is done."""

    def __init__(self, events: Iterable[AnyEvent]) -> None:
        self._events = events
        self.left_out = 0

    def __iter__(self) -> Iterator[AnyEvent]:
        self.left_out = 0
        for event in self._events:
            if all(_is_plausible(getattr(event, name)) for name in event.__struct_fields__):
                yield event
            else:
                self.left_out += 1


def _is_plausible(value: Any, depth: int = 0) -> bool:
    if isinstance(value, int):
        return -_LARGEST <= value <= _LARGEST
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return True
    return depth < _DEEPEST and all(_is_plausible(item, depth + 1) for item in value)
