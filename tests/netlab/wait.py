"""Owns waiting: for a state, with a deadline, never for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_LOOK_EVERY_S = 0.02


def until(condition: Callable[[], T], what: str, patience_s: float = 20.0) -> T:
    """The first true value of a condition.

    Raises:
        AssertionError: the deadline passed; `what` says what was waited for.
    """
    deadline = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {patience_s:g} s in vain for {what}"
        time.sleep(_LOOK_EVERY_S)
    return found
