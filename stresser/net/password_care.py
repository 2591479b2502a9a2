"""A password that a proxy refuses is not said again and again: that would lock its user out.

Until the proxy has let one connection in, one at a time says it; refused three times in a row, it
is kept back for a quarter of an hour. Directories commonly lock an account after five to ten wrong
ones in such a time.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import trio

from stresser.model.proxy_login import LoginFailed, LoginTrouble
from stresser.model.units import NS_PER_S, Duration

_MOST_REFUSALS: Final = 3
_KEPT_BACK_S: Final = 900


class PasswordCare:
    """Of one proxy's login; shared by all connections through an egress."""

    def __init__(self) -> None:
        self._turn = trio.Lock()
        self.is_taken = False
        """The proxy has let the last connection in that said it."""
        self._refusals = 0
        self._until_s = 0.0

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until no other connection says a password that was never taken."""
        async with AsyncExitStack() as held:
            if not self.is_taken:
                await held.enter_async_context(self._turn)
            if self.is_taken:  # meanwhile, perhaps: all who waited go on at once
                await held.aclose()
            yield

    def look(self) -> None:
        """Raises LoginFailed while the password is kept back."""
        if self._refusals >= _MOST_REFUSALS and trio.current_time() < self._until_s:
            pause = Duration(_KEPT_BACK_S * NS_PER_S)
            said = f"refused {self._refusals} times in a row; not sent for {pause} after that"
            raise LoginFailed(LoginTrouble.KEPT_BACK, said=said)

    def taken(self) -> None:
        """The proxy has let a connection in."""
        self.is_taken = True
        self._refusals = 0

    def refused(self) -> None:
        """It was said, and was not taken."""
        self.is_taken = False
        self._refusals += 1
        self._until_s = trio.current_time() + _KEPT_BACK_S
