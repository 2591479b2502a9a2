"""What a reflector can tell each run while it goes on: its latest events, and what it holds now.

Bounded: of the events the latest 20,000 are kept, of all runs together (some 20 MiB at most). Who
asks later than that finds the rest in the reflector's folder.
"""

import secrets
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from stresser.model.events import ReflectionEnded, ReflectionHeld, ReflectionOpened
from stresser.model.far_account import MOST_TOLD

_MOST_EVENTS: Final = 20_000
_ID_BYTES: Final = 16
_Told = ReflectionOpened | ReflectionEnded
Look = Callable[[], ReflectionHeld]


class Accounts:
    """Shared by all connections of one reflector."""

    def __init__(self, most: int = _MOST_EVENTS) -> None:
        self.record = secrets.token_hex(_ID_BYTES)
        """This reflector's own random id."""
        self.last = 0
        """The number of the latest event."""
        self._events: deque[tuple[int, _Told]] = deque(maxlen=most)
        self._held: dict[tuple[str, int], Look] = {}

    def opened(self, event: ReflectionOpened, look: Look) -> None:
        """A tester's session is held from now on; `look` says how it is."""
        self._held[event.run, event.attempt] = look
        self._add(event)

    def ends(self, run: str, attempt: int) -> None:
        """It is held no more, whatever is said of its end a little later."""
        self._held.pop((run, attempt), None)

    def ended(self, event: ReflectionEnded) -> None:
        """How it ended."""
        self._add(event)

    def _add(self, event: _Told) -> None:
        self.last += 1
        self._events.append((self.last, event))

    def since(self, run: str, number: int) -> tuple[list[tuple[int, _Told]], int]:
        """Events of a run after a number, each with its own, and the number to go on from."""
        newer = []
        for at, event in reversed(self._events):
            if at <= number:
                break
            if event.run == run:
                newer.append((at, event))
        newer.reverse()
        told = newer[:MOST_TOLD]
        last = told[-1][0] if len(told) < len(newer) else self.last
        return told, last

    def held(self, run: str, attempts: Iterable[int]) -> list[ReflectionHeld]:
        """Those of a run's sessions that are held now, as they are now."""
        looks = (self._held.get((run, attempt)) for attempt in attempts)
        return [look() for look in looks if look is not None]
