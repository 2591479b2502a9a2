"""One answer to whether something still lived after a time: of a search for a limit."""

from typing import NamedTuple


class AskedValue(NamedTuple):
    """One answer."""

    value: int
    lived: bool
    is_dated: bool = False
    """Not asked: it ended of itself, at this very value."""
    at: int = 0
    """When, in ns: what ended at one moment is one witness of a tick. 0: not known."""
