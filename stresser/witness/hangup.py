"""Dates resets and FINs while the loop is still busy with others that came with them.

When hundreds of sessions die at once, trio hands all of them to their tasks in one pass, and
what arrives during that pass waits unseen for the next one: with 500 resets, 10 to 20 ms. This
witness has an epoll of its own, edge-triggered, for hang-ups alone (epoll(7): EPOLLRDHUP, and
EPOLLERR and EPOLLHUP, which are always reported). Looking there costs a microsecond; it is done
after each wait of the loop and whenever a session meets its end. Plain data wakes no task.
"""

import select
import sys

from stresser.model.clocks import Clock

_EVENTS_A_LOOK = 64
"""epoll_wait's array is allocated at each call: small, and called again while it comes full."""


class HangupWatch:
    """Remembers for each watched descriptor when its hang-up was first seen.

    Everywhere but on Linux it sees nothing, and the loop's own stamp is used.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: dict[int, int] = {}
        self._epoll = select.epoll() if sys.platform == "linux" else None

    def fileno(self) -> int:
        """Readable (epoll(7)) while there is a hang-up to be seen; -1: nowhere but on Linux."""
        return -1 if self._epoll is None else self._epoll.fileno()

    def add(self, descriptor: int) -> None:
        """Watch a connected socket until `forget`."""
        if self._epoll is not None:
            self._epoll.register(descriptor, select.EPOLLRDHUP | select.EPOLLET)

    def forget(self, descriptor: int) -> None:
        """Before the socket is closed: its number will be another's."""
        if self._epoll is not None:
            self._epoll.unregister(descriptor)
            self._seen.pop(descriptor, None)

    def look(self) -> None:
        """Stamp what has hung up since the last look."""
        if self._epoll is None:
            return
        while True:
            events = self._epoll.poll(0, _EVENTS_A_LOOK)
            if not events:
                return
            now = self._clock.now_ns()
            for descriptor, _ in events:
                self._seen.setdefault(descriptor, now)
            if len(events) < _EVENTS_A_LOOK:
                return

    def seen_ns(self, descriptor: int) -> int | None:
        """When the hang-up was first seen (run clock); None: not seen here."""
        self.look()
        return self._seen.get(descriptor)

    def close(self) -> None:
        """Give the epoll descriptor back."""
        if self._epoll is not None:
            self._epoll.close()
            self._epoll = None
